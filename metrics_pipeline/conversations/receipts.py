"""What became of each export file: a receipt beside its shards, and the table `ingest_files` of all receipts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import msgspec

from metrics_pipeline.conversations.pull_state import pull_of_files
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import DataFolderError
from metrics_pipeline.files import write_parquet
from metrics_pipeline.tables import INGEST_FILES, to_table

RECEIPT = "receipt.json"
LANDED_FOLDERS = "[!.]*"
"""A name with a dot is half a folder, that a landing which was killed left behind."""
HOW_TO_LAND_ANEW = (
    "Put the export file that it came from back into the landing folder and run again: it lands anew. If that file is "
    "gone, remove the folder {}, and what had landed in it is gone too."
)


class Receipt(msgspec.Struct, frozen=True):
    """What became of one export file."""

    file_hash: str
    file: str
    """Its path below the landing folder."""
    source: str
    """The adapters that read it, by name."""
    bytes: int
    read_count: int
    kept_count: int
    duplicate_count: int
    waiting_count: int
    quarantined_count: int
    reasons: dict[str, int]
    """Quarantined places by reason."""
    days: tuple[str, ...]
    erased_count: int = 0
    """Conversations that were erased, or that landed when they had been."""
    redaction: str = ""
    """The version of the rules under which what is personal was taken out."""
    redactions: dict[str, int] = {}
    """Values that were taken out of what was kept, by kind."""
    not_understood: dict[str, int] = {}
    """What followed no rule in what was kept, by what it is."""
    seconds: float = 0.0
    """That landing it took, the first time: all else here is the same whenever the same file lands."""


def read_receipt(path: Path) -> Receipt | None:
    """None where it is not there, or damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Receipt)
    except (OSError, msgspec.DecodeError, UnicodeError):
        return None


def receipts(folder: DataFolder) -> list[Receipt]:
    """Of every file that ever landed.

    Raises:
        DataFolderError: One is damaged, and the file that it is about is not in the landing folder to land anew.
    """
    found = []
    for path in sorted(folder.landed.glob(f"{LANDED_FOLDERS}/{RECEIPT}")):
        receipt = read_receipt(path)
        if receipt is None:
            raise DataFolderError(f"{path}: is damaged. {HOW_TO_LAND_ANEW.format(path.parent)}")
        found.append(receipt)
    return found


def landed_since(folder: DataFolder, since: datetime) -> list[Receipt]:
    """Of the files that landed since then, as the clock of the file system says; a damaged receipt is passed over."""
    paths = sorted(folder.landed.glob(f"{LANDED_FOLDERS}/{RECEIPT}"))
    found = [read_receipt(path) for path in paths if path.stat().st_mtime >= since.timestamp()]
    return [receipt for receipt in found if receipt is not None]


def write_ingest_files(folder: DataFolder) -> None:
    """Write the table `ingest_files`: one row for each file that ever landed, as its receipt says.

    Always from all receipts: a landing that was killed before it came here is made up for by the next.
    """
    pulls = pull_of_files(folder)
    rows = []
    for receipt in receipts(folder):
        row = msgspec.structs.asdict(receipt)
        row["quarantined_by_reason"] = _as_json(receipt.reasons)
        row["redaction_count"] = sum(receipt.redactions.values())
        row["redactions_by_kind"] = _as_json(receipt.redactions)
        row["not_understood_count"] = sum(receipt.not_understood.values())
        row["not_understood_by_kind"] = _as_json(receipt.not_understood)
        row["pull"] = pulls.get(receipt.file)
        rows.append({name: row[name] for name in INGEST_FILES.names})
    table = to_table("ingest_files", rows)
    write_parquet(table, folder.whole_file("ingest_files"))


def _as_json(counts: Mapping[str, int]) -> str:
    return msgspec.json.encode(counts, order="sorted").decode()
