"""What the lake is at one moment, in a fingerprint: tables that were built from the same are not built again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.tables import TABLES

BUILT_FROM = "built_from"
LAKE = "lake"
"""What it is called in a manifest."""


def lake_state(folder: DataFolder) -> str:
    """A fingerprint of every file that dbt reads.

    Files that are written only when they say something new are known by name, size and time; small ones that every run
    writes are known by their content.
    """
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(TABLES):
        whole = folder.whole_file(name)
        for path in sorted(folder.table(name).rglob("*.parquet")):
            digest.update(f"{path.relative_to(folder.root)}\0".encode())
            digest.update(path.read_bytes() if path == whole else _stamp(path))
    return digest.hexdigest()


def published_state(folder: DataFolder) -> str | None:
    """What the tables that are read now were built from; None where nothing is published, or it does not say."""
    manifest = folder.published / "current" / "manifest.json"
    return msgspec.json.decode(manifest.read_bytes()).get(LAKE) if manifest.exists() else None


def built_from(folder: DataFolder) -> Path:
    """The file beside the build that says what it was made from."""
    return folder.warehouse / BUILT_FROM


def _stamp(path: Path) -> bytes:
    found = path.stat()
    return f"{found.st_size} {found.st_mtime_ns}\0".encode()
