"""What SQL in dbt cannot see: whether the tables hold what the files hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from metrics_pipeline.conversations.receipts import LANDED_FOLDERS, Receipt, receipts
from metrics_pipeline.conversations.shard_files import SHARDS
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import AuditError
from metrics_pipeline.wording import counted

MOST_PLACES = 3
"""Places that a finding names; the others are counted."""
BY_PLACE = {
    "conversations": "select conversation_date::varchar, count(*) from dim_conversations group by all",
    "active_metrics": "select metric, 1 from dim_metrics where status = 'active'",
    "files": "select file, count(*) from ingest_files group by all",
    "kept": "select file, sum(kept_count) from ingest_files group by all",
    "verdicts": """
        select metric || ' on ' || conversation_date, verdict_count from (
            select metric, conversation_date, count(*) as verdict_count from fct_verdict_history group by all
        )
    """,
    "trend_parts": """
        select metric || ' on ' || conversation_date, sum(
            success_count + partial_count + failure_count + neutral_count
            + not_applicable_count + undecided_count + error_count + unjudged_count
        )
        from trend_metric_daily inner join dim_metrics using (metric) where status = 'active' group by all
    """,
}
"""What a build holds, each by the place that a finding names: a day, a file, a metric and day."""


class Check(NamedTuple):
    """One count, as it should be and as it is."""

    what: str
    expected: int
    found: int
    where: str = ""
    """The places at which they differ, for a person to read."""

    @property
    def is_passed(self) -> bool:
        # What one place is short of, another may have too much.
        return self.expected == self.found and not self.where

    def __str__(self) -> str:
        where = f" ({self.where})" if self.where else ""
        return f"{self.what}: {self.expected:,} expected, {self.found:,} found{where}"


def audit(folder: DataFolder, database: Path) -> list[Check]:
    """Every count of a build beside that of the files it was built from."""
    landed = receipts(folder)
    with duckdb.connect(str(database), read_only=True) as built:
        held = {what: _counts(built, query) for what, query in BY_PLACE.items()}
        built_ids = built.sql("select conversation_id from dim_conversations").to_arrow_table()[0]
    days, metrics = held["conversations"], held["active_metrics"]
    parts = Counter({f"{metric} on {day}": count for metric in metrics for day, count in days.items()})
    return [
        _compared("conversations, against their files", _rows(folder, "conversations"), days),
        _of_landed(folder, built_ids),
        _compared("export files, against their receipts", _of_receipts(landed, lambda one: 1), held["files"]),
        _compared("kept, against the receipts", _of_receipts(landed, lambda one: one.kept_count), held["kept"]),
        _compared("verdicts of all versions, against their files", _rows(folder, "verdicts"), held["verdicts"]),
        _compared("all parts of the trend, against conversations × active metrics", parts, held["trend_parts"]),
    ]


def refuse_findings(checks: Sequence[Check]) -> None:
    """
    Raises:
        AuditError: One was not passed; its text names what differs, and where.
    """
    if findings := [check for check in checks if not check.is_passed]:
        raise AuditError(
            f"The audit of the new tables failed: {'; '.join(map(str, findings))}. What was published before is still "
            "read. Run again; if it comes back, remove the tables it names from the data folder: they are rebuilt."
        )


def _compared(what: str, expected: Counter[str], found: Counter[str]) -> Check:
    differ = [place for place in sorted({*expected, *found}) if expected[place] != found[place]]
    shown = differ[:MOST_PLACES]
    where = "; ".join(f"{place}: {expected[place]:,} expected, {found[place]:,} found" for place in shown)
    if len(differ) > len(shown):
        where += f"; and at {counted(len(differ) - len(shown), 'other place')}"
    return Check(what, expected.total(), found.total(), where)


def _counts(database: duckdb.DuckDBPyConnection, query: str) -> Counter[str]:
    return Counter({place: int(count or 0) for place, count in database.execute(query).fetchall()})


def _of_receipts(landed: Sequence[Receipt], count: Callable[[Receipt], int]) -> Counter[str]:
    found: Counter[str] = Counter()
    for receipt in landed:
        found[receipt.file] += count(receipt)
    return found


def _rows(folder: DataFolder, table: str) -> Counter[str]:
    """Rows by day, or by metric and day, as the names of the files say it."""
    found: Counter[str] = Counter()
    for path in folder.table(table).rglob("[!.]*.parquet"):
        parts = path.relative_to(folder.table(table)).with_suffix("").parts
        found[" on ".join(part.partition("=")[2] or part for part in parts)] += pq.read_metadata(path).num_rows
    return +found


def _of_landed(folder: DataFolder, built: pa.ChunkedArray) -> Check:
    """Different conversations in all shards: what is left when every superseded version is taken away."""
    shards = list(folder.landed.glob(f"{LANDED_FOLDERS}/{SHARDS}"))
    ids = [pq.read_table(shard, columns=["conversation_id"])[0] for shard in shards]
    landed = pc.unique(pa.chunked_array([chunk for one in ids for chunk in one.chunks], pa.string()))
    where = []
    for what, here, there in (("in no table", landed, built), ("landed nowhere", built, landed)):
        if found := sorted(here.filter(pc.invert(pc.is_in(here, value_set=there))).to_pylist()):
            others = f" and {len(found) - MOST_PLACES:,} more" if found[MOST_PLACES:] else ""
            where.append(f"{what}: {', '.join(found[:MOST_PLACES])}{others}")
    return Check("conversations, against all that landed", len(landed), len(built), "; ".join(where))
