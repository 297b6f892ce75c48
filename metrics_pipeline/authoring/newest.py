"""What the newest landed conversations carry: names, and what a gate asks about. Columns only, never a transcript."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.files import is_whole
from metrics_pipeline.metrics.gate import Facts

GATE_CONVERSATIONS = 3_000
"""Conversations put to gates, whole days newest first: more would say nothing new."""
NAME_ROWS = 2_000_000
"""Rows of a table in which names are looked for, newest days first."""
BATCH_ROWS = 65_536
NAMES = {
    "turns": ("function_name",),
    "logged_metrics": ("metric",),
    "conversations": ("channel", "variant", "language"),
}
FACTS = (
    "conversation_id",
    "channel",
    "variant",
    "language",
    "turn_count",
    "duration_seconds",
    "handoff",
    "carries_functions",
    "carries_logged",
)
UNREADABLE = (OSError, pa.ArrowException, ValueError, KeyError, TypeError)
"""What reading a table raises that is damaged, half there, or of another make."""

OnUnread = Callable[[Path], None]


class Names(NamedTuple):
    """Every name found, by column; None for those of a table of which a part could not be read."""

    found: dict[str, frozenset[str] | None]

    def of(self, column: str) -> frozenset[str]:
        """The names of `column`; empty where they are not known."""
        return self.found[column] or frozenset()


def landed_days(folder: DataFolder) -> list[date]:
    """The days with a table of conversations, newest first; a file whose name is no day is passed over."""
    found = []
    for path in folder.table("conversations").glob("day=*.parquet"):
        try:
            found.append(date.fromisoformat(path.stem.removeprefix("day=")))
        except ValueError:
            continue
    return sorted(found, reverse=True)


def newest_names(folder: DataFolder, days: Sequence[date], on_unread: OnUnread) -> Names:
    """The names that the newest of `days` hold: memory grows with the names, not with the rows."""
    found: dict[str, frozenset[str] | None] = {}
    for table, columns in NAMES.items():
        names: dict[str, set[str]] = {column: set() for column in columns}
        rows, is_known = 0, True
        for day in days:
            if rows >= NAME_ROWS:
                break
            path = folder.day_file(table, day)
            try:
                for batch in _batches(path, columns):
                    rows += batch.num_rows
                    for column in columns:
                        names[column].update(filter(None, batch.column(column).unique().to_pylist()))
                    if rows >= NAME_ROWS:
                        break
            except UNREADABLE:
                is_known = False
                on_unread(path)
        found |= {column: frozenset(names[column]) if is_known else None for column in columns}
    return Names(found)


def newest_facts(
    folder: DataFolder, days: Sequence[date], on_unread: OnUnread, limit: int = GATE_CONVERSATIONS
) -> Iterator[Facts]:
    """What a gate may ask about, of the newest conversations of `days`; a day that is damaged in part is left out."""
    left = limit
    for day in days:
        if left <= 0:
            return
        path = folder.day_file("conversations", day)
        try:
            rows = [row for batch in islice(_batches(path, FACTS, left), 1) for row in batch.to_pylist()]
            path = folder.day_file("turns", day)
            called = _by_conversation(path, "function_name", rows)
            path = folder.day_file("logged_metrics", day)
            logged = _by_conversation(path, "metric", rows, "value")
        except UNREADABLE:
            on_unread(path)
            continue
        left -= len(rows)
        for row in rows:
            yield _facts(row, called[row["conversation_id"]], logged[row["conversation_id"]])


def _batches(path: Path, columns: Sequence[str], batch_rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
    if not is_whole(path):
        raise OSError(f"{path}: is not there, or not whole")
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(batch_rows, columns=list(columns))


def _by_conversation(
    path: Path, name: str, rows: Sequence[dict[str, Any]], *more: str
) -> defaultdict[str, list[tuple[str, ...]]]:
    """(name, more …) of each row that has a name, by conversation; the tables stand in the order of the ids."""
    found: defaultdict[str, list[tuple[str, ...]]] = defaultdict(list)
    last = max((row["conversation_id"] for row in rows), default="")
    for batch in _batches(path, ("conversation_id", name, *more)):
        named = batch.filter(batch.column(name).is_valid())
        for key, *values in zip(*(named.column(column).to_pylist() for column in named.schema.names), strict=True):
            found[key].append(tuple(values))
        if batch.num_rows and batch.column("conversation_id")[-1].as_py() > last:
            break
    return found


def _facts(row: dict[str, Any], called: Sequence[tuple[str, ...]], logged: Sequence[tuple[str, ...]]) -> Facts:
    values: dict[str, list[str]] = {}
    for name, value in logged:
        values.setdefault(name, []).append(value)
    return Facts(
        channel=row["channel"],
        variant=row["variant"],
        language=row["language"],
        turn_count=row["turn_count"],
        duration_seconds=row["duration_seconds"],
        handoff=row["handoff"],
        functions_called={name for (name,) in called} if row["carries_functions"] else None,
        logged=values if row["carries_logged"] else None,
    )
