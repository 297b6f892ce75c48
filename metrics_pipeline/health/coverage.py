"""Which days of each metric are judged, open, late or missing, and by which version: what the ledger says of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from metrics_pipeline.evaluation.ledger import MetricDay, in_force
from metrics_pipeline.metrics.definition import MetricDefinition


class Coverage(NamedTuple):
    """The days with conversations of one metric. Judged, open, late and missing days are all of them."""

    metric: str
    judged: tuple[date, ...]
    """Days all of whose conversations have their verdict."""
    open: tuple[date, ...]
    """Days that were begun and have cells left, as a failure or a budget leaves them."""
    late: tuple[date, ...]
    """Days whose conversations changed after they were judged."""
    missing: tuple[date, ...]
    """Days that nobody has judged: those before a metric's first, until somebody names them."""
    older_version: tuple[date, ...]
    """Of those that are judged or late, the days that another version than the file's now has judged."""


def coverage(
    metrics: Iterable[MetricDefinition], marks: Mapping[date, str], history: Iterable[MetricDay]
) -> list[Coverage]:
    """How far each of `metrics` is judged, oldest day first.

    Args:
        marks: Fingerprint of each day's conversations as they stand.
        history: What was put to work on which day, as the ledger has it.
    """
    done: dict[tuple[str, date], list[MetricDay]] = defaultdict(list)
    for row in history:
        done[row.metric, row.day].append(row)
    return [_of(metric, {day: in_force(done[metric.key, day]) for day in sorted(marks)}, marks) for metric in metrics]


def _of(metric: MetricDefinition, days: Mapping[date, MetricDay | None], marks: Mapping[date, str]) -> Coverage:
    begun = {day: row for day, row in days.items() if row is not None}
    judged = {day: row for day, row in begun.items() if row.completed is not None}
    late = tuple(day for day, row in judged.items() if row.completed != marks[day])
    return Coverage(
        metric=metric.key,
        judged=tuple(day for day in judged if day not in late),
        open=tuple(day for day, row in begun.items() if row.completed is None),
        late=late,
        missing=tuple(day for day, row in days.items() if row is None),
        older_version=tuple(day for day, row in judged.items() if row.metric_version != metric.version),
    )
