"""The feed and erasing: rows leave it, and tombstones tell who holds a copy that they did.

A tombstone is a row of the feed whose `change` is `erased`. It does not hold the conversation's id:
`conversation_sha256` is the SHA-256, in hexadecimal digits, of its `salt` followed by the id, both as UTF-8. Who has
the id finds it, in any database (`where sha256(salt || conversation_id) = …`). The salt is the same in all of a data
folder's tombstones, so that a consumer hashes each of its ids once. The id itself is not kept: it is often a key to
other systems, and a record of it would outlive what was to be erased. Who can list all possible ids, as of telephone
numbers, can still try them: give the feed to those alone who were given the conversations.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from metrics_pipeline.conversations.erased import Erased, Gone
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.files import replacing
from metrics_pipeline.publishing import feed

ROWS_TOGETHER = 1 << 17


def tombstone(conversation_id: str, salt: str) -> str:
    """What stands for an erased conversation."""
    return hashlib.sha256(f"{salt}{conversation_id}".encode()).hexdigest()


def held_in_feed(folder: DataFolder, gone: Gone) -> Counter[str]:
    """Rows of the feed by conversation, of those that go."""
    found: Counter[str] = Counter()
    for part in feed.parts(folder):
        for batch in pq.ParquetFile(part.path).iter_batches(ROWS_TOGETHER, columns=["conversation_id"]):
            found += gone.counts(batch.column(0))
    return found


def erase_from_feed(folder: DataFolder, gone: Gone, moment: datetime) -> Path:
    """Tell the feed's readers, and take the rows out of its files; the file that tells.

    Args:
        moment: When the erasing began: however often it goes on, it tells once.
    """
    found = feed.parts(folder)
    days = sorted({day for part in found for day in _days(part.path, gone)})
    salt = Erased(folder).derived("tombstones")
    hashes = sorted(tombstone(one, salt) for one in gone.ids)
    rows: list[dict[str, object]] = [{"changed_at": moment, "salt": salt, "conversation_sha256": one} for one in hashes]
    # First, since the days could not be told any more of a file that has lost its rows.
    told = feed.append_tombstones(folder, rows, days, moment.isoformat())
    for part in found:
        if any(_days(part.path, gone)):
            _rewrite(part.path, gone)
    return told


def _days(path: Path, gone: Gone) -> set[str]:
    """The days of the rows that go."""
    days: set[str] = set()
    columns = ["conversation_id", "conversation_date"]
    for batch in pq.ParquetFile(path).iter_batches(ROWS_TOGETHER, columns=columns):
        theirs = batch.filter(gone.rows(batch["conversation_id"]))
        days.update(day.isoformat() for day in pc.unique(theirs["conversation_date"]).to_pylist())
    return days


def _rewrite(path: Path, gone: Gone) -> None:
    table = pq.ParquetFile(path)
    schema: pa.Schema = table.schema_arrow
    # What DuckDB wrote into the footer is no part of the schema that Arrow reads.
    note = {feed.NOTE: pq.read_metadata(path).metadata[feed.NOTE]}
    with replacing(path) as beside:
        beside.touch(0o600)
        with pq.ParquetWriter(beside, schema.with_metadata(note), compression="zstd") as writer:
            for batch in table.iter_batches(ROWS_TOGETHER):
                left = batch.filter(pc.invert(gone.rows(batch["conversation_id"])))
                writer.write_batch(left.cast(schema.with_metadata(note)), row_group_size=ROWS_TOGETHER)
