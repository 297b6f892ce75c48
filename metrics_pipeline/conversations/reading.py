"""An export file becomes raw conversations, each with its place in the file. Bounded, whatever the file holds."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec
from msgspec.structs import replace

from metrics_pipeline.conversations.adapters.registry import is_known
from metrics_pipeline.conversations.cutting import HOLDERS, LISTS, Item, Opening, cut, find_opening
from metrics_pipeline.conversations.record import InColumns
from metrics_pipeline.conversations.rows import read_rows
from metrics_pipeline.conversations.unpacking import CUT, Chunks, members

MAX_FILE_BYTES = 1 << 30
"""Of a file's content once it is unpacked."""
MAX_CONVERSATION_BYTES = 8 << 20
"""A byte of JSON may take forty bytes of memory once it is read."""
WHOLE_BYTES = 8 << 20
"""A document up to this size is read as one; a larger one is cut as it comes."""
SUFFIXES = tuple(f"{kind}{packed}" for kind in (".json", ".jsonl", ".ndjson", ".csv") for packed in ("", ".gz"))
ARCHIVES = (".zip",)
DAMAGED = "damaged while packed: its checksum says that it was altered, so nothing of it is kept; copy it anew"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


ConvertExact = Callable[[bytes], InColumns | None]


class Found(msgspec.Struct, frozen=True, gc=False):
    """One place of a file: a raw conversation, or why there is none."""

    position: str
    """A line number of a JSONL or CSV file, a JSON pointer elsewhere; empty for the file itself."""
    raw: bytes | msgspec.Raw | None
    reason: str = ""
    exact: InColumns | None = None
    """The conversation that a line is, where it was read at once."""
    spoils: bool = False
    """Whether what was found before it in the same file may have been altered, and must not be kept."""


class _Listed(NamedTuple):
    """The items of a list, and its JSON pointer."""

    pointer: str
    items: list[msgspec.Raw]


# An object of which nothing is looked at but the lists that it may hold.
_Page = msgspec.defstruct(
    "_Page", [(name, msgspec.Raw | msgspec.UnsetType, msgspec.UNSET) for name in dict.fromkeys((*LISTS, *HOLDERS))]
)
_PAGE = msgspec.json.Decoder(_Page)
_LIST = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NOT_READ = (msgspec.DecodeError, UnicodeError, RecursionError)


def is_export(path: Path) -> bool:
    """Whether it is a file, and its name one of those that are read: a folder may bear any name."""
    return path.name.lower().endswith((*SUFFIXES, *ARCHIVES)) and not path.is_dir()


def read_export(path: Path, convert_exact: ConvertExact = lambda raw: None) -> Iterator[Found]:
    """Every conversation of an export file, in order, and every place that holds none.

    Args:
        convert_exact: Reads a line that is one conversation and nothing else, and need not be looked at again.
    """
    place = ""
    try:
        for member in members(path, SUFFIXES, MAX_FILE_BYTES):
            place = member.place
            if member.opened is None:
                yield Found(place, None, member.reason)
                continue
            content = _content(member.name.lower(), member.opened, convert_exact)
            if not place:
                yield from content
                continue
            for found in content:
                yield replace(found, position=f"{place}, {found.position}".strip(", "))
    except EOFError:
        yield Found(place, None, CUT)
    except (gzip.BadGzipFile, zlib.error, zipfile.BadZipFile) as error:
        # What follows a whole gzip and is none has altered nothing. Anything else is known only once all has been read.
        if str(error).startswith("Not a gzipped file"):
            yield Found(place, None, "broken gzip: what follows here is none")
        else:
            yield Found(place, None, DAMAGED, spoils=True)
    except OSError as error:
        yield Found("", None, f"cannot be read ({error.strerror or type(error).__name__})")


def _content(name: str, opened: Callable[[], BinaryIO], convert_exact: ConvertExact) -> Iterator[Found]:
    if ".csv" in name:
        for group in read_rows(opened, MAX_FILE_BYTES):
            place = f"line {group.line}"
            yield Found(place, None, group.reason) if group.raw is None else _bounded(place, group.raw)
        return
    with opened() as file:
        begin = file.read1(1 << 16)  # type: ignore[attr-defined]
    # The name says lines or a document; where the content says the other, the content is right.
    is_lines = (".jsonl" in name or ".ndjson" in name) and begin.split(b"\n", 1)[0].strip() not in (b"[", b"{")
    with opened() as file:
        if is_lines:
            yield from _lines(file, convert_exact)
            return
        chunks = Chunks(file, MAX_FILE_BYTES)
        content = chunks.up_to(WHOLE_BYTES)
        if not _is_lines(content):
            yield from _document(content.removeprefix(BYTE_ORDER_MARK), chunks)
            return
    with opened() as file:
        yield from _lines(file, convert_exact)


def _is_lines(content: bytes) -> bool:
    """Whether what is called a document is one JSON object a line."""
    first, _, rest = content.removeprefix(BYTE_ORDER_MARK).partition(b"\n")
    if not rest.strip() or first.strip() in (b"", b"[", b"{"):
        return False
    return any(_keys(line) is not None for line in (first, rest.partition(b"\n")[0]))


