"""All landed shards become the tables `conversations`, `turns` and `logged_metrics`, a file a day.

The same conversation over all files and days is one: of several, the one that its source changed last, then the one
with more turns, then the later start, then the greater content hash. Never the order of arrival, so the same exports
give the same tables however they came. One in progress has not landed at all.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from metrics_pipeline.conversations.day_tables import DAY_TABLES, day_writer, mark, mark_of, slices
from metrics_pipeline.conversations.receipts import HOW_TO_LAND_ANEW, receipts
from metrics_pipeline.conversations.record import Conversation, LoggedValue, Turn
from metrics_pipeline.conversations.runs import Run
from metrics_pipeline.conversations.shard_files import run_of_shard, shard_file
from metrics_pipeline.conversations.winners import days_of_strays, shards_by_day, winners
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import DataFolderError
from metrics_pipeline.files import is_whole, parquet_writer, replacing
from metrics_pipeline.tables import LANDED, LOGGED_METRICS, TURNS, sort_rows
from metrics_pipeline.wording import counted

CONVERSATION_FIELDS = tuple(name for name in Conversation.__struct_fields__ if name not in ("turns", "logged_metrics"))


class MergeReport(NamedTuple):
    """What a merge found and did."""

    conversation_count: int
    superseded_count: int
    """Kept in some file, and outdone by another version of the same conversation."""
    changed_days: tuple[date, ...]
    """Days whose files were written anew or removed."""


def merge(folder: DataFolder) -> MergeReport:
    """Bring the tables of every day up to what has landed. Days that are as they should be are not touched.

    Raises:
        DataFolderError: A file cannot be written, or what has landed does not add up.
    """
    shards = shards_by_day(folder)
    kept_count = sum(pq.read_metadata(path).num_rows for paths in shards.values() for path in paths)
    if kept_count != (expected := sum(receipt.kept_count for receipt in receipts(folder))):
        raise DataFolderError(
            f"{folder.landed}: holds {counted(kept_count, 'conversation')} where its receipts say {expected}. "
            "Something in it was changed by hand: put its export files back into the landing folder, remove it, and "
            "run again."
        )
    strays = days_of_strays(shards)
    standing = day_marks(folder)
    counts: dict[date, int] = {}
    changed = []
    for day, paths in shards.items():
        chosen = winners(day, paths, strays)
        if not len(chosen):
            continue
        counts[day] = len(chosen)
        if standing.get(day) != mark(chosen) or not _whole(folder, day):
            _write_day(folder, day, paths, chosen)
            changed.append(day)
    emptied = [day for day in folder.days() if day not in counts]
    for day in emptied:
        for table in DAY_TABLES:
            folder.day_file(table, day).unlink(missing_ok=True)
    conversation_count = sum(counts.values())
    return MergeReport(conversation_count, kept_count - conversation_count, tuple(sorted(changed + emptied)))


def day_marks(folder: DataFolder) -> dict[date, str]:
    """Fingerprint of each day's conversations as its file holds them, oldest day first; none where it is damaged."""
    marks = {}
    for day in folder.days():
        path = folder.day_file("conversations", day)
        if is_whole(path):
            marks[day] = mark_of(path)
    return marks


def day_counts(folder: DataFolder, days: Sequence[date]) -> dict[date, int]:
    """Conversations of each of `days` that has any."""
    files = {day: folder.day_file("conversations", day) for day in days}
    return {day: pq.read_metadata(file).num_rows for day, file in files.items() if is_whole(file)}


def conversation_channels(folder: DataFolder, day: date) -> list[tuple[str, str]]:
    """(id, channel) of each conversation of the day, without reading what was said in it."""
    rows = pq.read_table(folder.day_file("conversations", day), columns=["conversation_id", "channel"]).to_pylist()
    return [(row["conversation_id"], row["channel"] or "") for row in rows]


def conversation_hashes(folder: DataFolder, day: date) -> list[tuple[str, str]]:
    """(id, judged_hash) of each conversation of the day, by id, without reading what was said in it."""
    columns = ["conversation_id", "judged_hash"]
    table = pq.read_table(folder.day_file("conversations", day), columns=columns)
    return list(zip(*(table[name].to_pylist() for name in columns), strict=True))


