"""Fingerprints of which replies count: where one is what it was, the verdicts are what they were."""

from __future__ import annotations

import hashlib
import sqlite3
from array import array
from collections.abc import Collection

from metrics_pipeline.evaluation.bookkeeping import replies
from metrics_pipeline.evaluation.bookkeeping.names import REPLIED, Names, packed_hash
from metrics_pipeline.evaluation.bookkeeping.records import CORRECTION_ASKING, VERDICT_ASKING

Judged = tuple[str, str, str]
"""A metric, its version, and the fingerprint of the judge."""


def answer_marks(
    db: sqlite3.Connection, names: Names, hashes: Collection[str], judged: Collection[Judged]
) -> dict[Judged, str]:
    """Of each of `judged`: a fingerprint of the replies that count for words with these hashes.

    Nothing is unpacked and no cell becomes an object, so that a million cells take a second.
    """
    row = db.execute("select word_id from words where word = ?", (REPLIED,)).fetchone()
    replied = row[0] if row else -1
    digests = {one: hashlib.blake2b(digest_size=16) for one in judged}
    columns: dict[tuple[Judged, str], array[int]] = {}
    members: dict[int, list[array[int]]] = {}
    for chunk in replies.chunks([packed_hash(one) for one in sorted(set(hashes))]):
        places = {judged_hash: number for number, judged_hash in enumerate(chunk)}
        columns = {
            (one, asking): array("q", bytes(8 * len(chunk)))
            for one in digests
            for asking in (VERDICT_ASKING, CORRECTION_ASKING)
        }
        members.clear()
        rows = db.execute(
            "select judged_hash, question_id, case when outcome_id = ? then reply_id else -reply_id end from asked "
            "inner join requests using (request_id) "
            f"where judged_hash in ({replies.marks(chunk)}) and reply_id is not null",
            (replied, *chunk),
        )
        for judged_hash, question_id, reply_id in rows:
            if question_id not in members:
                found = (columns.get((question[:3], question.asking)) for question in names.questions(question_id))
                members[question_id] = [column for column in found if column is not None]
            place = places[judged_hash]
            for column in members[question_id]:
                column[place] = _better(column[place], reply_id)
        for (one, _), column in columns.items():
            digests[one].update(column.tobytes())
    return {one: digest.hexdigest() for one, digest in digests.items()}


def _better(held: int, other: int) -> int:
    """As `requests.better`, of ids that are negative where every try failed, and 0 where there is none."""
    if not held:
        return other
    return min(held, other) if (held > 0) == (other > 0) else max(held, other)
