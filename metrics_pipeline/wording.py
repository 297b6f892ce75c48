"""How messages count things, and what they suggest."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

SUGGESTED = 3


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """`1 file`, `2,000 files`, `1 query`; `plural` where it is not the noun with an s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def nearest(wanted: str, known: Iterable[str], alike: float = 0.6, at_most: int = SUGGESTED) -> list[str]:
    """Those of `known` that `wanted` may have meant, the closest first.

    Args:
        alike: How alike they must be at least, 0 to 1; at 0.5, words that have only their endings in common are.
    """
    found = difflib.get_close_matches(wanted, list(known), at_most, alike)
    # Letters that changed places are a commoner slip than a letter too many.
    return sorted(found, key=lambda name: sorted(name) != sorted(wanted))


def did_you_mean(names: list[str]) -> str:
    """`Did you mean a, b or c?`; empty without names."""
    if not names:
        return ""
    *others, last = names
    return f"Did you mean {', '.join(others)} or {last}?" if others else f"Did you mean {last}?"
