"""Export files land: each once, by the hash of its content, as Parquet shards by day.

What is in `landed/` is what everything else is rebuilt from. A file is there whole or not at all. For each file
read = kept + duplicate + waiting + quarantined + erased. What cannot be read is named in `quarantine/` by file,
position and reason; its content is not copied, since it still stands in the landing folder. What is personal is taken
out before anything is written.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4
from zoneinfo import ZoneInfo

import msgspec

from metrics_pipeline.conversations.adapters.lenient import Unreadable
from metrics_pipeline.conversations.adapters.registry import choose
from metrics_pipeline.conversations.adapters.shape import not_understood
from metrics_pipeline.conversations.clocks import require_possible_times
from metrics_pipeline.conversations.erased import Erased, Gone, KeptOut
from metrics_pipeline.conversations.identity import hash_of, stamp_of
from metrics_pipeline.conversations.reading import ARCHIVES, SUFFIXES, Found, is_export, read_export
from metrics_pipeline.conversations.receipts import LANDED_FOLDERS, RECEIPT, Receipt, read_receipt, write_ingest_files
from metrics_pipeline.conversations.redaction.redactor import Redactor
from metrics_pipeline.conversations.shards import Kept, renew, shard_table
from metrics_pipeline.errors import LandingError, SettingsError
from metrics_pipeline.tables import (
    DataFolder,
    explained,
    is_whole,
    replacing_folder,
    write_atomically,
    write_parquet,
)

MAX_QUARANTINED = 100_000
"""Places of one file that are named; a small file may unpack to a hundred million."""


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


class _Sorted(NamedTuple):
    """A file's places, each in exactly one heap."""

    kept: dict[tuple[str, str], Kept]
    sources: Counter[str]
    counts: Counter[str]
    quarantined: list[tuple[str, str]]
    redactions: Counter[str]
    not_understood: Counter[str]
    erased: list[str]
    """The id of each conversation that does not land because it was erased, or is too old."""


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
        DataFolderError: The data folder cannot be written; files that had landed stay landed.
    """
    if not landing.is_dir():
        raise SettingsError(
            f"{landing}: is not a folder. Put export files of your agent's conversations there, or point --landing "
            "at the folder that has them."
        )
    with explained(landing):
        files = sorted(path for path in landing.rglob("*") if not path.name.startswith("."))
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
            receipt, heaps = read_file(path, name, file_hash, zone, redactor, now, kept_out)
            # Else its hash would stand for a content that it never had.
            if stamp_of(path) == stamp:
                _write_file(receipt, heaps, folder)
                new_receipts.append(receipt)
            else:
                changing.append(redactor.text(name))
    renew(folder, redactor)
    write_ingest_files(folder)
    return LandingReport(tuple(new_receipts), skipped_count, ignored, tuple(changing))


def _is_whole(landed: Path, redaction: str) -> bool:
    """Whether all that landed from one file is there, under these rules; what is not lands anew, in its place."""
    receipt = read_receipt(landed / RECEIPT)
    is_current = receipt is not None and receipt.redaction == redaction
    return receipt is not None and is_current and all(is_whole(landed / f"day={day}.parquet") for day in receipt.days)


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


def _write_file(receipt: Receipt, heaps: _Sorted, folder: DataFolder) -> None:
    if heaps.quarantined:
        write_quarantine(receipt, heaps, folder)
    write_landed(receipt, heaps, folder)


def read_file(
    path: Path, name: str, file_hash: str, zone: ZoneInfo, redactor: Redactor, now: datetime, kept_out: KeptOut
) -> tuple[Receipt, _Sorted]:
    """What would become of an export file; nothing is written."""
    began = time.monotonic()
    heaps = _sort(read_export(path), zone, redactor, now, kept_out)
    heaps = heaps._replace(quarantined=[(place, redactor.text(reason)) for place, reason in heaps.quarantined])
    name = Gone(heaps.erased).cleaned(redactor.text(name))
    days = {kept.conversation.conversation_date for kept in heaps.kept.values()}
    receipt = Receipt(
        file_hash=file_hash,
        file=name,
        source=",".join(sorted(heaps.sources)),
        bytes=path.lstat().st_size,
        read_count=heaps.counts["read"],
        kept_count=len(heaps.kept),
        duplicate_count=heaps.counts["duplicate"],
        waiting_count=heaps.counts["waiting"],
        quarantined_count=len(heaps.quarantined),
        erased_count=len(heaps.erased),
        reasons=dict(sorted(Counter(reason for _, reason in heaps.quarantined).items())),
        days=tuple(day.isoformat() for day in sorted(days)),
        seconds=round(time.monotonic() - began, 3),
        redaction=redactor.version,
        redactions=dict(sorted(heaps.redactions.items())),
        not_understood=dict(sorted(heaps.not_understood.items())),
    )
    accounted = receipt.kept_count + receipt.duplicate_count + receipt.waiting_count
    accounted += receipt.quarantined_count + receipt.erased_count
    if receipt.read_count != accounted:
        raise LandingError(f"{name}: {receipt.read_count} read but {accounted} accounted for. Please report this.")
    return receipt, heaps


def write_quarantine(receipt: Receipt, heaps: _Sorted, folder: DataFolder) -> None:
    """Name what could not be read by file, position and reason; where there is nothing, what was named before goes."""
    lines = [
        msgspec.json.encode({"file": receipt.file, "position": position, "reason": reason})
        for position, reason in heaps.quarantined
    ]
    path = folder.quarantine / f"{receipt.file_hash}.jsonl"
    if lines:
        write_atomically(path, b"\n".join(lines) + b"\n")
    else:
        path.unlink(missing_ok=True)


def write_landed(receipt: Receipt, heaps: _Sorted, folder: DataFolder) -> None:
    """Write a file's shards, and its receipt; they take the place of what had landed of it before."""
    by_day: dict[date, list[Kept]] = defaultdict(list)
    for kept in heaps.kept.values():
        by_day[kept.conversation.conversation_date].append(kept)
    target = folder.landed / receipt.file_hash
    if (before := read_receipt(target / RECEIPT)) is not None:
        receipt = msgspec.structs.replace(receipt, seconds=before.seconds)
    aside = target.with_name(f".{target.name}.{uuid4().hex}.tmp")
    with replacing_folder(target) as beside:
        for day, held in by_day.items():
            write_parquet(shard_table(held), beside / f"day={day.isoformat()}.parquet")
        (beside / RECEIPT).write_bytes(msgspec.json.encode(receipt))
        # A kill between here and the end leaves neither; the export file, which was just read, then lands anew.
        if target.exists():
            target.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def _sort(places: Iterator[Found], zone: ZoneInfo, redactor: Redactor, now: datetime, kept_out: KeptOut) -> _Sorted:
    heaps = _Sorted({}, Counter(), Counter(), [], Counter(), Counter(), [])
    for place in places:
        heaps.counts["read"] += 1
        if len(heaps.quarantined) >= MAX_QUARANTINED:
            reason = f"more than {MAX_QUARANTINED:,} places of this file cannot be read: nothing from here on was read"
            heaps.quarantined.append((place.position, reason))
            break
        if place.raw is None:
            if place.spoils:
                erased = heaps.erased
                heaps = _Sorted({}, Counter(), Counter(read=1 + len(erased)), [], Counter(), Counter(), erased)
            heaps.quarantined.append((place.position, place.reason))
            continue
        try:
            adapter = choose(place.raw)
            conversation = adapter.convert(place.raw, zone)
            if conversation and kept_out.holds(conversation.conversation_id, conversation.conversation_date):
                heaps.sources[adapter.name] += 1
                heaps.erased.append(conversation.conversation_id)
                continue
            if conversation is not None:
                require_possible_times(conversation, now)
                # Before it is hashed: a hash of a card number is easily turned back into it.
                conversation, found = redactor.redact(conversation)
            # A lone surrogate decodes, and then fits into no file.
            content_hash = conversation.content_hash if conversation else ""
        except Unreadable as error:
            heaps.quarantined.append((place.position, str(error)))
            continue
        except RecursionError:
            heaps.quarantined.append((place.position, "nested too deep"))
            continue
        except UnicodeError:
            heaps.quarantined.append((place.position, "text that is not valid Unicode"))
            continue
        heaps.sources[adapter.name] += 1
        if conversation is None:
            heaps.counts["waiting"] += 1
        elif (conversation.conversation_id, content_hash) in heaps.kept:
            heaps.counts["duplicate"] += 1
        else:
            heaps.kept[conversation.conversation_id, content_hash] = Kept(conversation, content_hash)
            heaps.redactions.update(found)
            heaps.not_understood.update(not_understood(conversation))
    return heaps
