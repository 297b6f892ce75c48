"""What is packed is unpacked as it is read: gzip, and the files of a zip archive. Nothing is written to do so."""

from __future__ import annotations

import gzip
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from io import BufferedReader, FileIO
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

CHUNK_BYTES = 1 << 20
BUFFER_BYTES = 1 << 17
"""Of a file that is not packed, read at a time."""
MAX_LISTING_BYTES = 16 << 20
"""Of an archive's own list of its files, which is read as a whole."""
GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
_END, _END_BYTES, _END_OF_LARGE = b"PK\x05\x06", 22, b"PK\x06\x07"
CUT = "broken gzip: the file is cut off here"


class Member(NamedTuple):
    """A file, or one of an archive."""

    place: str
    """Which of an archive's files it is; empty for a file of its own."""
    name: str
    opened: Callable[[], BinaryIO] | None
    """Opens it anew, unpacked; None where it cannot be read."""
    reason: str = ""


class Chunks:
    """What a file holds, piece by piece. Where it is cut or too large it ends, and `damage` says so."""

    def __init__(self, file: BinaryIO, max_bytes: int) -> None:
        self.damage: str | None = None
        self.is_over = False
        self._file = file
        self._max_bytes = max_bytes
        self._total = 0

    def __iter__(self) -> Iterator[bytes]:
        while not self.is_over:
            try:
                chunk = self._file.read1(CHUNK_BYTES)  # type: ignore[attr-defined]
            except EOFError:
                chunk, self.damage = b"", CUT
            self._total += len(chunk)
            if self._total > self._max_bytes:
                chunk, self.damage = b"", f"the file unpacks to more than {self._max_bytes >> 20} MiB"
            self.is_over = not chunk
            if chunk:
                yield chunk

    def up_to(self, count: int) -> bytes:
        """All of it, or at least `count` bytes; `is_over` says which."""
        held: list[bytes] = []
        size = 0
        for chunk in self:
            held.append(chunk)
            size += len(chunk)
            if size > count:
                break
        return b"".join(held)


def members(path: Path, suffixes: tuple[str, ...], max_bytes: int) -> Iterator[Member]:
    """The file itself; or of a zip archive, whatever its name, each file, in the order of its listing.

    Args:
        suffixes: Of the names of files that are read.
        max_bytes: What an archive may unpack to.

    Raises:
        zipfile.BadZipFile: It is no whole archive.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        begin = file.read(len(ZIP))
    if not begin.startswith((ZIP, _END)):
        yield Member("", path.name, partial(_unpacked, path))
        return
    if not _has_small_listing(path):
        yield Member("", path.name, None, "a zip archive of too many files: unpack it")
        return
    with zipfile.ZipFile(path) as archive:
        files = [info for info in archive.infolist() if not info.is_dir()]
        shown = [(number, info) for number, info in enumerate(files, 1) if not _is_hidden(info.filename)]
        if sum(info.file_size for info in files) > max_bytes:
            yield Member("", path.name, None, f"the archive unpacks to more than {max_bytes >> 20} MiB")
            return
        if not any(info.filename.lower().endswith(suffixes) for _, info in shown):
            yield Member("", path.name, None, f"a zip archive without an export file ({', '.join(suffixes)})")
            return
        for number, info in shown:
            reason = _why_not(info, suffixes)
            yield Member(f"file {number}", info.filename, None if reason else partial(_opened, archive, info), reason)


def _is_hidden(name: str) -> bool:
    """As on a desktop; what some packers write before each name, `./`, hides nothing."""
    parts = name.split("/")
    return parts[0] == "__MACOSX" or any(part.startswith(".") and part not in (".", "..") for part in parts)


def _why_not(info: zipfile.ZipInfo, suffixes: tuple[str, ...]) -> str:
    if info.flag_bits & 1:
        return "encrypted: unpack the archive with its password"
    if not info.filename.lower().endswith(suffixes):
        return f"not called as an export is ({', '.join(suffixes)})"
    # Other methods take as much memory as the archive asks for.
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "packed in another way than by deflate: unpack the archive"
    return ""


def _has_small_listing(path: Path) -> bool:
    """Whether an archive's listing is of a size that may be read; true where there is none, to be refused later."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _END_BYTES - (1 << 16) - 20))
        tail = file.read()
    at = tail.rfind(_END)
    if at < 0:
        return True
    listing = int.from_bytes(tail[at + 12 : at + 16], "little")
    return listing <= MAX_LISTING_BYTES and tail[max(0, at - 20) : at][:4] != _END_OF_LARGE


def _unpacked(path: Path) -> BinaryIO:
    packed = BufferedReader(FileIO(path), BUFFER_BYTES)
    if packed.peek(2)[:2] != GZIP:
        return packed
    packed.close()
    return cast(BinaryIO, gzip.open(path))


def _opened(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> BinaryIO:
    member = cast("zipfile.ZipExtFile", archive.open(info))
    return cast(BinaryIO, gzip.GzipFile(fileobj=member) if member.peek(2)[:2] == GZIP else member)
