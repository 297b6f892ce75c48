"""A ledger looked through, made smaller, and rid of what was asked about some words."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable
from typing import NamedTuple

from metrics_pipeline.evaluation.bookkeeping import replies
from metrics_pipeline.evaluation.bookkeeping.connection import Connection
from metrics_pipeline.evaluation.bookkeeping.names import REPLIED, Names, packed_hash, unpacked_hash
from metrics_pipeline.evaluation.bookkeeping.records import REVIEW_ASKING
from metrics_pipeline.evaluation.bookkeeping.statistics import UNSETTLED, request_counts

COMPACTED = 512
"""Replies in a block of a ledger that was compacted."""

_ORPHANS = {
    "Requests that do not say about which words they were": (
        "select count(*) from requests left join asked using (request_id) where judged_hash is null"
    ),
    "Requests that are named and not there": (
        "select count(*) from asked left join requests using (request_id) where question_id is null"
    ),
    "Requests that do not say what they asked": (
        "select count(*) from requests left join questions using (question_id) where metrics is null"
    ),
    "Requests that were answered and name no reply": (
        "select count(*) from requests inner join words on word_id = outcome_id "
        "where word = 'reply' and reply_id is null"
    ),
}


class Findings(NamedTuple):
    """What `verify` found."""

    problems: tuple[str, ...]
    """What is wrong, a sentence each; none where all is well."""
    requests: int
    replies: int
    """Those that are there and can be read."""
    unsettled: int
    """Requests without an outcome: in flight, or lost with their process and possibly paid."""


class Compacted(NamedTuple):
    """What `compact` did."""

    dropped_failures: int
    """Records of failed tries that gave way to a reply or to a later failure."""
    bytes_before: int
    bytes_after: int


def verify(connection: Connection) -> Findings:
    """Look through the whole file: SQLite's own check, and that every answer is there and can be read."""
    if problems := connection.problems():
        return Findings(tuple(f"SQLite: {problem}." for problem in problems), 0, 0, 0)
    with connection.reading() as db:
        counts = request_counts(db)
        expected: dict[int, tuple[int, bool]] = {
            reply_id: (request_id, word == REPLIED)
            for reply_id, request_id, word in db.execute(
                "select reply_id, request_id, word from requests inner join words on word_id = outcome_id "
                "where reply_id is not null"
            )
        }
        missing, unread = len(expected), 0
        for block in replies.readable_blocks(db):
            if block is None:
                unread += 1
                continue
            missing -= sum(expected.get(one.reply_id) == (one.request_id, one.body is not None) for one in block)
        if unread:
            problems.append(f"Blocks of replies that cannot be unpacked: {unread:,}.")
        if missing:
            problems.append(f"Replies that are not there or cannot be read: {missing:,} of {len(expected):,}.")
        for what, statement in _ORPHANS.items():
            if count := db.execute(statement).fetchone()[0]:
                problems.append(f"{what}: {count:,}.")
    return Findings(tuple(problems), sum(counts.values()), len(expected) - missing, counts.get(UNSETTLED, 0))


def compact(connection: Connection, names: Names) -> Compacted:
    """Drop failures that gave way, fold replies into larger blocks, and give free space back to the disk."""
    before = _bytes(connection)
    with connection.transaction() as db:
        dropped = _superseded(db, names)
        replies.remove(db, dropped)
        for chunk in replies.chunks(dropped):
            db.execute(f"update requests set reply_id = null where reply_id in ({replies.marks(chunk)})", chunk)
        replies.refold(db, COMPACTED)
    connection.rewrite()
    return Compacted(len(dropped), before, _bytes(connection))


def _superseded(db: sqlite3.Connection, names: Names) -> list[int]:
    """Failures none of whose questions they are the answer to any more."""
    ended = (
        "from asked inner join requests using (request_id) inner join words on word_id = outcome_id "
        "where reply_id is not null"
    )
    rows = db.execute(
        f"select judged_hash, question_id, reply_id, word {ended} and judged_hash in "
        f"(select judged_hash {ended} and word <> ?) order by judged_hash, word = ? desc, reply_id desc",
        (REPLIED, REPLIED),
    )
    answered: set[tuple[bytes | str, ...]] = set()
    dropped = []
    # Replies come first, then failures, the last one first: what an earlier row has answered is superseded here.
    for judged_hash, question_id, reply_id, word in rows:
        cells = {(judged_hash, *question) for question in names.questions(question_id)}
        if word != REPLIED and cells <= answered:
            dropped.append(reply_id)
        answered |= cells
    return sorted(dropped)


def asked_about(db: sqlite3.Connection, hashes: Collection[str], conversations: Collection[str]) -> Counter[str]:
    """Requests by judged hash: about these words, or about the conversations with these marks in whatever words.

    Requests of which is not recorded whose words they were about are among them: who made the ledger before that was
    recorded cannot say whether they are about these.
    """
    words, marks = set(map(packed_hash, hashes)), {*map(packed_hash, conversations), packed_hash(""), None}
    rows = db.execute(
        "select judged_hash, conversation from asked inner join requests using (request_id) "
        "inner join questions using (question_id) where asking <> ?",
        (REVIEW_ASKING,),
    )
    return Counter(unpacked_hash(words_of) for words_of, mark in rows if words_of in words or mark in marks)


def forget(db: sqlite3.Connection, hashes: Iterable[str]) -> int:
    """Take out all that was asked and answered about words with these hashes; returns how many requests it was."""
    packed = [packed_hash(one) for one in set(hashes)]
    request_ids: list[int] = []
    reply_ids: list[int] = []
    for chunk in replies.chunks(packed):
        rows = db.execute(
            "select request_id, reply_id from asked inner join requests using (request_id) "
            f"where judged_hash in ({replies.marks(chunk)})",
            chunk,
        ).fetchall()
        request_ids += [row[0] for row in rows]
        reply_ids += [row[1] for row in rows if row[1] is not None]
        db.execute(f"delete from asked where judged_hash in ({replies.marks(chunk)})", chunk)
    replies.remove(db, reply_ids)
    for numbers in replies.chunks(request_ids):
        for table in ("requests", "batch_requests", "held"):
            db.execute(f"delete from {table} where request_id in ({replies.marks(numbers)})", numbers)
    return len(request_ids)


def _bytes(connection: Connection) -> int:
    beside = connection.path.with_name(f"{connection.path.name}-wal")
    return connection.path.stat().st_size + (beside.stat().st_size if beside.exists() else 0)
