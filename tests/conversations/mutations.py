"""Files of conversations with something wrong: by bytes, lines, fields and types, each drawn from a seed.

Each says which of its conversations nothing happened to: these must land as if nothing had happened to the others.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Values = dict[str, Any]
INSERTED = (b"\0", b'"', b"\\", b"}", b"[" * 5_000, b"\xed\xa0\x80")
FORMATS = (".json", ".jsonl", ".json.gz", ".jsonl.gz")


class Mutation(NamedTuple):
    """A file that was changed in one place."""

    kind: str
    format: str
    content: bytes
    unharmed: frozenset[int]
    """Positions of the conversations, among those that the file was made from, that must land as they were."""
    read_count: int | None = None
    """How many places there are to read, where the change leaves no doubt about it."""
    changed: Values | None = None
    """The one conversation that was changed, where it still is JSON."""
    loses_words: bool = False
    """Whether something was put where it does not belong, so that words may be missing, and must then be counted."""


class Plain(NamedTuple):
    """A file's content before it is packed, and where each conversation stands in it."""

    content: bytes
    spans: tuple[tuple[int, int], ...]


def page(items: Sequence[bytes]) -> Plain:
    return joined(b'{"conversations":[', b",", b'],"cursor":null}', items)


def lines(items: Sequence[bytes], end: bytes = b"\n") -> Plain:
    return joined(b"", end, end, items)


def joined(start: bytes, between: bytes, end: bytes, items: Sequence[bytes]) -> Plain:
    content, spans = bytearray(start), []
    for index, item in enumerate(items):
        content += between if index else b""
        spans.append((len(content), len(content) + len(item)))
        content += item
    return Plain(bytes(content + end), tuple(spans))


def laid_out(items: Sequence[bytes], format: str) -> Plain:
    return lines(items) if ".jsonl" in format else page(items)


def packed(content: bytes, format: str) -> bytes:
    return gzip.compress(content, 1, mtime=0) if format.endswith(".gz") else content


def mutate(rng: random.Random, conversations: Sequence[Values]) -> Mutation:
    """One change to a file of these conversations."""
    return rng.choice(KINDS)(rng, conversations, rng.choice(FORMATS))


def written(conversation: Values) -> bytes:
    return json.dumps(conversation, ensure_ascii=False, separators=(",", ":")).encode()


def of_bytes(rng: random.Random, found: Sequence[Values], format: str) -> Mutation:
    """Bits are flipped, bytes are deleted, put in, or cut off, before or after the file is packed."""
    plain = laid_out([written(one) for one in found], format)
    what = rng.choice(("flip", "delete", "insert", "cut", "overwrite"))
    if format.endswith(".gz") and rng.random() < 0.5:
        content = bytearray(packed(plain.content, format))
        changed, _, _ = _damaged(rng, content, what)
        return Mutation(f"packed {what}", format, changed, frozenset())
    changed, begin, end = _damaged(rng, bytearray(plain.content), what)
    unharmed = frozenset(
        index
        for index, span in enumerate(plain.spans)
        if span[1] < begin or (".jsonl" in format and what != "cut" and span[0] > end + 1)
    )
    return Mutation(f"bytes {what}", format, packed(changed, format), unharmed)


def _damaged(rng: random.Random, content: bytearray, what: str) -> tuple[bytes, int, int]:
    """The content, and the first and last byte of it that were touched."""
    begin = end = rng.randrange(len(content))
    length = rng.choice((1, 1, 2, 8, 60))
    if what == "flip":
        content[begin] ^= 1 << rng.randrange(8)
    elif what == "delete":
        end = min(begin + length, len(content)) - 1
        del content[begin : end + 1]
    elif what == "insert":
        content[begin:begin] = rng.choice((rng.randbytes(length), *INSERTED))
    elif what == "overwrite":
        end = min(begin + length, len(content)) - 1
        content[begin : end + 1] = rng.randbytes(end + 1 - begin)
    else:
        end = len(content)
        del content[begin:]
    return bytes(content), begin, end


def of_lines(rng: random.Random, found: Sequence[Values], format: str) -> Mutation:
    """Lines are exchanged, doubled, deleted or joined; of a page, the lines of its indented form."""
    what = rng.choice(("swap", "double", "delete", "join", "blank", "CRLF", "mark"))
    if ".jsonl" in format:
        return _whole_lines(rng, [written(one) for one in found], format, what)
    text = json.dumps({"conversations": found}, ensure_ascii=False, indent=1)
    pieces = text.encode().splitlines(keepends=True)
    index, other = sorted((rng.randrange(len(pieces)), rng.randrange(len(pieces))))
    opens = [number for number, piece in enumerate(pieces) if piece.rstrip() == b"  {"]
    if what == "swap":
        pieces[index], pieces[other] = pieces[other], pieces[index]
    elif what == "double":
        pieces.insert(index, pieces[index])
    elif what == "delete":
        del pieces[index]
    elif what == "mark":
        pieces.insert(0, b"\xef\xbb\xbf")
    elif what == "CRLF":
        pieces = [piece.replace(b"\n", b"\r\n") for piece in pieces]
    else:
        pieces[index] = pieces[index].replace(b"\n", b"" if what == "join" else b"\n\n")
    content = packed(b"".join(pieces), format)
    if what in ("join", "blank", "CRLF", "mark"):
        return Mutation(f"lines {what}", format, content, frozenset(range(len(found))), len(found))
    ends = [*opens[1:], len(pieces)]
    unharmed = frozenset(number for number, end in enumerate(ends) if end <= index)
    return Mutation(f"lines {what}", format, content, unharmed)


