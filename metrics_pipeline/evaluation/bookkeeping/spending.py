"""What requests to models came to since a moment, whichever process sent them; those under way count at their most.

A request holds the most that it may cost from its intent on, in the same transaction, until it is known what it came
to. One that may have been paid, and of which nobody will ever know, goes on holding it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import NamedTuple

from metrics_pipeline.evaluation.bookkeeping.replies import marks
from metrics_pipeline.evaluation.judge import NEVER_SENT, NOT_ANSWERED, NOT_SENT

_FREE = sorted({NOT_SENT, *NEVER_SENT, *NOT_ANSWERED})
_SPENT = f"""
    select count(*), total(coalesce(cost_dollars, held.dollars, most_dollars)),
        count(*) filter (where outcome_id is null and coalesce(held.dollars, most_dollars, 0) = 0),
        coalesce(max(cost_dollars), 0)
    from requests inner join questions using (question_id) inner join judges using (judge_fingerprint)
    left join words on word_id = outcome_id left join held using (request_id)
    left join batch_requests using (request_id)
    where request_id > ? and request_id <= ? and sent_at >= ? and kind = 'model'
    and coalesce(word, '') not in ({marks(_FREE)})
"""
_LAST_ID = 2**62


class Daily(NamedTuple):
    """What all processes together may spend since a moment; None: as much as it takes."""

    since: int
    """Microseconds since 1970."""
    requests: int | None
    dollars: float | None


class _Sum(NamedTuple):
    """What some requests came to."""

    requests: int = 0
    dollars: float = 0.0
    unknown: int = 0
    """Of them, those without an outcome of which nobody said what they cost at most."""
    dearest: float = 0.0

    def plus(self, other: _Sum) -> _Sum:
        counts = (self.requests + other.requests, self.dollars + other.dollars, self.unknown + other.unknown)
        return _Sum(*counts, max(self.dearest, other.dearest))

    @property
    def most_dollars(self) -> float:
        return self.dollars + self.unknown * self.dearest


def spent_since(db: sqlite3.Connection, moment: int) -> tuple[int, float]:
    """(requests to models, dollars) since `moment`, in microseconds.

    One without an outcome counts at the most that it may cost, or where nobody said that, as the dearest of them all.
    """
    found = _spent(db, 0, _LAST_ID, moment)
    return found.requests, found.most_dollars


class Spending:
    """What has been spent of a daily budget, counted anew within each transaction that takes from it."""

    def __init__(self, daily: Daily, is_under_way: Callable[[int | None], bool]) -> None:
        """
        Args:
            is_under_way: Whether the process of a number, this one or another, still waits for its requests.
        """
        self._daily, self._is_under_way = daily, is_under_way
        self._ended_through = 0
        self._ended = _Sum()
        self._now = _Sum()

    @property
    def requests(self) -> int:
        return self._now.requests

    @property
    def dollars(self) -> float:
        """With what may still come of requests that are under way."""
        return self._now.most_dollars

    def count(self, db: sqlite3.Connection) -> None:
        """Take note of what has been spent until now."""
        # What has ended is added up once, so that a commit costs no more at the end of a large day.
        through = self._through(db)
        self._ended = self._ended.plus(_spent(db, self._ended_through, through, self._daily.since))
        self._ended_through = through
        self._now = self._ended.plus(_spent(db, through, _LAST_ID, self._daily.since))

    def take(self, most_dollars: float) -> bool:
        """Take one request of so much at most; False where it does not fit."""
        requests, dollars = self._daily.requests, self._daily.dollars
        if requests is not None and self.requests >= requests:
            return False
        if dollars is not None and self.dollars + most_dollars > dollars:
            return False
        self._now = self._now.plus(_Sum(1, most_dollars))
        return True

    def _through(self, db: sqlite3.Connection) -> int:
        """The id up to which every request has ended, or was lost with its process."""
        rows = db.execute(
            "select request_id, process_id from requests where request_id > ? and outcome_id is null order by 1",
            (self._ended_through,),
        )
        for request_id, process in rows:
            if self._is_under_way(process):
                return int(request_id) - 1
        return int(db.execute("select coalesce(max(request_id), 0) from requests").fetchone()[0])


def hold(db: sqlite3.Connection, most: list[tuple[int, float]]) -> None:
    """Note (request_id, dollars) of requests that are about to be sent: the most that each may cost."""
    db.executemany("insert into held values (?, ?)", most)


def let_go(db: sqlite3.Connection, request_ids: list[int]) -> None:
    """These requests have ended, and it is known what they came to."""
    db.executemany("delete from held where request_id = ?", [(one,) for one in request_ids])


def _spent(db: sqlite3.Connection, after: int, through: int, since: int) -> _Sum:
    return _Sum(*db.execute(_SPENT, (after, through, since, *_FREE)).fetchone())
