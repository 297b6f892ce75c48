"""Where everything stands in one data folder, and how it is opened."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from metrics_pipeline.errors import DataFolderError, SettingsError
from metrics_pipeline.files import explained, is_whole, write_atomically, write_parquet
from metrics_pipeline.tables import TABLES

FORMAT = "2"
"""Raised when an older pipeline could no longer read the data folder."""
READ_FORMATS = ("1", FORMAT)


class DataFolder:
    """Where everything stands in one data folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def table(self, name: str) -> Path:
        return self.root / name

    def day_file(self, table: str, day: date) -> Path:
        return self.root / table / f"day={day.isoformat()}.parquet"

    def verdict_file(self, metric: str, day: date) -> Path:
        return self.root / "verdicts" / f"metric={metric}" / f"day={day.isoformat()}.parquet"

    def whole_file(self, table: str) -> Path:
        """The one file of a table that is not cut by day."""
        return self.root / table / f"{table}.parquet"

    @property
    def landed(self) -> Path:
        return self.root / "landed"

    @property
    def quarantine(self) -> Path:
        return self.root / "quarantine"

    @property
    def pulls(self) -> Path:
        return self.root / "pulls"

    @property
    def erased(self) -> Path:
        return self.root / "erased"

    @property
    def feed(self) -> Path:
        return self.root / "feed"

    @property
    def findings(self) -> Path:
        """What the last checks found."""
        return self.root / "findings.json"

    @property
    def judging_lock(self) -> Path:
        """Shared by all that judge, and held alone by what takes conversations away."""
        return self.root / ".judging.lock"

    @property
    def batches_lock(self) -> Path:
        """Held by the one run that is at the batches."""
        return self.root / ".batches.lock"

    @property
    def ledger(self) -> Path:
        return self.root / "ledger.sqlite"

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse"

    @property
    def published(self) -> Path:
        return self.root / "published"

    @property
    def dagster_home(self) -> Path:
        return self.root / "dagster_home"

    def days(self, table: str = "conversations") -> list[date]:
        """The days that a table cut by day holds, oldest first."""
        names = (path.name for path in self.table(table).glob("day=*.parquet"))
        return sorted(date.fromisoformat(name[len("day=") : -len(".parquet")]) for name in names)


def open_data_folder(root: Path) -> DataFolder:
    """The data folder at `root`, made if it is not there, with an empty file for each table.

    The empty files let a reader of `<table>/*.parquet` find columns where there are no rows yet.

    Raises:
        DataFolderError: It was made by a version with another format, or cannot be written.
        SettingsError: It is a file.
    """
    folder = DataFolder(root)
    _require_folder(root)
    with explained(root):
        root.mkdir(parents=True, exist_ok=True)
        if _format(root) != FORMAT:
            write_atomically(root / "format", f"{FORMAT}\n".encode())
        for name, (schema, _) in TABLES.items():
            empty = folder.table(name) / "_empty.parquet"
            if name == "verdicts":
                empty = folder.table(name) / "metric=_" / "_empty.parquet"
            # A version with other columns may have made it.
            if not is_whole(empty) or pq.read_schema(empty) != schema:
                write_parquet(schema.empty_table(), empty)
    return folder


def data_folder_to_read(root: Path) -> DataFolder:
    """The data folder at `root` as it is, or as if it were empty where there is none: nothing is made.

    Raises:
        DataFolderError: It was made by a version with another format, or cannot be read.
        SettingsError: It is a file.
    """
    _require_folder(root)
    with explained(root):
        _format(root)
    return DataFolder(root)


def _require_folder(root: Path) -> None:
    if root.is_file():
        raise SettingsError(f"{root}: is a file, not a data folder. Set METRICS_DATA to a folder, or leave it unset.")


def _format(root: Path) -> str | None:
    """The format that the folder at `root` says it has; None where it says nothing.

    Raises:
        DataFolderError: It says another than this version reads.
    """
    marker = root / "format"
    if not marker.exists():
        return None
    found = marker.read_text(encoding="utf-8", errors="replace").strip()
    if not found or not found.isascii():
        raise DataFolderError(
            f"{marker}: is damaged. Write {FORMAT} into it if this version of the pipeline made the folder, or "
            "set METRICS_DATA to another folder."
        )
    if found not in READ_FORMATS:
        raise DataFolderError(
            f"{root}: was made by another version of the pipeline (format {found[:20]!r}, this one reads "
            f"{' and '.join(READ_FORMATS)}). Set METRICS_DATA to another folder, or use the version that made it."
        )
    return found
