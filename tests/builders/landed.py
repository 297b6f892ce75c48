"""Conversations that are just there: landed by the pipeline's own functions, without an export file."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable

import msgspec

from metrics_pipeline.conversations.merge import merge
from metrics_pipeline.conversations.receipts import RECEIPT, Receipt, write_ingest_files
from metrics_pipeline.conversations.record import Conversation, in_columns
from metrics_pipeline.conversations.shards import kept, shard_table
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.files import replacing_folder, write_parquet


def land(folder: DataFolder, conversations: Iterable[Conversation]) -> None:
    """Land `conversations` as if they had come in one file, and merge."""
    by_day = defaultdict(list)
    for conversation in conversations:
        by_day[conversation.conversation_date].append(kept(in_columns(conversation)))
    content = repr(sorted(one.content_hash for day in by_day.values() for one in day))
    file_hash = hashlib.sha256(content.encode()).hexdigest()[:32]
    count = sum(len(day) for day in by_day.values())
    receipt = Receipt(file_hash, f"{file_hash}.json", "test", 0, count, count, 0, 0, 0, {}, ())
    with replacing_folder(folder.landed / file_hash) as beside:
        for day, held in by_day.items():
            write_parquet(shard_table(held), beside / f"day={day.isoformat()}.parquet")
        (beside / RECEIPT).write_bytes(msgspec.json.encode(receipt))
    write_ingest_files(folder)
    merge(folder)
