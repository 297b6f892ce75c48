"""Where an export goes: a file, a folder, an object store, or any other place that fsspec knows.

A file appears whole or not at all. What goes to a store is written beside first, in a folder that only its owner can
enter, so that no half of it is ever sent.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, NamedTuple
from urllib.parse import urlsplit

from metrics_pipeline.errors import ExportError, SettingsError
from metrics_pipeline.files import replacing
from metrics_pipeline.publishing.export_formats import FORMATS, Format

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

OF_ARROW = ("s3", "gs", "gcs", "abfs", "abfss", "hdfs")
"""Stores that pyarrow itself writes to."""
NO_FOLDERS = ("s3", "gs", "gcs", "abfs", "abfss")
READ_ONLY = ("http", "https", "data", "github", "git")


class Place(NamedTuple):
    """Where the files of one export go."""

    to: str
    """As it was given; it may hold a secret."""
    folder: str
    """A folder here, or the path of one in the address of a store."""
    stem: str
    """What its files are called, before `.parquet` and the like."""
    form: Format
    suffix: str
    is_folder: bool
    """Whether the folder was named, and not a file in it."""

    @property
    def is_url(self) -> bool:
        return "://" in self.to

    def shown(self, name: str) -> str:
        """A file of it, for a person to read, without a secret."""
        if not self.is_url:
            return str(Path(self.folder, name))
        url = urlsplit(self.to)
        return f"{url.scheme}://{url.netloc.rpartition('@')[2]}/{self.folder.strip('/')}".rstrip("/") + f"/{name}"


class Written(NamedTuple):
    """One file that stands where it should."""

    name: str
    row_count: int
    sha256: str


def is_database(to: str) -> bool:
    """Whether a URL is that of a database, and not of a place for files."""
    return "://" in to and not _is_store(urlsplit(to).scheme)


def place_of(to: str, kind: str, form: Format | None) -> Place:
    """Where the files of an export of that kind go.

    Args:
        form: What was asked for; None: what the file's name says, or Parquet.

    Raises:
        SettingsError: Nothing can be written there, or nobody knows in which format.
    """
    to = to.removeprefix("file://")
    scheme = urlsplit(to).scheme if "://" in to else ""
    if scheme in READ_ONLY:
        raise SettingsError(f"--to {scheme}://…: can be read and not written to. Name a folder, a store or a database.")
    path = PurePosixPath(urlsplit(to).path if scheme else to)
    is_folder = to.endswith("/") or not path.suffix or (not scheme and Path(to).is_dir())
    if is_folder:
        return Place(to, str(path), kind, form or "parquet", f".{form or 'parquet'}", True)
    known = [one for one in FORMATS if path.suffix == f".{one}"]
    if not known and form is None:
        raise SettingsError(f"--to {path.name}: says no format. Say --format {', '.join(FORMATS)}.")
    return Place(to, str(path.parent), path.stem, form or known[0], path.suffix, False)


def put(place: Place, name: str, mode: int, write: Callable[[BinaryIO], int]) -> Written:
    """Write one file of an export: whole, or not at all.

    Args:
        mode: Who may read it, on this machine.
        write: Writes to an open file, and says how many rows.

    Raises:
        DataFolderError, ExportError: It cannot be written.
    """
    if not place.is_url:
        with replacing(Path(place.folder, name)) as beside:
            beside.touch(mode)
            return _written(beside, name, write)
    with tempfile.TemporaryDirectory() as private:
        beside = Path(private, name)
        done = _written(beside, name, write)
        _send(place, beside)
    return done


def _written(path: Path, name: str, write: Callable[[BinaryIO], int]) -> Written:
    with path.open("wb") as file:
        count = write(file)
    with path.open("rb") as file:
        return Written(name, count, hashlib.file_digest(file, "sha256").hexdigest())


def _send(place: Place, path: Path) -> None:
    scheme = urlsplit(place.to).scheme
    try:
        store, root = _store(place.to)
        folder = PurePosixPath(root) if place.is_folder else PurePosixPath(root).parent
        if scheme not in NO_FOLDERS:
            store.create_dir(str(folder), recursive=True)
        target = store.open_output_stream(str(folder / path.name))
        with path.open("rb") as file:
            shutil.copyfileobj(file, target, 1 << 20)
        # Not in a `with`: what ends half way must not be closed, which would make half of it the whole.
        target.close()
    except ImportError as error:
        raise ExportError(f"{place.shown(path.name)}: {error}. Install what it names and export again.") from None
    except (OSError, ValueError) as error:
        raise ExportError(
            f"{place.shown(path.name)}: cannot be written ({_first_line(error, place.to)}). Correct the address or "
            "the credentials, which are looked for where that store's own tools look, and export again."
        ) from None


def _store(url: str) -> tuple[FileSystem, str]:
    from pyarrow.fs import FileSystem, FSSpecHandler, PyFileSystem

    if urlsplit(url).scheme in OF_ARROW:
        store, root = FileSystem.from_uri(url)
        return store, root
    from fsspec.core import url_to_fs

    other, root = url_to_fs(url)
    return PyFileSystem(FSSpecHandler(other)), root


def _is_store(scheme: str) -> bool:
    if scheme in OF_ARROW or scheme in READ_ONLY:
        return True
    from fsspec.registry import known_implementations

    return scheme in known_implementations


def _first_line(error: Exception, url: str) -> str:
    secret = urlsplit(url).netloc.rpartition("@")[0]
    line = (str(error).splitlines() or [type(error).__name__])[0]
    return line.replace(url, "the address").replace(secret, "…")[:300] if secret else line.replace(url, "it")[:300]
