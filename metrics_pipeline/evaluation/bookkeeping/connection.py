"""One SQLite file, opened so that what was committed survives a power cut, and errors said in sentences.

At the start a file is checked whole where that is quick (32 MiB in a tenth of a second); of a larger one only its
length and the ends of each table are, and `metrics ledger verify` checks the rest.
"""

from __future__ import annotations

import errno
import sqlite3
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Literal

import msgspec
import pyarrow as pa

from metrics_pipeline.errors import LedgerError
from metrics_pipeline.evaluation.bookkeeping.schema import ADDED_SINCE, prepare, require_version, version_of
from metrics_pipeline.evaluation.ledger_file import connected, connected_to_read, unfinished

CHECKED_WHOLE_BYTES = 32 << 20
PATIENCE_SECONDS = 60.0
CACHE_KIB = 16 << 10
Use = Literal["write", "read", "at_rest", "scratch"]
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
FULL_ERRNO = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
TABLES_WITH_ENDS = ("requests", "asked", "replies", "reply_blocks", "metric_days")


class Connection:
    """The file, and who may use it: several threads of one process, one at a time, and other processes beside it."""

    def __init__(self, path: Path, how: Use = "write") -> None:
        """Open the file at `path`.

        Args:
            how: `write`: to write in it; it is made if it is not there. `read`: beside a run that writes, or where it
                cannot be written; where there is none, an empty one that is kept nowhere. `at_rest`: as it is; nothing
                is made beside it. `scratch`: a copy that ends with this object, to write in.

        Raises:
            LedgerError: It is not a ledger, was made by another version, is damaged, or cannot be used.
        """
        self.path = path
        self._lock = RLock()
        self.is_shared = how == "write"
        """Whether what is written here is seen by other processes."""
        with self.explained():
            {"write": self._open, "read": self._read, "at_rest": self._open_at_rest, "scratch": self._copy}[how]()

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.db = sqlite3.connect(self.path, timeout=PATIENCE_SECONDS, check_same_thread=False, isolation_level=None)
        # Replies quote transcripts: the owner reads them, nobody else.
        self.path.chmod(0o600)
        self._write_ahead()
        self.db.execute("pragma synchronous = full")
        self.db.execute(f"pragma cache_size = -{CACHE_KIB}")
        # What is deleted is overwritten: what a conversation said does not stay in free space.
        self.db.execute("pragma secure_delete = on")
        with self.transaction():
            prepare(self.db, self.path)
        self._check()

    def _write_ahead(self) -> None:
        """Of two that make or open a file at once SQLite lets only one choose this, and does not let the other wait."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                self.db.execute("pragma journal_mode = wal")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
            time.sleep(0.005)

    def _open_at_rest(self) -> None:
        if unfinished(self.path).exists():
            raise LedgerError(f"{self.path}: is being written, or a run was killed. Look again after the next run.")
        self.db = connected(self.path, "immutable=1")
        require_version(version_of(self.db), self.path)

    def _read(self) -> None:
        if not self.path.exists() or not self.path.stat().st_size:
            self._open_nowhere()
            return
        self.db = connected_to_read(self.path)
        if version_of(self.db) in ADDED_SINCE:
            # Brought up to date for this reader alone: its owner's next run does it for good.
            older, self.db = self.db, sqlite3.connect("", check_same_thread=False, isolation_level=None)
            older.backup(self.db)
            older.close()
            with self.transaction():
                prepare(self.db, self.path)
        require_version(version_of(self.db), self.path)

    def _copy(self) -> None:
        self._read()
        source = self.db
        self._open_nowhere()
        if source is not self.db:
            source.backup(self.db)
            source.close()

    def _open_nowhere(self) -> None:
        """In SQLite's own temporary file."""
        self.db = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        with self.transaction():
            prepare(self.db, self.path)

    def close(self) -> None:
        with self._lock:
            self.db.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        with self.explained(), self._lock:
            yield self.db

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        with self.explained(), self._lock:
            self.db.execute("begin immediate")
            try:
                yield self.db
                self.db.execute("commit")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("rollback")
                raise

    def rewrite(self) -> None:
        """Write the file anew without a byte of what was deleted, and empty the log beside it.

        Raises:
            LedgerError: Another process reads it, so that the log cannot be emptied.
        """
        with self.explained(), self._lock:
            # Deleted rows leave their bytes in pages that are still in use, also where deleting overwrites: only what
            # is written anew holds none of them.
            self.db.execute("vacuum")
            is_busy, _, _ = self.db.execute("pragma wal_checkpoint(truncate)").fetchone()
        if is_busy:
            raise LedgerError(f"{self.path}: is being read by another process. Wait for it to end and run again.")

    def problems(self) -> list[str]:
        """What SQLite finds wrong in the whole file; nothing where it is sound."""
        with self.reading() as db:
            said = [row[0] for row in db.execute("pragma quick_check")]
        return [] if said == ["ok"] else said

    def _check(self) -> None:
        if self.path.stat().st_size <= CHECKED_WHOLE_BYTES:
            if problems := self.problems():
                raise sqlite3.DatabaseError(problems[0])
            return
        for table in TABLES_WITH_ENDS:
            for order in ("asc", "desc"):
                self.db.execute(f"select * from {table} order by 1 {order} limit 1").fetchone()

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn SQLite's word, and that of what unpacks replies, into a sentence.

        Raises:
            LedgerError: In place of any of them.
        """
        try:
            yield
        except (sqlite3.Error, pa.ArrowException, zlib.error, msgspec.DecodeError, OSError) as error:
            raise LedgerError(f"{self.path}: {_sentence(error, not self.is_shared)}") from error


def _sentence(error: Exception, is_read_only: bool) -> str:
    stops = "" if is_read_only else " No further request is sent."
    code = getattr(error, "sqlite_errorcode", None)
    if _is_damage(error, code):
        return (
            f"is damaged, or not a ledger ({error}).{stops} Put a good copy in its place, without the files -wal and "
            "-shm beside it, or rebuild it from an export with `metrics ledger import`."
        )
    if is_read_only:
        return f"cannot be read ({error}). Correct the permissions of the file and of its folder."
    if code == sqlite3.SQLITE_FULL or (isinstance(error, OSError) and error.errno in FULL_ERRNO):
        return (
            f"the disk that holds it is full ({error}). No further request is sent; what was recorded is safe, and a "
            "request whose reply could not be recorded stays as one that may have been paid. Free some space and run "
            "again: it goes on where this one stopped."
        )
    return (
        f"cannot be used ({error}). No further request is sent. Free some space, correct the permissions, or wait for "
        "the process that holds it, and run again: nothing recorded is lost."
    )


def _is_damage(error: Exception, code: int | None) -> bool:
    if isinstance(error, sqlite3.Error):
        # Found by the check at the start, which raises no code of its own.
        return (type(error) is sqlite3.DatabaseError and code is None) or (code or 0) & 0xFF in DAMAGED
    # An ArrowException may be an OSError as well: a block that cannot be unpacked.
    return isinstance(error, pa.ArrowException | zlib.error | msgspec.DecodeError) or (
        isinstance(error, OSError) and error.errno is None
    )
