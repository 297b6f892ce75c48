"""What a person reads of a metric's run in Dagster.

No conversation is named there: one that is erased would still stand in Dagster's home.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date

import dagster as dg

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.defs.tables import markdown
from metrics_pipeline.evaluation.results import DayResult
from metrics_pipeline.evaluation.runner import Report
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.serving.day_figures import DayFigures, metric_figures

Metadata = dict[str, dg.MetadataValue | int | float | str]
STATES = ("answered", "not_applicable", "undecided", "error", "unjudged")


def told_of(
    folder: DataFolder,
    metric: MetricDefinition,
    report: Report,
    days: Sequence[date],
    versions: Mapping[tuple[str, date], str],
) -> tuple[Metadata, Mapping[date, Metadata]]:
    """Of the whole run, and of each of its days: numbers are plotted by Dagster, from day to day or run to run.

    Args:
        versions: The version that has judged the whole of a metric's day; a day that has none is told by the current.
    """
    rows = [row for row in report.rows if row["metric"] == metric.key and row["metric_version"] == metric.version]
    fingerprint = next((row["judge_fingerprint"] or None for row in rows), None)
    results = {result.day: result for result in report.results if result.metric == metric.key}
    figures = metric_figures(folder, metric, metric.version, fingerprint, results)
    # Days that this run found as they are to be, by whichever version and judge.
    others: dict[str, list[date]] = defaultdict(list)
    for day in days:
        if day not in results:
            others[versions.get((metric.key, day), metric.version)].append(day)
    for version, found in others.items():
        of_others = metric_figures(folder, metric, version, None, found)
        figures = figures._replace(days={**figures.days, **of_others.days})
    of_days = {day: _of_day(figures.days.get(day), results.get(day)) for day in days}
    whole: Metadata = {}
    if len(days) != 1:
        lines = [
            [day, *(of_days[day].get(f"{state}_count", 0) for state in STATES), _rate(figures.days.get(day))]
            for day in reversed(days)
        ]
        whole["days_judged"] = dg.MetadataValue.md(markdown(["day", *STATES, "rate, 95 % interval"], lines))
        total = figures.all_days
        whole["rate_of_all_days"] = _rate(total)
    whole |= _cost(rows)
    if figures.failures:
        newest: dict[str, list[object]] = {}
        for one in figures.failures:
            newest.setdefault(one.what, [one.what, one.kind_count, f"`metrics show {metric.key} --failures {one.day}`"])
        whole["failures"] = dg.MetadataValue.md(markdown(["what", "conversations", "named by"], newest.values()))
    return whole, of_days


def _of_day(figures: DayFigures | None, result: DayResult | None) -> Metadata:
    states = result.worked_states if result else figures.states if figures else {}
    told: Metadata = {f"{state}_count": states.get(state, 0) for state in STATES}
    if figures is not None and figures.rate is not None:
        low, high = figures.interval or (0.0, 1.0)
        told |= {"rate": figures.rate, "rate_low": low, "rate_high": high, "rate_out_of": figures.denominator}
    return told


def _rate(figures: DayFigures | None) -> str:
    if figures is None or figures.rate is None or figures.interval is None:
        return ""
    low, high = figures.interval
    return f"{figures.rate:.1%} ({low:.1%} to {high:.1%}) of {figures.denominator:,}"


def _cost(rows: list[Mapping[str, object]]) -> Metadata:
    """What the run paid for this metric; a call about several counts for each, its tokens and dollars in parts."""

    def total(name: str) -> int:
        return sum(int(str(row[name])) for row in rows)

    told: Metadata = {
        "calls": total("call_count"),
        "from_ledger": total("held_count"),
        "failed_calls": total("failure_count"),
        "left_open": total("open_count"),
        "tokens": total("prompt_tokens") + total("reply_tokens"),
    }
    if all(row["dollars"] is not None for row in rows):
        told["dollars"] = float(sum(float(str(row["dollars"])) for row in rows))
    else:
        told["dollars"] = "not known: no price is listed"
    return told
