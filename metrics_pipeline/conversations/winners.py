"""Which of all landed versions of a conversation counts: decided over all files and days, day by day.

Nothing is held of all conversations at once but a number for each id, of eight bytes, and the few conversations that
landed under more than one day.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from metrics_pipeline.conversations.receipts import HOW_TO_LAND_ANEW, LANDED_FOLDERS
from metrics_pipeline.conversations.shard_files import SHARDS, is_whole_shard
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import DataFolderError
from metrics_pipeline.tables import LANDED, sort_rows

READ = ("conversation_id", "updated_at", "turn_count", "started_at", "content_hash")
# Of versions of one conversation the last counts; the shard only decides between equal copies.
ORDER = (*READ, "shard")
PARTS = 256
NEVER = datetime(1, 1, 1, tzinfo=UTC)
"""A version of which the source does not say when it was changed counts for less than one of which it does."""


def shards_by_day(folder: DataFolder) -> dict[date, list[Path]]:
    """Every shard that has landed.

    Raises:
        DataFolderError: One is damaged.
    """
    found: dict[date, list[Path]] = {}
    for shard in sorted(folder.landed.glob(f"{LANDED_FOLDERS}/{SHARDS}")):
        if not is_whole_shard(shard):
            raise DataFolderError(f"{shard}: is damaged. {HOW_TO_LAND_ANEW.format(shard.parent)}")
        found.setdefault(date.fromisoformat(shard.stem.removeprefix("day=")), []).append(shard)
    return found


def days_of_strays(shards: Mapping[date, Sequence[Path]]) -> dict[str, date]:
    """Of each conversation that landed under several days, the day of the version that counts."""
    # Apart by their last bits, so that only a part has to be sorted at a time.
    numbers = [array("q") for _ in range(PARTS)]
    for paths in shards.values():
        for number in {hash(one) for one in _ids(paths)}:
            numbers[number % PARTS].append(number)
    strays = {number for part in numbers for number, following in pairwise(sorted(part)) if number == following}
    if not strays:
        return {}
    found = []
    for place, paths in enumerate(shards.values()):
        versions = _versions(paths)
        few = versions.filter(pa.array([hash(one) in strays for one in versions["conversation_id"].to_pylist()]))
        found.append(few.append_column("day", pa.repeat(pa.scalar(place, pa.int32()), len(few))))
    best = _last_of_each(pa.concat_tables(found))
    days = list(shards)
    return dict(zip(best["conversation_id"].to_pylist(), [days[one] for one in best["day"].to_pylist()], strict=True))


def winners(day: date, paths: Sequence[Path], strays: Mapping[str, date]) -> pa.Table:
    """The day's conversations by id: of each, the version that counts, `shard` being its place in `paths`."""
    best = _last_of_each(_versions(paths))
    elsewhere = pa.array([key for key, other in strays.items() if other != day], pa.string())
    return best.filter(pc.invert(pc.is_in(best["conversation_id"], elsewhere))) if len(elsewhere) else best


def _versions(paths: Sequence[Path]) -> pa.Table:
    """What the versions in some shards are compared by; a column that one of an older pipeline lacks is NULL there."""
    empty = pa.schema([*(LANDED.field(name) for name in READ), pa.field("shard", pa.int32())]).empty_table()
    tables = [empty]
    for place, path in enumerate(paths):
        there = [name for name in READ if name in pq.read_schema(path).names]
        table = pq.read_table(path, columns=there)
        tables.append(table.append_column("shard", pa.repeat(pa.scalar(place, pa.int32()), len(table))))
    return pa.concat_tables(tables, promote_options="default")


def _last_of_each(versions: pa.Table) -> pa.Table:
    known = pc.fill_null(versions["updated_at"], pa.scalar(NEVER, LANDED.field("updated_at").type))
    place = versions.schema.get_field_index("updated_at")
    ordered = sort_rows(versions.set_column(place, versions.field(place), known), ORDER).combine_chunks()
    ids = ordered["conversation_id"]
    is_last = pc.not_equal(ids.slice(0, len(ids) - 1), ids.slice(1)).chunks if len(ids) else []
    return ordered.filter(pa.chunked_array([*is_last, pa.array([True] * min(1, len(ids)))]))


def _ids(paths: Sequence[Path]) -> list[str]:
    return [one for path in paths for one in pq.read_table(path, columns=["conversation_id"])[0].to_pylist()]
