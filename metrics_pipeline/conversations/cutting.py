"""A page or list that does not read as a whole is cut into its items, so that one bad item takes no other with it.

Only brackets and strings are looked at, once, from front to back: what is between them is the reader's business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

# A string that never ends is one token up to the end, without its closing quote.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{},]', re.DOTALL)
_OPENS_LIST = re.compile(rb"\s*:\s*\[")
_NAME = b'"conversations"'


class Opening(NamedTuple):
    """Where the list of conversations begins."""

    start: int
    """The byte after its opening bracket."""
    pointer: str
    """The list's JSON pointer; empty where it is the whole document."""


class Item(NamedTuple):
    """One item of the list, whatever it is."""

    raw: bytes


class Break(NamedTuple):
    """Where the list, or what follows it, is not what it should be; nothing after it is cut."""

    byte: int


def find_opening(content: bytes) -> Opening | None:
    """Where a list, or the list of a page, opens; None where `content` is neither."""
    start = len(content) - len(content.lstrip())
    if content[start : start + 1] == b"[":
        return Opening(start + 1, "")
    if content[start : start + 1] != b"{":
        return None
    depth = 0
    for token in _TOKEN.finditer(content, start):
        kind = token.group()[:1]
        if kind in b"[{":
            depth += 1
        elif kind in b"]}":
            depth -= 1
            if depth == 0:
                return None
        elif depth == 1 and token.group() == _NAME and (opens := _OPENS_LIST.match(content, token.end())):
            return Opening(opens.end(), "/conversations")
    return None


def cut(content: bytes, opening: Opening) -> Iterator[Item | Break]:
    """The items of the list that opens there, in order, and the place where it breaks off, if it does."""
    begin, depth, is_after_item = opening.start, 0, False
    for token in _TOKEN.finditer(content, begin):
        kind = token.group()[:1]
        if kind in b"[{":
            depth += 1
        elif depth and kind in b"]}":
            depth -= 1
            if depth == 0:
                yield Item(content[begin : token.end()].strip())
                begin, is_after_item = token.end(), True
        elif not depth and kind in b",]":
            between = content[begin : token.start()].strip()
            if between or (kind == b"," and not is_after_item):
                yield Item(between)
            begin, is_after_item = token.end(), False
            if kind == b"]":
                end = _end(content, begin, opening)
                if end is not None:
                    yield Break(end)
                return
        elif not depth and kind == b"}":
            break
    yield Break(begin + len(content[begin:]) - len(content[begin:].lstrip()))


def _end(content: bytes, position: int, opening: Opening) -> int | None:
    """The byte from which what follows the list does not belong there; None where all is well."""
    depth = 1 if opening.pointer else 0
    for token in _TOKEN.finditer(content, position):
        if not depth:
            break
        kind = token.group()[:1]
        depth += (kind in b"[{") - (kind in b"]}")
        position = token.end()
    rest = content[position:]
    if depth or rest.strip():
        return position + len(rest) - len(rest.lstrip())
    return None
