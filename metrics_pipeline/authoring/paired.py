"""Two versions judged on the same conversations: is the change more than chance?"""

from __future__ import annotations

from math import comb, sqrt
from typing import NamedTuple

from metrics_pipeline.serving.summary import Z_95


class PairedChange(NamedTuple):
    """A rate before and after, over the conversations that both versions answer."""

    pair_count: int
    before: float
    after: float
    gained_count: int
    """Not counted before, counted after."""
    lost_count: int
    low: float
    """Lower end of the 95 % interval of after - before."""
    high: float
    p_value: float
    """McNemar's exact test, two-sided: how often chance alone would give a split as uneven."""


def paired_change(pairs: list[tuple[bool, bool]]) -> PairedChange | None:
    """What `pairs` of (counted before, counted after) come to; None without pairs.

    Sources: Q. McNemar, Psychometrika 12 (1947), exact binomial form; the interval adds half a conversation to each
    cell: A. Agresti and Y. Min, Simple improved confidence intervals for comparing matched proportions, Statistics in
    Medicine 24 (2005).
    """
    if not pairs:
        return None
    count = len(pairs)
    gained = sum(after and not before for before, after in pairs)
    lost = sum(before and not after for before, after in pairs)
    step = (gained - lost) / (count + 2)
    spread = sqrt(max(gained + lost + 1 - (gained - lost) ** 2 / (count + 2), 0.0)) / (count + 2)
    return PairedChange(
        pair_count=count,
        before=sum(before for before, _ in pairs) / count,
        after=sum(after for _, after in pairs) / count,
        gained_count=gained,
        lost_count=lost,
        low=max(step - Z_95 * spread, -1.0),
        high=min(step + Z_95 * spread, 1.0),
        p_value=exact_mcnemar(gained, lost),
    )


def exact_mcnemar(gained: int, lost: int) -> float:
    """Two-sided exact p-value of a split of changes that chance makes half and half; 1 without changes."""
    changes = gained + lost
    tail = sum(comb(changes, number) for number in range(min(gained, lost) + 1))
    return float(min(1.0, 2 * tail / 2**changes))
