"""One export file lands: its conversations as shards by day, and a receipt, there whole or not at all.

For each file read = kept + duplicate + waiting + quarantined + erased. What cannot be read is named in `quarantine/` by
file, position and reason; its content is not copied, since it still stands in the landing folder. What is personal is
taken out before anything is written. A file is read once, in batches, so that memory does not grow with it.
"""

from __future__ import annotations

import gc
import shutil
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4
from zoneinfo import ZoneInfo

import msgspec

from metrics_pipeline.conversations.adapters.lenient import Unreadable
from metrics_pipeline.conversations.adapters.registry import convert, convert_exact
from metrics_pipeline.conversations.adapters.shape import not_understood
from metrics_pipeline.conversations.clocks import require_possible_times
from metrics_pipeline.conversations.erased import Gone, KeptOut
from metrics_pipeline.conversations.identity import stamp_of
from metrics_pipeline.conversations.reading import Found, read_export
from metrics_pipeline.conversations.receipts import RECEIPT, Receipt, read_receipt
from metrics_pipeline.conversations.record import InColumns, in_columns
from metrics_pipeline.conversations.redaction.redactor import Redactor
from metrics_pipeline.conversations.shard_writer import ShardWriter
from metrics_pipeline.conversations.shards import Kept, kept
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import LandingError
from metrics_pipeline.files import replacing_folder, write_atomically

MAX_QUARANTINED = 100_000
"""Places of one file that are named; a small file may unpack to a hundred million."""


class Changing(Exception):
    """The file changed while it was read: nothing of it was kept, and the next landing reads it."""


class WouldLose(Exception):
    """Conversations that have landed from the file could not be read any more."""


class _Heaps(NamedTuple):
    """A file's places, each in exactly one heap."""

    kept: set[bytes]
    """By content hash."""
    sources: Counter[str]
    counts: Counter[str]
    quarantined: list[tuple[str, str]]
    redactions: Counter[str]
    not_understood: Counter[str]
    erased: list[str]
    """The id of each conversation that does not land because it was erased, or is too old."""

    def spoil(self) -> None:
        """Empty all heaps but that of what was erased; the place that spoils them has been read."""
        for heap in (self.kept, self.sources, self.counts, self.quarantined, self.redactions, self.not_understood):
            heap.clear()
        self.counts["read"] = 1 + len(self.erased)


def land_file(
    path: Path,
    name: str,
    file_hash: str,
    folder: DataFolder,
    zone: ZoneInfo,
    redactor: Redactor,
    now: datetime,
    kept_out: KeptOut,
    keeping: Collection[str] = (),
    stamp: tuple[int, ...] | None = None,
) -> Receipt:
    """Land an export file; what had landed of it before is replaced.

    Args:
        name: Its path below the landing folder.
        keeping: Ids without which it does not land.
        stamp: Of the file before its hash was taken.

    Raises:
        Changing: The stamp is another one by now; nothing has changed here.
        WouldLose: One of `keeping` is not in it any more; nothing has changed.
        DataFolderError: The data folder cannot be written.
    """
    began = time.monotonic()
    heaps = _Heaps(set(), Counter(), Counter(), [], Counter(), Counter(), [])
    missing = set(keeping)
    before = read_receipt(folder.landed / file_hash / RECEIPT)
    target = folder.landed / file_hash
    aside = target.with_name(f".{target.name}.{uuid4().hex}.tmp")
    with replacing_folder(target) as beside, _collector_at_rest():
        shards = ShardWriter(beside)
        for found in _sorted(
            read_export(path, partial(convert_exact, zone=zone)), heaps, zone, redactor, now, kept_out
        ):
            if found is None:
                shards.discard()
                missing = set(keeping)
                continue
            shards.add(*found)
            missing.discard(found[0].found.head.conversation_id)
        # Else its hash would stand for a content that it never had.
        if stamp is not None and stamp_of(path) != stamp:
            raise Changing
        if missing:
            raise WouldLose
        days = shards.finish()
        quarantined = [(place, redactor.text(reason)) for place, reason in heaps.quarantined]
        receipt = _receipt(
            file_hash,
            redactor.text(name),
            path.lstat().st_size,
            heaps,
            quarantined,
            days,
            before.seconds if before else round(time.monotonic() - began, 3),
            redactor.version,
        )
        _require_accounted(receipt)
        (beside / RECEIPT).write_bytes(msgspec.json.encode(receipt))
        # Named before it has landed; but a place that was named and is kept now only when it has landed.
        was_named = _quarantine(receipt, folder).exists()
        if not was_named:
            _write_quarantine(receipt, quarantined, folder)
        # A kill between here and the end leaves neither; the export file, which was just read, then lands anew.
        if target.exists():
            target.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)
    if was_named:
        _write_quarantine(receipt, quarantined, folder)
    return receipt


