"""Everything Dagster is shown, from one set of settings."""

from __future__ import annotations

import warnings

import dagster as dg

from metrics_pipeline import pipeline
from metrics_pipeline.defs.checks import newest_days_check
from metrics_pipeline.defs.days import day_partitions
from metrics_pipeline.defs.jobs import Clock, job_definitions
from metrics_pipeline.defs.json_console import json_console
from metrics_pipeline.defs.lake import conversations_asset, metrics_asset, retired_metrics
from metrics_pipeline.defs.marts import dbt_project, dbt_resource, marts_assets
from metrics_pipeline.defs.notified import notifying_sensors
from metrics_pipeline.defs.pulled import pulled_asset
from metrics_pipeline.evaluation.options import OnProgress
from metrics_pipeline.logs import log_to_stderr
from metrics_pipeline.metrics.catalog import load_catalog
from metrics_pipeline.settings import Settings, quiet_libraries


def build_definitions(
    settings: Settings, now: Clock = pipeline.now, on_progress: OnProgress = lambda progress: None
) -> dg.Definitions:
    """Assets, jobs, the schedule and the sensors.

    Args:
        now: The clock that says which days are over.
        on_progress: Told how far judging has come.

    One broken metric definition does not take the others down: it is left out here and named when tables are published.
    """
    quiet_libraries()
    # Backfills in one run are what Dagster calls beta, at each asset anew.
    warnings.filterwarnings("ignore", category=dg.BetaWarning)
    log_to_stderr(settings.log_format)
    catalog = load_catalog(settings.definitions)
    days = day_partitions(settings)
    project = dbt_project(settings)
    checks = newest_days_check(settings, catalog)
    assets = dg.Definitions(
        assets=[
            *([pulled_asset(settings)] if settings.pull_url else []),
            conversations_asset(settings, days),
            metrics_asset(settings, catalog, days, on_progress),
            *retired_metrics(catalog, days),
            *marts_assets(settings, catalog, project),
        ],
        asset_checks=[checks],
        resources={"dbt": dbt_resource(project)},
        # One process a run: another for each step would load everything anew, and outlive a run that is killed.
        executor=dg.in_process_executor,
        loggers={"console": json_console} if settings.log_format == "json" else None,
    )
    told = dg.Definitions(sensors=notifying_sensors(settings))
    return dg.Definitions.merge(assets, job_definitions(settings, catalog, days, checks, now), told)