def _lines(file: BinaryIO, convert_exact: ConvertExact) -> Iterator[Found]:
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
        if (exact := convert_exact(line)) is not None:
            yield Found(f"line {number}", line, exact=exact)
        elif line.strip():
            yield from _places(line, f"line {number}", "the line")


def _document(content: bytes, chunks: Chunks) -> Iterator[Found]:
    if not content.strip():
        yield Found("", None, chunks.damage or "the file is empty")
    elif not content.lstrip().startswith((b"{", b"[")):
        yield Found("", None, _not_json(content))
    elif not chunks.is_over:
        opening = find_opening(content) or Opening(0, "", 0, is_list=False)
        yield from _cut(chain([content], chunks), opening, "", "the file", chunks)
    else:
        yield from _places(content, "", "the file", chunks)
    if chunks.damage and content.strip():
        yield Found("", None, chunks.damage)


def _not_json(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "written in UTF-16, not in UTF-8: save it as UTF-8"
    if content.lstrip()[:1] == b"<":
        return "HTML or XML, not JSON: perhaps a page that says why there is no export"
    return "not JSON: neither a page, nor a list, nor a conversation"


def _places(content: bytes, position: str, what: str, chunks: Chunks | None = None) -> Iterator[Found]:
    """The conversations of a page or a list, or the one that `content` is."""
    found = _listed(content)
    if found is not None:
        # The pages of a list are alike: where the first is one, so may be the others.
        are_pages = bool(found.items) and _listed(bytes(found.items[0])) is not None
        for index, raw in enumerate(found.items):
            yield from (
                _inner(f"{position}{found.pointer}/{index}", raw)
                if are_pages
                else (_bounded(f"{position}{found.pointer}/{index}", raw),)
            )
    elif _keys(content) is not None:
        yield _bounded(position, content)
    elif (opening := find_opening(content)) is not None:
        yield from _cut([content], opening, position, what, chunks)
    else:
        # Values that follow each other; where there is but one, it is a conversation, or would be one.
        several = list(cut([content], Opening(0, "", 0, is_list=False), MAX_CONVERSATION_BYTES))
        if len(several) > 1 and isinstance(several[1], Item):
            yield from _cut([content], Opening(0, "", 0, is_list=False), position, what, chunks)
        else:
            yield _bounded(position, content)


def _cut(
    content: Iterable[bytes], opening: Opening, position: str, what: str, chunks: Chunks | None
) -> Iterator[Found]:
    for index, found in enumerate(cut(content, opening, MAX_CONVERSATION_BYTES)):
        place = f"{position}{opening.pointer}/{index}"
        if not isinstance(found, Item):
            # Where the file is known to be cut, that is said once.
            if chunks is None or chunks.damage is None:
                yield Found(place, None, f"{what} breaks off or is not JSON from byte {found.byte} on")
        elif found.raw is None:
            yield Found(place, None, f"larger than {MAX_CONVERSATION_BYTES >> 20} MiB")
        else:
            yield from _inner(place, found.raw)


def _inner(position: str, raw: bytes | msgspec.Raw) -> Iterator[Found]:
    """The conversations of a page that stands in a list, or the conversation that does."""
    found = _listed(bytes(raw))
    if found is None:
        yield _bounded(position, raw)
        return
    for index, one in enumerate(found.items):
        yield _bounded(f"{position}{found.pointer}/{index}", one)


def _bounded(position: str, raw: bytes | msgspec.Raw) -> Found:
    if len(memoryview(raw)) > MAX_CONVERSATION_BYTES:
        return Found(position, None, f"larger than {MAX_CONVERSATION_BYTES >> 20} MiB")
    return Found(position, raw)


def _listed(content: bytes) -> _Listed | None:
    """The items of a page or a list that reads as a whole; None where `content` is neither."""
    if content.lstrip()[:1] == b"[":
        return _items(content, "")
    try:
        page = _PAGE.decode(content)
    except _NOT_READ:
        return None
    held = {name: raw for name in _Page.__struct_fields__ if isinstance(raw := getattr(page, name), msgspec.Raw)}
    if "conversations" in held:
        return _items(held["conversations"], "/conversations")
    if not held or is_known(_keys(content) or ()):
        return None
    for name, raw in held.items():
        inside = {f"/{name}": raw}
        if name in HOLDERS:
            inside |= {f"/{name}/{inner}": one for inner, one in (_keys(raw) or {}).items() if inner in LISTS}
        for pointer, one in inside.items():
            if (listed := _items(one, pointer)) and bytes(listed.items[0] if listed.items else b"")[:1] == b"{":
                return listed
    return None


def _items(content: bytes | msgspec.Raw, pointer: str) -> _Listed | None:
    try:
        return _Listed(pointer, _LIST.decode(content))
    except _NOT_READ:
        return None


def _keys(content: bytes | msgspec.Raw) -> dict[str, msgspec.Raw] | None:
    try:
        return _OBJECT.decode(content)
    except _NOT_READ:
        return None
