"""Writes the shards of one export file as its conversations come, whatever their number, days and order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from metrics_pipeline.conversations.runs import run_of
from metrics_pipeline.conversations.shard_files import WRITTEN, write_shard
from metrics_pipeline.conversations.shards import SHARD_KEY, Kept, unsorted_table
from metrics_pipeline.tables import LANDED, sort_rows

# Few enough that what was just read is still in the processor's cache when its columns are built.
BATCH_CONVERSATIONS = 250
BATCH_BYTES = 16 << 20
"""Of exports that are held as records at a time."""
TABLE_BYTES = 48 << 20
"""That are held as tables at a time."""
KEYS = [*SHARD_KEY, "turn_count"]


class ShardWriter:
    """A file a day in `folder`, its rows in order. What does not fit into memory is put by in runs until `finish`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: list[Kept] = []
        self._held_bytes = 0
        self._tables: list[pa.Table] = []
        self._table_bytes = 0
        self._put_by: _PutBy | None = None

    def add(self, found: Kept, size: int) -> None:
        """One more conversation; `size` is about how many bytes it was exported as."""
        self._held.append(found)
        self._held_bytes += size
        if len(self._held) >= BATCH_CONVERSATIONS or self._held_bytes >= BATCH_BYTES:
            self._pack()

    def _pack(self) -> None:
        if self._held:
            self._tables.append(unsorted_table(self._held))
            self._table_bytes += self._tables[-1].nbytes
            self._held, self._held_bytes = [], 0
        if self._table_bytes >= TABLE_BYTES:
            self._put_by = self._put_by or _PutBy(self._folder / ".runs.parquet")
            self._put_by.add(self._by_day())

    def _by_day(self) -> dict[date, pa.Table]:
        table = pa.concat_tables([LANDED.empty_table(), *self._tables]).combine_chunks()
        self._tables, self._table_bytes = [], 0
        days = table["conversation_date"].unique().to_pylist()
        if len(days) == 1:
            return {days[0]: sort_rows(table, SHARD_KEY)}
        parts = ((day, table.filter(pc.equal(table["conversation_date"], day))) for day in sorted(days))
        return {day: sort_rows(part, SHARD_KEY) for day, part in parts}

    def discard(self) -> None:
        """Forget everything that was added."""
        self._held, self._held_bytes = [], 0
        self._tables, self._table_bytes = [], 0
        if self._put_by is not None:
            with self._put_by:
                self._put_by = None

    def finish(self) -> tuple[date, ...]:
        """Write what is left; the days that there are, oldest first."""
        self._pack()
        if self._put_by is None:
            tables = self._by_day()
            for day, table in tables.items():
                write_shard(table, lambda part: part, self._path(day))
            return tuple(sorted(tables))
        self._put_by.add(self._by_day())
        with self._put_by as put_by:
            for day in put_by.days():
                with put_by.opened(day) as rows_of:
                    write_shard(put_by.keys(day), rows_of, self._path(day))
            return tuple(put_by.days())

    def _path(self, day: date) -> Path:
        return self._folder / f"day={day.isoformat()}.parquet"


class _PutBy:
    """One file of runs: a row group for each day of each time that something was put by."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = pq.ParquetWriter(path, LANDED, **WRITTEN)
        self._row_groups: dict[date, list[int]] = defaultdict(list)
        self._keys: dict[date, list[pa.Table]] = defaultdict(list)

    def __enter__(self) -> _PutBy:
        self._writer.close()
        return self

    def __exit__(self, *error: object) -> None:
        self._path.unlink()

    def add(self, by_day: Mapping[date, pa.Table]) -> None:
        for day, table in by_day.items():
            self._row_groups[day].append(sum(map(len, self._row_groups.values())))
            self._writer.write_table(table, row_group_size=len(table))
            self._keys[day].append(table.select(KEYS))

    def days(self) -> list[date]:
        return sorted(self._row_groups)

    def keys(self, day: date) -> pa.Table:
        """What is known of the day's rows without reading them, in order."""
        return sort_rows(pa.concat_tables(self._keys[day]).combine_chunks(), SHARD_KEY)

    @contextmanager
    def opened(self, day: date) -> Iterator[Callable[[pa.Table], pa.Table]]:
        """A function that gives the day's rows up to the last of some keys, which have not been given yet, in order."""
        with pq.ParquetFile(self._path) as file:
            runs = [run_of(file, [group]) for group in self._row_groups[day]]

            def rows_of(part: pa.Table) -> pa.Table:
                last = part["conversation_id"][-1].as_py()
                batches = [batch for run in runs for batch in run.until(last)]
                return sort_rows(pa.Table.from_batches(batches, LANDED).combine_chunks(), SHARD_KEY).combine_chunks()

            yield rows_of
