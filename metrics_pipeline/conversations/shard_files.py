"""The files of a shard: what landed of one export file and one day, its rows by id and content hash.

A shard of many conversations, each of them once, is most likely all that its day has. It lies as that day's tables
would, and a merge copies them as they are, without a look at a row. Any other shard is one file, in which
turns and logged values are lists. A shard is known by the file that has a row for each conversation, `day=….parquet`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from metrics_pipeline.conversations.day_tables import DAY_TABLES, day_writer, mark, slices
from metrics_pipeline.conversations.runs import Run, batches_of, run_of
from metrics_pipeline.files import COMPRESSION, footer, is_whole, write_parquet
from metrics_pipeline.tables import CONVERSATIONS, LANDED

SHARDS = "day=*.parquet"
MANY = 1_000
"""Conversations of a shard that is taken to be its whole day. Several small ones of a day are merged in any case."""
# Nothing looks for a conversation in what landed: it is read from front to back.
WRITTEN = {"compression": COMPRESSION, "use_dictionary": False, "write_statistics": False}


def write_shard(keys: pa.Table, rows_of: Callable[[pa.Table], pa.Table], path: Path) -> None:
    """Write all rows of a shard to a folder that nobody reads yet.

    Args:
        keys: Its rows in order, of which only `conversation_id`, `content_hash` and `turn_count` are looked at.
        rows_of: Gives a part of `keys` as whole rows; it is called for one after the other.
    """
    ids = keys["conversation_id"]
    if len(ids) < MANY or pc.any(pc.equal(ids.slice(0, len(ids) - 1), ids.slice(1))).as_py():
        with pq.ParquetWriter(path, LANDED, **WRITTEN) as writer:
            for part in slices(keys):
                writer.write_table(rows_of(part))
        return
    opened = partial(pq.ParquetWriter, compression=COMPRESSION)
    with day_writer(partial(shard_file, path), mark(keys), opened) as write:
        for part in slices(keys):
            write(rows_of(part))


def replace_shard(rows: pa.Table, path: Path) -> None:
    """Write all rows of a shard in place of those that it had: at any moment it has the one or the other.

    Raises:
        DataFolderError: The file cannot be written; what stood there before still does.
    """
    write_parquet(rows, path)
    remove_remains(path.parent)


def remove_shard(path: Path) -> None:
    """Remove a shard."""
    path.unlink()
    remove_remains(path.parent)


def remove_remains(landed: Path) -> None:
    """Remove the tables that are no part of a shard any more: a kill may have left them behind."""
    for path in landed.glob(f"*.{SHARDS}"):
        shard = path.with_name(path.name.partition(".")[2])
        if not (shard.exists() and _lies_as_tables(shard)):
            path.unlink()


def shard_file(path: Path, table: str) -> Path:
    """Where a shard that lies as tables has one of them."""
    return path if table == DAY_TABLES[0] else path.with_name(f"{table}.{path.name}")


def is_whole_shard(path: Path) -> bool:
    """Whether all files of a shard are there with all their bytes."""
    found = footer(path)
    if found is None:
        return False
    is_one = "turns" in found.schema.to_arrow_schema().names
    return is_one or all(is_whole(shard_file(path, table)) for table in DAY_TABLES[1:])


def read_shard(path: Path) -> pa.Table:
    """All rows of a shard; a column that one of an older pipeline lacks is not there."""
    with run_of_shard(path) as run:
        batches = list(run.rest())
    return pa.Table.from_batches(batches) if batches else LANDED.empty_table()


@contextmanager
def run_of_shard(path: Path) -> Iterator[Run]:
    """The rows of a shard, read as they are taken, with their turns and logged values in lists."""
    with ExitStack() as stack:
        heads = stack.enter_context(pq.ParquetFile(path))
        if "turns" in heads.schema_arrow.names:
            yield run_of(heads)
            return
        tables = {name: run_of(stack.enter_context(pq.ParquetFile(shard_file(path, name)))) for name in DAY_TABLES[1:]}
        yield Run(_nested(heads, tables))


def _nested(heads: pq.ParquetFile, tables: dict[str, Run]) -> Iterator[pa.RecordBatch]:
    for batch in batches_of(heads):
        ids = batch["conversation_id"]
        lists = [_lists(ids, list(run.until(ids[-1].as_py())), name) for name, run in tables.items()]
        columns = [batch[name] for name in CONVERSATIONS.names]
        yield pa.RecordBatch.from_arrays([*columns, *lists], schema=LANDED)


def _lists(ids: pa.Array, batches: list[pa.RecordBatch], column: str) -> pa.Array:
    """For each of `ids`, the list of its items; these stand in the same order."""
    kind = LANDED.field(column).type
    fields = list(kind.value_type)
    empty = pa.schema([LANDED.field("conversation_id"), *fields]).empty_table()
    items = pa.concat_tables([empty, pa.Table.from_batches(batches)] if batches else [empty]).combine_chunks()
    found = pc.value_counts(items["conversation_id"].combine_chunks())
    counts = pc.take(found.field("counts"), pc.index_in(ids, found.field("values")))
    ends = pc.cumulative_sum(pc.fill_null(counts, 0)).cast(pa.int32())
    structs = pa.StructArray.from_arrays([items[one.name].combine_chunks() for one in fields], fields=fields)
    return pa.ListArray.from_arrays(pa.concat_arrays([pa.array([0], pa.int32()), ends]), structs, type=kind)


def _lies_as_tables(path: Path) -> bool:
    return "turns" not in pq.read_schema(path).names
