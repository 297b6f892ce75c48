"""Everything Dagster is shown, from one set of settings."""

from __future__ import annotations

import dagster as dg

from metrics_pipeline.defs.days import day_partitions
from metrics_pipeline.defs.jobs import job_definitions
from metrics_pipeline.defs.lake import conversations_asset, metrics_asset
from metrics_pipeline.defs.marts import dbt_project, dbt_resource, marts_assets
from metrics_pipeline.defs.pulled import pulled_asset
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
    assets = dg.Definitions(
        assets=[
            *([pulled_asset(settings)] if settings.pull_url else []),
            conversations_asset(settings, days),
            metrics_asset(settings, catalog, days),
            *marts_assets(settings, catalog, project),
        ],
        resources={"dbt": dbt_resource(project)},
    )
    return dg.Definitions.merge(assets, job_definitions(days))
