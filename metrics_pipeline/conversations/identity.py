"""What an export file is known by, wherever it lies and whatever it is called."""

from __future__ import annotations

import hashlib
from pathlib import Path

HASH_CHARACTERS = 32


def hash_of(path: Path) -> str:
    """What an export file is known by."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError:
        # A folder or a file without permission is an export that cannot be read, and known by its name.
        digest.update(str(path).encode())
    return digest.hexdigest()[:HASH_CHARACTERS]


def stamp_of(path: Path) -> tuple[int, ...]:
    """What is another once a file is written to."""
    found = path.lstat()
    return found.st_ino, found.st_size, found.st_mtime_ns
