"""What the data folder takes, part by part, and what is free on its disk."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

from metrics_pipeline.data_folder import DataFolder

ROOM_AT_LEAST = 1_000_000_000
"""Bytes that a disk should have free, however little is published."""
ROOM_IN_BUILDS = 2
"""A night writes the build and a generation beside those that are there; and once more, for it to grow."""


class Storage(NamedTuple):
    """Bytes."""

    parts: dict[str, int]
    """Each file and folder of the data folder by name, the largest first."""
    ledger: int
    free: int
    needed: int
    """What should be free, so that the next night ends well."""

    @property
    def total(self) -> int:
        return sum(self.parts.values())

    @property
    def is_enough(self) -> bool:
        return self.free >= self.needed


def storage(folder: DataFolder) -> Storage:
    """What stands in the data folder now; nothing where there is none."""
    root = folder.root
    parts = {path.name: size(path) for path in sorted(root.iterdir())} if root.is_dir() else {}
    ledger = sum(size(path) for path in root.glob(f"{folder.ledger.name}*")) if root.is_dir() else 0
    current = folder.published / "current"
    night = size(folder.warehouse) + (size(current.resolve()) if current.exists() else 0)
    there = next(place for place in (root, *root.absolute().parents) if place.exists())
    return Storage(
        dict(sorted(parts.items(), key=lambda part: -part[1])),
        ledger,
        shutil.disk_usage(there).free,
        max(ROOM_AT_LEAST, ROOM_IN_BUILDS * night),
    )


def size(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; links are not followed, what goes meanwhile counts nothing."""
    if not path.is_dir() or path.is_symlink():
        return _bytes(path)
    return sum(_bytes(Path(place, name)) for place, _, names in os.walk(path) for name in names)


def _bytes(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
