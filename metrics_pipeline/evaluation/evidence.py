"""A judge's quotes, checked by code: a quote counts only if it stands in the turn that it names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from metrics_pipeline.conversations.record import Turn, shown_text
from metrics_pipeline.evaluation.containment import visible
from metrics_pipeline.evaluation.verdict import Evidence, Tier

_QUOTES = str.maketrans(dict.fromkeys("‘’‚‛", "'") | dict.fromkeys("“”„‟«»", '"'))
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_SPACE = re.compile(r"\s+")


class Quote(NamedTuple):
    """What a judge says it read, not yet believed."""

    turn_index: int
    quote: str


class Checked(NamedTuple):
    """The quotes that hold, and how many do not."""

    evidence: tuple[Evidence, ...]
    failed_count: int


def check_quotes(
    quotes: Iterable[Quote],
    turns: Sequence[Turn],
    applies_from_turn: int | None = None,
    evidence_from: str | None = None,
) -> Checked:
    """Each quote that stands in its turn, with the tier that found it.

    A quote from before the metric applied does not count, nor does one of nothing but white space and punctuation,
    nor one of somebody else's words where the metric says whose count (`agent`, `user`, `function`; `any`: all).
    """
    evidence: list[Evidence] = []
    failed_count = 0
    for quote in quotes:
        turn = turn_at(quote.turn_index, turns)
        early = applies_from_turn is not None and quote.turn_index < applies_from_turn
        other = turn is not None and evidence_from not in (None, "any", turn.speaker)
        tier = None if turn is None or early or other else find(quote.quote, shown_text(turn))
        if tier is None:
            failed_count += 1
        else:
            evidence.append(Evidence(quote.turn_index, quote.quote, tier))
    return Checked(tuple(evidence), failed_count)


def turn_at(index: int, turns: Sequence[Turn]) -> Turn | None:
    """The turn of that index; None where it is not among `turns`."""
    # Indices count from 0: only where turns are left out does one stand elsewhere.
    if 0 <= index < len(turns) and turns[index].turn_index == index:
        return turns[index]
    return next((turn for turn in turns if turn.turn_index == index), None)


def find(quote: str, text: str) -> Tier | None:
    """How `quote` stands in `text`: `exact`, `folded`, or None where it does not.

    The judge reads hidden characters written out (see containment), so both forms of `text` are looked at.
    """
    if not _LETTER_OR_DIGIT.search(quote):
        return None
    if quote in text or quote in (shown := visible(text)):
        return "exact"
    return "folded" if fold(quote) in fold(shown) else None


def fold(text: str) -> str:
    """`text` after NFKC, case, quote-mark and white-space folding."""
    # Quote marks first: NFKC would turn some of them into others.
    folded = unicodedata.normalize("NFKC", text.translate(_QUOTES)).translate(_QUOTES).casefold()
    return _SPACE.sub(" ", folded).strip()
