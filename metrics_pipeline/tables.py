"""Schemas and paths of the Parquet tables, atomic writes, and reads.

A table is a folder of Parquet files, one a day (`verdicts`: one a metric and day). A file appears whole or not at
all: it is written beside its place, flushed, and renamed. Rows stand in the order of the table's key and nothing in a
file depends on the clock, so the same rows give the same bytes.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from metrics_pipeline.errors import DataFolderError, SettingsError

ROWS_TOGETHER = 1 << 16
FORMAT = 1
"""Raised when an older pipeline could no longer read the data folder."""
COMPRESSION = "zstd"

_text, _number, _flag = pa.string(), pa.float64(), pa.bool_()
_moment, _day, _count, _total = pa.timestamp("us", tz="UTC"), pa.date32(), pa.int32(), pa.int64()


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in columns.items()])


TURN = pa.struct(
    _schema(
        turn_index=_count,
        speaker=_text,
        text=_text,
        said_at=_moment,
        function_name=_text,
        function_arguments=_text,
        function_result=_text,
    )
)
LOGGED = pa.struct(
    _schema(
        metric=_text,
        position=_count,
        value=_text,
        value_type=_text,
        kind=_text,
        source=_text,
        logged_at=_moment,
        turn_index=_count,
    )
)
EVIDENCE = pa.struct(_schema(turn_index=_count, quote=_text, tier=_text))
ANSWER = pa.struct(_schema(answer=_text, outcome=_text, position=_count))

CONVERSATIONS = _schema(
    conversation_id=_text,
    conversation_date=_day,
    started_at=_moment,
    updated_at=_moment,  # by the source's own clock; NULL where it does not say
    duration_seconds=_number,
    turn_count=_count,  # utterances that were delivered; function calls are not counted
    reported_turn_count=_count,  # what the source says, in its own unit
    channel=_text,
    language=_text,
    variant=_text,
    environment=_text,
    agent_version=_text,
    handoff=_flag,
    source=_text,
    carries_functions=_flag,
    carries_logged=_flag,
    content_hash=_text,
    judged_hash=_text,
    attributes=_text,
    redaction=_text,  # the version of the rules under which personal data was taken out
)
LANDED = pa.schema([*CONVERSATIONS, pa.field("turns", pa.list_(TURN)), pa.field("logged_metrics", pa.list_(LOGGED))])
TURNS = pa.schema([pa.field("conversation_id", _text), *TURN])
LOGGED_METRICS = pa.schema([pa.field("conversation_id", _text), *LOGGED])
VERDICTS = _schema(
    conversation_id=_text,
    conversation_date=_day,
    metric=_text,
    metric_version=_text,
    source=_text,
    judge_role=_text,
    judge_kind=_text,
    judge=_text,
    judge_served=_text,
    judge_fingerprint=_text,
    state=_text,
    answer=_text,
    answer_number=_number,
    detail=_text,
    applies_from_turn=_count,
    reason=_text,
    evidence=pa.list_(EVIDENCE),
    injection_suspect=_flag,
    gate_unknown=_flag,
    reply_id=pa.int64(),
    judged_at=_moment,
)
SECOND_OPINIONS = _schema(
    conversation_id=_text,
    conversation_date=_day,
    metric=_text,
    metric_version=_text,
    because=_text,  # share, injection_suspect, evidence_failed, logged_otherwise
    judge=_text,
    judge_fingerprint=_text,
    state=_text,  # of the first verdict, as is the answer
    answer=_text,
    judge_role=_text,  # always second
    second_judge_kind=_text,
    second_judge=_text,
    second_judge_fingerprint=_text,
    second_state=_text,  # NULL while it is open
    second_answer=_text,
    second_detail=_text,
    second_reason=_text,
    second_evidence=pa.list_(EVIDENCE),
    second_reply_id=pa.int64(),
    second_judged_at=_moment,
)
METRICS = _schema(
    metric=_text,
    name=_text,
    type=_text,  # boolean, categorical, numeric
    status=_text,  # draft, active, retired
    owner=_text,
    definition=_text,
    metric_group=_text,  # the heading under which dashboards show it
    unit=_text,  # of a numeric
    sample=_number,  # the share of conversations that is judged; NULL: all
    model=_text,  # that judges it in place of the project's
    tags=pa.list_(_text),
    primary_source=_text,  # judged, logged, rule: the source that is the metric's value
    metric_version=_text,  # of the file as it stands now
    rate_of=_text,  # `true` for a boolean, `success` for a categorical, NULL where all labels are neutral
    good_direction=_text,  # up, down, none
    answers=pa.list_(ANSWER),  # the closed list, in the order of the file, with outcomes; none of a numeric
)
METRIC_VERSIONS = _schema(metric=_text, metric_version=_text, definition=_text, first_seen_at=_moment)
METRIC_DAYS = _schema(
    metric=_text,
    conversation_date=_day,
    metric_version=_text,
    judge_fingerprint=_text,  # '' where no judge is asked (source: logged)
    judge_kind=_text,
    judge=_text,
    in_force=_flag,  # exactly one row a metric and day: the effective version and judge
    is_complete=_flag,  # it has judged the whole day once
)
INGEST_FILES = _schema(
    file_hash=_text,
    file=_text,  # its name in the landing folder
    source=_text,
    bytes=pa.int64(),
    read_count=_count,
    kept_count=_count,
    duplicate_count=_count,
    waiting_count=_count,
    quarantined_count=_count,
    erased_count=_count,
    quarantined_by_reason=_text,  # JSON: places by reason
    redaction=_text,  # the version of the rules under which personal data was taken out
    redaction_count=_count,
    redactions_by_kind=_text,  # JSON: values that were taken out, by kind
    not_understood_count=_count,
    not_understood_by_kind=_text,  # JSON: what followed no rule, by what it is
    seconds=_number,  # that landing it took, the first time
    pull=_text,  # that brought it first; NULL where it was put there by hand
)
EVALUATION_RUNS = _schema(
    run_id=_text,
    run_date=_day,  # on which it began, in the project's time zone
    started_at=_moment,
    ended_at=_moment,
    mode=_text,  # new, days
    clients=_text,  # who carried calls to models, by name
    stopped_by=_text,  # budget, deadline, circuit, interrupted, failed; NULL where nothing stopped it
    run_call_count=_total,  # of the whole run, each call once, like the next two
    run_seconds=_number,
    run_peak_memory_bytes=_total,
    metric=_text,
    metric_version=_text,
    judge_fingerprint=_text,  # '' where no judge is asked
    judge_kind=_text,
    judge=_text,
    prompt_version=_text,  # NULL where the judge reads no prompt
    planned_count=_total,  # conversations, as all counts up to open_count
    held_count=_total,
    answered_count=_total,
    not_applicable_count=_total,
    undecided_count=_total,
    error_count=_total,
    unjudged_count=_total,
    open_count=_total,  # left to the next run
    open_reason=_text,  # budget, deadline, circuit, calls_failed, interrupted, failed
    asked_count=_total,  # questions
    correction_count=_total,
    call_count=_total,
    retry_count=_total,
    reply_count=_total,
    failure_count=_total,
    failures_by_kind=_text,  # JSON: tries without a reply, by kind
    unsent_count=_total,  # of them, those that reached nobody
    prompt_tokens=_total,
    reply_tokens=_total,
    cached_tokens=_total,
    dollars=pa.decimal128(24, 12),  # NULL where a reply's price is not known
    unpriced_count=_total,
    judge_call_count=_total,  # of the run to this judge, about whatever metric, each call once
)

TABLES: dict[str, tuple[pa.Schema, tuple[str, ...]]] = {
    "conversations": (CONVERSATIONS, ("conversation_id",)),
    "turns": (TURNS, ("conversation_id", "turn_index")),
    "logged_metrics": (LOGGED_METRICS, ("conversation_id", "metric", "position")),
    "verdicts": (VERDICTS, ("conversation_id", "source", "metric_version", "judge_fingerprint", "judge_role")),
    "second_opinions": (
        SECOND_OPINIONS,
        ("conversation_id", "metric", "metric_version", "judge_fingerprint", "second_judge_fingerprint"),
    ),
    "metrics": (METRICS, ("metric",)),
    "metric_versions": (METRIC_VERSIONS, ("metric", "metric_version")),
    "metric_days": (METRIC_DAYS, ("metric", "conversation_date", "metric_version", "judge_fingerprint")),
    "ingest_files": (INGEST_FILES, ("file", "file_hash")),
    "evaluation_runs": (EVALUATION_RUNS, ("metric", "metric_version", "judge_fingerprint")),
}
"""Each table's schema and key, by name."""


