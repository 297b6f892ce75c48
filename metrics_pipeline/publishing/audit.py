"""What SQL in dbt cannot see: whether the tables hold what the files hold."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow.parquet as pq

from metrics_pipeline.conversations.receipts import LANDED_FOLDERS, receipts
from metrics_pipeline.conversations.shard_files import SHARDS
from metrics_pipeline.data_folder import DataFolder

COUNTS = {
    "conversations": "select count(*) from dim_conversations",
    "active_metrics": "select count(*) from dim_metrics where status = 'active'",
    "files": "select count(*) from ingest_files",
    "kept": "select sum(kept_count) from ingest_files",
    "verdicts": "select count(*) from fct_verdict_history",
    "trend_parts": """
        select sum(
            success_count + partial_count + failure_count + neutral_count
            + not_applicable_count + undecided_count + error_count + unjudged_count
        )
        from trend_metric_daily inner join dim_metrics using (metric) where status = 'active'
    """,
}


class Finding(NamedTuple):
    """One count that is not what it should be."""

    what: str
    expected: int
    found: int

    def __str__(self) -> str:
        return f"{self.what}: {self.expected} expected, {self.found} found"


def audit(folder: DataFolder, database: Path) -> list[Finding]:
    """Every count of a build that does not agree with the files it was built from; none when all do."""
    landed = receipts(folder)
    with duckdb.connect(str(database), read_only=True) as built:
        counts = {what: _count(built, query) for what, query in COUNTS.items()}
    checks = [
        Finding("conversations, against their files", _rows(folder, "conversations"), counts["conversations"]),
        Finding("conversations, against all that landed", _landed_conversations(folder), counts["conversations"]),
        Finding("export files, against their receipts", len(landed), counts["files"]),
        Finding("kept, against the receipts", sum(receipt.kept_count for receipt in landed), counts["kept"]),
        Finding("verdicts of all versions, against their files", _rows(folder, "verdicts"), counts["verdicts"]),
        Finding(
            "all parts of the trend, against conversations × active metrics",
            counts["conversations"] * counts["active_metrics"],
            counts["trend_parts"],
        ),
    ]
    return [check for check in checks if check.expected != check.found]


def _count(database: duckdb.DuckDBPyConnection, query: str) -> int:
    row = database.execute(query).fetchone()
    return int((row and row[0]) or 0)


def _rows(folder: DataFolder, table: str) -> int:
    return sum(pq.read_metadata(path).num_rows for path in folder.table(table).rglob("*.parquet"))


def _landed_conversations(folder: DataFolder) -> int:
    """Different conversations in all shards: what is left when every superseded version is taken away."""
    ids: set[str] = set()
    for shard in folder.landed.glob(f"{LANDED_FOLDERS}/{SHARDS}"):
        ids.update(pq.read_table(shard, columns=["conversation_id"])["conversation_id"].to_pylist())
    return len(ids)
