"""Files of rows that name their conversation: Parquet, CSV and JSON lines, whoever wrote them.

Every other row stays as it was written, in CSV and JSON lines byte for byte.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from metrics_pipeline.conversations.erased import Gone
from metrics_pipeline.errors import DataFolderError
from metrics_pipeline.files import explained, replacing, write_atomically

SUFFIXES = (".parquet", ".csv", ".jsonl")
ID = "conversation_id"
DELIMITERS = ",;\t"


class _Head(msgspec.Struct):
    conversation_id: str | None = None


def held_in_rows(path: Path, gone: Gone) -> Counter[str]:
    """Rows by conversation, of those that go.

    Raises:
        DataFolderError: It is no file of rows, as its name says.
    """
    if path.suffix == ".parquet":
        try:
            if ID not in pq.read_schema(path).names:
                return Counter()
            return gone.counts(pq.read_table(path, columns=[ID])[0])
        except pa.ArrowException:
            raise DataFolderError(
                f"{path}: is damaged, so that nobody can say whose rows it holds. Remove it, and run again."
            ) from None
    return Counter(one for one, _ in _lines(path) if one in gone.ids)


def erase_rows(path: Path, gone: Gone) -> None:
    """Take their rows out of a file; it is there whole at any time.

    Raises:
        DataFolderError: It is damaged, or cannot be written.
    """
    if not held_in_rows(path, gone):
        return
    mode = path.stat().st_mode & 0o777
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        with replacing(path) as beside:
            beside.touch(mode)
            pq.write_table(table.filter(pc.invert(gone.rows(table[ID]))), beside, compression="zstd")
    else:
        left = b"".join(line for one, line in _lines(path) if one not in gone.ids)
        write_atomically(path, left, mode)


def _lines(path: Path) -> Iterator[tuple[str | None, bytes]]:
    """Each row with its conversation, as it stands in the file; None where it names none."""
    with explained(path):
        content = path.read_bytes()
    return _of_json(content) if path.suffix == ".jsonl" else _of_csv(content)


def _of_json(content: bytes) -> Iterator[tuple[str | None, bytes]]:
    for line in content.splitlines(keepends=True):
        try:
            yield msgspec.json.decode(line, type=_Head).conversation_id, line
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            yield None, line


def _of_csv(content: bytes) -> Iterator[tuple[str | None, bytes]]:
    # Not splitlines(): a cell may hold signs that end a line for it and not for CSV.
    lines = list(io.StringIO(content.decode("utf-8", "surrogateescape"), newline=""))
    header = lines[0].removeprefix("\ufeff") if lines else ""
    delimiter = max(DELIMITERS, key=header.count)
    reader = csv.reader([header, *lines[1:]], delimiter=delimiter)
    place, end = None, 0
    while True:
        start = end
        try:
            values = next(reader, None)
        except csv.Error:
            # What cannot be read as rows from here on names nobody that we could know.
            values, lines_left = None, lines[start:]
            yield from ((None, line.encode("utf-8", "surrogateescape")) for line in lines_left)
        if values is None:
            return
        end = reader.line_num
        if start == 0:
            place = values.index(ID) if ID in values else None
        row = "".join(lines[start:end]).encode("utf-8", "surrogateescape")
        one = values[place] if start and place is not None and place < len(values) else None
        yield one, row
