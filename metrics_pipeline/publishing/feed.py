"""The verdict feed: every change of what is published, in the order in which it was, under a cursor that stays.

`data/feed/changes/` holds Parquet files that are only added. A row is one change: `set` (the verdict is this now),
`removed` (there is none any more), or `erased`, which names a conversation by a salted hash (`erasing/tombstones.py`).
`sequence` counts up and is never used twice; a cursor is the feed's own id with the last `sequence` that was read.

What a publish adds is its difference from what the feed itself comes to, and not from the generation before: whatever
was killed between the two, the next one makes up for it. A day whose rows are as they were, by their digest, is not
looked at. What was erased is the one thing that leaves earlier files, and its sequences stay empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import DataFolderError, SettingsError
from metrics_pipeline.files import explained, replacing, write_atomically

NOTE = b"feed"
"""The name in a file's footer of what it says about itself."""
KEY = "conversation_date, conversation_id, metric, source"
"""A conversation that moves to another day is removed there and set here."""
UNKNOWN = "unknown"
"""The digest of a day that has lost rows."""
MEMORY_LIMIT = "2GB"
CURSOR = re.compile(r"([0-9a-f]{8})-(\d{1,18})")
HEAD = pa.schema(
    [
        pa.field("sequence", pa.int64()),
        pa.field("change", pa.string()),
        pa.field("changed_at", pa.timestamp("us", "UTC")),
        pa.field("conversation_id", pa.string()),
        pa.field("conversation_date", pa.date32()),
        pa.field("salt", pa.string()),
        pa.field("conversation_sha256", pa.string()),
    ]
)
"""The columns of every file; those of `export_verdicts` stand beside them."""


class Note(msgspec.Struct):
    """What a file of the feed says about itself."""

    feed: str
    """The feed's id: another one is another feed, whose cursors mean nothing here."""
    last: int
    """The last sequence up to and with this file."""
    days: dict[str, str] = {}
    """Digests by day, of those that it changes, as they stand after it; empty where a day has no row any more."""
    erasing: str = ""
    """When the erasing began whose tombstones it holds."""


class Part(NamedTuple):
    path: Path
    note: Note


class _Told(msgspec.Struct):
    generation: str


def parts(folder: DataFolder) -> list[Part]:
    """The files of the feed, in their order.

    Raises:
        DataFolderError: One is damaged.
    """
    found = []
    for path in sorted((folder.feed / "changes").glob("[!.]*.parquet")):
        try:
            found.append(Part(path, msgspec.json.decode(pq.read_metadata(path).metadata[NOTE], type=Note)))
        except (OSError, pa.ArrowException, KeyError, TypeError, msgspec.DecodeError):
            raise DataFolderError(
                f"{path}: is damaged, so that the feed cannot go on. Put it back from a copy; or remove "
                f"{folder.feed / 'changes'}: a new feed begins, and who reads it begins anew."
            ) from None
    return found


def cursor_of(found: list[Part]) -> str:
    """What a reader who has read all of it says next time; empty where there is no feed yet."""
    return f"{found[-1].note.feed}-{found[-1].note.last}" if found else ""


def sequence_of(cursor: str, found: list[Part]) -> int:
    """The last sequence that a reader with that cursor has read.

    Raises:
        SettingsError: It is no cursor of this feed.
    """
    written = CURSOR.fullmatch(cursor)
    if not written or not found or written[1] != found[-1].note.feed or int(written[2]) > found[-1].note.last:
        raise SettingsError(
            f"--since {cursor}: is not a cursor of this feed. Give the one that the last export printed, or leave "
            "--since out and begin anew with an empty copy."
        )
    return int(written[2])


def is_told(folder: DataFolder, generation: Path) -> bool:
    """Whether the feed comes to what that generation holds."""
    state = folder.feed / "state.json"
    try:
        return msgspec.json.decode(state.read_bytes(), type=_Told).generation == generation.name
    except (OSError, msgspec.DecodeError):
        return False


def append_changes(folder: DataFolder, generation: Path, moment: datetime) -> None:
    """Add what is other in that generation than the feed comes to; who calls it holds the lock on the warehouse.

    Raises:
        DataFolderError: The feed cannot be read or written. What it held it still holds.
    """
    found = parts(folder)
    known = {day: digest for part in found for day, digest in part.note.days.items()}
    with _database(folder) as database:
        database.from_parquet(str(generation / "export_verdicts.parquet")).create_view("published")
        columns = [name for name, *_ in database.execute("describe published").fetchall()]
        row_hash = f"hash({', '.join(columns)})"
        rows = database.execute(
            "select conversation_date::varchar, concat_ws(' ', count(*), bit_xor(row), sum(row::hugeint))"
            f" from (select conversation_date, {row_hash} as row from published) group by all order by all"
        ).fetchall()
        now: dict[str, str] = dict(rows)
        changed = {day: now.get(day, "") for day in sorted({*now, *known}) if now.get(day, "") != known.get(day, "")}
        if changed:
            _diff(database, found, list(changed), columns, row_hash)
            _write(database, folder, found, changed, moment)
    write_atomically(folder.feed / "state.json", msgspec.json.encode(_Told(generation.name)), mode=0o600)


