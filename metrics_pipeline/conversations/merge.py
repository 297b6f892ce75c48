"""All landed shards become the tables `conversations`, `turns` and `logged_metrics`, a file a day.

The same conversation over all files and days is one: of several, the one that its source changed last, then the one
with more turns, then the later start, then the greater content hash. Never the order of arrival, so the same exports
give the same tables however they came. One in progress has not landed at all.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from metrics_pipeline.conversations.receipts import HOW_TO_LAND_ANEW, LANDED_FOLDERS, receipts
from metrics_pipeline.conversations.record import Conversation, LoggedValue, Turn
from metrics_pipeline.errors import DataFolderError
from metrics_pipeline.tables import (
    CONVERSATIONS,
    LANDED,
    LOGGED_METRICS,
    TURNS,
    DataFolder,
    is_whole,
    sort_rows,
    write_parquet,
)
from metrics_pipeline.wording import counted

NEVER = datetime(1, 1, 1, tzinfo=UTC)
DAY_MARK = b"winners"
RANKED = ("conversation_id", "updated_at", "turn_count", "started_at", "content_hash")


class MergeReport(NamedTuple):
    """What a merge found and did."""

    conversation_count: int
    superseded_count: int
    """Kept in some file, and outdone by another version of the same conversation."""
    changed_days: tuple[date, ...]
    """Days whose files were written anew or removed."""


class _Candidate(NamedTuple):
    """One landed version of a conversation, ordered by how much it counts."""

    updated_at: datetime
    """The beginning of time where the source does not say: one that says it counts for more."""
    turn_count: int
    started_at: datetime
    content_hash: str
    day: date
    shard: Path


def merge(folder: DataFolder) -> MergeReport:
    """Bring the tables of every day up to what has landed. Days that are as they should be are not touched.

    Raises:
        DataFolderError: A file cannot be written, or what has landed does not add up.
    """
    winners: dict[str, _Candidate] = {}
    kept_count = 0
    for candidate_id, candidate in _candidates(folder):
        kept_count += 1
        best = winners.get(candidate_id)
        # The shard comes last: it only decides between equal copies, and never what is written.
        if best is None or candidate > best:
            winners[candidate_id] = candidate
    if kept_count != (expected := sum(receipt.kept_count for receipt in receipts(folder))):
        raise DataFolderError(
            f"{folder.landed}: holds {counted(kept_count, 'conversation')} where its receipts say {expected}. "
            "Something in it was changed by hand: put its export files back into the landing folder, remove it, and "
            "run again."
        )
    by_day: dict[date, dict[str, _Candidate]] = defaultdict(dict)
    for conversation_id, winner in winners.items():
        by_day[winner.day][conversation_id] = winner
    standing = day_marks(folder)
    changed = [day for day, chosen in by_day.items() if standing.get(day) != _mark(chosen) or not _whole(folder, day)]
    for day in changed:
        _write_day(folder, day, by_day[day])
    emptied = [day for day in folder.days() if day not in by_day]
    for day in emptied:
        for table in ("conversations", "turns", "logged_metrics"):
            folder.day_file(table, day).unlink(missing_ok=True)
    return MergeReport(len(winners), kept_count - len(winners), tuple(sorted(changed + emptied)))


def day_marks(folder: DataFolder) -> dict[date, str]:
    """Fingerprint of each day's conversations as its file holds them, oldest day first; none where it is damaged."""
    marks = {}
    for day in folder.days():
        path = folder.day_file("conversations", day)
        if is_whole(path):
            marks[day] = (pq.read_schema(path).metadata or {}).get(DAY_MARK, b"").decode()
    return marks


def day_counts(folder: DataFolder, days: Sequence[date]) -> dict[date, int]:
    """Conversations of each of `days` that has any."""
    files = {day: folder.day_file("conversations", day) for day in days}
    return {day: pq.read_metadata(file).num_rows for day, file in files.items() if is_whole(file)}


def conversation_channels(folder: DataFolder, day: date) -> list[tuple[str, str]]:
    """(id, channel) of each conversation of the day, without reading what was said in it."""
    rows = pq.read_table(folder.day_file("conversations", day), columns=["conversation_id", "channel"]).to_pylist()
    return [(row["conversation_id"], row["channel"] or "") for row in rows]


