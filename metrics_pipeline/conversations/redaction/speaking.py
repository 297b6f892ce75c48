"""What each speaker of a conversation says in one go: a number that goes on in the next turn is one number."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set

import re2
from msgspec.structs import replace

from metrics_pipeline.conversations.record import InColumns
from metrics_pipeline.conversations.redaction.cues import names
from metrics_pipeline.conversations.redaction.lines import Lines
from metrics_pipeline.conversations.redaction.passage import Find, Passage
from metrics_pipeline.conversations.redaction.spoken import (
    LINKS,
    SAID,
    SIGHS,
    may_begin_in_number,
    may_end_in_number,
    may_hold_number,
    tokens,
)

EDGE = 40
"""Characters of a turn that are looked at for a number that goes on in another turn."""


MOST_BETWEEN = 2
"""Turns of others between two in which a number goes on."""
_LEADING = "|".join(sorted(LINKS))
_WORDS, _SIGHS = "|".join(sorted(SAID - SIGHS)), "|".join(sorted(SIGHS))
_BEGINS_IN_NUMBER = re2.compile(
    rf"(?im)^[^\pL\pN]*(?:(?:{_LEADING})[^\pL\pN]*)*"
    rf"(?:\pN|(?:{_WORDS})(?:\b|_)|(?:{_SIGHS})[^\pL\pN](?:\pN|{_WORDS}|{_SIGHS}))"
)
"""So do all turns that begin in one, and some others."""


def passages(found: InColumns, lines: Lines, lit: Set[int]) -> list[list[int]]:
    """The turns that a speaker says in one go: those in which a number goes on, and each of the others by itself that
    is to be looked at.

    Args:
        lines: What was said in each turn.
        lit: Turns in which there may be something.
    """
    going_on: dict[int, list[int]] = {}
    for place in sorted(lines.places(_BEGINS_IN_NUMBER)):
        before = _spoken_before(found.speakers, place)
        if before is not None and _goes_on(found, before, place):
            going_on[place] = [*going_on.pop(before, [before]), place]
    joined = {place for places in going_on.values() for place in places}
    answers = {place + 1 for place in lit if place + 1 < len(found.texts) and asked_before(found, place + 1)}
    return [*going_on.values(), *([place] for place in (lit | answers) - joined)]


def _spoken_before(speakers: Sequence[str], place: int) -> int | None:
    """The last turn of the same speaker, where it is near enough for a number to go on."""
    for before in range(place - 1, max(place - MOST_BETWEEN - 2, -1), -1):
        if speakers[before] == speakers[place]:
            return before
    return None


def passage_of(found: InColumns, places: Sequence[int], year: int) -> Passage:
    """Those turns as one passage; `year` is that of the conversation."""
    if len(places) == 1:
        return Passage(found.texts[places[0]], (0,), (asked_before(found, places[0]),), year=year)
    chosen = [found.texts[place] for place in places]
    starts = [0]
    for text in chosen[:-1]:
        starts.append(starts[-1] + len(text) + 1)
    asked = tuple([asked_before(found, place) for place in places])
    return Passage("\n".join(chosen), starts, asked, year=year)


def _goes_on(found: InColumns, before: int, place: int) -> bool:
    """Whether a number at the end of one turn goes on at the beginning of the speaker's next."""
    if not (_ends_in_number(found.texts[before]) and _begins_in_number(found.texts[place])):
        return False
    between = found.texts[before + 1 : place]
    return not any(names(text, kind) for text in between for kind in ("CODE", "BIRTH_DATE"))


def _ends_in_number(text: str) -> bool:
    tail = text[-EDGE:]
    if not may_end_in_number(tail) or not may_hold_number(tail):
        return False
    last = tokens(tail)[-1]
    return last.is_number or last.chars.isupper()


def _begins_in_number(text: str) -> bool:
    head = text[:EDGE]
    if not may_begin_in_number(text) or not may_hold_number(head):
        return False
    words = (token for token in tokens(head) if token.chars.lower() not in LINKS)
    first = next(words, None)
    return first is not None and first.is_number


def asked_before(found: InColumns, place: int) -> str:
    """The turn of the other side that this one may answer: of what a caller says, only a question."""
    if not place or found.speakers[place - 1] in (found.speakers[place], "function"):
        return ""
    before = found.texts[place - 1]
    return before if found.speakers[place - 1] == "agent" or before.rstrip().endswith("?") else ""


_LEADS_ON = re.compile(r"\W*(?:(?:then|and|okay|ok|it|s|is|so|yes|yeah|y)\b\W*)*")


def by_turn(
    finds: Sequence[Find], starts: Sequence[int], texts: Sequence[str], places: Sequence[int]
) -> Iterator[tuple[int, Find]]:
    """Each find in the turns that it stands in, with that turn's offsets."""
    for found in finds:
        for start, place in zip(starts, places, strict=True):
            begin, end = max(found.start - start, 0), min(found.end - start, len(texts[place]))
            if begin < end:
                if found.start < start and (leading := _LEADS_ON.match(texts[place][begin:end])):
                    begin += leading.end()
                yield place, replace(found, start=begin, end=end)
