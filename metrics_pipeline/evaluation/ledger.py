"""Every request made to a judge and every reply to it: what is in here is never paid for again.

Order of work: a request's intent is committed before the call, its reply before anyone parses it. A request without
an outcome was in flight when its process ended: it may have been paid, and its row says so. Commits are full
(`synchronous=FULL`): what was committed survives a power cut.

Verdicts are a pure function of what stands here and of the definitions, whose full text stands here as well. Texts of
conversations do not: a request is known by its hashes.
"""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import fmean, median
from threading import RLock
from typing import Any, NamedTuple

import msgspec

from metrics_pipeline.errors import LedgerError
from metrics_pipeline.evaluation.judge import JudgeKind, JudgeReply
from metrics_pipeline.evaluation.ledger_file import connected, connected_to_read, unfinished

SCHEMA_VERSION = 3
READABLE_VERSIONS = (1, 2, SCHEMA_VERSION)
VERDICT_ASKING = "0"
CORRECTION_ASKING = "1"
REVIEW_ASKING = "2"
"""What a model thinks of a definition; its cells stand beside no conversation."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# SQLite takes 32,766 values in one statement since 3.32; older builds take 999.
CHUNK = 900

_SCHEMA = """
create table requests (
    request_id integer primary key,
    judged_hash text not null,
    judge_fingerprint text not null,
    asking text not null,
    metrics text not null,
    attempt integer not null,
    sent_at integer not null,
    outcome text,
    redaction text not null default '',
    conversation text not null default ''
);
create table replies (
    reply_id integer primary key,
    request_id integer not null,
    recorded_at integer not null,
    body blob not null
);
create table cells (cell blob primary key, reply_id integer not null, is_final integer not null) without rowid;
create table judges (judge_fingerprint text primary key, kind text not null, name text not null, settings text not null)
    without rowid;
create table metric_versions (
    metric text not null, metric_version text not null, definition text not null, first_seen_at integer not null,
    primary key (metric, metric_version)
) without rowid;
create table metric_days (
    metric text not null, day text not null, metric_version text not null, judge_fingerprint text not null,
    turn integer not null, completed text,
    primary key (metric, day, metric_version, judge_fingerprint)
) without rowid;
create table secrets (name text primary key, value blob not null) without rowid;
"""

_ADDED_SINCE = {1: ("redaction", "conversation"), 2: ("conversation",)}
"""Columns of `requests` that a ledger of that version lacks."""


class Cell(NamedTuple):
    """What is asked: these turns, this version of a metric, this judge, for this purpose."""

    judged_hash: str
    metric: str
    metric_version: str
    judge_fingerprint: str
    asking: str = VERDICT_ASKING

    @property
    def key(self) -> bytes:
        return hashlib.blake2b("\x00".join(self).encode(), digest_size=16).digest()


class Intent(NamedTuple):
    """A request that is about to be sent."""

    cells: tuple[Cell, ...]
    """Of one conversation, one judge and one asking."""
    attempt: int
    redaction: str = ""
    """The version of the rules under which what is personal was taken out of what is asked about."""
    conversation: str = ""
    """The mark of the conversation's id: it finds what was asked about words that are no longer here as they were."""


class Outcome(NamedTuple):
    """How a request ended: with a reply, or with the kind of failure."""

    request_id: int
    cells: tuple[Cell, ...]
    reply: JudgeReply | None
    failure: str | None = None
    gives_up: bool = False
    """No further try in this run: its cells become `provider_error`, and the next run asks again."""


class Recorded(NamedTuple):
    """A reply as the ledger holds it; or, where every try failed, the kind of the last failure."""

    reply_id: int
    recorded_at: datetime
    reply: JudgeReply | None
    failure: str | None


class MetricDay(NamedTuple):
    """A version and judge that was put to work on one day of one metric."""

    metric: str
    day: date
    metric_version: str
    judge_fingerprint: str
    turn: int
    """Grows with each decision to judge the day: of two, the greater is the newer."""
    completed: str | None
    """Fingerprint of the day's conversations when every one of them had its verdict; None: never so far."""


class SeenCalls(NamedTuple):
    """What calls to a judge took."""

    seconds: float
    """At the median: the first calls of a process also wait for its client to load."""
    reply_tokens_a_metric: float | None
    """On average; None where it does not say how many tokens it took."""
    corrections_a_question: float
    """How many first questions were asked once more because their answer did not hold, 0 to 1."""


