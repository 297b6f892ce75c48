"""A passage is what one speaker says in one go, over one or several turns, and the questions that were put to them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import msgspec

from metrics_pipeline.conversations.redaction.cues import REACH, Said, asked_for, said_about


class Find(msgspec.Struct, frozen=True, gc=False):
    """Something personal in a text."""

    kind: str
    start: int
    end: int
    value: str
    """What it is, however it is written: equal values get equal tokens."""


class Passage(msgspec.Struct, frozen=True, gc=False):
    """Texts joined by line breaks. Offsets count in `text`."""

    text: str
    starts: Sequence[int] = (0,)
    """Where each turn begins."""
    asked: Sequence[str] = ("",)
    """What was said to the speaker before each turn."""
    is_data: bool = False
    """A value of a structure and not something said."""
    year: int | None = None
    """In which it was said."""

    def said_about(self, start: int, end: int) -> Said:
        """What the words around a value say about it; of a question, its end counts."""
        turn = bisect_right(self.starts, start) - 1
        after = self.text[end : end + 40]
        own = self.text[max(self.starts[turn], start - REACH) : start]
        said = said_about(own, after)
        if said.kind is not None or said.is_other:
            return said
        kind, is_asked = None, False
        while kind is None and turn >= 0:
            if asked := self.asked[turn]:
                kind, is_asked = asked_for(asked[-REACH:]), True
            turn -= 1
        return Said(kind, said.is_other, said.is_amount, is_asked)


def apart(finds: Sequence[Find]) -> list[Find]:
    """The finds that do not overlap, in their order in the text; of two that do, the one that comes first in `finds`."""
    kept: list[Find] = []
    for find in finds:
        if all(find.end <= other.start or find.start >= other.end for other in kept):
            kept.append(find)
    return sorted(kept, key=lambda find: find.start)
