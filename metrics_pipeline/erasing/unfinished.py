"""An erasing that has begun and is not done: what it needs to go on, for as long as it is not done."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import DataFolderError
from metrics_pipeline.files import explained, write_atomically


class Unfinished(msgspec.Struct, frozen=True):
    """What is being erased."""

    conversation_ids: tuple[str, ...]
    began_at: datetime
    is_forever: bool
    """Whether they stay out whatever lands; else their age keeps them out."""
    raw_files: tuple[str, ...]
    """The export files that they landed from."""


def read_unfinished(folder: DataFolder) -> Unfinished | None:
    """The erasing that was ended before it was done; None where none was.

    Raises:
        DataFolderError: What says so is damaged.
    """
    path = _path(folder)
    if not path.exists():
        return None
    with explained(path):
        content = path.read_bytes()
    try:
        return msgspec.json.decode(content, type=Unfinished)
    except (msgspec.DecodeError, UnicodeError):
        raise DataFolderError(f"{path}: is damaged. Remove it, and erase the same conversations again.") from None


def write_unfinished(folder: DataFolder, erasing: Unfinished) -> None:
    """Note it before anything is removed."""
    write_atomically(_path(folder), msgspec.json.encode(erasing), mode=0o600)


def close_unfinished(folder: DataFolder) -> None:
    """It is done: the ids are kept no longer."""
    with explained(_path(folder)):
        _path(folder).unlink(missing_ok=True)


def _path(folder: DataFolder) -> Path:
    return folder.erased / "unfinished.json"
