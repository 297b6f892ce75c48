"""The conversations of one export file and one day, as a Parquet file; and those of old files under new rules.

What landed before stays as it was written until the rules of redaction change. Then an export file that is still there
lands anew, and of one that is gone what landed is redacted again: what the old rules took out stays out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import accumulate, chain, repeat
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from metrics_pipeline.conversations.receipts import HOW_TO_LAND_ANEW, RECEIPT, Receipt, receipts
from metrics_pipeline.conversations.record import Conversation, InColumns, LoggedValue, Turn, in_columns
from metrics_pipeline.conversations.redaction.redactor import Redactor
from metrics_pipeline.conversations.shard_files import is_whole_shard, read_shard, replace_shard
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import DataFolderError
from metrics_pipeline.files import write_atomically
from metrics_pipeline.tables import CONVERSATIONS, LANDED, LOGGED, TURN, sort_rows

OF_CALLS = ("function_name", "function_arguments", "function_result")
SHARD_KEY = ("conversation_id", "content_hash")
NO_CALL = Turn(0, "user", "")
MOMENT = LANDED.field("started_at").type
# Taken apart once: Arrow makes a schema's fields anew each time that they are looked at.
HEAD_FIELDS = [field for field in CONVERSATIONS if field.name in Conversation.__struct_fields__]
CALL_FIELDS, LOGGED_FIELDS = [TURN.field(name) for name in OF_CALLS], list(LOGGED)
LISTS = {"turns": (LANDED.field("turns").type, list(TURN))}
LISTS["logged_metrics"] = (LANDED.field("logged_metrics").type, LOGGED_FIELDS)
NAMES = LANDED.names


class Kept(msgspec.Struct, frozen=True, gc=False):
    """A conversation that is kept, and the fingerprints of all of it and of what a judge is shown."""

    found: InColumns
    content_hash: str
    judged_hash: str


def kept(found: InColumns) -> Kept:
    """The conversation with its fingerprints.

    Raises:
        UnicodeError: It holds half a character, which fits into no file.
    """
    return Kept(found, *found.hashes())


def shard_table(found: Sequence[Kept]) -> pa.Table:
    """Conversations of one day as a table of what has landed."""
    return sort_rows(unsorted_table(found), SHARD_KEY)


def unsorted_table(kept_ones: Sequence[Kept]) -> pa.Table:
    """Conversations as a table of what has landed, in their order."""
    found = [one.found for one in kept_ones]
    heads = [one.head for one in found]
    logged = [value for head in heads for value in head.logged_metrics]
    counts = [one.speakers.count("function") if one.calls else 0 for one in found]
    columns = _columns(heads, HEAD_FIELDS)
    columns |= {
        "turn_count": pa.array([len(one.texts) - count for one, count in zip(found, counts, strict=True)], pa.int32()),
        "content_hash": pa.array([one.content_hash for one in kept_ones], pa.string()),
        "judged_hash": pa.array([one.judged_hash for one in kept_ones], pa.string()),
        "turns": _lists([len(one.texts) for one in found], _turns(found), "turns"),
        "logged_metrics": _lists(
            [len(head.logged_metrics) for head in heads], _columns(logged, LOGGED_FIELDS), "logged_metrics"
        ),
    }
    return pa.Table.from_arrays([columns[name] for name in NAMES], schema=LANDED)


def _turns(found: Sequence[InColumns]) -> dict[str, pa.Array]:
    """The columns of all their turns."""
    lengths = [len(one.texts) for one in found]
    count = sum(lengths)
    columns = {
        "turn_index": pa.array(list(chain.from_iterable(map(range, lengths))), pa.int32()),
        "speaker": pa.array(list(chain.from_iterable([one.speakers for one in found])), pa.string()),
        "text": pa.array(list(chain.from_iterable([one.texts for one in found])), pa.string()),
        "said_at": _moments(list(chain.from_iterable([one.times for one in found]))),
    }
    if any(one.calls for one in found):
        turns = list(chain.from_iterable([one.calls or repeat(NO_CALL, len(one.texts)) for one in found]))
        return columns | _columns(turns, CALL_FIELDS)
    return columns | dict.fromkeys(OF_CALLS, pa.nulls(count, pa.string()))


def _lists(lengths: Sequence[int], columns: Mapping[str, pa.Array], name: str) -> pa.Array:
    kind, fields = LISTS[name]
    items = pa.StructArray.from_arrays([columns[field.name] for field in fields], fields=fields)
    return pa.ListArray.from_arrays(pa.array([0, *accumulate(lengths)], pa.int32()), items, type=kind)


def _columns(items: Sequence[Any], fields: Sequence[pa.Field]) -> dict[str, pa.Array]:
    """A column of each field of some records."""
    rows = map(attrgetter(*[field.name for field in fields]), items)
    values = list(zip(*rows, strict=True)) or [()] * len(fields)
    return {field.name: _column(column, field.type) for field, column in zip(fields, values, strict=True)}


def _column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if values and values[0] is values[-1] and values.count(values[0]) == len(values):
        return pa.repeat(pa.scalar(values[0], kind), len(values))
    return _moments(values) if pa.types.is_timestamp(kind) else pa.array(values, kind)


def _moments(times: Sequence[datetime | None]) -> pa.Array:
    # As text, which is read in a third of the time that Arrow takes to look at each time's zone.
    return pa.array(msgspec.to_builtins(times), pa.string()).cast(MOMENT)


def renew(folder: DataFolder, redactor: Redactor) -> None:
    """Redact again what landed under other rules.

    A day's file is replaced whole and the receipt comes last: a renewal that was ended is done again by the next
    landing, and finds nothing more.

    Raises:
        DataFolderError: A file is damaged, or cannot be written.
    """
    for receipt in receipts(folder):
        if receipt.redaction != redactor.version:
            _renew_file(folder.landed / receipt.file_hash, receipt, redactor)


def _renew_file(place: Path, receipt: Receipt, redactor: Redactor) -> None:
    counts = Counter(receipt.redactions)
    kept_count = 0
    for day in receipt.days:
        shard = place / f"day={day}.parquet"
        if not is_whole_shard(shard):
            raise DataFolderError(f"{shard}: is damaged. {HOW_TO_LAND_ANEW.format(place)}")
        renewed: dict[str, Kept] = {}
        for row in read_shard(shard).to_pylist():
            conversation, found = redactor.redact(_conversation(row))
            counts.update(found)
            one = kept(in_columns(conversation))
            renewed[one.content_hash] = one
        kept_count += len(renewed)
        replace_shard(shard_table(list(renewed.values())), shard)
    # Two versions of a conversation that differed in nothing but what is now taken out are one.
    changed = msgspec.structs.replace(
        receipt,
        file=redactor.text(receipt.file),
        kept_count=kept_count,
        duplicate_count=receipt.duplicate_count + receipt.kept_count - kept_count,
        redaction=redactor.version,
        redactions=dict(sorted(counts.items())),
    )
    write_atomically(place / RECEIPT, msgspec.json.encode(changed))


def _conversation(row: Mapping[str, Any]) -> Conversation:
    fields = {name: row[name] for name in Conversation.__struct_fields__ if name in row}
    fields["turns"] = tuple(Turn(**turn) for turn in row["turns"])
    fields["logged_metrics"] = tuple(LoggedValue(**value) for value in row["logged_metrics"])
    return Conversation(**fields)