def _diff(
    database: duckdb.DuckDBPyConnection, found: list[Part], days: list[str], columns: list[str], row_hash: str
) -> None:
    """The view `changes`: what to add about those days."""
    database.execute("create temp table days as select unnest(?::date[]) as conversation_date", [days])
    database.execute("create view empty as select null::bigint as sequence, '' as change, * from published limit 0")
    earlier = "select * from empty"
    if found:
        # A day stands together in a file, and most files are passed over.
        database.from_parquet([str(part.path) for part in found], union_by_name=True).create_view("told")
        earlier += " union all by name select * from told where change != 'erased' and conversation_date in (from days)"
    database.execute(
        f"create temp table before as select {', '.join(columns)}, {row_hash} as row from ("
        f" from ({earlier}) qualify row_number() over (partition by {KEY} order by sequence desc) = 1"
        ") where change = 'set'"
    )
    database.execute(
        f"create view changes as select 'removed' as change, {KEY} from before"
        f" anti join published using ({KEY})"
        " union all by name select 'set' as change, now.* exclude (row) from"
        f" (select *, {row_hash} as row from published where conversation_date in (from days)) as now"
        f" left join before using ({KEY}) where before.row is distinct from now.row"
    )


def _write(
    database: duckdb.DuckDBPyConnection, folder: DataFolder, found: list[Part], days: dict[str, str], moment: datetime
) -> None:
    last = found[-1].note.last if found else 0
    database.execute("create temp table added as from changes")
    count = database.table("added").count("*").fetchall()[0][0]
    note = Note(found[-1].note.feed if found else uuid4().hex[:8], last + count, days)
    with replacing(_next_path(folder, found)) as beside:
        beside.touch(0o600)
        # First what goes: of a conversation that moved, the row of its new day is the last that is said.
        database.execute(
            "copy (select ? + row_number() over (order by change, conversation_date, conversation_id, metric, source)"
            " as sequence, change, ?::timestamptz as changed_at, * exclude (change),"
            " null::varchar as salt, null::varchar as conversation_sha256 from added order by sequence)"
            f" to '{_quoted(beside)}' (format parquet, compression zstd, use_tmp_file false,"
            f" kv_metadata {{{NOTE.decode()}: '{_quoted(msgspec.json.encode(note).decode())}'}})",
            [last, moment],
        )


def append_tombstones(folder: DataFolder, rows: list[dict[str, object]], days: list[str], erasing: str) -> Path:
    """Add one file that tells of erased conversations; of one erasing there is one, however often it goes on.

    Args:
        rows: `changed_at`, `salt` and `conversation_sha256` of each.
        days: Those of which the feed holds rows that go: their digests say nothing any more.
        erasing: When it began.
    """
    found = parts(folder)
    for part in found:
        if part.note.erasing == erasing:
            return part.path
    last = found[-1].note.last if found else 0
    numbered = [{"sequence": last + place, "change": "erased", **row} for place, row in enumerate(rows, 1)]
    feed = found[-1].note.feed if found else uuid4().hex[:8]
    note = Note(feed, last + len(rows), dict.fromkeys(days, UNKNOWN), erasing)
    path = _next_path(folder, found)
    with replacing(path) as beside:
        beside.touch(0o600)
        schema = HEAD.with_metadata({NOTE: msgspec.json.encode(note)})
        pq.write_table(pa.Table.from_pylist(numbered, schema=schema), beside, compression="zstd")
    return path


@contextmanager
def changes_since(folder: DataFolder, found: list[Part], sequence: int) -> Iterator[pa.RecordBatchReader]:
    """The changes after that sequence, in their order, in record batches."""
    paths = [str(part.path) for part in found if part.note.last > sequence]
    with _database(folder) as database:
        if not paths:
            yield HEAD.empty_table().to_reader()
            return
        told = database.from_parquet(paths, union_by_name=True)
        yield told.filter(f"sequence > {sequence:d}").order("sequence").to_arrow_reader(1 << 16)


@contextmanager
def _database(folder: DataFolder) -> Iterator[duckdb.DuckDBPyConnection]:
    with explained(folder.feed):
        folder.feed.mkdir(parents=True, exist_ok=True)
    config: dict[str, Any] = {"memory_limit": MEMORY_LIMIT, "temp_directory": str(folder.warehouse / "spill")}
    try:
        with duckdb.connect(config=config) as database:
            database.execute("set enable_progress_bar = false; set timezone = 'UTC'")
            yield database
    except duckdb.Error as error:
        raise DataFolderError(
            f"{folder.feed}: the feed cannot be read or written ({str(error).splitlines()[0]}). Free some space or "
            "correct the permissions: the next run, or `metrics export feed`, makes up for it."
        ) from error


def _next_path(folder: DataFolder, found: list[Part]) -> Path:
    number = int(found[-1].path.stem) + 1 if found else 1
    return folder.feed / "changes" / f"{number:08d}.parquet"


def _quoted(text: object) -> str:
    return str(text).replace("'", "''")
