"""An export file becomes raw conversations, each with its place in the file. Bounded, whatever the file holds."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import msgspec

from metrics_pipeline.conversations.cutting import Item, cut, find_opening
from metrics_pipeline.conversations.rows import read_rows

MAX_FILE_BYTES = 1 << 30
"""Of a file's content once it is unpacked."""
MAX_CONVERSATION_BYTES = 64 << 20
SUFFIXES = (".json", ".json.gz", ".jsonl", ".jsonl.gz", ".csv", ".csv.gz")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Found(NamedTuple):
    """One place of a file: a raw conversation, or why there is none."""

    position: str
    """A line number of a JSONL or CSV file, a JSON pointer elsewhere; empty for the file itself."""
    raw: bytes | msgspec.Raw | None
    reason: str = ""


class _Page(msgspec.Struct):
    conversations: list[msgspec.Raw]


_PAGE = msgspec.json.Decoder(_Page)
_LIST = msgspec.json.Decoder(list[msgspec.Raw])


def is_export(path: Path) -> bool:
    """Whether the file's name is one of those that are read."""
    return path.name.lower().endswith(SUFFIXES)


def read_export(path: Path) -> Iterator[Found]:
    """Every conversation of an export file, in order, and every place that holds none."""
    name = path.name.lower()
    try:
        if ".csv" in name:
            yield from _rows(path)
            return
        with _opened(path) as file:
            yield from _lines(file) if ".jsonl" in name else _document(file)
    except (gzip.BadGzipFile, zlib.error, EOFError):
        yield Found("", None, "broken gzip: the file is cut or damaged from here on")
    except OSError as error:
        yield Found("", None, f"cannot be read ({error.strerror or type(error).__name__})")


def _opened(path: Path) -> BinaryIO:
    """The file's content, unpacked if it is packed, whatever its name says."""
    packed = path.open("rb")
    if packed.peek(2)[:2] != b"\x1f\x8b":
        return packed
    packed.close()
    return cast(BinaryIO, gzip.open(path))


def _rows(path: Path) -> Iterator[Found]:
    for group in read_rows(lambda: _opened(path), MAX_FILE_BYTES):
        position = f"line {group.line}"
        if group.raw is None:
            yield Found(position, None, group.reason)
        else:
            yield _bounded(position, group.raw)


def _lines(file: BinaryIO) -> Iterator[Found]:
    number = total = 0
    while line := file.readline(MAX_CONVERSATION_BYTES + 1):
        number, total = number + 1, total + len(line)
        if total > MAX_FILE_BYTES:
            yield Found(f"line {number}", None, f"the file unpacks to more than {MAX_FILE_BYTES >> 20} MiB")
            return
        if len(line) > MAX_CONVERSATION_BYTES:
            while not line.endswith(b"\n") and (line := file.readline(MAX_CONVERSATION_BYTES)):
                total += len(line)
                if total > MAX_FILE_BYTES:
                    break
            yield Found(f"line {number}", None, f"longer than {MAX_CONVERSATION_BYTES >> 20} MiB")
            continue
        line = line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line
        if line.strip():
            yield from _line(line, number)


def _line(line: bytes, number: int) -> Iterator[Found]:
    return _places(line, f"line {number}", "the line")


def _document(file: BinaryIO) -> Iterator[Found]:
    content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        yield Found("", None, f"the file unpacks to more than {MAX_FILE_BYTES >> 20} MiB")
        return
    content = content.removeprefix(BYTE_ORDER_MARK)
    if not content.strip():
        yield Found("", None, "the file is empty")
    elif not content.lstrip().startswith((b"{", b"[")):
        yield Found("", None, "not JSON: neither a page, nor a list, nor a conversation")
    else:
        yield from _places(content, "", "the file")


def _places(content: bytes, position: str, what: str) -> Iterator[Found]:
    """The conversations of a page or a list, or the one that `content` is."""
    pointers = _conversations(content)
    if pointers is not None:
        for pointer, raw in pointers:
            yield _bounded(position + pointer, raw)
    elif (opening := find_opening(content)) is not None:
        for index, found in enumerate(cut(content, opening)):
            place = f"{position}{opening.pointer}/{index}"
            if isinstance(found, Item):
                yield _bounded(place, found.raw)
            else:
                yield Found(place, None, f"{what} breaks off or is not JSON from byte {found.byte} on")
    else:
        yield _bounded(position, content)


def _bounded(position: str, raw: bytes | msgspec.Raw) -> Found:
    if len(memoryview(raw)) > MAX_CONVERSATION_BYTES:
        return Found(position, None, f"larger than {MAX_CONVERSATION_BYTES >> 20} MiB")
    return Found(position, raw)


def _conversations(content: bytes) -> list[tuple[str, msgspec.Raw]] | None:
    """The conversations of a page or a list that reads as a whole; None where `content` is neither."""
    try:
        return [(f"/conversations/{index}", raw) for index, raw in enumerate(_PAGE.decode(content).conversations)]
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    try:
        return [(f"/{index}", raw) for index, raw in enumerate(_LIST.decode(content))]
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
