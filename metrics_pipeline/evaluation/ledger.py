"""Every request made to a judge and every reply to it: what is in here is never paid for again.

Order of work: a request's intent is committed before the call, its reply before anyone parses it. A request without
an outcome is in flight while the process that sent it lives, and no other asks the same meanwhile; after that it may
have been paid, and its row says so. Commits are full (`synchronous=FULL`): what was committed survives a power cut.

Verdicts are a pure function of what stands here and of the definitions, whose full text stands here as well. Texts of
conversations do not: a request is known by its hashes. How it is kept is in `bookkeeping/`, a concept a module.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec

from metrics_pipeline.evaluation.bookkeeping import replies, requests, spending, statistics, upkeep
from metrics_pipeline.evaluation.bookkeeping.batches import Batches
from metrics_pipeline.evaluation.bookkeeping.claims import Processes
from metrics_pipeline.evaluation.bookkeeping.connection import Connection, Use
from metrics_pipeline.evaluation.bookkeeping.marks import answer_marks
from metrics_pipeline.evaluation.bookkeeping.names import Names
from metrics_pipeline.evaluation.bookkeeping.records import (
    CORRECTION_ASKING,
    REVIEW_ASKING,
    VERDICT_ASKING,
    Cell,
    Intent,
    JudgeRecord,
    MetricDay,
    Outcome,
    Recorded,
    SeenCalls,
    in_force,
)
from metrics_pipeline.evaluation.bookkeeping.requests import ELSEWHERE, NO_ROOM, Answer, as_moment, microseconds
from metrics_pipeline.evaluation.bookkeeping.schema import SCHEMA_VERSION
from metrics_pipeline.evaluation.bookkeeping.spending import Daily, Spending

__all__ = [
    "CORRECTION_ASKING",
    "ELSEWHERE",
    "NO_ROOM",
    "REVIEW_ASKING",
    "SCHEMA_VERSION",
    "VERDICT_ASKING",
    "Answer",
    "Cell",
    "Intent",
    "JudgeRecord",
    "Ledger",
    "MetricDay",
    "Outcome",
    "Recorded",
    "SeenCalls",
    "Spending",
    "in_force",
]


class Ledger:
    """One SQLite file. Safe to use from several threads of one process, and beside other processes."""

    def __init__(self, path: Path, how: Use = "write") -> None:
        """Open the ledger at `path`, and make it if it is not there.

        Args:
            how: As `Connection` takes it; the ways of opening below say what the others are for.

        Raises:
            LedgerError: It is not a ledger, was made by another version, is damaged, or cannot be written.
        """
        self.connection = Connection(path, how)
        self.names = Names(self.connection.db)
        self._processes = Processes(self.connection)
        self.batches = Batches(self.connection, self.names, self._processes)

    @classmethod
    def at_rest(cls, path: Path) -> Ledger:
        """The ledger at `path`, to be read and left as it is: no file is made beside it, and nothing can be written.

        Raises:
            LedgerError: It is not a ledger, or not at rest: a process has it open, or was killed while it had.
        """
        return cls(path, "at_rest")

    @classmethod
    def to_read(cls, path: Path) -> Ledger:
        """The ledger at `path` for reading alone, beside a run that writes or in a folder that cannot be written.

        Where there is none, an empty one that is kept nowhere.

        Raises:
            LedgerError: It is not a ledger, was made by another version, or cannot be read.
        """
        return cls(path, "read")

    @classmethod
    def scratch_copy(cls, path: Path) -> Ledger:
        """What the ledger at `path` holds, and room for more that ends with this object: SQLite's own temporary file.

        Raises:
            LedgerError: It is not a ledger, was made by another version, or cannot be read.
        """
        return cls(path, "scratch")

    @property
    def is_kept(self) -> bool:
        """Whether what is recorded here outlives this object."""
        return self.connection.is_shared

    def close(self) -> None:
        self._processes.close()
        self.connection.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def apply(self, entries: Sequence[Intent | Outcome], now: datetime, today: Spending | None = None) -> list[int]:
        """Record many intents and outcomes in one commit.

        Args:
            today: What the day's budget leaves room for, whoever spends it.

        Returns:
            For each entry the id of its request (an intent; ELSEWHERE or NO_ROOM where it must not be sent) or of its
            reply (an outcome; 0 where none is kept).
        """
        moment = microseconds(now)
        intents = [entry for entry in entries if isinstance(entry, Intent)]
        outcomes = [entry for entry in entries if isinstance(entry, Outcome)]
        own = self._processes.own_id if intents else 0
        try:
            with self.connection.transaction() as db:
                # What has just ended counts before it is decided what may be sent.
                replied = iter(requests.settle(db, self.names, outcomes, moment))
                sent = iter(requests.intend(db, self.names, intents, moment, own, self._processes.is_alive, today))
        except BaseException:
            self.names.forget()
            raise
        return [next(sent) if isinstance(entry, Intent) else next(replied) for entry in entries]

    def find(self, cells: Iterable[Cell]) -> dict[Cell, Answer]:
        """The answer of each cell that has been asked."""
        with self.connection.reading() as db:
            return requests.find(db, self.names, cells)

    def in_flight_elsewhere(self, cells: Iterable[Cell]) -> set[Cell]:
        """Those of the cells that another process is asking at this moment."""
        with self.connection.reading() as db:
            return requests.in_flight(db, self.names, cells, self._processes.is_alive)

    def replies(self, reply_ids: Iterable[int]) -> dict[int, Recorded]:
        """The recorded replies, by id."""
        with self.connection.reading() as db:
            return requests.recorded(db, self.names, reply_ids)

    def last_reply_id(self) -> int:
        """The greatest id that was ever given to a reply."""
        with self.connection.reading() as db:
            return replies.last_id(db)

    def answer_marks(
        self, hashes: Collection[str], judged: Collection[tuple[str, str, str]]
    ) -> dict[tuple[str, str, str], str]:
        """Of each (metric, version, judge's fingerprint): a fingerprint of which replies count for these words."""
        with self.connection.reading() as db:
            return answer_marks(db, self.names, hashes, judged)

    def asked_about(self, judged_hashes: Collection[str], conversations: Collection[str]) -> Counter[str]:
        """Requests by judged hash: about these words, or about the conversations with these marks in whatever words."""
        with self.connection.reading() as db:
            return upkeep.asked_about(db, judged_hashes, conversations)

    def forget(self, judged_hashes: Iterable[str]) -> int:
        """Delete every request about these words and every reply to one; returns how many requests it was.

        Their bytes may still stand in the file: `compact` takes them out.
        """
        with self.connection.transaction() as db:
            return upkeep.forget(db, judged_hashes)

    def compact(self) -> None:
        """Write the file anew without a byte of what was deleted.

        Raises:
            LedgerError: Another process reads it.
        """
        self.connection.rewrite()

    def secret(self, name: str, make: bytes) -> bytes:
        """The project's secret of that name; `make` becomes it where there is none yet."""
        with self.connection.transaction() as db:
            db.execute("insert or ignore into secrets values (?, ?)", (name, make))
            row = db.execute("select value from secrets where name = ?", (name,)).fetchone()
        return bytes(row[0])

    def remember_judge(self, fingerprint: str, kind: str, name: str, settings: Mapping[str, Any]) -> None:
        """Keep what a judge's fingerprint stands for."""
        text = msgspec.json.encode(settings, order="sorted").decode()
        with self.connection.transaction() as db:
            db.execute("insert or ignore into judges values (?, ?, ?, ?)", (fingerprint, kind, name, text))

    def judges(self) -> dict[str, JudgeRecord]:
        """Every judge ever put to work, by fingerprint."""
        rows = self._rows("select judge_fingerprint, kind, name, settings from judges")
        return {row[0]: JudgeRecord(row[1], row[2], msgspec.json.decode(row[3])) for row in rows}

    def remember_versions(self, versions: Iterable[tuple[str, str, str]], now: datetime) -> None:
        """Keep the text of each (metric, version, text of the file) that was not yet known."""
        rows = [(*version, microseconds(now)) for version in versions]
        with self.connection.transaction() as db:
            db.executemany("insert or ignore into metric_versions values (?, ?, ?, ?)", rows)

    def versions(self) -> dict[tuple[str, str], tuple[str, datetime]]:
        """(text of the file, first seen) of each version ever used, by (metric, version)."""
        rows = self._rows("select metric, metric_version, definition, first_seen_at from metric_versions")
        return {(row[0], row[1]): (row[2], as_moment(row[3])) for row in rows}

    def start_days(self, days: Iterable[tuple[str, date, str, str]]) -> None:
        """Note the decision to judge each (metric, day, metric_version, judge_fingerprint): the newest for its day."""
        with self.connection.transaction() as db:
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
        with self.connection.transaction() as db:
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
        with self.connection.reading() as db:
            return statistics.seen_calls(db, judge, limit)

    def spent_since(self, moment: datetime) -> tuple[int, float]:
        """(requests to models, dollars) since `moment`. One without an outcome counts at its most."""
        with self.connection.reading() as db:
            return spending.spent_since(db, microseconds(moment))

    def spending(self, since: datetime, most_requests: int | None, most_dollars: float | None) -> Spending:
        """What all processes spend from `since` on, of so much at most."""
        own = self._processes.own_id
        daily = Daily(microseconds(since), most_requests, most_dollars)
        return Spending(daily, lambda process: process == own or self._processes.is_alive(process))

    def request_counts(self) -> dict[str, int]:
        """Requests by outcome; `in flight or lost` for those that have none."""
        with self.connection.reading() as db:
            return statistics.request_counts(db)

    def _rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        with self.connection.reading() as db:
            return db.execute(statement, values).fetchall()
