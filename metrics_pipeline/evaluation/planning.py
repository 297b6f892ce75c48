"""Which days of which metrics are judged, by which version and which judge.

A new version or judge starts with the days that nothing has judged yet and with the newest day; older days keep what
judged them, until somebody names them. A conversation that comes late is judged by what is in force on its day. So no
edit empties a trend, and no day mixes versions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from metrics_pipeline.evaluation.ledger import MetricDay, in_force
from metrics_pipeline.metrics.definition import MetricDefinition


class Night(NamedTuple):
    """Where a run that nobody asked for by name may work."""

    days: frozenset[date]
    """No other day is taken up."""
    last: date
    """The newest day that has ended: a new version starts with it."""


class Work(NamedTuple):
    """One day of one metric, to be judged by one version and judge."""

    metric: str
    day: date
    metric_version: str
    judge_fingerprint: str

    @property
    def version_key(self) -> tuple[str, str]:
        return self.metric, self.metric_version


def plan(
    metrics: Iterable[MetricDefinition],
    fingerprint_of: Callable[[MetricDefinition], str],
    marks: Mapping[date, str],
    history: Sequence[MetricDay],
    is_written: Callable[[str, date], bool],
    days: Collection[date] | None = None,
    night: Night | None = None,
) -> list[Work]:
    """The work of one run, newest day first.

    Args:
        metrics: Those that are to be judged.
        fingerprint_of: The judge that would judge a metric now.
        marks: Fingerprint of each day's conversations as they stand.
        history: What has been put to work on which day so far.
        is_written: Whether the day's verdicts of a metric stand in their file.
        days: Judge exactly these, with what is current; None: what is new, left open, or lost.
        night: Of that, only what this says.
    """
    done: dict[tuple[str, date], list[MetricDay]] = defaultdict(list)
    for row in history:
        done[row.metric, row.day].append(row)
    judged_days = {row.day for row in history}
    newest = night.last if night is not None else max(marks, default=None)
    if night is not None:
        marks = {day: mark for day, mark in marks.items() if day in night.days}
    work = []
    for metric in metrics:
        current = (metric.version, fingerprint_of(metric))
        for day, mark in marks.items():
            if days is not None:
                chosen = current if day in days else None
            else:
                force = in_force(done[metric.key, day])
                chosen = _choose(force, current, mark, day == newest or day not in judged_days)
                if chosen is None and force is not None and not is_written(metric.key, day):
                    chosen = (force.metric_version, force.judge_fingerprint)
            if chosen is not None:
                work.append(Work(metric.key, day, *chosen))
    return sorted(work, key=lambda item: (-item.day.toordinal(), item.metric))


def _choose(force: MetricDay | None, current: tuple[str, str], mark: str, starts_here: bool) -> tuple[str, str] | None:
    """The version and judge to put to work on one day; None where the day needs nothing."""
    if force is None:
        return current if starts_here else None
    in_use = (force.metric_version, force.judge_fingerprint)
    if force.completed is None or (starts_here and in_use != current):
        return current
    return in_use if force.completed != mark else None


def by_day(work: Sequence[Work]) -> dict[date, list[Work]]:
    """The work of each day, in its order."""
    days: dict[date, list[Work]] = defaultdict(list)
    for item in work:
        days[item.day].append(item)
    return days
