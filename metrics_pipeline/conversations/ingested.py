"""What was taken in so far, and what became of it: by file, and by pull."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from metrics_pipeline.conversations.pull_state import PullRecord, pull_of_files, read_records
from metrics_pipeline.conversations.receipts import Receipt, receipts
from metrics_pipeline.data_folder import DataFolder


class Counts(NamedTuple):
    """What became of the places that were read: read = kept + duplicate + waiting + quarantined + erased."""

    file_count: int
    bytes: int
    read_count: int
    kept_count: int
    duplicate_count: int
    waiting_count: int
    quarantined_count: int
    erased_count: int
    reasons: dict[str, int]
    """Quarantined places by reason, the most frequent first."""
    redactions: dict[str, int]
    """Values that were taken out, by kind."""
    not_understood: dict[str, int]
    """What followed no rule, by what it is, the most frequent first."""
    seconds: float
    """That landing took, the first time."""


class PulledCounts(NamedTuple):
    """A pull, and what became of the pages that it was the first to bring and that have landed."""

    record: PullRecord
    landed: Counts


class Ingested(NamedTuple):
    """Everything that was taken in."""

    files: list[Receipt]
    """By name."""
    pulls: list[PulledCounts]
    """Oldest first."""
    total: Counts


def ingested(folder: DataFolder) -> Ingested:
    """What the receipts and the records of pulls say; nothing is created.

    Raises:
        DataFolderError: One of them is damaged.
    """
    files = sorted(receipts(folder), key=lambda receipt: (receipt.file, receipt.file_hash))
    pulls = pull_of_files(folder)
    by_pull: dict[str, list[Receipt]] = {}
    for receipt in files:
        if receipt.file in pulls:
            by_pull.setdefault(pulls[receipt.file], []).append(receipt)
    records = [PulledCounts(record, count(by_pull.get(record.pull, []))) for record in read_records(folder)]
    return Ingested(files, records, count(files))


def count(files: Sequence[Receipt]) -> Counts:
    """The sums of several files."""
    reasons: Counter[str] = Counter()
    redactions: Counter[str] = Counter()
    not_understood: Counter[str] = Counter()
    for file in files:
        reasons.update(file.reasons)
        redactions.update(file.redactions)
        not_understood.update(file.not_understood)
    return Counts(
        len(files),
        sum(file.bytes for file in files),
        sum(file.read_count for file in files),
        sum(file.kept_count for file in files),
        sum(file.duplicate_count for file in files),
        sum(file.waiting_count for file in files),
        sum(file.quarantined_count for file in files),
        sum(file.erased_count for file in files),
        dict(reasons.most_common()),
        dict(sorted(redactions.items())),
        dict(not_understood.most_common()),
        round(sum(file.seconds for file in files), 3),
    )
