"""An export file becomes raw conversations, each with its place in the file. Bounded, whatever the file holds."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import NamedTuple

import msgspec

MAX_FILE_BYTES = 1 << 30
"""Of a file's content once it is unpacked."""
MAX_CONVERSATION_BYTES = 64 << 20
SUFFIXES = (".json", ".json.gz", ".jsonl", ".jsonl.gz")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Found(NamedTuple):
    """One place of a file: a raw conversation, or why there is none."""

    position: str
    """A line number of a JSONL file, a JSON pointer elsewhere; empty for the file itself."""
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
    lines = ".jsonl" in path.name.lower()
    try:
        with path.open("rb") as packed:
            if packed.peek(2)[:2] == b"\x1f\x8b":
                with gzip.open(packed) as unpacked:
                    yield from _lines(unpacked) if lines else _document(unpacked)  # type: ignore[arg-type]
            else:
                yield from _lines(packed) if lines else _document(packed)
    except (gzip.BadGzipFile, zlib.error, EOFError):
        yield Found("", None, "broken gzip: the file is cut or damaged from here on")
    except OSError as error:
        yield Found("", None, f"cannot be read ({error.strerror or type(error).__name__})")


def _lines(file: BufferedReader) -> Iterator[Found]:
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
    pointers = _conversations(line)
    if pointers is None:
        yield Found(f"line {number}", line)
        return
    for pointer, raw in pointers:
        yield Found(f"line {number}{pointer}", raw)


def _document(file: BufferedReader) -> Iterator[Found]:
    content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        yield Found("", None, f"the file unpacks to more than {MAX_FILE_BYTES >> 20} MiB")
        return
    content = content.removeprefix(BYTE_ORDER_MARK)
    if not content.strip():
        yield Found("", None, "the file is empty")
        return
    pointers = _conversations(content)
    if pointers is not None:
        for pointer, raw in pointers:
            if len(bytes(raw)) > MAX_CONVERSATION_BYTES:
                yield Found(pointer, None, f"larger than {MAX_CONVERSATION_BYTES >> 20} MiB")
            else:
                yield Found(pointer, raw)
    elif _is_object(content):
        yield Found("", content)
    else:
        yield from _salvage(content)


def _conversations(content: bytes) -> list[tuple[str, msgspec.Raw]] | None:
    """The conversations of a page or a list; None where `content` is neither."""
    try:
        return [(f"/conversations/{index}", raw) for index, raw in enumerate(_PAGE.decode(content).conversations)]
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    try:
        return [(f"/{index}", raw) for index, raw in enumerate(_LIST.decode(content))]
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _is_object(content: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(content), dict)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False


def _salvage(content: bytes) -> Iterator[Found]:
    """The whole conversations before the place where a page breaks off, and that place."""
    text = content.decode("utf-8", errors="surrogateescape")
    start = text.find("[", text.find('"conversations"')) if '"conversations"' in text else text.find("[")
    # Only the opening of a page or list: in an HTML page or a cut object a bracket means nothing.
    before = text[: max(start, 0)].strip()
    if start < 0 or not (before == "" or (before.startswith("{") and before.endswith('"conversations":'))):
        yield Found("", None, "not JSON: neither a page, nor a list, nor a conversation")
        return
    decoder = json.JSONDecoder()
    prefix = "/conversations" if before else ""
    position, index = start + 1, 0
    while True:
        while position < len(text) and text[position] in " \t\r\n,":
            position += 1
        try:
            _, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            byte = len(text[:position].encode("utf-8", errors="surrogateescape"))
            yield Found(f"{prefix}/{index}", None, f"the file breaks off or is not JSON from byte {byte} on")
            return
        yield Found(f"{prefix}/{index}", text[position:end].encode("utf-8", errors="surrogateescape"))
        position, index = end, index + 1