def read_conversations(folder: DataFolder, day: date) -> list[Conversation]:
    """The day's conversations as records, by id."""
    turns: dict[str, list[Turn]] = defaultdict(list)
    for row in _rows(folder.day_file("turns", day)):
        turns[row.pop("conversation_id")].append(Turn(**row))
    logged: dict[str, list[LoggedValue]] = defaultdict(list)
    for row in _rows(folder.day_file("logged_metrics", day)):
        logged[row.pop("conversation_id")].append(LoggedValue(**row))
    found = []
    for row in _rows(folder.day_file("conversations", day)):
        fields = {name: row[name] for name in Conversation.__struct_fields__ if name in row}
        key = row["conversation_id"]
        found.append(Conversation(**fields, turns=tuple(turns[key]), logged_metrics=tuple(logged[key])))
    return found


def _candidates(folder: DataFolder) -> Iterator[tuple[str, _Candidate]]:
    for shard in sorted(folder.landed.glob(f"{LANDED_FOLDERS}/day=*.parquet")):
        day = date.fromisoformat(shard.stem.removeprefix("day="))
        if not is_whole(shard):
            raise DataFolderError(f"{shard}: is damaged. {HOW_TO_LAND_ANEW.format(shard.parent)}")
        there = [name for name in RANKED if name in pq.read_schema(shard).names]
        table = _as_landed([pq.read_table(shard, columns=there)])
        columns = (table[name].to_pylist() for name in RANKED)
        for key, updated_at, turn_count, started_at, content_hash in zip(*columns, strict=True):
            yield key, _Candidate(updated_at or NEVER, turn_count, started_at, content_hash, day, shard)


def _mark(chosen: Mapping[str, _Candidate]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for key in sorted(chosen):
        digest.update(f"{key}\x00{chosen[key].content_hash}\x00".encode())
    return digest.hexdigest()


def _whole(folder: DataFolder, day: date) -> bool:
    return all(is_whole(folder.day_file(table, day)) for table in ("turns", "logged_metrics"))


def _write_day(folder: DataFolder, day: date, chosen: Mapping[str, _Candidate]) -> None:
    by_shard: dict[Path, set[tuple[str, str]]] = defaultdict(set)
    for key, candidate in chosen.items():
        by_shard[candidate.shard].add((key, candidate.content_hash))
    parts = []
    for shard, wanted in by_shard.items():
        table = pq.read_table(shard)
        rows_here = zip(table["conversation_id"].to_pylist(), table["content_hash"].to_pylist(), strict=True)
        parts.append(table.filter(pa.array([row in wanted for row in rows_here])))
    rows = _as_landed(parts)
    write_parquet(_unnested(rows, "turns", TURNS, ("conversation_id", "turn_index")), folder.day_file("turns", day))
    logged = _unnested(rows, "logged_metrics", LOGGED_METRICS, ("conversation_id", "metric", "position"))
    write_parquet(logged, folder.day_file("logged_metrics", day))
    # The mark comes last: a crash before it leaves a day that the next merge writes anew.
    conversations = sort_rows(rows.select(CONVERSATIONS.names), ("conversation_id",))
    write_parquet(
        conversations.replace_schema_metadata({DAY_MARK: _mark(chosen).encode()}), folder.day_file("conversations", day)
    )


def _as_landed(parts: Sequence[pa.Table]) -> pa.Table:
    """The parts as one table; a column that shards of an older pipeline lack is NULL in theirs."""
    return pa.concat_tables([LANDED.empty_table(), *parts], promote_options="default")


def _unnested(rows: pa.Table, column: str, schema: pa.Schema, key: tuple[str, ...]) -> pa.Table:
    """One row for each item of a list column, with its conversation's id."""
    lists = rows[column].combine_chunks()
    items = pc.list_flatten(lists)
    owners = pc.take(rows["conversation_id"].combine_chunks(), pc.list_parent_indices(lists))
    arrays = [owners, *(pc.struct_field(items, name) for name in schema.names[1:])]
    return sort_rows(pa.Table.from_arrays(arrays, schema=schema), key)


def _rows(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows
