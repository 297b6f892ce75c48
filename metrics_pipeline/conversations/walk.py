"""One way through the pages of a day: by cursor or by offset, and whether it has come to the end of them."""

from __future__ import annotations

import hashlib

from metrics_pipeline.conversations.pages import Page

MAX_PAGES = 10_000
"""Of one walk."""
MAX_REPEATS = 3
"""Pages that one walk may meet again before it is taken to run in a circle."""


class Walk:
    """One way through a day's pages."""

    def __init__(self, is_by_cursor: bool, keys: set[str], cursor: str | None, is_proven: bool) -> None:
        self.is_by_cursor, self.keys, self.cursor, self.is_proven = is_by_cursor, keys, cursor, is_proven
        self.offset = 0
        self.is_ended = False
        self._pages: set[bytes] = set()
        self._repeats = 0

    def add(self, page: Page, page_size: int) -> bool:
        """Take a page in; whether there is another one to ask for."""
        self.keys.update(item.key for item in page.items)
        self.offset += len(page.items)
        digest = hashlib.blake2b(page.content, digest_size=16).digest()
        self._repeats += digest in self._pages
        self._pages.add(digest)
        is_short = len(page.items) < page_size
        if self.is_by_cursor:
            is_last = page.cursor is None
            # A last page that names an offset to go on at is not the last.
            self.is_ended = is_last and page.next_offset is None
        else:
            is_last = self.is_ended = not page.items or (page.next_offset is None and is_short)
        if page.next_offset is not None:
            self.is_proven &= page.next_offset == len(self.keys)
        else:
            self.is_proven &= is_last and is_short
        self.cursor = page.cursor
        return not is_last and self._repeats <= MAX_REPEATS and len(self._pages) < MAX_PAGES
