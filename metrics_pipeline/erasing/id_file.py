"""Ids of conversations in a file, one a line: as they are, or as JSON strings, which can hold any sign."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from metrics_pipeline.errors import SettingsError

STANDARD_INPUT = Path("-")


def read_ids(path: Path) -> list[str]:
    """The ids in a file of lines, or on standard input where `path` is `-`; lines without a sign are passed over.

    Raises:
        SettingsError: The file cannot be read, or a line is no id. It names the line and not what stands in it.
    """
    name = "standard input" if path == STANDARD_INPUT else str(path)
    try:
        content = sys.stdin.buffer.read() if path == STANDARD_INPUT else path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"{name}: cannot be read ({error.strerror or type(error).__name__}). Name a file with one id a line."
        ) from None
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    ids = [_id(line.strip(), f"{name}:{number}") for number, line in enumerate(lines, 1) if line.strip()]
    if not ids:
        raise SettingsError(f"{name}: names no conversation. Write one id a line.")
    return ids


def _id(line: bytes, place: str) -> str:
    if not line.startswith(b'"'):
        try:
            return line.decode()
        except UnicodeDecodeError:
            raise SettingsError(f"{place}: is not UTF-8. Write one id a line, as text in UTF-8.") from None
    try:
        return msgspec.json.decode(line, type=str)
    except (msgspec.DecodeError, UnicodeError):
        raise SettingsError(
            f"{place}: begins with a quote and is no JSON string. Write such an id whole as JSON, its own quotes as "
            '\\".'
        ) from None
