"""The days: conversations land, and every active metric judges them."""

import re
from collections.abc import Iterator, Sequence
from datetime import date

import dagster as dg

from metrics_pipeline import pipeline
from metrics_pipeline.conversations.merge import day_counts
from metrics_pipeline.data_folder import open_data_folder
from metrics_pipeline.defs.pulled import PULLED
from metrics_pipeline.evaluation.results import DayResult
from metrics_pipeline.evaluation.runner import Report
from metrics_pipeline.metrics.catalog import Catalog
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.settings import Settings
from metrics_pipeline.wording import counted

CONVERSATIONS = dg.AssetKey("conversations")
PARTITION_TAGS = (
    "dagster/code_version",
    "dagster/data_version",
    "dagster/input_data_version/conversations",
    "dagster/input_event_pointer/conversations",
)
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
        group_name="lake",
        kinds={"parquet"},
        description="One row per finished conversation. Every new export file lands, whatever days it holds.",
    )
    def conversations(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        folder = open_data_folder(settings.data)
        landing, merged = pipeline.take_in(settings, folder)
        return dg.MaterializeResult(
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

    return conversations


def metrics_asset(settings: Settings, catalog: Catalog, days: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    """One asset for each active metric. One run judges all that are selected together, over all its days."""

    @dg.multi_asset(
        name="metrics",
        specs=[_spec(metric, days) for metric in catalog.active],
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        pool="llm",
    )
    def metrics(context: dg.AssetExecutionContext) -> Iterator[Result]:
        selected = sorted(key.path[-1] for key in context.selected_asset_keys)
        folder = open_data_folder(settings.data)
        held = set(folder.days())
        chosen = [day for day in _days(context) if day in held]
        report = pipeline.judge(folder, catalog, settings, chosen, selected)
        context.log.info("judged %d days: %d requests, %d replies", len(chosen), *_sent(report))
        yield from _results(context, report, selected)

    return metrics


def _spec(metric: MetricDefinition, days: dg.PartitionsDefinition) -> dg.AssetSpec:
    return dg.AssetSpec(
        metric_asset_key(metric.key),
        deps=[CONVERSATIONS],
        description=f"**{metric.name}**: {metric.definition}",
        group_name="metrics",
        code_version=metric.version,
        partitions_def=days,
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


def _results(context: dg.AssetExecutionContext, report: Report, selected: Sequence[str]) -> Iterator[Result]:
    """A result for each metric that is done; for one that is not, its good days, and then the failure."""
    unfinished: list[str] = []
    for metric in selected:
        results = [result for result in report.results if result.metric == metric]
        open_days = {result.day for result in results if result.open_count}
        if not open_days:
            yield dg.MaterializeResult(asset_key=metric_asset_key(metric), metadata=_metadata(report, metric))
            continue
        unfinished.append(f"{metric}: {len(open_days)} of {counted(len(results), 'day')}")
        for result in results:
            if result.day not in open_days:
                yield _good_day(context, result)
    if unfinished:
        why = report.stopped or "some calls failed after all tries"
        raise dg.Failure(f"{'; '.join(unfinished)} have cells left to judge. {why}", allow_retries=False)


def _good_day(context: dg.AssetExecutionContext, result: DayResult) -> dg.AssetMaterialization:
    key = metric_asset_key(result.metric)
    tags = {tag: value for tag, value in _provenance(context, key).items() if tag in PARTITION_TAGS}
    return dg.AssetMaterialization(key, partition=result.day.isoformat(), metadata=dict(result.states), tags=tags)


def _provenance(context: dg.AssetExecutionContext, key: dg.AssetKey) -> dict[str, str]:
    """What Dagster notes by itself on a result that covers every day of a run: by it, it knows a day as fresh."""
    version = context.assets_def.code_versions_by_key.get(key)
    return {"dagster/code_version": version} if version else {}


def _metadata(report: Report, metric: str) -> dict[str, int]:
    return {f"{state}_count": count for state, count in sorted(report.states.get(metric, {}).items())}
