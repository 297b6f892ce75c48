"""Which rates moved by more than chance and the ups and downs of their days explain: 28 days against the 28 before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from math import sqrt
from pathlib import Path
from statistics import NormalDist
from typing import Any, NamedTuple

import duckdb

WINDOW = timedelta(days=28)
FEWEST_DAYS = 14
"""Complete days with answers that each of the two windows needs."""
FALSE_ALARMS = 0.01
"""Of nights in which nothing moved, the share of those with a word about a metric, whichever, at most."""
SHOWN = 0.05
"""Intervals that are shown hold the truth but for this share."""

_DAYS = """
with newest as (
    select metric, max(conversation_date) as last_day from trend_metric_daily where day_status = 'complete' group by 1
)
select metric, name, good_direction, last_day, conversation_date, rate_numerator, rate_denominator, is_break
from trend_metric_daily
inner join newest using (metric)
inner join (select metric, name from dim_metrics where status = 'active') using (metric)
where conversation_date > last_day - interval 56 days and day_status = 'complete' and rate_of is not null
order by metric, conversation_date
"""


class Day(NamedTuple):
    """One complete day of a metric: answers that count for its rate, of how many."""

    day: date
    numerator: int
    denominator: int


class Compared(NamedTuple):
    """A difference of two rates, after less before, with its interval."""

    before: float
    after: float
    low: float
    high: float
    is_more_than_noise: bool


class Move(NamedTuple):
    """A rate that moved."""

    metric: str
    name: str
    good_direction: str
    """up, down or none."""
    last_day: date
    compared: Compared

    @property
    def direction(self) -> str:
        return "up" if self.compared.after > self.compared.before else "down"


def moves(generation: Path) -> list[Move]:
    """Rates of a published generation that moved, the largest step first.

    A metric whose definition or judge changed within the 56 days is left out: that is a break and no move.
    """
    with duckdb.connect(str(generation / "metrics.duckdb"), read_only=True) as database:
        rows = database.execute(_DAYS).fetchall()
    by_metric: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        by_metric[row[0]].append(row)
    windows = {metric: _windows(found) for metric, found in by_metric.items()}
    comparable = {metric: both for metric, both in windows.items() if both is not None}
    found = []
    for metric, (before, after) in comparable.items():
        compared = compare(before, after, len(comparable))
        if compared.is_more_than_noise:
            _, name, good_direction, last_day, *_ = by_metric[metric][0]
            found.append(Move(metric, name, good_direction, last_day, compared))
    return sorted(found, key=lambda move: -abs(move.compared.after - move.compared.before))


def compare(before: Sequence[Day], after: Sequence[Day], comparisons: int) -> Compared:
    """The difference of the rates of two windows, as Newcombe's hybrid of two score intervals has it.

    Days differ by more than chance (weekdays, campaigns): what they have more is measured by Pearson's statistic, and
    every count weighs as much less. Of several metrics compared at once each must show more (Bonferroni).

    Args:
        before, after: Each with answers on `FEWEST_DAYS` days.
        comparisons: Metrics that are compared at the same time.

    Source: R. G. Newcombe, Interval estimation for the difference between independent proportions, Statistics in
        Medicine 17 (1998), method 10; P. McCullagh and J. A. Nelder, Generalized Linear Models (1989), 4.5.
    """
    spread = max(1.0, _dispersion(before, after))
    shown = _difference(before, after, spread, SHOWN)
    strict = _difference(before, after, spread, FALSE_ALARMS / comparisons)
    return Compared(_rate(before), _rate(after), *shown, is_more_than_noise=strict[0] > 0 or strict[1] < 0)


def _difference(before: Sequence[Day], after: Sequence[Day], spread: float, level: float) -> tuple[float, float]:
    z = NormalDist().inv_cdf(1 - level / 2)
    p1, low1, high1 = _wilson(after, spread, z)
    p2, low2, high2 = _wilson(before, spread, z)
    step = p1 - p2
    return step - sqrt((p1 - low1) ** 2 + (high2 - p2) ** 2), step + sqrt((high1 - p1) ** 2 + (p2 - low2) ** 2)


def _wilson(days: Sequence[Day], spread: float, z: float) -> tuple[float, float, float]:
    rate, size = _rate(days), sum(day.denominator for day in days) / spread
    centre = (rate + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * sqrt(rate * (1 - rate) / size + z * z / (4 * size * size))
    return rate, centre - half, centre + half


def _dispersion(*windows: Sequence[Day]) -> float:
    """How much more the days of each window differ than chance lets them: 1 where they do not."""
    statistic, freedom = 0.0, 0
    for days in windows:
        rate = _rate(days)
        if 0 < rate < 1:
            # The variance of a day's count, were there nothing but chance.
            chance = [day.denominator * rate * (1 - rate) for day in days]
            expected = [day.denominator * rate for day in days]
            statistic += sum((d.numerator - e) ** 2 / v for d, e, v in zip(days, expected, chance, strict=True))
            freedom += len(days) - 1
    return statistic / freedom if freedom else 1.0


def _rate(days: Sequence[Day]) -> float:
    return sum(day.numerator for day in days) / sum(day.denominator for day in days)


def _windows(rows: Sequence[tuple[Any, ...]]) -> tuple[list[Day], list[Day]] | None:
    """(before, after) of one metric; None where they cannot be compared."""
    if any(row[7] for row in rows):
        return None
    begins = rows[0][3] - WINDOW
    days = [Day(*row[4:7]) for row in rows if row[6]]
    before = [day for day in days if day.day <= begins]
    after = [day for day in days if day.day > begins]
    return (before, after) if min(len(before), len(after)) >= FEWEST_DAYS else None