def read_conversations(folder: DataFolder, day: date, ids: Sequence[str] | None = None) -> list[Conversation]:
    """The day's conversations as records, by id.

    Args:
        ids: Only those; None: every one.
    """
    turns: dict[str, list[Turn]] = defaultdict(list)
    for key, *fields in _columns(folder.day_file("turns", day), TURNS.names, ids):
        turns[key].append(Turn(*fields))
    logged: dict[str, list[LoggedValue]] = defaultdict(list)
    for key, *fields in _columns(folder.day_file("logged_metrics", day), LOGGED_METRICS.names, ids):
        logged[key].append(LoggedValue(*fields))
    path = folder.day_file("conversations", day)
    there = pq.read_schema(path).names
    names = ["conversation_id", *(name for name in CONVERSATION_FIELDS if name in there)]
    return [
        Conversation(
            **dict(zip(names[1:], fields, strict=True)), turns=tuple(turns[key]), logged_metrics=tuple(logged[key])
        )
        for key, *fields in _columns(path, names, ids)
    ]


def _whole(folder: DataFolder, day: date) -> bool:
    return all(is_whole(folder.day_file(table, day)) for table in DAY_TABLES[1:])


def _write_day(folder: DataFolder, day: date, paths: Sequence[Path], chosen: pa.Table) -> None:
    """Slice by slice, each of a number of turns: neither memory nor a byte of the files depends on the shards."""
    day_mark = mark(chosen)
    if (whole := next((path for path in paths if mark_of(path) == day_mark), None)) is not None:
        _take_over(folder, day, whole)
        return
    with ExitStack() as stack:
        runs = [stack.enter_context(run_of_shard(path)) for path in paths]
        write = stack.enter_context(day_writer(partial(folder.day_file, day=day), day_mark, parquet_writer))
        for part in slices(chosen):
            rows = _taken(runs, part)
            if len(rows) != len(part):
                raise DataFolderError(f"{paths[0].parent}: is not in order. {HOW_TO_LAND_ANEW.format(paths[0].parent)}")
            write(rows)


def _take_over(folder: DataFolder, day: date, shard: Path) -> None:
    """Copy the files of a shard that lies as the day's tables.

    Not linked: whatever damages a table in place must leave what it is written anew from.
    """
    # The mark comes last: a crash before it leaves a day that the next merge writes anew.
    for table in reversed(DAY_TABLES):
        with replacing(folder.day_file(table, day)) as beside:
            shutil.copyfile(shard_file(shard, table), beside)


def _taken(runs: Sequence[Run], chosen: pa.Table) -> pa.Table:
    """The rows that were chosen, by id, as they landed; a column that a shard of an older pipeline lacks is NULL."""
    last = chosen["conversation_id"][-1].as_py()
    parts = [LANDED.empty_table()]
    for shard, run in enumerate(runs):
        batches = list(run.until(last))
        if batches:
            rows = pa.Table.from_batches(batches)
            hashes = chosen.filter(pc.equal(chosen["shard"], shard))["content_hash"]
            is_chosen = pc.is_in(rows["content_hash"], hashes.combine_chunks())
            parts.append(rows if pc.all(is_chosen).as_py() else rows.filter(is_chosen))
    return sort_rows(pa.concat_tables(parts, promote_options="default").combine_chunks(), ("conversation_id",))


def _columns(path: Path, names: Sequence[str], ids: Sequence[str] | None) -> Iterator[Sequence[Any]]:
    """The rows of a file as tuples of the columns `names`, the first of which is the conversation's id."""
    columns = list(dict.fromkeys(names))
    table = pq.read_table(path, columns=columns) if ids is None else _rows_about(path, columns, ids)
    return zip(*(table[name].to_pylist() for name in names), strict=True)


def _rows_about(path: Path, columns: Sequence[str], ids: Sequence[str]) -> pa.Table:
    """The rows about these conversations, one part of the file in memory at a time."""
    wanted, first, last = pa.array(ids, pa.string()), min(ids), max(ids)
    with pq.ParquetFile(path) as file:
        found = [file.schema_arrow.empty_table().select(columns)]
        for number in range(file.num_row_groups):
            held = file.metadata.row_group(number).column(0).statistics
            if held is not None and held.has_min_max and (held.max < first or held.min > last):
                continue
            part = file.read_row_group(number, columns)
            found.append(part.filter(pc.is_in(part["conversation_id"], wanted)))
    return pa.concat_tables(found)
