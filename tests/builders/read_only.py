"""A folder that nobody may write to, not even root, whom permissions do not stop otherwise."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VERSION_3 = 0x20080522
CAPABILITIES_OF_ROOT = 0b110
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH: to pass over permissions."""


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """No file below `folder` can be changed by this thread, and none made."""
    places = [folder, *folder.rglob("*")]
    modes = {place: place.stat().st_mode for place in places if not place.is_symlink()}
    for place, mode in modes.items():
        place.chmod(mode & ~0o222)
    try:
        with _without_capabilities():
            yield
    finally:
        for place, mode in modes.items():
            place.chmod(mode)


@contextmanager
def unreadable(folder: Path) -> Iterator[None]:
    """This thread cannot say what is in `folder`."""
    mode = folder.stat().st_mode
    folder.chmod(0)
    try:
        with _without_capabilities():
            yield
    finally:
        folder.chmod(mode)


@contextmanager
def _without_capabilities() -> Iterator[None]:
    if os.geteuid():
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header, held = (ctypes.c_uint32 * 2)(VERSION_3, 0), (ctypes.c_uint32 * 6)()
    assert libc.capget(header, held) == 0
    fewer = (ctypes.c_uint32 * 6)(held[0] & ~CAPABILITIES_OF_ROOT, *held[1:])
    assert libc.capset(header, fewer) == 0
    try:
        yield
    finally:
        assert libc.capset(header, held) == 0
