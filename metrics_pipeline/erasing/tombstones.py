"""Tombstones in the feed: who holds a copy of a conversation learns that it was erased, and nobody learns its id.

Each erasing appends one file of JSON lines, which never changes:

    {"erased_at": "2026-11-25T02:00:00+00:00", "salt": "…", "conversation_sha256": "…"}

`conversation_sha256` is the SHA-256, in hexadecimal digits, of the salt followed by the conversation's id, both as
UTF-8: who has the id finds it, in any database (`where sha256(salt || conversation_id) = …`). The salt is the same in
all of a data folder's tombstones, so that a consumer hashes each of its ids once. The id itself is not kept: it is
often a key to other systems, and a record of it would outlive what was to be erased. Who can list all possible ids, as
of telephone numbers, can still try them: give the feed to those alone who were given the conversations.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

import msgspec

from metrics_pipeline.conversations.erased import Erased, Gone
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.files import write_atomically


def tombstone(conversation_id: str, salt: str, moment: datetime) -> dict[str, str]:
    """What the feed says of one erased conversation."""
    digest = hashlib.sha256(f"{salt}{conversation_id}".encode()).hexdigest()
    return {"erased_at": moment.isoformat(), "salt": salt, "conversation_sha256": digest}


def append_tombstones(folder: DataFolder, gone: Gone, moment: datetime) -> Path:
    """Add one file to the feed; the same erasing writes the same file again."""
    salt = Erased(folder).derived("tombstones")
    lines = sorted(msgspec.json.encode(tombstone(one, salt, moment)) + b"\n" for one in gone.ids)
    path = folder.feed / "erased" / f"{moment:%Y%m%dT%H%M%S%f}Z.jsonl"
    write_atomically(path, b"".join(lines), mode=0o600)
    return path
