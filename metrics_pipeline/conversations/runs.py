"""Rows in the order of their conversation's id, taken from the front: so several runs become one, slice by slice."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.parquet as pq

BATCH_ROWS = 2_048


class Run:
    """Batches of rows with a column `conversation_id`, which never falls."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self._batches = (batch for batch in batches if len(batch))
        self._rest: pa.RecordBatch | None = None

    def rest(self) -> Iterator[pa.RecordBatch]:
        """All rows that have not been taken yet."""
        if self._rest is not None:
            yield self._rest
            self._rest = None
        yield from self._batches

    def until(self, last: str) -> Iterator[pa.RecordBatch]:
        """The rows that have not been taken yet, up to the id `last`."""
        while (rest := self._rest or next(self._batches, None)) is not None:
            self._rest = None
            ids = rest["conversation_id"]
            count = bisect_right(ids, last, key=lambda one: one.as_py()) if ids[-1].as_py() > last else len(rest)
            if count:
                yield rest.slice(0, count)
            if count < len(rest):
                self._rest = rest.slice(count)
                return


def run_of(file: pq.ParquetFile, row_groups: list[int] | None = None) -> Run:
    """The rows of a Parquet file, or of some of its row groups, read as they are taken."""
    return Run(batches_of(file, row_groups))


def batches_of(file: pq.ParquetFile, row_groups: list[int] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file, or of some of its row groups, a small batch at a time."""
    batches: Iterator[pa.RecordBatch] = file.iter_batches(batch_size=BATCH_ROWS, row_groups=row_groups)
    return batches
