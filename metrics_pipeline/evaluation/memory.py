"""What was used and is free goes back to the system, so that the memory of a run does not grow with its days.

The C library of most Linux systems keeps what is freed, in a pool for each thread that ever asked for some: a run that
holds no more on its tenth day than on its first would still take a fifth more. Elsewhere nothing is done.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

ARENA_MAX = -8
"""The name of the number of pools (M_ARENA_MAX in malloc.h)."""
ARENAS = 2
"""One for the event loop and one for the threads that read and write, which hardly ask at the same time."""


def keep_few_pools() -> None:
    """Let all threads share a few pools from now on."""
    if (library := _glibc()) is not None:
        library.mallopt(ARENA_MAX, ARENAS)


def give_back() -> None:
    """Return free memory to the system; takes milliseconds."""
    if (library := _glibc()) is not None:
        library.malloc_trim(0)


@cache
def _glibc() -> Any:
    try:
        library = ctypes.CDLL("libc.so.6")
        library.malloc_trim.argtypes = [ctypes.c_size_t]
    except (OSError, AttributeError):
        return None
    return library
