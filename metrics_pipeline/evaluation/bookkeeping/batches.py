"""Batches of requests that a provider answers in its own time: what each holds, and how far it has come.

A batch and every request in it are committed before a byte of it leaves. Its requests are in flight, whichever process
lives, until each has an outcome: so no run asks what a batch is asking, and a later one takes up where this one ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from metrics_pipeline.evaluation.bookkeeping import requests
from metrics_pipeline.evaluation.bookkeeping.claims import BATCHED, Processes
from metrics_pipeline.evaluation.bookkeeping.connection import Connection
from metrics_pipeline.evaluation.bookkeeping.names import Names, packed_hash, unpacked_hash
from metrics_pipeline.evaluation.bookkeeping.records import Cell, Intent
from metrics_pipeline.evaluation.bookkeeping.requests import as_moment, microseconds
from metrics_pipeline.evaluation.bookkeeping.spending import Spending


class BatchedIntent(NamedTuple):
    """A request that is about to be put into a batch."""

    intent: Intent
    left_out: tuple[int, int] | None = None
    """The first and the last turn that the judge is not shown."""


class BatchedRequest(NamedTuple):
    """A request in a batch, without an outcome yet."""

    request_id: int
    cells: tuple[Cell, ...]
    attempt: int
    most_dollars: float
    left_out: tuple[int, int] | None


class Batch(NamedTuple):
    """A batch of requests to one judge, not all of which have an outcome yet."""

    batch_id: int
    mark: str
    """Our own name for it, which the provider is told and lists it with."""
    judge_fingerprint: str
    request_count: int
    file_hash: str | None
    """SHA-256 of what is uploaded; None where nothing was."""
    file_id: str | None
    """The provider's id of what was uploaded; None: nothing was created from it."""
    creating_at: datetime | None
    """When the provider was last asked to create it: from then on it may be there."""
    provider_id: str | None
    """The provider's id; None where it is not known to be there."""


class Batches:
    """Those of one ledger."""

    def __init__(self, connection: Connection, names: Names, processes: Processes) -> None:
        self._connection, self._names, self._processes = connection, names, processes

    def prepare(
        self,
        mark: str,
        judge_fingerprint: str,
        intents: Sequence[BatchedIntent],
        now: datetime,
        today: Spending | None = None,
    ) -> tuple[int, list[int]]:
        """Commit a batch and all its requests.

        Args:
            today: What the day's budget leaves room for, whoever spends it.

        Returns:
            The batch's id, 0 where nothing is left of it; for each intent the id of its request, ELSEWHERE or NO_ROOM
            where it must not be sent.
        """
        moment = microseconds(now)
        try:
            with self._connection.transaction() as db:
                sent = [one.intent for one in intents]
                ids = requests.intend(db, self._names, sent, moment, BATCHED, self._processes.is_alive, today)
                kept = [(number, one) for number, one in zip(ids, intents, strict=True) if number > 0]
                if not kept:
                    return 0, ids
                batch_id = db.execute(
                    "insert into batches (mark, judge_fingerprint, request_count, made_at) values (?, ?, ?, ?)",
                    (mark, judge_fingerprint, len(kept), moment),
                ).lastrowid
                db.executemany(
                    "insert into batch_requests values (?, ?, ?, ?, ?, ?)",
                    [(number, batch_id, *_about(one)) for number, one in kept],
                )
        except BaseException:
            self._names.forget()
            raise
        return batch_id or 0, ids

    def note_file(self, batch_id: int, file_hash: str) -> None:
        """What is about to be uploaded."""
        self._note(batch_id, "file_hash", file_hash)

    def note_upload(self, batch_id: int, file_id: str) -> None:
        self._note(batch_id, "file_id", file_id)

    def note_creating(self, batch_id: int, now: datetime) -> None:
        """The provider is about to be asked to create it."""
        self._note(batch_id, "creating_at", microseconds(now))

    def note_not_created(self, batch_id: int) -> None:
        """The provider refused to create it: it is not there."""
        self._note(batch_id, "creating_at", None)

    def note_created(self, batch_id: int, provider_id: str) -> None:
        self._note(batch_id, "provider_id", provider_id)

    def open(self) -> list[Batch]:
        """Those of whose requests not all have an outcome, the oldest first."""
        with self._connection.reading() as db:
            rows = db.execute(
                "select batch_id, mark, judge_fingerprint, request_count, file_hash, file_id, creating_at, provider_id "
                "from batches where ended_at is null order by batch_id"
            ).fetchall()
        return [
            Batch(
                number, mark, judge, count, hashed, file_id, None if moment is None else as_moment(moment), provider_id
            )
            for number, mark, judge, count, hashed, file_id, moment, provider_id in rows
        ]

    def requests_of(self, batch_id: int) -> dict[int, BatchedRequest]:
        """The requests of a batch that have no outcome yet, by id."""
        with self._connection.reading() as db:
            rows = db.execute(
                """
                select request_id, judged_hash, question_id, attempt, most_dollars, left_out_from, left_out_to
                from batch_requests inner join requests using (request_id)
                where batch_id = ? and outcome_id is null
                """,
                (batch_id,),
            ).fetchall()
            found = {}
            for number, judged_hash, question, attempt, most_dollars, first, last in rows:
                cells = tuple(Cell(unpacked_hash(judged_hash), *one) for one in self._names.questions(question))
                left_out = None if first is None else (first, last)
                found[number] = BatchedRequest(number, cells, attempt, most_dollars, left_out)
        return found

    def holding(self, cells: Iterable[Cell]) -> set[Cell]:
        """Those of the cells that a batch is asking."""
        with self._connection.reading() as db:
            return requests.in_flight(db, self._names, cells, lambda process: process == BATCHED)

    def waiting_count(self) -> int:
        """Requests of all batches that have no outcome yet."""
        with self._connection.reading() as db:
            row = db.execute(
                "select count(*) from batch_requests inner join requests using (request_id) where outcome_id is null"
            ).fetchone()
        return int(row[0])

    def end(self, batch_id: int, now: datetime) -> None:
        """All its requests have their outcome."""
        with self._connection.transaction() as db:
            db.execute("update batches set ended_at = ? where batch_id = ?", (microseconds(now), batch_id))
            db.execute("delete from batch_requests where batch_id = ?", (batch_id,))

    def _note(self, batch_id: int, column: str, value: str | int | None) -> None:
        with self._connection.transaction() as db:
            db.execute(f"update batches set {column} = ? where batch_id = ?", (value, batch_id))


def _about(one: BatchedIntent) -> tuple[bytes | str, float, int | None, int | None]:
    return packed_hash(one.intent.cells[0].judged_hash), one.intent.most_dollars, *(one.left_out or (None, None))
