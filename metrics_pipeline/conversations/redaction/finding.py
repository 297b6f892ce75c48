"""Everything personal in one passage, each part of it once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

from msgspec.structs import replace

from metrics_pipeline.conversations.redaction import numbers, words
from metrics_pipeline.conversations.redaction.lines import Lines
from metrics_pipeline.conversations.redaction.own import Own, own_finds
from metrics_pipeline.conversations.redaction.passage import Find, Passage, apart
from metrics_pipeline.conversations.redaction.signs import signs
from metrics_pipeline.conversations.redaction.spoken import may_hold_number, number_of, runs, tokens

FRAGMENT_DIGITS = 4
"""A shorter part of a number, said again, is no part of it."""


def find(passage: Passage, regions: tuple[str, ...], own: Own) -> list[Find]:
    """What is personal in `passage`, in order. What is surest of itself comes first where two overlap."""
    finds = list(own_finds(passage, own)) if own else []
    seen = signs(passage)
    if "API_KEY" in seen:
        finds += words.keys(passage)
    if "EMAIL" in seen:
        finds += words.emails(passage)
    if "NUMBER" in seen:
        finds += _numbers(passage, regions, seen)
    if "PASSWORD" in seen:
        finds += words.passwords(passage)
    return apart(finds) if finds else finds


def _numbers(passage: Passage, regions: tuple[str, ...], seen: Set[str]) -> Iterator[Find]:
    said = runs(passage.text)
    lengths = [len(run.digits) for run in said]
    if "IBAN" in seen:
        yield from numbers.ibans(passage, tokens(passage.text))
    # Asked only where a number is long enough for it: most are a clock, a day or a price.
    longest = max(lengths, default=0)
    if longest >= numbers.CARD_LENGTHS.start:
        yield from numbers.cards(passage, said)
    if "BIRTH_DATE" in seen:
        yield from words.birth_dates(passage, said, may_hold_date="DATE" in seen)
    if "CODE" in seen:
        yield from numbers.codes(passage, said)
    if sum(lengths) >= numbers.FEWEST_NATIONAL:
        yield from numbers.national_numbers(passage, said)
        if "LETTERED" in seen or "NATIONAL_ID" in seen:
            yield from numbers.national_ids(passage, tokens(passage.text))
    if longest >= numbers.SHORTEST_PHONE:
        yield from numbers.phones(passage, said, regions)


class Echoes:
    """Where values that were found elsewhere in the conversation are said again, in whole or a number in part.

    Args:
        known: Finds by value; of a word-like find also by its spelling.
    """

    def __init__(self, known: Mapping[str, Find]) -> None:
        self._known = known
        self._words = [(value.lower(), find) for value, find in known.items() if _is_word(value)]
        self._numbers = [(value, find) for value, find in known.items() if value.isdigit()]
        self._shortest_number = min([FRAGMENT_DIGITS, *(len(value) for value, _ in self._numbers)])
        self._has_birth_date = any(find.kind == "BIRTH_DATE" for find in known.values())

    def places(self, lines: Lines) -> set[int]:
        """The texts in which one may be said again: a few of many."""
        places: set[int] = set()
        for value, _ in self._words:
            places |= lines.places_of(value)
        if self._numbers:
            places |= lines.places(number_of(min(self._shortest_number, FRAGMENT_DIGITS)))
        if self._has_birth_date:
            places |= lines.places(words.DATE if lines.is_plain else number_of(1))
        return places

    def of(self, text: str) -> list[Find]:
        """Each place of `text` where one is said again."""
        found: list[Find] = []
        if self._words:
            low = text.lower()
            for value, find in self._words:
                if value in low:
                    found += _again(low, value, find)
        if not (self._numbers or self._has_birth_date) or not may_hold_number(text):
            return found
        if self._has_birth_date:
            for start, end, value in words.dates(text):
                if value in self._known:
                    found.append(replace(self._known[value], start=start, end=end))
        for run in runs(text) if self._numbers else ():
            digits = run.digits
            if len(digits) < self._shortest_number:
                continue
            for value, find in self._numbers:
                if digits == value or (len(digits) >= FRAGMENT_DIGITS and digits in value):
                    found.append(replace(find, start=run.start, end=run.end))
                    break
        return found


def _is_word(value: str) -> bool:
    return not value.isdigit() and len(value) >= FRAGMENT_DIGITS


def _again(text: str, value: str, find: Find) -> Iterator[Find]:
    """Each place where `value` stands by itself and not within a longer word."""
    begin = text.find(value)
    while begin >= 0:
        end = begin + len(value)
        if not (text[begin - 1 : begin].isalnum() or text[end : end + 1].isalnum()):
            yield replace(find, start=begin, end=end)
        begin = text.find(value, end)
