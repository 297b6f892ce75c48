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
from metrics_pipeline.defs.told import Metadata, told_of
from metrics_pipeline.evaluation.options import OnProgress
from metrics_pipeline.evaluation.planning import Night
from metrics_pipeline.evaluation.results import versions_in_force
from metrics_pipeline.evaluation.runner import Report
from metrics_pipeline.metrics.catalog import Catalog
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.settings import Settings
from metrics_pipeline.tables import TABLES
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
        metadata={"dagster/column_schema": column_schema("conversations")},
    )
    def conversations(context: dg.AssetExecutionContext) -> Iterator[Result]:
        folder = open_data_folder(settings.data)
        landing, merged = pipeline.take_in(settings, folder)
        yield dg.MaterializeResult(
            metadata={
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
        marks, told = day_marks(folder), sorted({*_days(context), *ended(days, merged.changed_days)})
        rows = day_counts(folder, told)
        for day in told:
            yield known_day(CONVERSATIONS, day, marks.get(day, ""), rows.get(day, 0))

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
        specs=[_spec(metric, days, [CONVERSATIONS], by_morning(settings)) for metric in catalog.active],
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
        versions = versions_in_force(folder)
        definitions = {metric.key: metric for metric in catalog.active}
        told = {key: told_of(folder, definitions[key], report, chosen, versions) for key in selected}
        yield from _results(context, report, told, held, versions)

    return metrics


def retired_metrics(catalog: Catalog, days: dg.PartitionsDefinition) -> list[dg.AssetSpec]:
    """Metrics that are asked no longer, as assets that nobody can run: their days stay to be seen."""
    retired = [metric for metric in catalog.definitions if metric.status == "retired"]
    return [_spec(metric, days, group="retired") for metric in retired]


def column_schema(table: str) -> dg.TableSchema:
    """The columns of a table of the lake."""
    schema, _ = TABLES[table]
    return dg.TableSchema([dg.TableColumn(field.name, str(field.type)) for field in schema])


def _spec(
    metric: MetricDefinition,
    days: dg.PartitionsDefinition,
    deps: Sequence[dg.AssetKey] = (),
    freshness: dg.FreshnessPolicy | None = None,
    group: str = "metrics",
) -> dg.AssetSpec:
    return dg.AssetSpec(
        metric_asset_key(metric.key),
        deps=deps,
        description=_description(metric),
        group_name=group,
        code_version=metric.version,
        partitions_def=days,
        # A day that waits for a backfill is left out.
        skippable=True,
        freshness_policy=freshness,
        kinds={"parquet"},
        owners=[metric.owner] if metric.owner and OWNER.fullmatch(metric.owner) else None,
        tags={tag: "" for tag in (tag.replace(" ", "_") for tag in metric.tags) if TAG.fullmatch(tag)},
        metadata={
            "name": metric.name,
            "type": metric.type,
            "owner": metric.owner or "",
            "tags": ", ".join(metric.tags),
            "source": ", ".join(metric.source),
            "dagster/column_schema": column_schema("verdicts"),
        },
    )


def _description(metric: MetricDefinition) -> str:
    """The definition as its file says it, in Markdown."""
    parts = {
        "applies when": metric.applies_when,
        "true when": metric.true_when,
        "false when": metric.false_when,
        **{f"`{label.name}` ({label.outcome}) when": label.when for label in metric.labels},
    }
    lines = [f"- {name}: {' '.join(said.split())}" for name, said in parts.items() if said]
    return "\n".join([f"**{metric.name}**: {metric.definition}", "", *lines]).rstrip()


def _days(context: dg.AssetExecutionContext) -> list[date]:
    return [date.fromisoformat(key) for key in context.partition_keys]


def _sent(report: Report) -> tuple[int, int]:
    return report.tally.requests, report.tally.replies


def _results(
    context: dg.AssetExecutionContext,
    report: Report,
    told: Mapping[str, tuple[Metadata, Mapping[date, Metadata]]],
    held: Collection[date],
    versions: Mapping[tuple[str, date], str],
) -> Iterator[Result]:
    """A result for each metric that is done on every day by what it says now; else its good days, and then the failure.

    Args:
        told: By metric: what is said of the run, and of each day.
        held: Days that have conversations; on any other there is nothing to judge.
        versions: The version that has judged the whole of a metric's day.
    """
    unfinished: list[str] = []
    for metric, (of_run, of_days) in told.items():
        key = metric_asset_key(metric)
        results = [result for result in report.results if result.metric == metric]
        open_days = {result.day for result in results if result.open_count}
        current = context.assets_def.code_versions_by_key.get(key) or ""
        by_day = {day: versions.get((metric, day)) if day in held else current for day in _days(context)}
        if not open_days and set(by_day.values()) == {current}:
            for day, of_day in of_days.items():
                context.add_asset_metadata(of_day, asset_key=key, partition_key=day.isoformat())
            yield dg.MaterializeResult(asset_key=key, metadata=of_run)
            continue
        for day, version in by_day.items():
            if version is not None and day not in open_days:
                said = of_run | of_days.get(day, {})
                yield metric_day(context.instance, key, CONVERSATIONS, day, version, said)
        if open_days:
            unfinished.append(f"{metric}: {len(open_days)} of {counted(len(results), 'day')}")
    if unfinished:
        why = report.stopped or "some calls failed after all tries"
        raise dg.Failure(f"{'; '.join(unfinished)} have cells left to judge. {why}", allow_retries=False)
