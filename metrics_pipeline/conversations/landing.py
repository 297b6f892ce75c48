"""The export files of a folder land: each once, by the hash of its content.

What is in `landed/` is what everything else is rebuilt from.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from metrics_pipeline.conversations.erased import Erased, KeptOut
from metrics_pipeline.conversations.identity import hash_of, stamp_of
from metrics_pipeline.conversations.landed_file import Changing, land_file
from metrics_pipeline.conversations.reading import ARCHIVES, SUFFIXES, is_export
from metrics_pipeline.conversations.receipts import LANDED_FOLDERS, RECEIPT, Receipt, read_receipt, write_ingest_files
from metrics_pipeline.conversations.redaction.redactor import Redactor
from metrics_pipeline.conversations.shard_files import is_whole_shard
from metrics_pipeline.conversations.shards import renew
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import LandingError, SettingsError
from metrics_pipeline.files import everything_below, write_atomically


class LandingReport(NamedTuple):
    """What one landing did."""

    receipts: tuple[Receipt, ...]
    """Of the files that were new."""
    skipped_count: int
    """Files that had landed before."""
    ignored: tuple[str, ...]
    """Files whose names are not those of exports."""
    changing: tuple[str, ...] = ()
    """Files that changed while they were read: nothing of them was kept, and the next landing reads them."""

    @property
    def file_count(self) -> int:
        return len(self.receipts)

    @property
    def read_count(self) -> int:
        return sum(receipt.read_count for receipt in self.receipts)

    @property
    def kept_count(self) -> int:
        return sum(receipt.kept_count for receipt in self.receipts)

    @property
    def duplicate_count(self) -> int:
        return sum(receipt.duplicate_count for receipt in self.receipts)

    @property
    def waiting_count(self) -> int:
        return sum(receipt.waiting_count for receipt in self.receipts)

    @property
    def quarantined_count(self) -> int:
        return sum(receipt.quarantined_count for receipt in self.receipts)

    @property
    def erased_count(self) -> int:
        return sum(receipt.erased_count for receipt in self.receipts)


def land_folder(
    landing: Path,
    folder: DataFolder,
    zone: ZoneInfo,
    redactor: Redactor | None = None,
    now: datetime | None = None,
    before: date | None = None,
) -> LandingReport:
    """Land every export file below `landing` that has not landed yet, or landed under other rules of redaction.

    Args:
        redactor: Takes out what is personal; one with the settings' defaults when None.
        now: A conversation that begins later has a wrong clock; the machine's time when None.
        before: Conversations of an earlier day do not land; nor do those that were erased.

    Raises:
        LandingError: There is nothing in the folder and nothing landed before.
        SettingsError: There is no such folder, or what landed before was cut into days in another time zone.
        DataFolderError: The data folder cannot be written, or the landing folder not be read; files that had landed
            stay landed.
    """
    if not landing.is_dir():
        raise SettingsError(
            f"{landing}: is not a folder. Put export files of your agent's conversations there, or point --landing "
            "at the folder that has them."
        )
    files = [path for path in everything_below(landing) if not path.name.startswith(".")]
    exports = [path for path in files if is_export(path)]
    ignored = tuple(str(path.relative_to(landing)) for path in files if not is_export(path) and path.is_file())
    if not exports and not any(folder.landed.glob(f"{LANDED_FOLDERS}/{RECEIPT}")):
        raise LandingError(
            f"{landing}: holds no export file ({', '.join((*SUFFIXES, *ARCHIVES))}). Put the exports of your agent's "
            "conversations there, or point --landing at the folder that has them."
        )
    _keep_time_zone(folder, zone)
    redactor, now = redactor or Redactor(), now or datetime.now(UTC)
    kept_out = KeptOut(Erased(folder), before)
    new_receipts, changing = [], []
    skipped_count = 0
    for path in exports:
        stamp = stamp_of(path)
        file_hash = hash_of(path)
        if _is_whole(folder.landed / file_hash, redactor.version):
            skipped_count += 1
        else:
            name = str(path.relative_to(landing))
            try:
                new_receipts.append(
                    land_file(path, name, file_hash, folder, zone, redactor, now, kept_out, stamp=stamp)
                )
            except Changing:
                changing.append(redactor.text(name))
    renew(folder, redactor)
    write_ingest_files(folder)
    return LandingReport(tuple(new_receipts), skipped_count, ignored, tuple(changing))


def _is_whole(landed: Path, redaction: str) -> bool:
    """Whether all that landed from one file is there, under these rules; what is not lands anew, in its place."""
    receipt = read_receipt(landed / RECEIPT)
    is_current = receipt is not None and receipt.redaction == redaction
    return (
        receipt is not None
        and is_current
        and all(is_whole_shard(landed / f"day={day}.parquet") for day in receipt.days)
    )


def _keep_time_zone(folder: DataFolder, zone: ZoneInfo) -> None:
    """Days are cut once, when a file lands: another time zone would cut some of them in another place."""
    marker = folder.landed / "timezone"
    if not marker.exists():
        write_atomically(marker, f"{zone.key}\n".encode())
        return
    found = marker.read_text(encoding="utf-8", errors="replace").strip()
    if not found or not found.isascii():
        raise SettingsError(
            f"{marker}: is damaged. Write the time zone in which the days of this folder were cut into it, such as UTC."
        )
    if found != zone.key:
        raise SettingsError(
            f"{folder.root}: its days are cut in the time zone {found}, and METRICS_TIMEZONE says {zone.key}. Set it "
            f"back to {found}, or METRICS_DATA to a new folder and land everything anew."
        )
