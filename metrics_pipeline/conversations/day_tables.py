"""A day's tables `conversations`, `turns` and `logged_metrics`, written slice by slice from rows as they land."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from metrics_pipeline.tables import CONVERSATIONS, LOGGED_METRICS, TURNS, sort_rows

DAY_TABLES = ("conversations", "turns", "logged_metrics")
DAY_MARK = b"winners"
SLICE_TURNS = 200_000
"""That are held in memory at a time."""

Opened = Callable[[Path, pa.Schema], AbstractContextManager[pq.ParquetWriter]]


def mark(chosen: pa.Table) -> str:
    """Fingerprint of a day's conversations."""
    digest = hashlib.blake2b(digest_size=16)
    for batch in chosen.select(["conversation_id", "content_hash"]).to_batches():
        pairs = zip(*(column.to_pylist() for column in batch.columns), strict=True)
        digest.update("".join([f"{key}\x00{content_hash}\x00" for key, content_hash in pairs]).encode())
    return digest.hexdigest()


def mark_of(file: Path) -> str:
    """The mark that a file of conversations bears; empty where it has none."""
    held: dict[bytes, bytes] = pq.read_schema(file).metadata or {}
    return held.get(DAY_MARK, b"").decode()


def slices(rows: pa.Table) -> Iterator[pa.Table]:
    """`rows`, which have a `turn_count`, in parts of which each is written at once.

    Where they are cut depends on nothing but the day's conversations: so no byte of a file depends on who writes it.
    """
    places = pc.divide(pc.cumulative_sum(rows["turn_count"].cast(pa.int64())), SLICE_TURNS)
    start = 0
    for row in places.value_counts():
        yield rows.slice(start, row["counts"].as_py())
        start += row["counts"].as_py()


@contextmanager
def day_writer(paths: Callable[[str], Path], day_mark: str, opened: Opened) -> Iterator[Callable[[pa.Table], None]]:
    """A function that writes rows as they landed, by id, to the day's tables.

    Args:
        paths: Where each of the tables goes.
        opened: Opens a file to write to.
    """
    with ExitStack() as stack:
        # The mark comes last, since a stack is closed from its end: a crash before it leaves a day that the next merge
        # writes anew.
        marked = CONVERSATIONS.with_metadata({DAY_MARK: day_mark.encode()})
        schemas = dict(zip(DAY_TABLES, (marked, TURNS, LOGGED_METRICS), strict=True))
        heads, turns, logged = (stack.enter_context(opened(paths(name), schema)) for name, schema in schemas.items())

        def write(rows: pa.Table) -> None:
            heads.write_table(rows.select(CONVERSATIONS.names))
            turns.write_table(_unnested(rows, "turns", TURNS, ("conversation_id", "turn_index")))
            logged.write_table(
                _unnested(rows, "logged_metrics", LOGGED_METRICS, ("conversation_id", "metric", "position"))
            )

        yield write


def _unnested(rows: pa.Table, column: str, schema: pa.Schema, key: tuple[str, ...]) -> pa.Table:
    """One row for each item of a list column, with its conversation's id."""
    lists = rows[column].combine_chunks()
    items = pc.list_flatten(lists)
    owners = pc.take(rows["conversation_id"].combine_chunks(), pc.list_parent_indices(lists))
    arrays = [owners, *(pc.struct_field(items, name) for name in schema.names[1:])]
    return sort_rows(pa.Table.from_arrays(arrays, schema=schema), key)