class DataFolder:
    """Where everything stands in one data folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def table(self, name: str) -> Path:
        return self.root / name

    def day_file(self, table: str, day: date) -> Path:
        return self.root / table / f"day={day.isoformat()}.parquet"

    def verdict_file(self, metric: str, day: date) -> Path:
        return self.root / "verdicts" / f"metric={metric}" / f"day={day.isoformat()}.parquet"

    def whole_file(self, table: str) -> Path:
        """The one file of a table that is not cut by day."""
        return self.root / table / f"{table}.parquet"

    @property
    def landed(self) -> Path:
        return self.root / "landed"

    @property
    def quarantine(self) -> Path:
        return self.root / "quarantine"

    @property
    def pulls(self) -> Path:
        return self.root / "pulls"

    @property
    def erased(self) -> Path:
        return self.root / "erased"

    @property
    def feed(self) -> Path:
        return self.root / "feed"

    @property
    def judging_lock(self) -> Path:
        """Shared by all that judge, and held alone by what takes conversations away."""
        return self.root / ".judging.lock"

    @property
    def ledger(self) -> Path:
        return self.root / "ledger.sqlite"

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse"

    @property
    def published(self) -> Path:
        return self.root / "published"

    @property
    def dagster_home(self) -> Path:
        return self.root / "dagster_home"

    def days(self, table: str = "conversations") -> list[date]:
        """The days that a table cut by day holds, oldest first."""
        names = (path.name for path in self.table(table).glob("day=*.parquet"))
        return sorted(date.fromisoformat(name[len("day=") : -len(".parquet")]) for name in names)


def open_data_folder(root: Path) -> DataFolder:
    """The data folder at `root`, made if it is not there, with an empty file for each table.

    The empty files let a reader of `<table>/*.parquet` find columns where there are no rows yet.

    Raises:
        DataFolderError: It was made by a version with another format, or cannot be written.
        SettingsError: It is a file.
    """
    folder = DataFolder(root)
    _require_folder(root)
    with explained(root):
        root.mkdir(parents=True, exist_ok=True)
        if not _has_known_format(root):
            write_atomically(root / "format", f"{FORMAT}\n".encode())
        for name, (schema, _) in TABLES.items():
            empty = folder.table(name) / "_empty.parquet"
            if name == "verdicts":
                empty = folder.table(name) / "metric=_" / "_empty.parquet"
            # A version with other columns may have made it.
            if not is_whole(empty) or pq.read_schema(empty) != schema:
                write_parquet(schema.empty_table(), empty)
    return folder


def data_folder_to_read(root: Path) -> DataFolder:
    """The data folder at `root` as it is, or as if it were empty where there is none: nothing is made.

    Raises:
        DataFolderError: It was made by a version with another format, or cannot be read.
        SettingsError: It is a file.
    """
    _require_folder(root)
    with explained(root):
        _has_known_format(root)
    return DataFolder(root)


def can_write(path: Path) -> bool:
    """Whether this process may write to `path`, a file or folder; where there is none, whether it may make it."""
    there = next(place for place in (path, *path.absolute().parents) if place.exists())
    return (there == path or there.is_dir()) and os.access(there, os.W_OK, effective_ids=True)


def _require_folder(root: Path) -> None:
    if root.is_file():
        raise SettingsError(f"{root}: is a file, not a data folder. Set METRICS_DATA to a folder, or leave it unset.")


def _has_known_format(root: Path) -> bool:
    """Whether the folder at `root` says its format.

    Raises:
        DataFolderError: It says another than this version reads.
    """
    marker = root / "format"
    if not marker.exists():
        return False
    found = marker.read_text(encoding="utf-8", errors="replace").strip()
    if not found or not found.isascii():
        raise DataFolderError(
            f"{marker}: is damaged. Write {FORMAT} into it if this version of the pipeline made the folder, or "
            "set METRICS_DATA to another folder."
        )
    if found != str(FORMAT):
        raise DataFolderError(
            f"{root}: was made by another version of the pipeline (format {found[:20]!r}, this one reads "
            f"{FORMAT}). Set METRICS_DATA to another folder, or use the version that made it."
        )
    return True


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the operating system's word about `path` into a sentence.

    Raises:
        DataFolderError: In place of any OSError.
    """
    try:
        yield
    except OSError as error:
        what = error.strerror or type(error).__name__
        raise DataFolderError(
            f"{error.filename or path}: cannot be written or read ({what}). Free some space or correct the "
            "permissions and run again: what was published before is untouched."
        ) from error


