"""Numbers in place of what is long and repeats, given out once and never changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from metrics_pipeline.evaluation.bookkeeping.records import Cell, Question

REPLIED = "reply"
"""The outcome of a request that was answered; every other one is a kind of failure."""


class Names:
    """The numbers of one ledger. Those that are in the file are read once; new ones are written as they come.

    Another process may give out numbers as well: what is not known here is looked up before it is made.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._word_ids: dict[str, int] = {}
        self._words: dict[int, str] = {}
        self._question_ids: dict[tuple[str, str, tuple[tuple[str, str], ...]], int] = {}
        self._questions: dict[int, tuple[Question, ...]] = {}

    def forget(self) -> None:
        """Look everything up anew: what was given out in a transaction that failed is not there."""
        self._word_ids.clear()
        self._words.clear()
        self._question_ids.clear()
        self._questions.clear()

    def word_id(self, word: str) -> int:
        """The number of a word, given out now if it has none."""
        if word not in self._word_ids:
            self._db.execute("insert or ignore into words (word) values (?)", (word,))
            self._word_ids[word] = self._db.execute("select word_id from words where word = ?", (word,)).fetchone()[0]
        return self._word_ids[word]

    def word(self, number: int) -> str:
        if number not in self._words:
            self._words[number] = self._db.execute("select word from words where word_id = ?", (number,)).fetchone()[0]
        return self._words[number]

    def question_id(self, cells: Sequence[Cell]) -> int:
        """The number of what is asked together about some words, given out now if it has none."""
        first = cells[0]
        metrics = tuple((cell.metric, cell.metric_version) for cell in cells)
        return self.asked_id(first.judge_fingerprint, first.asking, metrics)

    def asked_id(self, judge_fingerprint: str, asking: str, metrics: tuple[tuple[str, str], ...]) -> int:
        key = (judge_fingerprint, asking, metrics)
        if key not in self._question_ids:
            row = (judge_fingerprint, asking, msgspec.json.encode(metrics).decode())
            self._db.execute(
                "insert or ignore into questions (judge_fingerprint, asking, metrics) values (?, ?, ?)", row
            )
            self._question_ids[key] = self._db.execute(
                "select question_id from questions where judge_fingerprint = ? and asking = ? and metrics = ?", row
            ).fetchone()[0]
        return self._question_ids[key]

    def questions(self, number: int) -> tuple[Question, ...]:
        """What was asked together under that number."""
        if number not in self._questions:
            judge, asking, metrics = self._db.execute(
                "select judge_fingerprint, asking, metrics from questions where question_id = ?", (number,)
            ).fetchone()
            decoded = msgspec.json.decode(metrics, type=list[tuple[str, str]])
            self._questions[number] = tuple(Question(metric, version, judge, asking) for metric, version in decoded)
        return self._questions[number]


def packed_hash(judged_hash: str) -> bytes | str:
    """A hash as it is kept: 16 bytes where it is written with 32 hexadecimal digits, else as it is."""
    if len(judged_hash) == 32:
        try:
            packed = bytes.fromhex(judged_hash)
        except ValueError:
            return judged_hash
        if packed.hex() == judged_hash:
            return packed
    return judged_hash


def unpacked_hash(packed: bytes | str) -> str:
    return packed.hex() if isinstance(packed, bytes) else packed
