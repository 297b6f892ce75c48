"""What could not be read: named, shown without a word of it, and read again once an adapter was mended.

The content stands in the landing folder alone. To read again lands a file anew, whole, in place of what had landed of
it, and only if nothing that had landed would be missing afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import pyarrow.parquet as pq

from metrics_pipeline.conversations.erased import Erased, KeptOut
from metrics_pipeline.conversations.identity import hash_of
from metrics_pipeline.conversations.landed_file import WouldLose, land_file
from metrics_pipeline.conversations.reading import is_export, read_export
from metrics_pipeline.conversations.receipts import Receipt, receipts, write_ingest_files
from metrics_pipeline.conversations.redaction.redactor import Redactor
from metrics_pipeline.conversations.shard_files import SHARDS
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import DataFolderError, SettingsError
from metrics_pipeline.files import everything_below, locked

SHOWN_CHARACTERS = 2_000
NAME_CHARACTERS = 8
PLACES = "[!.]*.jsonl"
# A field's name, which is not one with somebody's number in it, a word of JSON, or one sign that says something.
_PIECE = re.compile(r'"(?!\w*\d{4})[a-z][a-z0-9_]{0,39}"(?=\s*:)|\b(?:true|false|null)\b|\w')


class Quarantined(NamedTuple):
    """One place of an export file that could not be read."""

    name: str
    """The beginning of the file's hash, and the place's number in the file's quarantine."""
    file_hash: str
    file: str
    position: str
    """A line number, a JSON pointer, or empty for the file itself."""
    reason: str


class Retried(NamedTuple):
    """What reading a file again did."""

    file: str
    outcome: Literal["landed", "unchanged", "gone", "refused"]
    """`gone`: its content is not in the landing folder; `refused`: it would now lose what had landed."""
    landed_count: int
    """Places that left the quarantine."""
    left_count: int
    """Places that are still in it."""


class _Line(msgspec.Struct):
    file: str
    position: str
    reason: str


def quarantined(folder: DataFolder) -> list[Quarantined]:
    """Every place in quarantine, by file.

    Raises:
        DataFolderError: A file of the quarantine is damaged.
    """
    found = []
    for path in sorted(folder.quarantine.glob(PLACES)):
        try:
            lines = msgspec.json.Decoder(_Line).decode_lines(path.read_bytes())
        except (OSError, msgspec.DecodeError, UnicodeError):
            raise DataFolderError(
                f"{path}: is damaged. Remove it: `metrics quarantine retry` writes it anew."
            ) from None
        found += [
            Quarantined(f"{path.stem[:NAME_CHARACTERS]}:{number}", path.stem, line.file, line.position, line.reason)
            for number, line in enumerate(lines, 1)
        ]
    return sorted(found, key=lambda one: (one.file, one.file_hash))


def named(found: Sequence[Quarantined], name: str) -> list[Quarantined]:
    """Those that go by `name`: a place's, the beginning of a file's hash, or a file's path below the landing folder.

    Raises:
        SettingsError: There is none.
    """
    chosen = [one for one in found if name in (one.name, one.file) or (name and one.file_hash.startswith(name))]
    if not chosen:
        raise SettingsError(f"Nothing in quarantine is called {name!r}. See `metrics quarantine list`.")
    return chosen


def show(one: Quarantined, landing: Path) -> str | None:
    """What stands there, masked; None where nothing does, or the file is gone."""
    path = _find(landing, one.file, one.file_hash)
    if path is None:
        return None
    raw = next((place.raw for place in read_export(path) if place.position == one.position), None)
    return None if raw is None else masked(bytes(raw).decode(errors="replace"))


def masked(text: str) -> str:
    """A text's shape: names of fields as they are, every other letter an x, every digit a 9; bounded."""
    shape = _PIECE.sub(_mask, text[: 2 * SHOWN_CHARACTERS])[:SHOWN_CHARACTERS]
    left = len(text) - len(shape)
    return f"{shape}… and {left:,} more characters" if left > 0 else shape


def retry(names: Sequence[str], landing: Path, folder: DataFolder, zone: ZoneInfo, redactor: Redactor) -> list[Retried]:
    """Read the named files again, or all that have something in quarantine, and land what can be read now.

    Raises:
        SettingsError: Nothing is called so.
        DataFolderError: A file cannot be written.
    """
    with locked(folder.landed / ".lock"):
        held = {receipt.file_hash: receipt for receipt in receipts(folder)}
        if names:
            found = quarantined(folder)
            wanted = {one.file_hash for name in names for one in named(found, name)}
        else:
            wanted = {receipt.file_hash for receipt in held.values() if receipt.quarantined_count}
            wanted |= {path.stem for path in folder.quarantine.glob(PLACES)}
        done = [
            _retry(held[file_hash], landing, folder, zone, redactor)
            for file_hash in sorted(wanted)
            if file_hash in held
        ]
        write_ingest_files(folder)
    return sorted(done)


def _retry(before: Receipt, landing: Path, folder: DataFolder, zone: ZoneInfo, redactor: Redactor) -> Retried:
    path = _find(landing, before.file, before.file_hash)
    if path is None:
        return Retried(before.file, "gone", 0, before.quarantined_count)
    kept_out = KeptOut(Erased(folder))
    shards = (folder.landed / before.file_hash).glob(SHARDS)
    landed = {key for shard in shards for key in pq.read_table(shard, columns=["conversation_id"])[0].to_pylist()}
    now = datetime.now(UTC)
    try:
        after = land_file(path, before.file, before.file_hash, folder, zone, redactor, now, kept_out, landed)
    except WouldLose:
        return Retried(before.file, "refused", 0, before.quarantined_count)
    count = before.quarantined_count - after.quarantined_count
    return Retried(before.file, "landed" if count else "unchanged", count, after.quarantined_count)


def _find(landing: Path, name: str, file_hash: str) -> Path | None:
    """The export file with that content, wherever it stands in the landing folder by now."""
    others = (path for path in everything_below(landing) if is_export(path))
    return next((path for path in (landing / name, *others) if path.is_file() and hash_of(path) == file_hash), None)


def _mask(piece: re.Match[str]) -> str:
    text = piece.group()
    if len(text) > 1:
        return text
    return "9" if text.isdigit() else "x"