def to_table(name: str, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows of the table `name`, sorted by its key."""
    schema, key = TABLES[name]
    return sort_rows(pa.Table.from_pylist(list(rows), schema=schema), key)


def sort_rows(table: pa.Table, key: Sequence[str]) -> pa.Table:
    """The rows in the order of `key`; as they are where that is their order."""
    return table if _in_order(table, key) else table.sort_by([(column, "ascending") for column in key])


def _in_order(table: pa.Table, key: Sequence[str]) -> bool:
    """Whether no row's key is less than that of the row before; not known, and so no, where a key is NULL."""
    verdict: Any = pa.scalar(True)
    for column in reversed(key):
        before, after = table[column].slice(0, len(table) - 1), table[column].slice(1)
        verdict = pc.or_(pc.less(before, after), pc.and_(pc.equal(before, after), verdict))
    return bool(pc.all(verdict, skip_nulls=False).as_py())


@contextmanager
def parquet_writer(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """Write to `path` row group by row group: whole when the block ends well, or not at all.

    Raises:
        DataFolderError: The file cannot be written; what stood there before still does.
    """
    with replacing(path) as beside, pq.ParquetWriter(beside, schema, compression=COMPRESSION) as writer:
        yield writer


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write `table` to `path`: whole, or not at all.

    Raises:
        DataFolderError: The file cannot be written; what stood there before still does.
    """
    with replacing(path) as beside:
        # In parts, so that a few conversations of a large day can be read without the rest.
        pq.write_table(table, beside, compression=COMPRESSION, row_group_size=ROWS_TOGETHER)


def write_atomically(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write `content` to `path`: whole, or not at all; readable by those that `mode` and the user's mask name."""
    with replacing(path) as beside:
        beside.touch(mode)
        beside.write_bytes(content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A place beside `path` to write to; it takes the place of `path` when the block ends well."""
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.parent / f".{path.name}.{uuid4().hex}.tmp"
        try:
            yield beside
            flush(beside)
            beside.replace(path)
            flush(path.parent)
        finally:
            beside.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A folder beside `path` to fill; it becomes `path`, which must not be there yet, when the block ends well."""
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.parent / f".{path.name}.{uuid4().hex}.tmp"
        beside.mkdir()
        try:
            yield beside
            for file in beside.rglob("*"):
                if file.is_file():
                    flush(file)
            flush(beside)
            beside.rename(path)
            flush(path.parent)
        finally:
            shutil.rmtree(beside, ignore_errors=True)


def everything_below(folder: Path) -> list[Path]:
    """Files and folders below `folder`, which is there, in order.

    Raises:
        DataFolderError: One of its folders cannot be read, so that nobody knows what is in it.
    """

    def refuse(error: OSError) -> None:
        raise error

    with explained(folder):
        walked = list(os.walk(folder, onerror=refuse))
    return sorted(Path(place, name) for place, folders, files in walked for name in (*folders, *files))


@contextmanager
def locked(path: Path, on_wait: Callable[[], None] = lambda: None, shared: bool = False) -> Iterator[None]:
    """Hold the lock on `path`, a file that only serves as one; wait while another process holds it.

    Args:
        on_wait: Called before it waits.
        shared: Hold it beside others that share it, and wait only for one that does not.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("wb")
    try:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(handle, kind)
        yield
    finally:
        handle.close()


def flush(path: Path) -> None:
    """Have the disk hold `path`, a file or a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def footer(path: Path) -> pq.FileMetaData | None:
    """The footer of a Parquet file that has all its bytes, as far as it says; None of any other, and of none."""
    try:
        found = pq.read_metadata(path)
        size = path.stat().st_size
    except (OSError, pa.ArrowException):
        return None
    if not found.num_row_groups:
        return found
    last = found.row_group(found.num_row_groups - 1).column(found.num_columns - 1)
    start = last.dictionary_page_offset if last.has_dictionary_page else last.data_page_offset
    return found if start + last.total_compressed_size + found.serialized_size <= size else None


def is_whole(path: Path) -> bool:
    """Whether `path` is a Parquet file with all its bytes, as far as its footer says. One that is not there is not."""
    return footer(path) is not None


def read_files(name: str, paths: Iterable[Path]) -> pa.Table:
    """The rows of the table `name` in those of `paths` that exist."""
    schema, _ = TABLES[name]
    found = [pq.read_table(path, schema=schema) for path in paths if path.exists()]
    return pa.concat_tables(found) if found else schema.empty_table()
