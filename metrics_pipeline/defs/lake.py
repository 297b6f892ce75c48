"""The days: conversations land, and every active metric judges them."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date

import dagster as dg

from metrics_pipeline import pipeline
from metrics_pipeline.conversations.merge import day_counts, day_marks
from metrics_pipeline.data_folder import open_data_folder
from metrics_pipeline.defs.freshness import by_morning
from metrics_pipeline.defs.provenance import known_day, metric_day
from metrics_pipeline.defs.pulled import PULLED
from metrics_pipeline.evaluation.options import OnProgress
from metrics_pipeline.evaluation.planning import Night
from metrics_pipeline.evaluation.results import DayResult, versions_in_force
from metrics_pipeline.evaluation.runner import Report
from metrics_pipeline.metrics.catalog import Catalog
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.settings import Settings
from metrics_pipeline.wording import counted

CONVERSATIONS = dg.AssetKey("conversations")
NIGHT_TAG = "metrics/night"
"""On runs that nobody asked for by name: the newest day that had ended. They judge what is new, left open, or late."""
# Dagster's own forms: one that does not fit would take every asset down, so it only stands in the metadata.
OWNER = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")
TAG = re.compile(r"[A-Za-z0-9_.-]{1,63}")

Result = dg.MaterializeResult | dg.AssetMaterialization


def metric_asset_key(metric: str) -> dg.AssetKey:
    return dg.AssetKey(["metric", metric])


def conversations_asset(settings: Settings, days: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """The asset `conversations`: export files land, and each day's table is built from all of them."""

    @dg.asset(
        key=CONVERSATIONS,
        deps=[PULLED] if settings.pull_url else [],
        partitions_def=days,
        backfill_policy=dg.BackfillPolicy.single_run(),
        freshness_policy=by_morning(settings),
        group_name="lake",
        kinds={"parquet"},
        description="One row per finished conversation. Every new export file lands, whatever days it holds.",
    )
    def conversations(context: dg.AssetExecutionContext) -> Iterator[Result]:
        folder = open_data_folder(settings.data)
        landing, merged = pipeline.take_in(settings, folder)
        yield dg.MaterializeResult(
            metadata={
                "dagster/row_count": sum(day_counts(folder, _days(context)).values()),
                "files_landed": landing.file_count,
                "read": landing.read_count,
                "kept": landing.kept_count,
                "duplicate": landing.duplicate_count,
                "waiting": landing.waiting_count,
                "quarantined": landing.quarantined_count,
                "erased": landing.erased_count,
                "days_changed": len(merged.changed_days),
            }
        )
        # A day is known by what it holds: landing another leaves its metrics fresh, a late conversation does not.
        marks = day_marks(folder)
        for day in sorted({*_days(context), *ended(days, merged.changed_days)}):
            yield known_day(CONVERSATIONS, day, marks.get(day, ""))

    return conversations


def ended(days: dg.PartitionsDefinition, found: Sequence[date]) -> list[date]:
    """Those of the days that are over, and so are partitions."""
    return [day for day in found if days.has_partition_key(day.isoformat())]


def metrics_asset(
    settings: Settings,
    catalog: Catalog,
    days: dg.PartitionsDefinition,
    on_progress: OnProgress = lambda progress: None,
) -> dg.AssetsDefinition:
    """One asset for each active metric. One run judges all that are selected together, over all its days."""

    @dg.multi_asset(
        name="metrics",
        specs=[_spec(metric, days, settings) for metric in catalog.active],
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool="llm",
    )
    def metrics(context: dg.AssetExecutionContext) -> Iterator[Result]:
        selected = sorted(key.path[-1] for key in context.selected_asset_keys)
        folder = open_data_folder(settings.data)
        held = set(folder.days())
        chosen = [day for day in _days(context) if day in held]
        last = context.run.tags.get(NIGHT_TAG)
        night = Night(frozenset(chosen), date.fromisoformat(last)) if last else None
        named = None if night else chosen
        report = pipeline.judge(folder, catalog, settings, named, selected, on_progress=on_progress, night=night)
        context.log.info("judged %d days: %d requests, %d replies", len(chosen), *_sent(report))
        yield from _results(context, report, selected, held, versions_in_force(folder))

    return metrics


def _spec(metric: MetricDefinition, days: dg.PartitionsDefinition, settings: Settings) -> dg.AssetSpec:
    return dg.AssetSpec(
        metric_asset_key(metric.key),
        deps=[CONVERSATIONS],
        description=f"**{metric.name}**: {metric.definition}",
        group_name="metrics",
        code_version=metric.version,
        partitions_def=days,
        # A day that waits for a backfill is left out.
        skippable=True,
        freshness_policy=by_morning(settings),
        kinds={"parquet"},
        owners=[metric.owner] if metric.owner and OWNER.fullmatch(metric.owner) else None,
        tags={tag: "" for tag in (tag.replace(" ", "_") for tag in metric.tags) if TAG.fullmatch(tag)},
        metadata={
            "name": metric.name,
            "type": metric.type,
            "owner": metric.owner or "",
            "tags": ", ".join(metric.tags),
        },
    )


def _days(context: dg.AssetExecutionContext) -> list[date]:
    return [date.fromisoformat(key) for key in context.partition_keys]


def _sent(report: Report) -> tuple[int, int]:
    return report.tally.requests, report.tally.replies


def _results(
    context: dg.AssetExecutionContext,
    report: Report,
    selected: Sequence[str],
    held: Collection[date],
    versions: Mapping[tuple[str, date], str],
) -> Iterator[Result]:
    """A result for each metric that is done on every day by what it says now; else its good days, and then the failure.

    Args:
        held: Days that have conversations; on any other there is nothing to judge.
        versions: The version that has judged the whole of a metric's day.
    """
    unfinished: list[str] = []
    for metric in selected:
        results = {result.day: result for result in report.results if result.metric == metric}
        open_days = {day for day, result in results.items() if result.open_count}
        current = context.assets_def.code_versions_by_key.get(metric_asset_key(metric)) or ""
        by_day = {day: versions.get((metric, day)) if day in held else current for day in _days(context)}
        if not open_days and set(by_day.values()) == {current}:
            yield dg.MaterializeResult(asset_key=metric_asset_key(metric), metadata=_metadata(report, metric))
            continue
        for day, version in by_day.items():
            if version is not None and day not in open_days:
                yield _good_day(context, metric, day, version, results.get(day))
        if open_days:
            unfinished.append(f"{metric}: {len(open_days)} of {counted(len(results), 'day')}")
    if unfinished:
        why = report.stopped or "some calls failed after all tries"
        raise dg.Failure(f"{'; '.join(unfinished)} have cells left to judge. {why}", allow_retries=False)


def _good_day(
    context: dg.AssetExecutionContext, metric: str, day: date, version: str, result: DayResult | None
) -> dg.AssetMaterialization:
    states = dict(result.states) if result is not None else {}
    return metric_day(context.instance, metric_asset_key(metric), CONVERSATIONS, day, version, states)


def _metadata(report: Report, metric: str) -> dict[str, int]:
    return {f"{state}_count": count for state, count in sorted(report.states.get(metric, {}).items())}
