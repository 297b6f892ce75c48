"""How far a source has been pulled, and what each pull did: small files, each there whole or not at all."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import DataFolderError
from metrics_pipeline.files import explained, write_atomically


class OpenPull(msgspec.Struct, frozen=True):
    """A window that is being pulled, day by day."""

    first: datetime
    last: datetime
    day_start: datetime
    """Where the day begins that is being pulled; everything before it is done."""
    cursor: str | None = None
    """Of the day's next page."""
    is_proven: bool = True
    """Whether the offsets of the day's pages so far show that none was left out."""
    files: tuple[str, ...] = ()
    """The day's pages so far, by their paths below the landing folder."""
    waiting_since: datetime | None = None
    """When the oldest conversation started that was still in progress."""


class PullState(msgspec.Struct, frozen=True):
    """How far one source has been pulled."""

    end: datetime | None = None
    """Everything that started before was asked for at least once."""
    waiting_since: datetime | None = None
    """When the oldest conversation started that the last pull saw in progress."""
    open: OpenPull | None = None


class PullRecord(msgspec.Struct, frozen=True):
    """What one pull did."""

    pull: str
    """Its name: when it began."""
    source: str
    first: datetime
    last: datetime
    outcome: Literal["running", "complete", "incomplete"]
    """`running` of a pull that is not running any more: it was killed."""
    reason: str
    seconds: float
    request_count: int
    retry_count: int
    page_count: int
    byte_count: int
    received_count: int
    """Conversations in its pages, however often each came."""
    files: tuple[str, ...]
    """Its pages, by their paths below the landing folder; one that an earlier pull brought as well is that one's."""


Kind = TypeVar("Kind", PullState, PullRecord)


def read_state(folder: DataFolder, source: str) -> PullState:
    """How far the source with this fingerprint has been pulled; from the beginning where it never was."""
    path = _state_file(folder, source)
    return _read(path, PullState) if path.exists() else PullState()


def write_state(folder: DataFolder, source: str, state: PullState) -> None:
    write_atomically(_state_file(folder, source), msgspec.json.encode(state))


def read_records(folder: DataFolder) -> list[PullRecord]:
    """What every pull did, oldest first."""
    return [_read(path, PullRecord) for path in sorted(folder.pulls.glob("records/*.json"), key=lambda path: path.stem)]


def pull_of_files(folder: DataFolder) -> dict[str, str]:
    """The pull that brought each page first, by the page's path below the landing folder."""
    pulls: dict[str, str] = {}
    for record in read_records(folder):
        for name in record.files:
            pulls.setdefault(name, record.pull)
    return pulls


def write_record(folder: DataFolder, record: PullRecord) -> None:
    write_atomically(folder.pulls / "records" / f"{record.pull}.json", msgspec.json.encode(record))


def new_name(folder: DataFolder, moment: datetime) -> str:
    """A name for a pull that begins now; names stand in the order in which pulls began."""
    name = f"{moment:%Y%m%dT%H%M%S%f}Z"
    while (folder.pulls / "records" / f"{name}.json").exists():
        name += "+"
    return name


def _state_file(folder: DataFolder, source: str) -> Path:
    return folder.pulls / f"{source}.json"


def _read(path: Path, kind: type[Kind]) -> Kind:
    with explained(path):
        content = path.read_bytes()
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeError):
        raise DataFolderError(
            f"{path}: is damaged. Remove it and pull again with --from: what is already here lands only once."
        ) from None
