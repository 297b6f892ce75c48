"""The nightly schedule: yesterday, and what earlier nights left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta

import dagster as dg

from metrics_pipeline.conversations.merge import day_marks
from metrics_pipeline.data_folder import DataFolder, open_data_folder
from metrics_pipeline.defs.freshness import NIGHT_HOUR
from metrics_pipeline.defs.json_console import console_config
from metrics_pipeline.defs.lake import CONVERSATIONS, NIGHT_TAG
from metrics_pipeline.defs.nights import Stretch, days_of_a_night, metric_asset, stretches
from metrics_pipeline.defs.pulled import PULLED
from metrics_pipeline.defs.upkeep import remove_old_run_files
from metrics_pipeline.evaluation.ledger import Ledger
from metrics_pipeline.evaluation.waiting import Waiting, waiting
from metrics_pipeline.metrics.catalog import Catalog
from metrics_pipeline.settings import Settings

A_NIGHT = timedelta(days=1)
RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"


def nightly_schedule(
    settings: Settings,
    catalog: Catalog,
    days: dg.TimeWindowPartitionsDefinition,
    lake: dg.UnresolvedAssetJobDefinition,
    now: Callable[[], datetime],
) -> dg.ScheduleDefinition:
    """Every night in the project's time zone, in one run where the days have no gap, else in few."""

    @dg.schedule(
        name="nightly",
        job=lake,
        cron_schedule=f"0 {NIGHT_HOUR} * * *",
        execution_timezone=settings.timezone,
        description="Judges yesterday, nights that did not run, what came late, and what a run left open.",
    )
    def nightly(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        moment = context.scheduled_execution_time
        if now() - moment >= A_NIGHT:
            yield dg.SkipReason("A later night makes up for this one.")
            return
        remove_old_run_files(context.instance, settings.keep_runs_days, now())
        last = last_day_ended(moment, settings)
        if last < first_partition(days):
            yield dg.SkipReason(f"The first day, {first_partition(days)}, has not ended yet.")
            return
        needed = days_of_a_night(
            last,
            first_partition(days),
            settings.catch_up_days,
            {date.fromisoformat(key) for key in context.instance.get_materialized_partitions(CONVERSATIONS)},
            what_waits(settings, catalog),
            [CONVERSATIONS.to_user_string(), *(metric_asset(metric.key) for metric in catalog.active)],
        )
        for stretch in stretches(needed):
            yield lake_run(stretch, last, settings)

    return nightly


def lake_run(stretch: Stretch, last: date, settings: Settings, run_key: str | None = None) -> dg.RunRequest:
    """A run of `lake` over a stretch of days, which judges of them what is new, left open, or late."""
    assets = [dg.AssetKey.from_user_string(asset) for asset in stretch.assets]
    if settings.pull_url and CONVERSATIONS in assets:
        assets.append(PULLED)
    return dg.RunRequest(
        run_key=run_key or f"{last}:{stretch.first}",
        job_name="lake",
        asset_selection=assets,
        tags={
            RANGE_START: stretch.first.isoformat(),
            RANGE_END: stretch.last.isoformat(),
            NIGHT_TAG: last.isoformat(),
        },
        run_config=console_config(settings),
    )


def what_waits(settings: Settings, catalog: Catalog) -> list[Waiting]:
    """The days that wait to be judged, as far as the lake and the ledger know."""
    folder: DataFolder = open_data_folder(settings.data)
    with Ledger.to_read(folder.ledger) as ledger:
        history = ledger.metric_days()
    active = [metric.key for metric in catalog.active]
    return waiting(active, day_marks(folder), history, lambda metric, day: folder.verdict_file(metric, day).exists())


def last_day_ended(moment: datetime, settings: Settings) -> date:
    """The newest day that is over at that moment, in the project's time zone."""
    return moment.astimezone(settings.zone).date() - A_NIGHT


def first_partition(days: dg.TimeWindowPartitionsDefinition) -> date:
    """The first day that Dagster knows."""
    return days.start.date()
