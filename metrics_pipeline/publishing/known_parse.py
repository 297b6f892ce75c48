"""What dbt parsed of the project, kept beside it: every data folder begins with it, and none parses the same again.

dbt takes its parse up again where neither the profile, nor dbt, nor a file has changed. The profiles of two data
folders differ in their paths, on which no parse depends; so the one hash of the profile is put right, and all else is
left to dbt to compare.
"""

from __future__ import annotations

import contextlib
import hashlib
import pprint
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from metrics_pipeline.errors import DataFolderError
from metrics_pipeline.files import write_atomically

PARSE = "partial_parse.msgpack"
"""dbt's own name for it in a target folder."""


class _ProfileHash(msgspec.Struct):
    checksum: str


class _StateCheck(msgspec.Struct):
    profile_hash: _ProfileHash


class _Parse(msgspec.Struct):
    state_check: _StateCheck


@contextlib.contextmanager
def known_parse(known: Path, target: Path, profile: dict[str, Any]) -> Iterator[None]:
    """Let dbt begin with the parse that is known, and keep what it parses anew.

    Nothing fails here: without the file dbt parses by itself, and where the project cannot be written to, nothing is
    kept.

    Args:
        known: Where the parse is kept.
        target: The folder that dbt finds its parse in. One that is there, of a data folder that was moved, is taken up.
        profile: The output of dbt's profile that the target folder is built with.
    """
    parse = target / PARSE
    with contextlib.suppress(OSError, msgspec.DecodeError, DataFolderError):
        found = (parse if parse.exists() else known).read_bytes()
        content = _of_profile(found, profile)
        if content != found or not parse.exists():
            write_atomically(parse, content)
    before = _written_at(parse)
    yield
    if not known.exists() or _written_at(parse) != before:
        with contextlib.suppress(OSError, DataFolderError):
            write_atomically(known, parse.read_bytes())


def _written_at(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.exists() else None


def _of_profile(parse: bytes, profile: dict[str, Any]) -> bytes:
    theirs = msgspec.msgpack.decode(parse, type=_Parse).state_check.profile_hash.checksum
    return parse.replace(theirs.encode(), _hash_of(profile).encode())


def _hash_of(profile: dict[str, Any]) -> str:
    """As dbt's `ManifestLoader.build_manifest_state_check` makes it. Were dbt to change it, it would parse anew."""
    from dbt.adapters.duckdb.credentials import DuckDBCredentials

    credentials = DuckDBCredentials.from_dict({key: profile[key] for key in profile.keys() - {"type", "threads"}})
    return hashlib.sha256(pprint.pformat(sorted(credentials.connection_info())).encode()).hexdigest()
