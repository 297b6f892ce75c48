"""Which days of which assets a night takes up, and in which runs. Pure: values in, values out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from typing import NamedTuple

from metrics_pipeline.evaluation.waiting import Waiting

MAX_STRETCHES = 3
"""Runs of one night, at most; what is left over is one run, from the oldest such day to the newest."""
A_DAY = timedelta(days=1)


class Stretch(NamedTuple):
    """Days without a gap, and the assets that need each of them: one run."""

    first: date
    last: date
    assets: tuple[str, ...]
    """By key."""


def days_of_a_night(
    last: date,
    first_partition: date,
    catch_up_days: int,
    seen: Collection[date],
    waits: Iterable[Waiting],
    everything: Collection[str],
) -> dict[date, frozenset[str]]:
    """The assets that need each day.

    Args:
        last: The day that has ended.
        first_partition: Days before it are not Dagster's.
        catch_up_days: How many days back nights are made up for.
        seen: Days that a night has taken up before.
        waits: What is new, left open, or came late.
        everything: Assets of a day that no night has seen.
    """
    window = range_of(max(last - (catch_up_days - 1) * A_DAY, first_partition), last)
    needed = {day: set(everything) for day in window if day == last or day not in seen}
    for found in waits:
        if first_partition <= found.day <= last and (found.why != "new" or found.day in window):
            needed.setdefault(found.day, set()).add(metric_asset(found.metric))
    return {day: frozenset(assets) for day, assets in needed.items()}


def stretches(needed: Mapping[date, frozenset[str]]) -> list[Stretch]:
    """Few runs, each of days without a gap that need the same assets, newest first."""
    found: list[Stretch] = []
    for day in sorted(needed, reverse=True):
        assets = tuple(sorted(needed[day]))
        if found and found[-1].first - day == A_DAY and found[-1].assets == assets:
            found[-1] = found[-1]._replace(first=day)
        else:
            found.append(Stretch(day, day, assets))
    rest = found[MAX_STRETCHES - 1 :]
    if len(rest) > 1:
        assets = tuple(sorted({asset for stretch in rest for asset in stretch.assets}))
        found[MAX_STRETCHES - 1 :] = [Stretch(rest[-1].first, rest[0].last, assets)]
    return found


def metric_asset(metric: str) -> str:
    """The key of a metric's asset, as one word."""
    return f"metric/{metric}"


def range_of(first: date, last: date) -> list[date]:
    """Every day from `first` to `last`."""
    return [first + number * A_DAY for number in range((last - first).days + 1)]
