"""`metrics show METRIC --failures DAY`: the conversations that say most about what went wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import TYPE_CHECKING

from metrics_pipeline.errors import SettingsError
from metrics_pipeline.wording import counted

if TYPE_CHECKING:
    from metrics_pipeline.evaluation.ledger import MetricDay
    from metrics_pipeline.metrics.definition import MetricDefinition
    from metrics_pipeline.serving.day_figures import Failure
    from metrics_pipeline.settings import Settings


def failures_of_day(
    settings: Settings, metric: MetricDefinition, days: Iterable[MetricDay], day: date
) -> tuple[Failure, ...]:
    """The most telling failures of that day, by the version and judge in force on it.

    Args:
        days: What the ledger says of all metrics and days.

    Raises:
        SettingsError: The metric was not judged on that day.
    """
    from metrics_pipeline.data_folder import data_folder_to_read
    from metrics_pipeline.evaluation.ledger import in_force
    from metrics_pipeline.serving.day_figures import metric_figures

    force = in_force([row for row in days if (row.metric, row.day) == (metric.key, day)])
    if force is None:
        raise SettingsError(f"{metric.key} was not judged on {day}. `metrics run --from {day} --to {day}` does it.")
    found = metric_figures(
        data_folder_to_read(settings.data), metric, force.metric_version, force.judge_fingerprint or None, [day]
    )
    return found.failures


def failure_lines(settings: Settings, metric: str, day: date, failures: Iterable[Failure]) -> Iterator[str]:
    """Each with what was said of it; the transcripts themselves stand in one file."""
    from metrics_pipeline.data_folder import DataFolder

    empty = True
    for failure in failures:
        empty = False
        yield f"{failure.conversation_id}  {failure.what} ({counted(failure.kind_count, 'conversation')} of the day)"
        yield from (f"    quotes: {quote}" for quote in failure.quotes)
        if failure.reason:
            yield f"    reason: {failure.reason}"
    if empty:
        yield f"{metric} on {day}: no failure, nothing undecided or in error."
    else:
        yield f"transcripts: {DataFolder(settings.data).day_file('turns', day)}"
