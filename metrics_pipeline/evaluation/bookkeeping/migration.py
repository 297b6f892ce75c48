"""Older ledgers, brought up to date in one transaction: all of it, or nothing."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Sequence

import msgspec

from metrics_pipeline.evaluation.bookkeeping import replies
from metrics_pipeline.evaluation.bookkeeping.names import Names, packed_hash
from metrics_pipeline.evaluation.judge import JudgeReply

AT_ONCE = 4 * replies.FOLDED
CHANGED = ("requests", "replies")


class _Body(msgspec.Struct):
    reply: JudgeReply | None
    failure: str | None


def add_missing_tables(db: sqlite3.Connection, schema: Sequence[str]) -> None:
    """Make the tables that are not there yet; all that version 4 lacks."""
    kept = {name for (name,) in db.execute("select name from sqlite_master where type = 'table'")}
    for statement in schema:
        if statement.split()[2] not in kept:
            db.execute(statement)


def from_version_3(db: sqlite3.Connection, schema: Sequence[str]) -> None:
    """Version 3 named everything in full, compressed each reply alone, and kept a row for each cell.

    A cell's row is not copied: which request a reply answers, and what that request asked, says the same. Replies keep
    their ids, since verdicts name them.
    """
    for table in CHANGED:
        db.execute(f"alter table {table} rename to old_{table}")
    add_missing_tables(db, schema)
    names = Names(db)
    cursor = db.execute(
        """
        select old_requests.request_id, judged_hash, judge_fingerprint, asking, metrics, attempt, sent_at, redaction,
            conversation, outcome, reply_id, recorded_at, body
        from old_requests left join old_replies using (request_id)
        order by coalesce(reply_id, 0), old_requests.request_id
        """
    )
    while rows := cursor.fetchmany(AT_ONCE):
        requests, asked, bodies = [], [], []
        for number, judged_hash, judge, asking, metrics, attempt, sent_at, redaction, *rest in rows:
            conversation, outcome, reply_id, recorded_at, body = rest
            together = tuple(msgspec.json.decode(metrics, type=list[tuple[str, str]]))
            reply = None
            if body is not None:
                reply = msgspec.json.decode(zlib.decompress(body), type=_Body).reply
                bodies.append(replies.Kept(reply_id, number, replies.body_of(reply)))
            requests.append(
                (
                    number,
                    names.asked_id(judge, asking, together),
                    attempt,
                    sent_at,
                    None,
                    names.word_id(redaction),
                    packed_hash(conversation),
                    None if outcome is None else names.word_id(outcome),
                    reply_id,
                    None if recorded_at is None else recorded_at - sent_at,
                    *replies.figures_of(reply),
                )
            )
            asked.append((packed_hash(judged_hash), number))
        db.executemany("insert into requests values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", requests)
        db.executemany("insert into asked values (?, ?)", asked)
        replies.restore(db, bodies)
    for table in (*(f"old_{name}" for name in CHANGED), "cells"):
        db.execute(f"drop table {table}")
