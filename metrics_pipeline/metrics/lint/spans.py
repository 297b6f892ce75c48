"""Ranges of numbers that words name: `under five minutes`, `three or more`, `several`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from math import inf
from typing import NamedTuple

from metrics_pipeline.metrics.lint.closed import NEGATIONS
from metrics_pipeline.metrics.lint.words import words

NUMBERS = {
    word: number
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen twenty".split()
    )
} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100}
NUMBERS |= {"thousand": 1000, "noon": 12, "midday": 12}
SOUNDS = tuple(
    (re.compile(rf"\b{pattern}\b"), number)
    for pattern, number in (
        ("half an hour", "30 minutes"),
        ("a quarter of an hour", "15 minutes"),
        ("an hour and a half", "90 minutes"),
        (r"an? (?=(?:minute|hour|day|week|fortnight|month|year)\b)", "1 "),
        ("once", "1 times"),
        ("twice", "2 times"),
        ("thrice", "3 times"),
        ("a single", "1"),
        ("a couple(?: of)?", "2"),
        (r"(?:several|multiple|many|numerous|various)(?: (?:of|different))?", "at least 2"),
        ("a (?:few|number of|handful of)", "at least 2"),
    )
)
"""Words that name a number."""
HOURS = {
    "second": 1 / 3600,
    "minute": 1 / 60,
    "hour": 1,
    "day": 24,
    "week": 168,
    "fortnight": 336,
    "month": 730,
    "year": 8760,
}
TINY = 1e-6
NUMBER = r"[$£€]?(?P<{}>\d+(?:\.\d+)?)%?"
UNIT = r"(?P<unit>[ -](?!or\b|and\b|to\b|in\b|of\b|is\b|at\b|by\b|for\b)[a-z]+)?"
MORE = r"(?:more|longer|later|greater|higher|larger|bigger|older|heavier|further)"
LESS = r"(?:fewer|less|shorter|lower|smaller|sooner|earlier|younger|lighter|cheaper)"
SPANS = tuple(
    (re.compile(rf"\b{pattern}"), low_shift, high_shift)
    for pattern, low_shift, high_shift in (
        (rf"{NUMBER.format('low')} ?(?:to|and|or|through|until|-|–) ?{NUMBER.format('high')}{UNIT}", 0.0, 0.0),
        (rf"(?:{MORE} than|over|above|beyond|exceed\w*) {NUMBER.format('low')}{UNIT}", TINY, 0.0),
        (rf"(?:{LESS} than|under|below) {NUMBER.format('high')}{UNIT}", 0.0, -TINY),
        (rf"(?:at least|from|minimum of) {NUMBER.format('low')}{UNIT}", 0.0, 0.0),
        (rf"(?:at most|up to|within|maximum of) {NUMBER.format('high')}{UNIT}", 0.0, 0.0),
        (rf"{NUMBER.format('low')}{UNIT} (?:or|and) (?:{MORE}|over|above|up|upwards)\b", 0.0, 0.0),
        (rf"{NUMBER.format('high')}{UNIT} (?:or|and) (?:{LESS}|under|below)\b", 0.0, 0.0),
    )
)
EXACT = re.compile(rf"(?<!\d[.,:])(?<!\d)\b{NUMBER.format('number')}{UNIT}(?![.,:]?\d)")


class Span(NamedTuple):
    """A range of numbers, both ends in it, of hours where it is of time."""

    low: float
    high: float
    unit: str

    def meets(self, other: Span) -> bool:
        return self.unit == other.unit and self.low <= other.high and other.low <= self.high


@lru_cache(maxsize=20_000)
def span(text: str) -> Span | None:
    """Where the numbers of a text meet; None where it names none, or denies what it counts."""
    spoken = " ".join(re.findall(r"[^\s,;:()]+", text.lower().rstrip(". ")))
    for pattern, number in SOUNDS:
        spoken = pattern.sub(number, spoken)
    spoken = " ".join(str(NUMBERS.get(word, word)) for word in spoken.split())
    spoken = re.sub(rf"\b(?:no|not) {MORE} than\b", "at most", spoken)
    spoken = re.sub(rf"\b(?:no|not) {LESS} than\b", "at least", spoken)
    if any(word in NEGATIONS or word.endswith("n't") for word in words(spoken)):
        return None
    low, high, unit = -inf, inf, ""
    for pattern, low_shift, high_shift in SPANS:
        for found in pattern.finditer(spoken):
            named = found.groupdict()
            unit, scale = _unit(named["unit"])
            low = max(low, float(named.get("low") or -inf) * scale + low_shift)
            high = min(high, float(named.get("high") or inf) * scale + high_shift)
    if (low, high) == (-inf, inf):
        exact = list(EXACT.finditer(spoken))
        if len(exact) != 1:
            return None
        unit, scale = _unit(exact[0]["unit"])
        low = high = float(exact[0]["number"]) * scale
    return Span(low, high, unit)


def _unit(named: str | None) -> tuple[str, float]:
    unit = (named or "").strip(" -").removesuffix("s")
    return ("hour" if unit in HOURS else unit), HOURS.get(unit, 1)


def leave_a_gap(spans: Iterable[Span]) -> bool:
    """Whether numbers lie between two neighbours, or above the highest, that none of the spans holds."""
    ordered = sorted(spans)
    ends = [
        (max(one.high for one in ordered[: place + 1]), other.low) for place, (_, other) in enumerate(pairwise(ordered))
    ]
    # Between whole numbers, of minutes where it is time, nothing is missing: up to two, three or more.
    step = HOURS["minute"] if ordered[0].unit == "hour" else 1
    return any(low - high > step + 2 * TINY for high, low in ends) or max(one.high for one in ordered) < inf
