"""A page or list that does not read as a whole is cut into its items, so that one bad item takes no other with it.

So is one that is too large to be held: it comes in chunks, and no more than one item is kept at a time. Only brackets
and strings are looked at, once, from front to back: what is between them is the reader's business.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

# A string that never ends is one token up to the end, without its closing quote.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+("?)|[\[\]{},]', re.DOTALL)
_REST_OF_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_OPENS = re.compile(rb"\s*:\s*([\[{])")
LISTS = ("conversations", "results", "data", "items", "records", "calls", "chats", "sessions", "transcripts", "reports")
"""Names under which a page holds its list, the likeliest first."""
HOLDERS = ("data", "result", "response", "payload")
"""Names of an object in a page that in its turn holds the list."""


MAX_DEPTH = 1_000_000
"""No reader takes a tenth of it, and a file of nothing but brackets must come to an end."""


class Opening(NamedTuple):
    """Where the list of conversations begins."""

    start: int
    """The byte after its opening bracket; the first of all where values follow each other without a list."""
    pointer: str
    """The list's JSON pointer; empty where it is the whole document."""
    depth: int
    """How many objects around the list are to be closed after it."""
    is_list: bool = True


class Item(NamedTuple):
    """One item of the list, whatever it is."""

    raw: bytes | None
    """None where it was too large to be kept."""


class Break(NamedTuple):
    """Where the list, or what follows it, is not what it should be; nothing after it is cut."""

    byte: int


def find_opening(content: bytes) -> Opening | None:
    """Where a list, or the list of a page, opens; None where `content` begins with neither."""
    start = len(content) - len(content.lstrip())
    if content[start : start + 1] == b"[":
        return Opening(start + 1, "", 0)
    if content[start : start + 1] != b"{":
        return None
    depth, holder = 0, ""
    for token in _TOKEN.finditer(content, start):
        kind = token.group()[:1]
        if kind in b"[{":
            depth += 1
        elif kind in b"]}":
            depth -= 1
            if depth == 0:
                return None
        elif kind == b'"' and depth in (1, 2) and (opens := _OPENS.match(content, token.end())):
            name = token.group()[1:-1].decode(errors="replace")
            if opens.group(1) == b"{":
                holder = name if depth == 1 else holder
            elif name in LISTS and (depth == 1 or holder in HOLDERS):
                return Opening(opens.end(), f"/{holder}/{name}" if depth == 2 else f"/{name}", depth)
    return None


def cut(chunks: Iterable[bytes], opening: Opening, max_bytes: int) -> Iterator[Item | Break]:
    """The items of the list that opens there, in order, and the place where it breaks off, if it does.

    Args:
        chunks: The content, in one piece or in several; the list opens in the first.
        max_bytes: An item that is larger is not held.
    """
    cutter = _Cutter(opening, max_bytes)
    for chunk in chunks:
        yield from cutter.feed(chunk)
        if cutter.is_broken:
            return
    yield from cutter.finish()


class _Cutter:
    """Where the cutting stands between two chunks."""

    def __init__(self, opening: Opening, max_bytes: int) -> None:
        self.is_broken = False
        self._is_list = opening.is_list
        self._max_bytes = max_bytes
        self._skip = opening.start
        self._passed = 0
        """Bytes of the chunks before this one."""
        self._held = bytearray()
        """What came of the next item in chunks before this one; nothing once it is too large."""
        self._held_from = opening.start
        self._is_too_large = self._is_after_item = False
        self._depth = 0
        self._in_string = self._is_escaped = False
        self._is_closed = False
        """Whether the list has ended; what follows must be the rest of the page around it."""
        self._open_after = opening.depth

    def feed(self, chunk: bytes) -> Iterator[Item | Break]:
        begin = min(self._skip, len(chunk))
        self._skip -= begin
        position = self._end_of_string(chunk) if self._in_string else begin
        for token in _TOKEN.finditer(chunk, position):
            kind, end = token.group()[:1], token.end()
            if self._is_closed:
                if self._open_after == 0:
                    break
                begin = end
            if kind == b'"':
                self._in_string = not token.group(1)
                # Then the last byte is a backslash, and the next chunk begins with what it takes away.
                self._is_escaped = self._in_string and end < len(chunk)
            elif self._is_closed:
                self._open_after += (kind in b"[{") - (kind in b"]}")
            elif kind in b"[{":
                self._depth += 1
                if self._depth > MAX_DEPTH:
                    break
            elif self._depth and kind in b"]}":
                self._depth -= 1
                if self._depth == 0:
                    yield self._item(chunk[begin:end])
                    begin, self._is_after_item = end, True
            elif not self._depth and kind in b",]":
                between = chunk[begin : token.start()]
                if self._holds(between) or (kind == b"," and not self._is_after_item):
                    yield self._item(between)
                begin, self._is_after_item = end, False
                self._is_closed = kind == b"]" and self._is_list
            elif not self._depth and kind == b"}":
                break
            if self._is_escaped:
                break
            if not self._held and not self._is_too_large:
                self._held_from = self._passed + begin
        else:
            yield from self._keep(chunk, begin)
            return
        if self._is_escaped:
            yield from self._keep(chunk, begin)
        else:
            yield self._break(chunk[begin:])

    def finish(self) -> Iterator[Break]:
        is_over = self._is_closed and self._open_after == 0
        if not self._is_list:
            is_over = not self._depth and not self._holds(b"")
        if not is_over:
            yield self._break(b"")

    def _end_of_string(self, chunk: bytes) -> int:
        rest = _REST_OF_STRING.match(chunk, min(int(self._is_escaped), len(chunk)))
        end = rest.end() if rest else len(chunk)
        self._in_string = chunk[end : end + 1] != b'"'
        self._is_escaped = chunk[end : end + 1] == b"\\"
        return end + 1 if end < len(chunk) else end

    def _keep(self, chunk: bytes, begin: int) -> Iterator[Break]:
        """What is left of a chunk belongs to an item that goes on in the next one."""
        part = chunk[begin:]
        if self._is_closed:
            if self._open_after == 0 and part.strip():
                yield self._break(part)
        elif len(self._held) + len(part) > self._max_bytes:
            self._is_too_large = True
            self._held.clear()
        elif not self._is_too_large:
            self._held += part
        if self._is_closed:
            self._held_from = self._passed + begin
        self._passed += len(chunk)

    def _holds(self, last: bytes) -> bool:
        return self._is_too_large or bool(last.strip()) or bool(self._held.strip())

    def _item(self, last: bytes) -> Item:
        is_too_large = self._is_too_large or len(self._held) + len(last) > self._max_bytes
        raw = None if is_too_large else bytes(self._held + last).strip()
        self._held.clear()
        self._is_too_large = False
        return Item(raw)

    def _break(self, rest: bytes) -> Break:
        self.is_broken = True
        waiting = bytes(self._held) + rest
        return Break(self._held_from + len(waiting) - len(waiting.lstrip()))
