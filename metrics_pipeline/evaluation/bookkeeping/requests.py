"""Requests: their intents before the call, their outcomes after it, and what they say about a cell."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from metrics_pipeline.evaluation.bookkeeping import replies
from metrics_pipeline.evaluation.bookkeeping.claims import BATCHED
from metrics_pipeline.evaluation.bookkeeping.names import REPLIED, Names, packed_hash, unpacked_hash
from metrics_pipeline.evaluation.bookkeeping.records import Cell, Intent, Outcome, Question, Recorded
from metrics_pipeline.evaluation.bookkeeping.spending import Spending, hold, let_go

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ELSEWHERE = 0
"""In place of the id of a request that must not be sent: a cell of it was answered meanwhile, or is being asked."""
NO_ROOM = -1
"""In place of the id of a request that must not be sent: the day's budget has no room for it."""


class Answer(NamedTuple):
    """The reply that counts for a question about some words."""

    reply_id: int
    is_final: bool
    """False where every try failed: the next run asks again."""


def intend(
    db: sqlite3.Connection,
    names: Names,
    intents: Sequence[Intent],
    moment: int,
    own_process: int,
    is_alive: Callable[[int | None], bool],
    spending: Spending | None = None,
) -> list[int]:
    """Record requests that are about to be sent, and return their ids; ELSEWHERE or NO_ROOM for those that must not be.

    Args:
        spending: Of the day, where it has a budget.
    """
    if spending is not None:
        spending.count(db)
    last = db.execute("select seq from sqlite_sequence where name = 'requests'").fetchone()
    number = int(last[0]) if last else 0
    ids, requests, asked, held = [], [], [], []
    for intent in intents:
        judged_hash = packed_hash(intent.cells[0].judged_hash)
        if _is_asked(db, names, judged_hash, intent.cells, own_process, is_alive):
            ids.append(ELSEWHERE)
            continue
        if spending is not None and not spending.take(intent.most_dollars):
            ids.append(NO_ROOM)
            continue
        number += 1
        ids.append(number)
        question, redaction = names.question_id(intent.cells), names.word_id(intent.redaction)
        conversation = packed_hash(intent.conversation)
        requests.append((number, question, intent.attempt, moment, own_process, redaction, conversation))
        asked.append((judged_hash, number))
        if intent.most_dollars:
            held.append((number, intent.most_dollars))
    db.executemany(
        "insert into requests (request_id, question_id, attempt, sent_at, process_id, redaction_id, conversation) "
        "values (?, ?, ?, ?, ?, ?, ?)",
        requests,
    )
    db.executemany("insert into asked values (?, ?)", asked)
    hold(db, held)
    return ids


def _is_asked(
    db: sqlite3.Connection,
    names: Names,
    judged_hash: bytes | str,
    cells: Sequence[Cell],
    own_process: int,
    is_alive: Callable[[int | None], bool],
) -> bool:
    """Whether one of the cells is answered, or in flight in another process."""
    rows = db.execute(
        "select question_id, outcome_id, process_id from asked inner join requests using (request_id) "
        "where judged_hash = ?",
        (judged_hash,),
    ).fetchall()
    if not rows:
        return False
    wanted = {Question(*cell[1:]) for cell in cells}
    replied = names.word_id(REPLIED)
    # What a batch is asking, no other batch asks.
    others = () if own_process == BATCHED else (own_process,)
    return any(
        (outcome == replied or (outcome is None and process not in others and is_alive(process)))
        and not wanted.isdisjoint(names.questions(question))
        for question, outcome, process in rows
    )


def settle(db: sqlite3.Connection, names: Names, outcomes: Sequence[Outcome], moment: int) -> list[int]:
    """Record how requests ended, and return the ids of their replies; 0 where none is kept."""
    kept = [outcome for outcome in outcomes if outcome.reply is not None or outcome.gives_up]
    bodies = [(outcome.request_id, replies.body_of(outcome.reply)) for outcome in kept]
    numbers = iter(replies.add(db, bodies) if kept else ())
    ids, rows = [], []
    for outcome in outcomes:
        reply_id = next(numbers) if outcome.reply is not None or outcome.gives_up else 0
        ids.append(reply_id)
        word = REPLIED if outcome.reply is not None else outcome.failure or ""
        figures = replies.figures_of(outcome.reply)
        rows.append((names.word_id(word), reply_id or None, moment, *figures, outcome.request_id))
    db.executemany(
        "update requests set outcome_id = ?, reply_id = ?, took = ? - sent_at, prompt_tokens = ?, reply_tokens = ?, "
        "cached_tokens = ?, cost_dollars = ? where request_id = ?",
        rows,
    )
    let_go(db, [outcome.request_id for outcome in outcomes if outcome.is_priced])
    return ids


