"""Two jobs, one after the other: a day that fails must not keep the others from being published."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg
from dagster._core.definitions.partitions.partitioned_schedule import UnresolvedPartitionedAssetScheduleDefinition

from metrics_pipeline.defs.lake import CONVERSATIONS
from metrics_pipeline.defs.marts import PUBLISHED

NIGHT_HOUR = 2
Job = dg.UnresolvedAssetJobDefinition
ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)


def lake_job(days: dg.PartitionsDefinition) -> Job:
    """Days: conversations land, metrics judge them."""
    selection = dg.AssetSelection.assets(CONVERSATIONS) | dg.AssetSelection.groups("metrics")
    return dg.define_asset_job("lake", selection, partitions_def=days)


def marts_job() -> Job:
    """dbt's models and `published`; no days."""
    upstream = dg.AssetSelection.assets(PUBLISHED).upstream()
    lake = dg.AssetSelection.assets(CONVERSATIONS) | dg.AssetSelection.groups("metrics")
    return dg.define_asset_job("marts", upstream - lake)


def nightly(
    lake: dg.UnresolvedAssetJobDefinition,
) -> dg.ScheduleDefinition | UnresolvedPartitionedAssetScheduleDefinition:
    """Every night, the day that has just ended."""
    return dg.build_schedule_from_partitioned_job(lake, name="nightly", hour_of_day=NIGHT_HOUR)


def marts_after_lake(
    lake: dg.UnresolvedAssetJobDefinition, marts: dg.UnresolvedAssetJobDefinition
) -> Sequence[dg.SensorDefinition]:
    """Publish what is there once `lake` has ended, well or badly."""

    def sensor(status: dg.DagsterRunStatus) -> dg.SensorDefinition:
        @dg.run_status_sensor(
            run_status=status, monitored_jobs=[lake], request_job=marts, name=f"marts_after_lake_{status.value.lower()}"
        )
        def marts_after_lake_sensor(context: dg.RunStatusSensorContext) -> dg.RunRequest:
            return dg.RunRequest(run_key=context.dagster_run.run_id)

        return marts_after_lake_sensor

    return [sensor(status) for status in ENDED]
