"""Which processes are alive: a request without an outcome is in flight while the one that sent it is.

Each process that sends holds a lock on a file of its own. The lock ends with the process, however that ends, and
nothing has to be cleaned up for another to see it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from uuid import uuid4

from metrics_pipeline.evaluation.bookkeeping.connection import Connection
from metrics_pipeline.files import is_locked

NOBODY = 0
"""The number of a process that works on a copy of its own, and takes nothing from others."""
BATCHED = -1
"""In place of a process's number, of a request that is at a provider in a batch: no process need live for it."""


def processes_folder(ledger: Path) -> Path:
    """Where those that send requests into the ledger at that path hold their locks."""
    return ledger.with_name(f".{ledger.name}.processes")


class Processes:
    """Those that have sent requests into one ledger, and this one among them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._folder = processes_folder(connection.path)
        self._own: tuple[int, Path, int] | None = None
        self._ended: set[int] = set()

    @property
    def own_id(self) -> int:
        """This process's number; taken, with its lock, when it first sends something."""
        if self._own is None:
            if not self._connection.is_shared:
                return NOBODY
            with self._connection.explained():
                path, handle = self._made()
                fcntl.flock(handle, fcntl.LOCK_EX)
            # Locked before anybody can read of it.
            with self._connection.transaction() as db:
                number = int(db.execute("insert into processes (name) values (?)", (path.name,)).lastrowid or 0)
            self._own = (number, path, handle)
        return self._own[0]

    def _made(self) -> tuple[Path, int]:
        path = self._folder / uuid4().hex
        while True:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            # The last process to end takes the folder away, perhaps just now.
            with contextlib.suppress(FileNotFoundError):
                return path, os.open(path, os.O_CREAT | os.O_RDWR, 0o600)

    def is_alive(self, number: int | None) -> bool:
        """Whether another process of that number still runs; not asked of this one."""
        if number is None or number in self._ended or not self._connection.is_shared:
            return False
        if number == BATCHED:
            return True
        if self._own is not None and number == self._own[0]:
            return False
        row = self._connection.db.execute("select name from processes where process_id = ?", (number,)).fetchone()
        if row is not None and _lives(self._folder / row[0]):
            return True
        self._ended.add(number)
        return False

    def close(self) -> None:
        """Let go: what this process has in flight is in flight no more."""
        if self._own is not None:
            _, path, handle = self._own
            path.unlink(missing_ok=True)
            os.close(handle)
            self._own = None
            with contextlib.suppress(OSError):
                self._folder.rmdir()


def _lives(path: Path) -> bool:
    if is_locked(path):
        return True
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    return False
