"""Which days of which metrics wait to be judged, and why: told without a judge, so that anybody may look often."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Literal, NamedTuple

from metrics_pipeline.evaluation.ledger import MetricDay, in_force

Why = Literal["new", "left_open", "reopened", "lost"]


class Waiting(NamedTuple):
    """One day of one metric."""

    metric: str
    day: date
    why: Why
    """No metric has judged the day yet; some of its cells are open; conversations came late; its file is gone."""


def waiting(
    metrics: Iterable[str],
    marks: Mapping[date, str],
    history: Sequence[MetricDay],
    is_written: Callable[[str, date], bool],
) -> list[Waiting]:
    """What the next run takes up by itself, but for a new version on the newest day, by metric and day.

    Args:
        metrics: Keys of those that are active.
        marks: Fingerprint of each day's conversations as they stand.
        history: What has been put to work on which day so far.
        is_written: Whether the day's verdicts of a metric stand in their file.
    """
    done: dict[tuple[str, date], list[MetricDay]] = defaultdict(list)
    for row in history:
        done[row.metric, row.day].append(row)
    judged_days = {row.day for row in history}

    def why(metric: str, day: date) -> Why | None:
        force = in_force(done.get((metric, day), ()))
        if force is None:
            return None if day in judged_days else "new"
        if force.completed is None:
            return "left_open"
        if force.completed != marks[day]:
            return "reopened"
        return None if is_written(metric, day) else "lost"

    return [
        Waiting(metric, day, found)
        for metric in sorted(metrics)
        for day in sorted(marks)
        if (found := why(metric, day)) is not None
    ]
