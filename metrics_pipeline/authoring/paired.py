"""Two versions judged on the same conversations: is the change more than chance?"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, sqrt
from typing import NamedTuple

from metrics_pipeline.serving.summary import Z_95

HALVINGS = 60
"""Of an interval no longer than 2: far below what a printed digit shows."""


class PairedChange(NamedTuple):
    """A rate before and after, over the conversations that count in it by both versions."""

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


def paired_change(pairs: Sequence[tuple[bool, bool]]) -> PairedChange | None:
    """What `pairs` of (counted before, counted after) come to; None without pairs."""
    if not pairs:
        return None
    count = len(pairs)
    gained = sum(after and not before for before, after in pairs)
    lost = sum(before and not after for before, after in pairs)
    low, high = tango_interval(gained, lost, count)
    return PairedChange(
        pair_count=count,
        before=sum(before for before, _ in pairs) / count,
        after=sum(after for _, after in pairs) / count,
        gained_count=gained,
        lost_count=lost,
        low=low,
        high=high,
        p_value=exact_mcnemar(gained, lost),
    )


def tango_interval(gained: int, lost: int, count: int) -> tuple[float, float]:
    """Two-sided 95 % score interval of the step (gained - lost) / count.

    Unlike a normal interval it keeps its coverage where changes are few, is never empty where there are none, and
    stays within -1 and 1. Source: T. Tango, Equivalence test and confidence interval for the difference in
    proportions for the paired-sample design, Statistics in Medicine 17 (1998); recommended by M. W. Fagerland,
    S. Lydersen and P. Laake, Statistics in Medicine 33 (2014).
    """
    step = (gained - lost) / count
    return _end(gained, lost, count, step, -1.0), _end(gained, lost, count, step, 1.0)


def _end(gained: int, lost: int, count: int, inside: float, outside: float) -> float:
    """The step furthest towards `outside` that the score test does not reject."""
    if abs(_score(gained, lost, count, outside)) <= Z_95:
        return outside
    for _ in range(HALVINGS):
        middle = (inside + outside) / 2
        if abs(_score(gained, lost, count, middle)) <= Z_95:
            inside = middle
        else:
            outside = middle
    return inside


def _score(gained: int, lost: int, count: int, step: float) -> float:
    """How many standard errors the data lie from a true `step`, its variance estimated under that step."""
    difference = gained - lost - count * step
    if difference == 0:
        return 0.0
    linear = (2 * count - gained + lost) * step - gained - lost
    root = linear**2 + 8 * count * lost * step * (1 - step)
    share_lost = (sqrt(max(root, 0.0)) - linear) / (4 * count)
    variance = count * (2 * share_lost + step * (1 - step))
    return difference / sqrt(variance) if variance > 0 else float("inf")


def exact_mcnemar(gained: int, lost: int) -> float:
    """Two-sided exact p-value of a split of changes that chance makes half and half; 1 without changes.

    Source: Q. McNemar, Note on the sampling error of the difference between correlated proportions, Psychometrika 12
    (1947), in its exact binomial form.
    """
    changes = gained + lost
    tail = sum(comb(changes, number) for number in range(min(gained, lost) + 1))
    return float(min(1.0, 2 * tail / 2**changes))
