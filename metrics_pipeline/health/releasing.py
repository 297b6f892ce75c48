"""The tables are built and published without judging anything, or only rehearsed."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import duckdb
import msgspec

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.health.examining import check_build, refuse_what_blocks
from metrics_pipeline.health.finding import Finding
from metrics_pipeline.publishing.audit import Check, audit, refuse_findings
from metrics_pipeline.publishing.generation import TABLES, Publication, publish
from metrics_pipeline.publishing.warehouse import Build, build_marts
from metrics_pipeline.settings import Settings


class Rehearsal(NamedTuple):
    """What a build holds that nobody reads yet."""

    build: Build
    checks: tuple[Check, ...]
    """Its counts beside those of the files it was built from."""
    findings: tuple[Finding, ...]
    rows: dict[str, tuple[int | None, int]]
    """Rows by table: of what is published, None where there is none, and of the build."""

    def refuse(self) -> None:
        """
        Raises:
            AuditError, BlockedError: It may not be published.
        """
        refuse_findings(self.checks)
        refuse_what_blocks(self.findings)


def rehearse(settings: Settings, folder: DataFolder, now: datetime) -> Rehearsal:
    """Build all tables, test and check them, and publish nothing; who calls it holds the lock on the warehouse.

    Raises:
        AuditError: A test of dbt found rows, which its text names.
        PublishError: A table cannot be built.
    """
    build = build_marts(folder)
    checks, found = audit(folder, build.database), check_build(folder, settings, now)
    before = _published_rows(folder)
    with duckdb.connect(str(build.database), read_only=True) as database:
        rows = {table: (before.get(table), database.table(table).count("*").fetchall()[0][0]) for table in TABLES}
    return Rehearsal(build, tuple(checks), tuple(found), rows)


def publish_rehearsed(settings: Settings, folder: DataFolder, rehearsal: Rehearsal, now: datetime) -> Publication:
    """Make that build what everybody reads.

    Raises:
        AuditError, BlockedError: It may not be. What was published before is still read.
    """
    rehearsal.refuse()
    return publish(folder, now, settings.keep_generations, settings.keep_generation_days)


def _published_rows(folder: DataFolder) -> dict[str, int]:
    manifest = folder.published / "current" / "manifest.json"
    try:
        rows: dict[str, int] = msgspec.json.decode(manifest.read_bytes())["rows"]
    except (OSError, KeyError, msgspec.DecodeError):
        return {}
    return rows
