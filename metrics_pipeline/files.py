"""Files that appear whole or not at all, locks on them, and a sentence where the operating system says no."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from metrics_pipeline.errors import DataFolderError

ROWS_TOGETHER = 1 << 16
COMPRESSION = "zstd"


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn the operating system's word about `path` into a sentence.

    Raises:
        DataFolderError: In place of any OSError.
    """
    try:
        yield
    except OSError as error:
        what = error.strerror or type(error).__name__
        raise DataFolderError(
            f"{error.filename or path}: cannot be written or read ({what}). Free some space or correct the "
            "permissions and run again: what was published before is untouched."
        ) from error


def write_atomically(path: Path, content: bytes, mode: int = 0o666) -> None:
    """Write `content` to `path`: whole, or not at all; readable by those that `mode` and the user's mask name."""
    with replacing(path) as beside:
        beside.touch(mode)
        beside.write_bytes(content)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A place beside `path` to write to; it takes the place of `path` when the block ends well."""
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.parent / f".{path.name}.{uuid4().hex}.tmp"
        try:
            yield beside
            flush(beside)
            beside.replace(path)
            flush(path.parent)
        finally:
            beside.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """A folder beside `path` to fill; it becomes `path`, which must not be there yet, when the block ends well."""
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.parent / f".{path.name}.{uuid4().hex}.tmp"
        beside.mkdir()
        try:
            yield beside
            for file in beside.rglob("*"):
                if file.is_file():
                    flush(file)
            flush(beside)
            beside.rename(path)
            flush(path.parent)
        finally:
            shutil.rmtree(beside, ignore_errors=True)


@contextmanager
def parquet_writer(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """Write to `path` row group by row group: whole when the block ends well, or not at all.

    Raises:
        DataFolderError: The file cannot be written; what stood there before still does.
    """
    with replacing(path) as beside, pq.ParquetWriter(beside, schema, compression=COMPRESSION) as writer:
        yield writer


def write_parquet(table: pa.Table, path: Path) -> None:
    """Write `table` to `path`: whole, or not at all.

    Raises:
        DataFolderError: The file cannot be written; what stood there before still does.
    """
    with replacing(path) as beside:
        # In parts, so that a few conversations of a large day can be read without the rest.
        pq.write_table(table, beside, compression=COMPRESSION, row_group_size=ROWS_TOGETHER)


def footer(path: Path) -> pq.FileMetaData | None:
    """The footer of a Parquet file that has all its bytes, as far as it says; None of any other, and of none."""
    try:
        found = pq.read_metadata(path)
        size = path.stat().st_size
    except (OSError, pa.ArrowException):
        return None
    if not found.num_row_groups:
        return found
    last = found.row_group(found.num_row_groups - 1).column(found.num_columns - 1)
    start = last.dictionary_page_offset if last.has_dictionary_page else last.data_page_offset
    return found if start + last.total_compressed_size + found.serialized_size <= size else None


def is_whole(path: Path) -> bool:
    """Whether `path` is a Parquet file with all its bytes, as far as its footer says. One that is not there is not."""
    return footer(path) is not None


def everything_below(folder: Path) -> list[Path]:
    """Files and folders below `folder`, which is there, in order.

    Raises:
        DataFolderError: One of its folders cannot be read, so that nobody knows what is in it.
    """

    def refuse(error: OSError) -> None:
        raise error

    with explained(folder):
        walked = list(os.walk(folder, onerror=refuse))
    return sorted(Path(place, name) for place, folders, files in walked for name in (*folders, *files))


def can_write(path: Path) -> bool:
    """Whether this process may write to `path`, a file or folder; where there is none, whether it may make it."""
    there = next(place for place in (path, *path.absolute().parents) if place.exists())
    return (there == path or there.is_dir()) and os.access(there, os.W_OK, effective_ids=True)


@contextmanager
def locked(path: Path, on_wait: Callable[[], None] = lambda: None, shared: bool = False) -> Iterator[None]:
    """Hold the lock on `path`, a file that only serves as one; wait while another process holds it.

    Args:
        on_wait: Called before it waits.
        shared: Hold it beside others that share it, and wait only for one that does not.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("wb")
    try:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(handle, kind)
        yield
    finally:
        handle.close()


def is_locked(path: Path, even_shared: bool = False) -> bool:
    """Whether a process that lives holds the lock on `path`; of a file that is not there nobody does.

    Args:
        even_shared: Count a lock that is shared as well. Two who look so at once may take each other for a holder.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, (fcntl.LOCK_EX if even_shared else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


@contextmanager
def lock_if_free(path: Path) -> Iterator[bool]:
    """Hold the lock on `path` and give True, or give False at once where another process holds it."""
    with explained(path):
        handle = path.open("wb")
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        handle.close()


def flush(path: Path) -> None:
    """Have the disk hold `path`, a file or a folder."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
