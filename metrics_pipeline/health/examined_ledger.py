"""The ledger: its version, whether it is sound, and what dead processes left in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import LedgerError
from metrics_pipeline.evaluation.bookkeeping.claims import processes_folder
from metrics_pipeline.evaluation.bookkeeping.schema import ADDED_SINCE, SCHEMA_VERSION, version_of
from metrics_pipeline.evaluation.bookkeeping.statistics import UNSETTLED
from metrics_pipeline.evaluation.ledger import Ledger
from metrics_pipeline.evaluation.ledger_file import connected_to_read
from metrics_pipeline.files import is_locked
from metrics_pipeline.health.examined import Examined
from metrics_pipeline.wording import counted

CHECKED_BYTES = 512 << 20
"""A larger ledger takes minutes to look through: `metrics ledger verify` does it."""


def ledger(folder: DataFolder) -> Iterator[Examined]:
    """Whether it can be used as it is."""
    path = folder.ledger
    if not path.exists() or not path.stat().st_size:
        yield Examined("ledger", "ok", "there is none yet: the first run makes it")
        return
    try:
        database = connected_to_read(path)
        try:
            version = version_of(database)
            sound = [row[0] for row in database.execute("pragma quick_check")] if _is_small(folder) else None
        finally:
            database.close()
    except (sqlite3.Error, LedgerError, OSError) as error:
        yield Examined("ledger", "fail", f"{path} cannot be read ({error})", "Correct its permissions, or see below.")
        return
    if version in ADDED_SINCE:
        said = f"of version {version}, this pipeline writes {SCHEMA_VERSION}"
        yield Examined("ledger", "warn", said, "Copy it; the next run brings it up to date, in one transaction.")
    elif version != SCHEMA_VERSION:
        said = f"of version {version}, this pipeline reads {SCHEMA_VERSION}"
        yield Examined("ledger", "fail", said, "Use the pipeline that made it, or another data folder.")
    if sound is None:
        yield Examined("ledger", "ok", f"{path.stat().st_size / 1e9:,.1f} GB: `metrics ledger verify` looks through it")
    elif sound != ["ok"]:
        to_do = "Put a good copy in its place, or rebuild it with `metrics ledger import`."
        yield Examined("ledger", "fail", f"{path} is damaged ({sound[0]})", to_do)
    else:
        yield Examined("ledger", "ok", f"version {version}, {path.stat().st_size / 1e6:,.1f} MB, sound")


def claims(folder: DataFolder) -> Iterator[Examined]:
    """Processes that ask, those that were killed while they did, and requests of which nobody knows what they cost."""
    processes = processes_folder(folder.ledger)
    files = sorted(processes.iterdir()) if processes.is_dir() else []
    alive = [path for path in files if is_locked(path)]
    try:
        with Ledger.to_read(folder.ledger) as opened:
            unsettled = opened.request_counts().get(UNSETTLED, 0)
    except LedgerError:
        # Said above.
        return
    if alive:
        asking = counted(len(alive), "process", "processes")
        yield Examined("claims", "ok", f"{asking} may ask; in flight or lost: {unsettled:,}")
    elif unsettled:
        said = f"{counted(unsettled, 'request')} lost with a killed process, and possibly paid"
        yield Examined("claims", "ok", f"{said}; what is open of them is asked again")
    else:
        yield Examined("claims", "ok", "no process asks, and no request is without an outcome")
    if dead := len(files) - len(alive):
        said = f"{counted(dead, 'claim')} of a process that was killed"
        yield Examined("claims", "warn", said, "See why it was killed; the next run takes the claim away.")


def _is_small(folder: DataFolder) -> bool:
    return folder.ledger.stat().st_size <= CHECKED_BYTES
