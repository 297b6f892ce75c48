"""How the ledger's file is opened for reading, whatever its folder's permissions."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from metrics_pipeline.errors import LedgerError
from metrics_pipeline.files import can_write


def unfinished(path: Path) -> Path:
    """Where SQLite keeps what is not yet in the file itself; it is there while a process has the ledger open."""
    return path.with_name(f"{path.name}-wal")


def connected(path: Path, how: str) -> sqlite3.Connection:
    """A connection to a file that exists; `how` is what follows the question mark in SQLite's URI."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?{how}", timeout=60, uri=True, check_same_thread=False)


def connected_to_read(path: Path) -> sqlite3.Connection:
    """A connection that leaves nothing behind, and is as safe as the permissions let it be.

    Raises:
        LedgerError: A run was killed while it wrote, and the folder cannot be written to set that right.
    """
    if can_write(path) and can_write(path.parent):
        # With mode=ro SQLite would leave its two files there: only who may write takes them away again.
        database = connected(path, "mode=rw")
        database.execute("pragma query_only = on")
        return database
    if not unfinished(path).exists():
        # Nobody has it open, and mode=ro would have to make a file to see that.
        return connected(path, "immutable=1")
    if not path.with_name(f"{path.name}-shm").exists():
        raise LedgerError(
            f"{path}: a run was killed while it wrote, and what it left can only be read where the folder can be "
            "written. Run `metrics run` there, or read a copy."
        )
    return connected(path, "mode=ro")
