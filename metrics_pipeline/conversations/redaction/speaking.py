"""What each speaker of a conversation says in one go: a number that goes on in the next turn is one number."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from metrics_pipeline.conversations.record import InColumns
from metrics_pipeline.conversations.redaction.cues import names
from metrics_pipeline.conversations.redaction.passage import Find, Passage
from metrics_pipeline.conversations.redaction.spoken import LINKS, may_begin_in_number, may_hold_number, tokens

EDGE = 40
"""Characters of a turn that are looked at for a number that goes on in another turn."""


def passages(found: InColumns) -> Iterator[list[int]]:
    """The turns that each speaker says in one go: those in which a number goes on are read as one."""
    open_passages: dict[str, list[int]] = {}
    closed: list[list[int]] = []
    for place, speaker in enumerate(found.speakers):
        before = open_passages.get(speaker)
        if before is not None:
            if may_begin_in_number(found.texts[place]) and _goes_on(found, before[-1], place):
                before.append(place)
                continue
            closed.append(before)
        open_passages[speaker] = [place]
    yield from closed
    yield from open_passages.values()


def passage_of(found: InColumns, places: Sequence[int], year: int) -> Passage:
    """Those turns as one passage; `year` is that of the conversation."""
    chosen = [found.texts[place] for place in places]
    starts = [0]
    for text in chosen[:-1]:
        starts.append(starts[-1] + len(text) + 1)
    asked = tuple([asked_before(found, place) for place in places])
    return Passage("\n".join(chosen), starts, asked, year=year)


def _goes_on(found: InColumns, before: int, place: int) -> bool:
    """Whether a number at the end of one turn goes on at the beginning of the speaker's next."""
    between = found.texts[before + 1 : place]
    if len(between) > 2 or not (_begins_in_number(found.texts[place]) and _ends_in_number(found.texts[before])):
        return False
    return not any(names(text, kind) for text in between for kind in ("CODE", "BIRTH_DATE"))


def _ends_in_number(text: str) -> bool:
    if not may_hold_number(text[-EDGE:]):
        return False
    last = tokens(text[-EDGE:])[-1]
    return last.is_number or last.chars.isupper()


def _begins_in_number(text: str) -> bool:
    head = text[:EDGE]
    if not may_hold_number(head):
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


def by_turn(
    finds: Sequence[Find], starts: Sequence[int], texts: Sequence[str], places: Sequence[int]
) -> Iterator[tuple[int, Find]]:
    """Each find in the turns that it stands in, with that turn's offsets."""
    for found in finds:
        for start, place in zip(starts, places, strict=True):
            begin, end = max(found.start - start, 0), min(found.end - start, len(texts[place]))
            if begin < end:
                leading = re.match(r"\W*(?:(?:then|and|okay|ok|it|s|is|so|yes|yeah|y)\b\W*)*", texts[place][begin:end])
                begin += leading.end() if leading and found.start < start else 0
                yield place, replace(found, start=begin, end=end)
