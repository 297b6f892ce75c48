"""What chance alone would do, in exact probabilities: few conversations prove little, and are not made to."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from math import exp, lgamma, log

NEGLIGIBLE = 1e-18


def at_least(successes: int, trials: int, share: float) -> float:
    """The probability of `successes` or more in `trials`, each of which succeeds with probability `share`."""
    if successes <= 0:
        return 1.0
    if successes > trials or share <= 0:
        return 0.0
    if share >= 1:
        return 1.0
    if successes <= trials * share:
        return 1.0 - _tail(successes - 1, trials, share, -1)
    return _tail(successes, trials, share, 1)


def _tail(first: int, trials: int, share: float, step: int) -> float:
    """The binomial probabilities from `first` on, outwards: each term is less than the one before."""
    odds = share / (1 - share)
    term = exp(_log_ways(trials, first) + first * log(share) + (trials - first) * log(1 - share))
    total, at = 0.0, first
    while 0 <= at <= trials and term > NEGLIGIBLE * total:
        total += term
        term *= (trials - at) / (at + 1) * odds if step > 0 else at / (trials - at + 1) / odds
        at += step
    return min(total, 1.0)


def at_least_of(now: int, now_of: int, before: int, before_of: int) -> float:
    """The probability that `now` or more of the `now + before` marked fall among the `now_of`, all being alike.

    Source: R. A. Fisher's exact test, one-sided (The Design of Experiments, 1935).
    """
    marked = now + before
    term, total = exactly_of(now, now_of, before, before_of), 0.0
    for at in range(now, min(marked, now_of) + 1):
        total += term
        term *= (marked - at) * (now_of - at) / ((at + 1) * (before_of - marked + at + 1))
    return min(total, 1.0)


def exactly_of(now: int, now_of: int, before: int, before_of: int) -> float:
    """The probability that exactly `now` of the `now + before` marked fall among the `now_of`, all being alike."""
    marked, unmarked = now + before, now_of - now + before_of - before
    ways = _log_ways(marked, now) + _log_ways(unmarked, now_of - now) - _log_ways(marked + unmarked, now_of)
    return exp(min(ways, 0.0))


def level_of_each(least: Sequence[float], chance: float) -> float:
    """The level at which each of several tests is held, so that any of them errs with probability `chance` at most.

    Bonferroni's correction over those tests alone that could be significant at all: one about a handful of
    conversations never can, and costs the others nothing. Source: R. E. Tarone, A modified Bonferroni method for
    discrete data, Biometrics 46 (1990).

    Args:
        least: For each test the smallest probability that it could have come to.
    """
    ordered = sorted(least)
    for count in range(1, len(ordered)):
        if bisect_right(ordered, chance / count) <= count:
            return chance / count
    return chance / max(len(ordered), 1)


def _log_ways(of: int, chosen: int) -> float:
    return lgamma(of + 1) - lgamma(chosen + 1) - lgamma(of - chosen + 1)