def _receipt(
    file_hash: str,
    name: str,
    size: int,
    heaps: _Heaps,
    quarantined: Sequence[tuple[str, str]],
    days: Iterable[date],
    seconds: float,
    redaction: str,
) -> Receipt:
    return Receipt(
        file_hash=file_hash,
        file=Gone(heaps.erased).cleaned(name),
        source=",".join(sorted(heaps.sources)),
        bytes=size,
        read_count=heaps.counts["read"],
        kept_count=len(heaps.kept),
        duplicate_count=heaps.counts["duplicate"],
        waiting_count=heaps.counts["waiting"],
        quarantined_count=len(quarantined),
        erased_count=len(heaps.erased),
        reasons=dict(sorted(Counter(reason for _, reason in quarantined).items())),
        days=tuple(day.isoformat() for day in days),
        seconds=seconds,
        redaction=redaction,
        redactions=dict(sorted(heaps.redactions.items())),
        not_understood=dict(sorted(heaps.not_understood.items())),
    )


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """What is read holds no cycles, and to look for them in it would take an eighth of the time."""
    was_at_work = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_at_work:
            gc.enable()


def _quarantine(receipt: Receipt, folder: DataFolder) -> Path:
    return folder.quarantine / f"{receipt.file_hash}.jsonl"


def _require_accounted(receipt: Receipt) -> None:
    accounted = receipt.kept_count + receipt.duplicate_count + receipt.waiting_count
    accounted += receipt.quarantined_count + receipt.erased_count
    if receipt.read_count != accounted:
        raise LandingError(
            f"{receipt.file}: {receipt.read_count} read but {accounted} accounted for. Please report this."
        )


def _write_quarantine(receipt: Receipt, quarantined: list[tuple[str, str]], folder: DataFolder) -> None:
    """Name what could not be read by file, position and reason; where there is nothing, what was named before goes."""
    lines = [
        msgspec.json.encode({"file": receipt.file, "position": position, "reason": reason})
        for position, reason in quarantined
    ]
    path = _quarantine(receipt, folder)
    if lines:
        write_atomically(path, b"\n".join(lines) + b"\n")
    else:
        path.unlink(missing_ok=True)


def _sorted(
    places: Iterator[Found], heaps: _Heaps, zone: ZoneInfo, redactor: Redactor, now: datetime, kept_out: KeptOut
) -> Iterator[tuple[Kept, int] | None]:
    """Put each place into its heap; those that are kept come back, with the size of their export in bytes.

    None comes where all that came before it may have been altered, and must not be kept.
    """
    for place in places:
        heaps.counts["read"] += 1
        if len(heaps.quarantined) >= MAX_QUARANTINED:
            reason = f"more than {MAX_QUARANTINED:,} places of this file cannot be read: nothing from here on was read"
            heaps.quarantined.append((place.position, reason))
            break
        if place.raw is None:
            if place.spoils:
                heaps.spoil()
                yield None
            heaps.quarantined.append((place.position, place.reason))
            continue
        try:
            source, found = _converted(place.raw, place.exact, zone)
            if found and kept_out.holds(found.head.conversation_id, found.head.conversation_date):
                heaps.sources[source] += 1
                heaps.erased.append(found.head.conversation_id)
                continue
            if found is not None:
                require_possible_times(found, now)
                # Before it is hashed: a hash of a card number is easily turned back into it.
                found, redactions = redactor.redact_columns(found)
                # A lone surrogate decodes, and then fits into no file.
                one = kept(found)
        except Unreadable as error:
            heaps.quarantined.append((place.position, str(error)))
            continue
        except RecursionError:
            heaps.quarantined.append((place.position, "nested too deep"))
            continue
        except UnicodeError:
            heaps.quarantined.append((place.position, "text that is not valid Unicode"))
            continue
        heaps.sources[source] += 1
        if found is None:
            heaps.counts["waiting"] += 1
        elif (key := bytes.fromhex(one.content_hash)) in heaps.kept:
            heaps.counts["duplicate"] += 1
        else:
            heaps.kept.add(key)
            if redactions:
                heaps.redactions.update(redactions)
            if strange := not_understood(found.head):
                heaps.not_understood.update(strange)
            yield one, len(memoryview(place.raw))


def _converted(raw: bytes | msgspec.Raw, exact: InColumns | None, zone: ZoneInfo) -> tuple[str, InColumns | None]:
    """The name of the adapter that knows a place, and the conversation; None while it is in progress.

    Raises:
        Unreadable: No adapter knows it, or it cannot be read.
    """
    exact = exact or convert_exact(raw, zone)
    if exact is not None:
        return exact.head.source, exact
    adapter, conversation = convert(raw, zone)
    return adapter.name, None if conversation is None else in_columns(conversation)
