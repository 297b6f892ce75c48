"""The conversations of one export file and one day, as a Parquet file; and those of old files under new rules.

What landed before stays as it was written until the rules of redaction change. Then an export file that is still there
lands anew, and of one that is gone what landed is redacted again: what the old rules took out stays out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import accumulate
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from metrics_pipeline.conversations.receipts import HOW_TO_LAND_ANEW, RECEIPT, Receipt, receipts
from metrics_pipeline.conversations.record import Conversation, LoggedValue, Turn
from metrics_pipeline.conversations.redaction.redactor import Redactor
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import DataFolderError
from metrics_pipeline.files import is_whole, write_atomically, write_parquet
from metrics_pipeline.tables import LANDED, LOGGED, TURN, sort_rows

OF_CALLS = ("function_name", "function_arguments", "function_result")
SHARD_KEY = ("conversation_id", "content_hash")


class Kept(NamedTuple):
    """A conversation that is kept, and the fingerprints of all of it and of what a judge is shown."""

    conversation: Conversation
    content_hash: str
    judged_hash: str


def kept(conversation: Conversation) -> Kept:
    """The conversation with its fingerprints.

    Raises:
        UnicodeError: It holds half a character, which fits into no file.
    """
    return Kept(conversation, *conversation.hashes())


def shard_table(found: Sequence[Kept]) -> pa.Table:
    """Conversations of one day as a table of what has landed."""
    return sort_rows(unsorted_table(found), SHARD_KEY)


def unsorted_table(found: Sequence[Kept]) -> pa.Table:
    """Conversations as a table of what has landed, in their order."""
    conversations = [one.conversation for one in found]
    turns = [turn for one in conversations for turn in one.turns]
    has_calls = "function" in [turn.speaker for turn in turns]
    logged = [value for one in conversations for value in one.logged_metrics]
    columns = {
        "turn_count": pa.array(
            [one.utterance_count if has_calls else len(one.turns) for one in conversations], pa.int32()
        ),
        "content_hash": pa.array([one.content_hash for one in found], pa.string()),
        "judged_hash": pa.array([one.judged_hash for one in found], pa.string()),
        "turns": _lists(
            [len(one.turns) for one in conversations],
            [
                pa.nulls(len(turns), field.type) if field.name in OF_CALLS and not has_calls else _column(turns, field)
                for field in TURN
            ],
            LANDED.field("turns").type,
        ),
        "logged_metrics": _lists(
            [len(one.logged_metrics) for one in conversations],
            [_column(logged, field) for field in LOGGED],
            LANDED.field("logged_metrics").type,
        ),
    }
    arrays = [columns[field.name] if field.name in columns else _column(conversations, field) for field in LANDED]
    return pa.Table.from_arrays(arrays, schema=LANDED)


def _lists(lengths: Sequence[int], columns: Sequence[pa.Array], kind: pa.ListType) -> pa.Array:
    items = pa.StructArray.from_arrays(columns, fields=list(kind.value_type))
    return pa.ListArray.from_arrays(pa.array([0, *accumulate(lengths)], pa.int32()), items, type=kind)


def _column(items: Sequence[Any], field: pa.Field) -> pa.Array:
    values = list(map(attrgetter(field.name), items))
    if pa.types.is_timestamp(field.type):
        # As text, which is read in a third of the time that Arrow takes to look at each time's zone.
        return pa.array(msgspec.to_builtins(values), pa.string()).cast(field.type)
    return pa.array(values, field.type)


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
        if not is_whole(shard):
            raise DataFolderError(f"{shard}: is damaged. {HOW_TO_LAND_ANEW.format(place)}")
        renewed: dict[str, Kept] = {}
        for row in pq.read_table(shard).to_pylist():
            conversation, found = redactor.redact(_conversation(row))
            counts.update(found)
            one = kept(conversation)
            renewed[one.content_hash] = one
        kept_count += len(renewed)
        write_parquet(shard_table(list(renewed.values())), shard)
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
