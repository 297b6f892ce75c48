"""The conversations of one export file and one day, as a Parquet file; and those of old files under new rules.

What landed before stays as it was written until the rules of redaction change. Then an export file that is still there
lands anew, and of one that is gone what landed is redacted again: what the old rules took out stays out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from metrics_pipeline.conversations.receipts import HOW_TO_LAND_ANEW, RECEIPT, Receipt, receipts
from metrics_pipeline.conversations.record import Conversation, LoggedValue, Turn
from metrics_pipeline.conversations.redaction.redactor import Redactor
from metrics_pipeline.errors import DataFolderError
from metrics_pipeline.tables import LANDED, DataFolder, is_whole, sort_rows, write_atomically, write_parquet


class Kept(NamedTuple):
    """A conversation that is kept, and the fingerprint of all of it."""

    conversation: Conversation
    content_hash: str


def shard_table(kept: Sequence[Kept]) -> pa.Table:
    """Conversations of one day as a table of what has landed."""
    rows = [_row(one) for one in kept]
    columns = [pa.array([row[field.name] for row in rows], type=field.type) for field in LANDED]
    return sort_rows(pa.Table.from_arrays(columns, schema=LANDED), ("conversation_id", "content_hash"))


def _row(kept: Kept) -> Mapping[str, Any]:
    conversation = kept.conversation
    row: dict[str, Any] = {name: getattr(conversation, name) for name in conversation.__struct_fields__}
    row["turns"] = [_fields(turn) for turn in conversation.turns]
    row["logged_metrics"] = [_fields(value) for value in conversation.logged_metrics]
    row["turn_count"] = conversation.utterance_count
    row["content_hash"] = kept.content_hash
    row["judged_hash"] = conversation.judged_hash
    return row


def _fields(part: Turn | LoggedValue) -> dict[str, Any]:
    return msgspec.structs.asdict(part)


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
        renewed: dict[tuple[str, str], Kept] = {}
        for row in pq.read_table(shard).to_pylist():
            conversation, found = redactor.redact(_conversation(row))
            counts.update(found)
            content_hash = conversation.content_hash
            renewed[conversation.conversation_id, content_hash] = Kept(conversation, content_hash)
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
