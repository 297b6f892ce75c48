"""What people have been told already, so that they are told once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import DataFolderError
from metrics_pipeline.files import explained, write_atomically

REMEMBERED = 500
"""Things that broke and were told; older ones are forgotten."""


class Told(NamedTuple):
    """What is kept between one message and the next."""

    at: datetime | None = None
    """When the last message was sent."""
    night: date | None = None
    """The day of the last message, in the project's time zone."""
    moves: Mapping[str, str] = {}
    """By metric, the direction of the move that was told and still holds."""
    broken: tuple[str, ...] = ()
    """Keys of what broke and was told."""
    last_run: str = ""
    """The newest run of judging whose cost was told."""
    failure: str | None = None
    """Why the last message did not reach everybody; None where it did."""


def told_path(folder: DataFolder) -> Path:
    return folder.root / "notified.json"


def read_told(folder: DataFolder) -> Told:
    """What was told so far.

    Raises:
        DataFolderError: The file is damaged.
    """
    path = told_path(folder)
    if not path.exists():
        return Told()
    with explained(path):
        content = path.read_bytes()
    try:
        return msgspec.json.decode(content, type=Told)
    except msgspec.DecodeError:
        raise DataFolderError(f"{path}: is damaged. Remove it: what holds now is told once more.") from None


def keep_told(folder: DataFolder, told: Told) -> None:
    kept = told._replace(broken=told.broken[-REMEMBERED:])
    write_atomically(told_path(folder), msgspec.json.encode(kept))
