"""Many texts searched in one pass, since most of what is searched holds nothing."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate

import re2

from metrics_pipeline.conversations.redaction.plain import plain


class Lines:
    """Texts one after the other, each with a line break at its end."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._joined = "\n".join(texts) + "\n"
        self._content = self._joined.encode("utf-8", "replace")
        self._ends: list[int] = []

    def holds(self, text: str) -> bool:
        """Whether `text` stands in any of them."""
        return text in self._joined

    @property
    def is_plain(self) -> bool:
        """Whether RE2 sees in them what `re` does."""
        return plain(self._joined) is not None

    def places(self, pattern: re2._Regexp) -> set[int]:
        """The texts in which a match of `pattern` stands, in part or in whole."""
        first = pattern.search(self._content)
        if first is None or not self._texts:
            return set()
        return self._spanned(match.span() for match in pattern.finditer(self._content, first.start()))

    def places_of(self, value: str) -> set[int]:
        """The texts in which `value`, which is in lower case, stands in any case, and sometimes others."""
        low = self._joined.lower()
        if len(self._content) != len(self._joined):
            # Some signs are longer in lower case, and most are longer in bytes.
            return {place for place, text in enumerate(self._texts) if value in text.lower()}
        return self._spanned(_spans(low, value))

    def _spanned(self, spans: Iterator[tuple[int, int]]) -> set[int]:
        if not self._ends:
            lengths = list(map(len, self._texts))
            if len(self._content) != len(self._joined):
                lengths = [len(text.encode("utf-8", "replace")) for text in self._texts]
            self._ends = list(accumulate([length + 1 for length in lengths]))
        ends = self._ends
        places: set[int] = set()
        for start, end in spans:
            places.update(range(bisect_right(ends, start), bisect_right(ends, end - 1) + 1))
        return places


def _spans(text: str, value: str) -> Iterator[tuple[int, int]]:
    begin = text.find(value)
    while begin >= 0:
        yield begin, begin + len(value)
        begin = text.find(value, begin + 1)
