"""Everything personal in one passage, each part of it once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from metrics_pipeline.conversations.redaction import numbers, words
from metrics_pipeline.conversations.redaction.own import Own, own_finds
from metrics_pipeline.conversations.redaction.passage import Find, Passage, apart
from metrics_pipeline.conversations.redaction.spoken import may_hold_number, runs, tokens

FRAGMENT_DIGITS = 4
"""A shorter part of a number, said again, is no part of it."""


def find(passage: Passage, regions: tuple[str, ...], own: Own) -> list[Find]:
    """What is personal in `passage`, in order. What is surest of itself comes first where two overlap."""
    surest = [*own_finds(passage, own), *words.keys(passage), *words.emails(passage)]
    if not may_hold_number(passage.text):
        return apart([*surest, *words.passwords(passage)])
    found = tokens(passage.text)
    numbers_said = runs(passage.text)
    return apart(
        [
            *surest,
            *numbers.ibans(passage, found),
            *numbers.cards(passage, numbers_said),
            *words.birth_dates(passage, numbers_said),
            *numbers.codes(passage, numbers_said),
            *numbers.national_ids(passage, found, numbers_said),
            *numbers.phones(passage, numbers_said, regions),
            *words.passwords(passage),
        ]
    )


class Echoes:
    """Where values that were found elsewhere in the conversation are said again, in whole or a number in part.

    Args:
        known: Finds by value; of a word-like find also by its spelling.
    """

    def __init__(self, known: Mapping[str, Find]) -> None:
        self._known = known
        self._words = [(value.lower(), find) for value, find in known.items() if _is_word(value)]
        self._numbers = [(value, find) for value, find in known.items() if value.isdigit()]
        self._has_birth_date = any(find.kind == "BIRTH_DATE" for find in known.values())

    def of(self, text: str) -> Iterator[Find]:
        """Each place of `text` where one is said again."""
        if self._words:
            low = text.lower()
            for value, find in self._words:
                if value in low:
                    yield from _again(low, value, find)
        if not (self._numbers or self._has_birth_date) or not may_hold_number(text):
            return
        if self._has_birth_date:
            for start, end, value in words.dates(text):
                if value in self._known:
                    yield self._known[value]._replace(start=start, end=end)
        if not self._numbers:
            return
        for run in runs(text):
            digits = run.digits
            for value, find in self._numbers:
                if digits == value or (len(digits) >= FRAGMENT_DIGITS and digits in value):
                    yield find._replace(start=run.start, end=run.end)
                    break


def _is_word(value: str) -> bool:
    return not value.isdigit() and len(value) >= FRAGMENT_DIGITS


def _again(text: str, value: str, find: Find) -> Iterator[Find]:
    """Each place where `value` stands by itself and not within a longer word."""
    begin = text.find(value)
    while begin >= 0:
        end = begin + len(value)
        if not (text[begin - 1 : begin].isalnum() or text[end : end + 1].isalnum()):
            yield find._replace(start=begin, end=end)
        begin = text.find(value, end)
