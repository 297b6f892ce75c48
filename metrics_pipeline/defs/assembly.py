"""Everything Dagster is shown, from one set of settings."""

from __future__ import annotations

import dagster as dg
from dagster_dbt import DbtCliResource

from metrics_pipeline.defs.days import day_partitions
from metrics_pipeline.defs.jobs import lake_job, marts_after_lake, marts_job, nightly
from metrics_pipeline.defs.lake import conversations_asset, metrics_asset
from metrics_pipeline.defs.marts import dbt_project, marts_assets
from metrics_pipeline.metrics.catalog import load_catalog
from metrics_pipeline.settings import Settings, quiet_libraries


def build_definitions(settings: Settings) -> dg.Definitions:
    """Assets, jobs, the schedule and the sensors.

    One broken metric definition does not take the others down: it is left out here and named when tables are published.
    """
    quiet_libraries()
    catalog = load_catalog(settings.definitions)
    days = day_partitions(settings)
    project = dbt_project(settings)
    lake, marts = lake_job(days), marts_job()
    return dg.Definitions(
        assets=[
            conversations_asset(settings, days),
            metrics_asset(settings, catalog, days),
            *marts_assets(settings, catalog, project),
        ],
        jobs=[lake, marts],
        schedules=[nightly(lake)],
        sensors=marts_after_lake(lake, marts),
        resources={"dbt": DbtCliResource(project_dir=project)},
    )
