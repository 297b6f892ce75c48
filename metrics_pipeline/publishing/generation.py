"""A generation: one complete, audited build of everything that readers see.

It is written into a folder of its own, flushed, renamed into place, and only then does the one pointer, `current`, move
to it. Whoever resolved the pointer before keeps reading whole files; who resolves it after sees only the new ones.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import duckdb
import msgspec
import pyarrow.parquet as pq

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import DataFolderError, PublishError
from metrics_pipeline.files import explained, flush, replacing_folder
from metrics_pipeline.logs import event
from metrics_pipeline.publishing.audit import audit, refuse_findings
from metrics_pipeline.publishing.database_file import new_database
from metrics_pipeline.publishing.export_names import renamed
from metrics_pipeline.publishing.feed import append_changes
from metrics_pipeline.publishing.lake_state import LAKE, built_from
from metrics_pipeline.publishing.warehouse import database_path

ROW_GROUP = 122_880
TABLES: dict[str, tuple[str, ...]] = {
    "dim_metrics": ("metric",),
    "dim_conversations": ("conversation_id",),
    "fct_verdicts": ("conversation_id", "metric", "source"),
    "fct_verdict_history": (
        "conversation_id",
        "metric",
        "source",
        "metric_version",
        "judge_fingerprint",
        "judge_role",
    ),
    "fct_logged_metrics": ("conversation_id", "metric", "position"),
    "second_opinions": (
        "metric",
        "conversation_date",
        "metric_version",
        "judge_fingerprint",
        "second_judge_fingerprint",
        "because",
    ),
    "ingest_files": ("file", "file_hash"),
    "evaluation_runs": ("run_id", "metric", "metric_version", "judge_fingerprint"),
    "trend_metric_daily": ("metric", "conversation_date"),
    "trend_metric_weekly": ("metric", "week", "segment"),
    "trend_metric_monthly": ("metric", "month", "segment"),
    "trend_metric_daily_by": ("metric", "conversation_date", "dimension", "value"),
    "trend_number_daily": ("metric", "conversation_date"),
    "trend_label_daily": ("metric", "conversation_date", "label_position"),
    "trend_logged_daily": ("metric", "conversation_date", "value"),
    "logged_vs_judged": ("metric", "conversation_date"),
    "logged_vs_judged_answers": ("metric", "conversation_date", "judged_answer", "logged_answer"),
    "logged_vs_judged_conversations": ("metric", "conversation_date", "conversation_id"),
    "trend_cost_daily": ("run_date", "metric", "judge_kind", "judge"),
    "export_conversations": ("conversation_id",),
    "export_verdicts": ("conversation_id", "metric", "source"),
}
"""Every published table with the key that its rows are ordered by."""
TRANSCRIPTS = {
    "turns": "select * from read_parquet('turns/*.parquet', hive_partitioning = false)"
    " order by conversation_id, turn_index",
    "verdict_evidence": "select conversation_id, metric, source, metric_version, judge_fingerprint, reason, evidence"
    " from read_parquet('verdicts/*/*.parquet', hive_partitioning = false)"
    " where reason is not null or len(evidence) > 0"
    " order by conversation_id, metric, source, metric_version, judge_fingerprint",
}


class Publication(NamedTuple):
    """A generation that is now being read."""

    generation: str
    path: Path
    rows: dict[str, int]
    """Rows by table."""


def publish(folder: DataFolder, now: datetime, keep: int, keep_days: int = 0) -> Publication:
    """Audit the build, make it what everybody reads, and tell the feed; who calls it holds the lock on the warehouse.

    Args:
        now: When; it names the generation and stands in its manifest and in the feed, and in nothing else.
        keep: Generations that stay on disk, the new one included.
        keep_days: Those that were published so many days ago or less stay as well.

    Raises:
        AuditError: The build does not hold what the files hold. Nothing changes for readers.
        PublishError: There is no build.
        DataFolderError: A file cannot be written. Nothing changes for readers.
    """
    database = require_build(folder)
    refuse_findings(audit(folder, database))
    generations = folder.published / "generations"
    with explained(folder.published), _database_explained(folder.published):
        generations.mkdir(parents=True, exist_ok=True)
        for leftover in [*generations.glob(".*.tmp"), *folder.published.glob(".current.*.tmp")]:
            _remove(leftover)
        name = _name_at(now)
        with replacing_folder(generations / name) as beside:
            rows = _write_tables(database, beside)
            _write_database(database, beside / "metrics.duckdb")
            _write_transcripts(folder, beside / "transcripts.duckdb")
            _write_manifest(folder, beside, name, now, rows)
        point_to(folder, name)
        _prune(folder, name, keep, _name_at(now - timedelta(days=keep_days)))
    event("published", generation=name, rows=rows)
    tell_feed(folder, generations / name, now)
    return Publication(name, generations / name, rows)


def require_build(folder: DataFolder) -> Path:
    """The private file that dbt built.

    Raises:
        PublishError: There is none.
    """
    database = database_path(folder)
    if not database.exists():
        raise PublishError(f"{database}: there is no build to publish. Run `metrics run` first.")
    return database


def resolve_current(folder: DataFolder) -> Path:
    """The folder of the generation that is current now. Resolve it once a question, and stay in it.

    Raises:
        PublishError: Nothing has been published yet.
    """
    pointer = folder.published / "current"
    if not pointer.exists():
        raise PublishError(f"{pointer}: nothing has been published yet. Run `metrics run` first.")
    return pointer.resolve()


def _write_tables(database: Path, target: Path) -> dict[str, int]:
    """Each table as Parquet, its rows in the order of its key: equal rows give equal bytes."""
    rows = {}
    with duckdb.connect(str(database), read_only=True) as built:
        for table, key in TABLES.items():
            reader = built.cursor().sql(f"select * from {table} order by {_order(key)}").to_arrow_reader(ROW_GROUP)
            rows[table] = 0
            with pq.ParquetWriter(target / f"{table}.parquet", reader.schema, compression="zstd") as writer:
                for batch in reader:
                    writer.write_batch(batch, row_group_size=ROW_GROUP)
                    rows[table] += batch.num_rows
    return rows


def _write_database(database: Path, target: Path) -> None:
    """The one file that BI tools open: real tables with comments, and no word of a transcript."""
    with new_database(target) as writer:
        writer.execute(f"attach '{_quoted(database)}' as built (read_only)")
        for table, key in TABLES.items():
            writer.execute(f"create table target.{table} as select * from built.main.{table} order by {_order(key)}")
        copy_comments(writer)


def copy_comments(writer: duckdb.DuckDBPyConnection) -> None:
    """Give the tables of `target` the comments that those of `built` have."""
    tables = writer.execute(
        "select table_name, comment from duckdb_tables() where database_name = 'built' and comment is not null"
    ).fetchall()
    columns = writer.execute(
        "select table_name, column_name, comment from duckdb_columns()"
        " where database_name = 'built' and schema_name = 'main' and comment is not null"
    ).fetchall()
    # One commit: a hundred would each wait for the disk.
    writer.execute("begin")
    for table, comment in tables:
        if table in TABLES:
            writer.execute(f"comment on table target.{table} is '{_quoted(comment)}'")
    for table, column, comment in columns:
        if table in TABLES:
            writer.execute(f"comment on column target.{table}.\"{column}\" is '{_quoted(comment)}'")
    writer.execute("commit")


def _write_transcripts(folder: DataFolder, target: Path) -> None:
    """Turns, reasons and quotes: for those who may read them, and for nobody else on this machine."""
    with new_database(target, mode=0o600) as writer:
        writer.execute("set file_search_path = ?", [str(folder.root)])
        for table, query in TRANSCRIPTS.items():
            writer.execute(f"create table target.{table} as {query}")


def _write_manifest(folder: DataFolder, target: Path, generation: str, now: datetime, rows: dict[str, int]) -> None:
    files = {path.name: sha256(path) for path in sorted(target.iterdir())}
    with duckdb.connect(str(target / "metrics.duckdb"), read_only=True) as published:
        found = published.execute(
            "select metric, metric_version from dim_metrics where status not in ('logged_only', 'removed') "
            "order by metric"
        ).fetchall()
        called = renamed(published)
        inputs = published.execute("select file, file_hash from ingest_files order by file, file_hash").fetchall()
    manifest: dict[str, Any] = {
        "generation": generation,
        "published_at": now.isoformat(),
        "pipeline_version": version("metrics-pipeline"),
        LAKE: note.read_text() if (note := built_from(folder)).exists() else None,
        "rows": rows,
        "sha256": files,
        "metric_versions": dict(found),
        "called_in_exports": called,
        "inputs": [{"file": file, "file_hash": file_hash} for file, file_hash in inputs],
    }
    (target / "manifest.json").write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=2))


def point_to(folder: DataFolder, name: str) -> None:
    """Let everybody who resolves the pointer from now on have that generation."""
    pointer = folder.published / "current"
    beside = pointer.parent / f".{pointer.name}.{uuid4().hex}.tmp"
    with explained(pointer):
        beside.symlink_to(Path("generations") / name, target_is_directory=True)
        beside.replace(pointer)
        flush(pointer.parent)


def kept_generations(folder: DataFolder) -> list[str]:
    """The names of those on disk, oldest first."""
    return sorted(path.name for path in (folder.published / "generations").glob("[!.]*") if path.is_dir())


def _name_at(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%S%f}"[:-3] + "Z"


def _prune(folder: DataFolder, current: str, keep: int, oldest: str) -> None:
    for name in kept_generations(folder)[:-keep]:
        if name != current and name < oldest:
            shutil.rmtree(folder.published / "generations" / name, ignore_errors=True)


def tell_feed(folder: DataFolder, generation: Path, now: datetime) -> None:
    """Add to the feed what that generation, which is current now, changes.

    Raises:
        PublishError: It cannot be added. The generation is read all the same.
    """
    try:
        append_changes(folder, generation, now)
    except DataFolderError as error:
        raise PublishError(f"{generation.name} is published, and the feed does not say so yet. {error}") from error


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _database_explained(path: Path) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        first = str(error).splitlines()[0]
        raise PublishError(
            f"{path}: the new tables cannot be written ({first}). What was published before is still read."
        ) from error


def _order(key: Iterable[str]) -> str:
    return ", ".join(f"{column} nulls first" for column in key)


def _quoted(text: object) -> str:
    return str(text).replace("'", "''")


def damaged_files(generation: Path) -> Iterator[str]:
    """A sentence for each file of a generation that is not as its manifest says.

    Raises:
        PublishError: The manifest cannot be read.
    """
    manifest = generation / "manifest.json"
    try:
        hashes = msgspec.json.decode(manifest.read_bytes())["sha256"]
    except (OSError, KeyError, TypeError, UnicodeError, msgspec.DecodeError):
        raise PublishError(f"{manifest}: cannot be read. `metrics run` publishes anew.") from None
    for name, expected in hashes.items():
        path = generation / name
        if not path.exists():
            yield f"{path}: is gone. `metrics run` publishes anew."
        elif os.access(path, os.R_OK) and sha256(path) != expected:
            yield f"{path}: is not what was published. `metrics run` publishes anew."


def sha256(path: Path) -> str:
    """The hash of a file, as a manifest holds it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
