"""All checks at once over one build or generation, under one set of settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from metrics_pipeline.conversations.receipts import landed_since
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import BlockedError
from metrics_pipeline.health import checks
from metrics_pipeline.health.counts import read_counts
from metrics_pipeline.health.finding import Finding
from metrics_pipeline.health.kept_findings import keep_findings
from metrics_pipeline.health.observation import Observation, findings
from metrics_pipeline.logs import event
from metrics_pipeline.publishing.audit import Check, audit
from metrics_pipeline.publishing.generation import damaged_files, require_build, resolve_current
from metrics_pipeline.settings import Settings
from metrics_pipeline.wording import counted

OF_METRICS = ("coverage", "undecided", "errors", "evidence", "classes", "agreement")
OF_CONVERSATIONS = ("volume", "freshness", "quarantine")


MOST_SAID = 3
"""Findings that a refusal to publish quotes; the others are counted."""


def refuse_what_blocks(found: Sequence[Finding]) -> None:
    """Keep readers on what was published before where a check that blocks found something.

    Raises:
        BlockedError: One did; its text holds the findings.
    """
    blocking = [one for one in found if one.severity == "block"]
    if not blocking:
        return
    more = f" And {counted(len(blocking) - MOST_SAID, 'finding')} more." if len(blocking) > MOST_SAID else ""
    names = ", ".join(sorted({one.check for one in blocking}))
    raise BlockedError(
        f"Nothing new is published: {' '.join(map(str, blocking[:MOST_SAID]))}{more} What was published before is "
        f'still read. Mend it and run again, or set {names} to "warn" among `checks` in metrics.toml.'
    )


def examine(database: Path, folder: DataFolder, settings: Settings, now: datetime) -> list[Observation]:
    """What the checks that are not off see in the newest complete days.

    Args:
        database: A build, or `metrics.duckdb` of a generation; it is only read.
    """
    counts = read_counts(database, now.astimezone(settings.zone).date(), settings.check_days)
    landed = landed_since(folder, now - timedelta(days=settings.check_days))
    read = sum(receipt.read_count for receipt in landed)
    quarantined = sum(receipt.quarantined_count for receipt in landed)
    newest = [day for day in counts.metric_days if day.day in counts.days]
    each: dict[str, Callable[[float], list[Observation]]] = {
        "coverage": lambda limit: checks.coverage(newest, limit),
        "undecided": lambda limit: checks.undecided(newest, limit),
        "errors": lambda limit: checks.errors(newest, limit),
        "evidence": lambda limit: checks.evidence(newest, limit),
        "classes": lambda chance: checks.classes(counts.labels, counts.days, chance),
        "agreement": lambda chance: checks.agreement(counts.pairs, counts.days, chance),
        "volume": lambda limit: checks.volume(counts.volumes, counts.days, limit),
        "freshness": lambda limit: checks.freshness(counts.newest_at, now, limit),
        "quarantine": lambda limit: checks.quarantine(read, quarantined, settings.check_days, limit),
    }
    wanted = [name for name in each if settings.severity_of(name) != "off"]
    return [seen for name in wanted for seen in each[name](settings.limit_of(name))]


def check_build(folder: DataFolder, settings: Settings, now: datetime) -> list[Finding]:
    """What the checks find in the tables that were built and are not published yet; kept for whoever asks later.

    Raises:
        PublishError: There is no build.
    """
    found = findings(examine(require_build(folder), folder, settings, now), settings.checks)
    keep_findings(folder, now, found)
    for one in found:
        event("found", check=one.check, severity=one.severity, metric=one.metric, day=one.day, message=str(one))
    return found


class Audited(NamedTuple):
    """What an audit of the published generation found."""

    generation: str
    damaged: tuple[str, ...]
    """Files that are not as they were published, a sentence each."""
    file_count: int
    """Files that were compared with their hashes."""
    counts: tuple[Check, ...]
    """Its counts beside those of the data folder as it is now, which may have outgrown them."""
    findings: tuple[Finding, ...]


def audit_published(folder: DataFolder, settings: Settings, now: datetime) -> Audited:
    """Compare the published generation with its manifest and with the data folder, and check its newest days.

    Raises:
        PublishError: Nothing is published, or its database cannot be read.
    """
    generation = resolve_current(folder)
    damaged = tuple(damaged_files(generation))
    file_count = sum(1 for _ in generation.glob("[!.]*"))
    if damaged:
        return Audited(generation.name, damaged, file_count, (), ())
    database = generation / "metrics.duckdb"
    found = findings(examine(database, folder, settings, now), settings.checks)
    return Audited(generation.name, (), file_count, tuple(audit(folder, database)), tuple(found))