class JudgeRecord(NamedTuple):
    """A judge as it was when it judged."""

    kind: JudgeKind
    name: str
    settings: Mapping[str, Any]


DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class Ledger:
    """One SQLite file. Safe to use from several threads of one process, and beside other processes."""

    def __init__(self, path: Path) -> None:
        """Open the ledger at `path`, and make it if it is not there.

        Raises:
            LedgerError: It is not a ledger, was made by another version, or cannot be written.
        """
        self._path, self._lock, self._is_read_only = path, RLock(), False
        with self._explained():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=60, check_same_thread=False, isolation_level=None)
            # Replies quote transcripts: the owner reads them, nobody else.
            path.chmod(0o600)
            self._db.execute("pragma journal_mode = wal")
            self._db.execute("pragma synchronous = full")
            self._prepare()

    @classmethod
    def at_rest(cls, path: Path) -> Ledger:
        """The ledger at `path`, to be read and left as it is: no file is made beside it, and nothing can be written.

        Raises:
            LedgerError: It is not a ledger, or not at rest: a process has it open, or was killed while it had.
        """
        ledger = cls._to_read(path)
        with ledger._explained():
            if unfinished(path).exists():
                raise LedgerError(f"{path}: is being written, or a run was killed. Look again after the next run.")
            ledger._db = connected(path, "immutable=1")
            ledger._require_version(ledger._db.execute("pragma user_version").fetchone()[0])
        return ledger

    @classmethod
    def to_read(cls, path: Path) -> Ledger:
        """The ledger at `path` for reading alone, beside a run that writes or in a folder that cannot be written.

        Where there is none, an empty one that is kept nowhere.

        Raises:
            LedgerError: It is not a ledger, was made by another version, or cannot be read.
        """
        ledger = cls._to_read(path)
        with ledger._explained():
            if not path.exists() or not path.stat().st_size:
                return cls._kept_nowhere(path)
            ledger._db = connected_to_read(path)
            ledger._require_version(ledger._db.execute("pragma user_version").fetchone()[0], READABLE_VERSIONS)
        return ledger

    @classmethod
    def scratch_copy(cls, path: Path) -> Ledger:
        """What the ledger at `path` holds, and room for more that ends with this object: SQLite's own temporary file.

        Raises:
            LedgerError: It is not a ledger, was made by another version, or cannot be read.
        """
        ledger = cls._kept_nowhere(path)
        with cls.to_read(path) as source, ledger._explained():
            source._db.backup(ledger._db)
            ledger._prepare()
        return ledger

    @classmethod
    def _to_read(cls, path: Path) -> Ledger:
        ledger = cls.__new__(cls)
        ledger._path, ledger._lock, ledger._is_read_only = path, RLock(), True
        return ledger

    @classmethod
    def _kept_nowhere(cls, path: Path) -> Ledger:
        ledger = cls._to_read(path)
        ledger._db = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        ledger._prepare()
        return ledger

    @property
    def is_kept(self) -> bool:
        """Whether what is recorded here outlives this object."""
        return not self._is_read_only

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def apply(self, entries: Sequence[Intent | Outcome], now: datetime) -> list[int]:
        """Record many intents and outcomes in one commit.

        Returns:
            For each entry the id of its request (an intent) or of its reply (an outcome; 0 where none is kept).
        """
        moment = _microseconds(now)
        with self._transaction() as db:
            return [
                self._intend(db, entry, moment) if isinstance(entry, Intent) else self._settle(db, entry, moment)
                for entry in entries
            ]

    def find(self, cells: Iterable[Cell]) -> dict[bytes, tuple[int, bool]]:
        """(reply_id, is_final) of each cell that has been asked, by the cell's key."""
        keys = [cell.key for cell in cells]
        found: dict[bytes, tuple[int, bool]] = {}
        with self._explained(), self._lock:
            for chunk in _chunks(keys):
                statement = f"select cell, reply_id, is_final from cells where cell in ({_marks(chunk)})"
                rows = self._db.execute(statement, chunk)
                found.update((cell, (reply_id, bool(is_final))) for cell, reply_id, is_final in rows)
        return found

    def replies(self, reply_ids: Iterable[int]) -> dict[int, Recorded]:
        """The recorded replies, by id."""
        found: dict[int, Recorded] = {}
        with self._explained(), self._lock:
            for chunk in _chunks(sorted(set(reply_ids))):
                statement = f"select reply_id, recorded_at, body from replies where reply_id in ({_marks(chunk)})"
                for reply_id, recorded_at, body in self._db.execute(statement, chunk):
                    reply, failure = _unpacked(body)
                    found[reply_id] = Recorded(reply_id, _moment(recorded_at), reply, failure)
        return found

    def secret(self, name: str, make: bytes) -> bytes:
        """The project's secret of that name; `make` becomes it where there is none yet."""
        with self._transaction() as db:
            db.execute("insert or ignore into secrets values (?, ?)", (name, make))
            row = db.execute("select value from secrets where name = ?", (name,)).fetchone()
        return bytes(row[0])

    def remember_judge(self, fingerprint: str, kind: str, name: str, settings: Mapping[str, Any]) -> None:
        """Keep what a judge's fingerprint stands for."""
        text = msgspec.json.encode(settings, order="sorted").decode()
        with self._transaction() as db:
            db.execute("insert or ignore into judges values (?, ?, ?, ?)", (fingerprint, kind, name, text))

    def judges(self) -> dict[str, JudgeRecord]:
        """Every judge ever put to work, by fingerprint."""
        rows = self._rows("select judge_fingerprint, kind, name, settings from judges")
        return {row[0]: JudgeRecord(row[1], row[2], msgspec.json.decode(row[3])) for row in rows}

    def remember_versions(self, versions: Iterable[tuple[str, str, str]], now: datetime) -> None:
        """Keep the text of each (metric, version, text of the file) that was not yet known."""
        rows = [(*version, _microseconds(now)) for version in versions]
        with self._transaction() as db:
            db.executemany("insert or ignore into metric_versions values (?, ?, ?, ?)", rows)

    def versions(self) -> dict[tuple[str, str], tuple[str, datetime]]:
        """(text of the file, first seen) of each version ever used, by (metric, version)."""
        rows = self._rows("select metric, metric_version, definition, first_seen_at from metric_versions")
        return {(row[0], row[1]): (row[2], _moment(row[3])) for row in rows}

    def start_days(self, days: Iterable[tuple[str, date, str, str]]) -> None:
        """Note the decision to judge each (metric, day, metric_version, judge_fingerprint): the newest for its day."""
        with self._transaction() as db:
            for metric, day, version, judge in days:
                db.execute(
                    """
                    insert into metric_days values (?1, ?2, ?3, ?4,
                        (select coalesce(max(turn), 0) + 1 from metric_days where metric = ?1 and day = ?2), null)
                    on conflict do update set turn = excluded.turn
                    where turn < excluded.turn - 1
                    """,
                    (metric, day.isoformat(), version, judge),
                )

    def complete_days(self, days: Iterable[tuple[str, date, str, str, str]]) -> None:
        """Note that (metric, day, metric_version, judge_fingerprint) has judged the day as (fingerprint) stands."""
        with self._transaction() as db:
            db.executemany(
                "update metric_days set completed = ?5 "
                "where metric = ?1 and day = ?2 and metric_version = ?3 and judge_fingerprint = ?4",
                [(metric, day.isoformat(), version, judge, mark) for metric, day, version, judge, mark in days],
            )

    def metric_days(self, day: date | None = None) -> list[MetricDay]:
        """Every version and judge ever put to work, on `day` or on any, by metric, day and turn."""
        rows = self._rows(
            "select metric, day, metric_version, judge_fingerprint, turn, completed from metric_days "
            "where ?1 is null or day = ?1 order by metric, day, turn",
            (day and day.isoformat(),),
        )
        return [MetricDay(row[0], date.fromisoformat(row[1]), *row[2:]) for row in rows]

    def seen_calls(self, judge: str, limit: int = 200) -> SeenCalls | None:
        """What the newest calls to the judge of that name took; None where there were none."""
        statement = """
            select replies.recorded_at - requests.sent_at, requests.asking, requests.metrics, replies.body
            from requests
            inner join replies using (request_id)
            inner join judges using (judge_fingerprint)
            where judges.name = ? and requests.outcome = 'reply' and requests.asking in (?, ?)
            order by requests.request_id desc limit ?
        """
        seconds, tokens = [], []
        askings: Counter[str] = Counter()
        for took, asking, metrics, body in self._rows(statement, (judge, VERDICT_ASKING, CORRECTION_ASKING, limit)):
            reply, _ = _unpacked(body)
            seconds.append(took / 1_000_000)
            askings[asking] += 1
            if reply is not None and reply.reply_tokens is not None:
                tokens.append(reply.reply_tokens / len(msgspec.json.decode(metrics)))
        if not seconds:
            return None
        corrected = min(askings[CORRECTION_ASKING] / max(askings[VERDICT_ASKING], 1), 1.0)
        return SeenCalls(median(seconds), fmean(tokens) if tokens else None, corrected)

    def spent_since(self, moment: datetime) -> tuple[int, float]:
        """(requests to models, dollars) since `moment`. One that was lost in flight counts as the dearest of them."""
        statement = """
            select requests.outcome is null, replies.body
            from requests
            inner join judges using (judge_fingerprint)
            left join replies using (request_id)
            where
                requests.sent_at >= ? and judges.kind = 'model'
                and coalesce(requests.outcome, '') not in ('not_sent', 'not_connected', 'no_provider', 'no_key')
        """
        costs, lost_count, count = [0.0], 0, 0
        for is_lost, body in self._rows(statement, (_microseconds(moment),)):
            count, lost_count = count + 1, lost_count + is_lost
            reply, _ = _unpacked(body) if body is not None else (None, None)
            costs.append((reply.cost_dollars if reply is not None else None) or 0.0)
        return count, sum(costs) + lost_count * max(costs)

    def asked_about(self, judged_hashes: Collection[str], conversations: Collection[str]) -> Counter[str]:
        """Requests by judged hash: about these words, or about the conversations with these marks in whatever words.

        Requests of which is not recorded whose words they were about are among them: who made the ledger before that
        was recorded cannot say whether they are about these.
        """
        found: Counter[str] = Counter()
        with self._explained(), self._lock:
            asked = "select judged_hash, conversation from requests where asking != ?"
            rows = self._db.execute(asked, (REVIEW_ASKING,))
            for judged_hash, conversation in rows:
                if judged_hash in judged_hashes or conversation in conversations or not conversation:
                    found[judged_hash] += 1
        return found

    def forget(self, judged_hashes: Collection[str]) -> None:
        """Delete every request about these words, every reply to one, and the keys that led there.

        Their bytes may still stand in the file: `compact` takes them out.
        """
        about = "(select request_id from requests where judged_hash in (select judged_hash from temp.forgotten))"
        with self._transaction() as db:
            db.execute("create temp table forgotten (judged_hash text primary key) without rowid")
            db.executemany("insert into temp.forgotten values (?)", [(one,) for one in judged_hashes])
            db.execute(
                f"delete from cells where reply_id in (select reply_id from replies where request_id in {about})"
            )
            db.execute(f"delete from replies where request_id in {about}")
            db.execute("delete from requests where judged_hash in (select judged_hash from temp.forgotten)")
            db.execute("drop table temp.forgotten")

    def compact(self) -> None:
        """Write the file anew without a byte of what was deleted, and empty the log beside it.

        Raises:
            LedgerError: Another process reads it, so that the log cannot be emptied.
        """
        with self._explained(), self._lock:
            # Deleted rows leave their bytes in pages that are still in use, also where deleting overwrites: only what
            # is written anew holds none of them.
            self._db.execute("vacuum")
            is_busy, _, _ = self._db.execute("pragma wal_checkpoint(truncate)").fetchone()
        if is_busy:
            raise LedgerError(f"{self._path}: is being read by another process. Wait for it to end and run again.")

    def request_counts(self) -> dict[str, int]:
        """Requests by outcome; `in flight or lost` for those that have none."""
        rows = self._rows("select coalesce(outcome, 'in flight or lost'), count(*) from requests group by 1 order by 1")
        return dict(rows)

    def _intend(self, db: sqlite3.Connection, intent: Intent, moment: int) -> int:
        first = intent.cells[0]
        metrics = msgspec.json.encode([(cell.metric, cell.metric_version) for cell in intent.cells]).decode()
        cursor = db.execute(
            "insert into requests (judged_hash, judge_fingerprint, asking, metrics, attempt, sent_at, "
            "redaction, conversation) values (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                first.judged_hash,
                first.judge_fingerprint,
                first.asking,
                metrics,
                intent.attempt,
                moment,
                intent.redaction,
                intent.conversation,
            ),
        )
        return int(cursor.lastrowid or 0)

    def _settle(self, db: sqlite3.Connection, outcome: Outcome, moment: int) -> int:
        done = "reply" if outcome.reply is not None else outcome.failure
        db.execute("update requests set outcome = ? where request_id = ?", (done, outcome.request_id))
        if outcome.reply is None and not outcome.gives_up:
            return 0
        body = _packed(outcome.reply, outcome.failure)
        cursor = db.execute(
            "insert into replies (request_id, recorded_at, body) values (?, ?, ?)", (outcome.request_id, moment, body)
        )
        reply_id = int(cursor.lastrowid or 0)
        # A failure never takes the place of a reply that another process has recorded meanwhile.
        db.executemany(
            "insert into cells values (?1, ?2, ?3) on conflict do update set reply_id = ?2, is_final = ?3 "
            "where is_final = 0",
            [(cell.key, reply_id, outcome.reply is not None) for cell in outcome.cells],
        )
        return reply_id

    def _rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._explained(), self._lock:
            return self._db.execute(statement, values).fetchall()

    def _prepare(self) -> None:
        with self._transaction() as db:
            version = db.execute("pragma user_version").fetchone()[0]
            if version == 0 and not db.execute("select 1 from sqlite_master").fetchone():
                for statement in _SCHEMA.split(";"):
                    db.execute(statement)
                db.execute(f"pragma user_version = {SCHEMA_VERSION}")
            elif version in _ADDED_SINCE:
                for column in _ADDED_SINCE[version]:
                    db.execute(f"alter table requests add column {column} text not null default ''")
                db.execute(f"pragma user_version = {SCHEMA_VERSION}")
            else:
                self._require_version(version)

    def _require_version(self, version: int, known: tuple[int, ...] = (SCHEMA_VERSION,)) -> None:
        if version not in known:
            raise LedgerError(
                f"{self._path}: is a ledger of version {version}, this pipeline reads {SCHEMA_VERSION}. "
                "Set METRICS_DATA to another folder, or use the pipeline that made it."
            )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._explained(), self._lock:
            self._db.execute("begin immediate")
            try:
                yield self._db
                self._db.execute("commit")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("rollback")
                raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, zlib.error, msgspec.DecodeError, OSError) as error:
            stops = "" if self._is_read_only else " No further request is sent."
            if _is_damage(error):
                raise LedgerError(
                    f"{self._path}: is damaged, or not a ledger ({error}).{stops} Put a good copy in its place, "
                    "without the files -wal and -shm beside it: nothing else holds what was paid."
                ) from error
            if self._is_read_only:
                raise LedgerError(
                    f"{self._path}: cannot be read ({error}). Correct the permissions of the file and of its folder."
                ) from error
            raise LedgerError(
                f"{self._path}: cannot be used ({error}).{stops} Free some space, correct the permissions, or wait "
                "for the process that holds it, and run again: nothing recorded is lost."
            ) from error


def in_force(days: Sequence[MetricDay]) -> MetricDay | None:
    """Of one metric and day: the newest that has judged the whole day, or where none has, the newest there is."""
    return max(days, key=lambda day: (day.completed is not None, day.turn), default=None)


def _is_damage(error: Exception) -> bool:
    if isinstance(error, zlib.error | msgspec.DecodeError):
        return True
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in DAMAGED


def _packed(reply: JudgeReply | None, failure: str | None) -> bytes:
    return zlib.compress(msgspec.json.encode({"reply": reply, "failure": failure}), 6)


class _Body(msgspec.Struct):
    reply: JudgeReply | None
    failure: str | None


def _unpacked(body: bytes) -> tuple[JudgeReply | None, str | None]:
    found = msgspec.json.decode(zlib.decompress(body), type=_Body)
    return found.reply, found.failure


def _marks(values: Sequence[Any]) -> str:
    return ",".join("?" * len(values))


def _chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def _moment(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)