def in_flight(
    db: sqlite3.Connection, names: Names, cells: Iterable[Cell], is_alive: Callable[[int | None], bool]
) -> set[Cell]:
    """Those of the cells that another process is asking."""
    found = set()
    for judged_hash, wanted in _by_hash(cells).items():
        rows = db.execute(
            "select question_id, process_id from asked inner join requests using (request_id) "
            "where judged_hash = ? and outcome_id is null",
            (packed_hash(judged_hash),),
        ).fetchall()
        for question, process in rows:
            if is_alive(process):
                found |= {Cell(judged_hash, *one) for one in names.questions(question)} & wanted
    return found


def find(db: sqlite3.Connection, names: Names, cells: Iterable[Cell]) -> dict[Cell, Answer]:
    """The answer of each cell that has been asked."""
    wanted = set(cells)
    hashes = sorted({cell.judged_hash for cell in wanted})
    found: dict[Cell, Answer] = {}
    for judged_hash, questions in answers(db, names, hashes):
        for question, answer in questions.items():
            cell = Cell(judged_hash, *question)
            if cell in wanted:
                found[cell] = answer
    return found


def answers(
    db: sqlite3.Connection, names: Names, hashes: Sequence[str]
) -> Iterator[tuple[str, dict[Question, Answer]]]:
    """Of each of the hashes that was asked about: what was asked, and the answer that counts."""
    row = db.execute("select word_id from words where word = ?", (REPLIED,)).fetchone()
    replied = row[0] if row else -1
    current: bytes | str | None = None
    found: dict[Question, Answer] = {}
    for chunk in replies.chunks([packed_hash(one) for one in hashes]):
        rows = db.execute(
            "select judged_hash, question_id, reply_id, outcome_id from asked inner join requests using (request_id) "
            f"where judged_hash in ({replies.marks(chunk)}) and reply_id is not null order by judged_hash",
            chunk,
        )
        for judged_hash, question_id, reply_id, outcome_id in rows:
            if judged_hash != current:
                if current is not None:
                    yield unpacked_hash(current), found
                current, found = judged_hash, {}
            answer = Answer(reply_id, outcome_id == replied)
            for question in names.questions(question_id):
                found[question] = better(found.get(question), answer)
        if current is not None:
            yield unpacked_hash(current), found
        current, found = None, {}


def better(held: Answer | None, other: Answer) -> Answer:
    """Of two answers to one question: the first reply there was, or where there is none, the last failure."""
    if held is None or held.is_final != other.is_final:
        return other if held is None or other.is_final else held
    return min(held, other) if held.is_final else max(held, other)


def recorded(db: sqlite3.Connection, names: Names, reply_ids: Iterable[int]) -> dict[int, Recorded]:
    """The recorded replies that are there, by id."""
    kept = {one.request_id: one for one in replies.read(db, reply_ids).values()}
    found = {}
    for chunk in replies.chunks(sorted(kept)):
        rows = db.execute(
            "select request_id, sent_at + took, outcome_id, prompt_tokens, reply_tokens, cached_tokens, cost_dollars "
            f"from requests where request_id in ({replies.marks(chunk)})",
            chunk,
        )
        for request_id, moment, outcome_id, *figures in rows:
            number, _, body = kept[request_id]
            reply = replies.reply_of(body, (figures[0], figures[1], figures[2], figures[3]))
            failure = None if reply is not None else names.word(outcome_id)
            found[number] = Recorded(number, as_moment(moment), reply, failure)
    return found


def _by_hash(cells: Iterable[Cell]) -> dict[str, set[Cell]]:
    grouped = defaultdict(set)
    for cell in cells:
        grouped[cell.judged_hash].add(cell)
    return grouped


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def as_moment(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)