def _whole_lines(rng: random.Random, items: list[bytes], format: str, what: str) -> Mutation:
    index, other = rng.randrange(len(items)), rng.randrange(len(items))
    unharmed, read_count, end = set(range(len(items))), len(items), b"\n"
    if what == "swap":
        items[index], items[other] = items[other], items[index]
    elif what == "double":
        items.insert(other, items[index])
        read_count += 1
    elif what == "delete":
        del items[index]
        unharmed.discard(index)
        read_count -= 1
    elif what == "join":
        # Two on one line are no line of JSON.
        index %= len(items) - 1
        items[index : index + 2] = [items[index] + items[index + 1]]
        unharmed -= {index, index + 1}
        read_count -= 1
    elif what == "blank":
        items.insert(index, b"  ")
    elif what == "CRLF":
        end = b"\r\n"
    else:
        items[0] = b"\xef\xbb\xbf" + items[0]
    content = packed(lines(items, end).content, format)
    return Mutation(f"lines {what}", format, content, frozenset(unharmed), None if what == "join" else read_count)


def of_fields(rng: random.Random, found: Sequence[Values], format: str) -> Mutation:
    """A field is taken out, renamed, emptied, or written twice."""
    what = rng.choice(("remove", "rename", "null", "empty", "twice", "add"))
    one, index = _copy_of_one(rng, found)
    holder, key = _place(rng, one, dict)
    value = holder[key]
    if what in ("remove", "rename"):
        del holder[key]
    if what == "rename":
        holder[f"{key}_2"] = value
    elif what in ("null", "empty"):
        holder[key] = None if what == "null" else type(value)()
    elif what == "twice":
        # A dictionary has no key twice: the sign is taken out once it is text.
        holder[f"{key}\x01"] = rng.choice((value, None, "again", 7))
    elif what == "add":
        holder[rng.choice(("", "id", "x" * 1_000, "turns", "\ud800", "é\0"))] = rng.choice((1, [{}], "x"))
    return _with(one, index, found, format, f"fields {what}", loses_words=False)


def of_types(rng: random.Random, found: Sequence[Values], format: str) -> Mutation:
    """A value becomes one of another type, or one that its type hardly holds."""
    one, index = _copy_of_one(rng, found)
    holder, key = _place(rng, one, (dict, list))
    name = rng.choice(tuple(ODD))
    # An object within another is what a field of a new name is: no type can tell what is in it.
    loses_words = name != "in an object" or not isinstance(holder[key], dict)
    holder[key] = ODD[name](holder[key])
    return _with(one, index, found, format, f"types {name}", loses_words)


ODD: dict[str, Callable[[Any], Any]] = {
    "in a list": lambda value: [value],
    "in an object": lambda value: {"value": value},
    "as text": lambda value: json.dumps(value),
    "number": lambda value: -1,
    "boolean": lambda value: True,
    "no number": lambda value: float("nan"),
    "infinite": lambda value: float("-inf"),
    "past a float": lambda value: 10**400,
    "past 2^53": lambda value: 9_007_199_254_740_993,
    "past 64 bits": lambda value: 2**70,
    "a number of text": lambda value: "9" * 500,
    "half a character": lambda value: "half \ud83d of it",
    "nothing": lambda value: "\0",
    "deep": lambda value: _nested(200),
    "too deep": lambda value: _nested(900),
    "no date": lambda value: "2026-02-30T25:61:00Z",
    "year 1": lambda value: "0001-01-01T00:00:00+14:00",
    "year 9999": lambda value: "9999-12-31T23:59:59-14:00",
    "year 1970": lambda value: "1970-01-01T00:00:00Z",
    "long": lambda value: "long " * 20_000,
    "right to left": lambda value: "\u202eabc\u2066\ufeff\u00ad",
    "many": lambda value: [value] * 300,
}


def _nested(depth: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(depth):
        found = [found]
    return found


def _copy_of_one(rng: random.Random, found: Sequence[Values]) -> tuple[Values, int]:
    index = rng.randrange(len(found))
    return json.loads(json.dumps(found[index])), index


def _place(rng: random.Random, one: Values, kinds: Any) -> tuple[Any, Any]:
    """Where a value stands: each depth is as likely, so that the few fields at the top are hit as often as words."""
    levels: list[list[tuple[Any, Any]]] = []

    def walk(value: Any, depth: int) -> None:
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, deeper in inner:
            if len(levels) <= depth:
                levels.append([])
            if isinstance(value, kinds):
                levels[depth].append((value, key))
            walk(deeper, depth + 1)

    walk(one, 0)
    return rng.choice(rng.choice([level for level in levels if level]))


def _with(one: Values, index: int, found: Sequence[Values], format: str, kind: str, loses_words: bool) -> Mutation:
    text = json.dumps(one, separators=(",", ":")).replace('\\u0001":', '":')
    items = [written(other) for other in found]
    items[index] = text.encode()
    unharmed = frozenset(range(len(found))) - {index}
    content = packed(laid_out(items, format).content, format)
    return Mutation(kind, format, content, unharmed, len(found), one, loses_words)


KINDS = (of_bytes, of_bytes, of_lines, of_fields, of_types, of_types)
