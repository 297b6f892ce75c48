"""The jobs, the nightly schedule, and the sensors that land files and follow what has been judged."""

from collections.abc import Callable, Iterator
from datetime import datetime

import dagster as dg

from metrics_pipeline import pipeline
from metrics_pipeline.conversations.merge import day_counts, day_marks
from metrics_pipeline.data_folder import open_data_folder
from metrics_pipeline.defs.following import after_lake_sensor, new_exports_sensor
from metrics_pipeline.defs.lake import CONVERSATIONS, ended
from metrics_pipeline.defs.marts import PUBLISHED
from metrics_pipeline.defs.provenance import known_day
from metrics_pipeline.defs.schedule import nightly_schedule
from metrics_pipeline.defs.upkeep import dead_runs_sensor
from metrics_pipeline.metrics.catalog import Catalog
from metrics_pipeline.settings import Settings

Clock = Callable[[], datetime]


def job_definitions(
    settings: Settings,
    catalog: Catalog,
    days: dg.TimeWindowPartitionsDefinition,
    checks: dg.AssetChecksDefinition,
    now: Clock,
) -> dg.Definitions:
    """`lake` (days: pull, land, judge), `landing` (files as they come), `marts` (dbt, publish), and what starts them.

    `lake` and `marts` are two jobs: a day that fails must not keep the others from being published.

    Args:
        checks: Of the newest days; they look at tables, and so belong to `marts`.
    """
    of_days = dg.AssetSelection.groups("lake", "metrics")
    of_newest_days = dg.AssetSelection.checks(checks)
    lake = dg.define_asset_job("lake", of_days - of_newest_days)
    tables = dg.AssetSelection.assets(PUBLISHED).upstream() - of_days
    marts = dg.define_asset_job("marts", tables | of_newest_days)
    landing = _landing_job(settings, days)
    return dg.Definitions(
        jobs=[lake, landing, marts],
        schedules=[nightly_schedule(settings, catalog, days, lake, now)],
        sensors=[
            new_exports_sensor(settings, landing),
            after_lake_sensor(settings, catalog, days, lake, marts, now),
            dead_runs_sensor(),
        ],
    )


def _landing_job(settings: Settings, days: dg.PartitionsDefinition) -> dg.JobDefinition:
    """Files land whatever days they hold: which they are is known once they have landed, and noted for each."""

    @dg.op(out={}, description="Every new export file lands; the days that changed are noted on `conversations`.")
    def land(context: dg.OpExecutionContext) -> Iterator[dg.AssetMaterialization]:
        folder = open_data_folder(settings.data)
        report, merged = pipeline.take_in(settings, folder)
        context.log.info(
            "landed %d files, kept %d conversations, %d days changed",
            report.file_count,
            report.kept_count,
            len(merged.changed_days),
        )
        marks, changed = day_marks(folder), ended(days, merged.changed_days)
        rows = day_counts(folder, changed)
        for day in changed:
            yield known_day(CONVERSATIONS, day, marks.get(day, ""), rows.get(day, 0))

    @dg.job(name="landing", description="New export files land as they come. Nothing is judged.")
    def landing() -> None:
        land()

    return landing
