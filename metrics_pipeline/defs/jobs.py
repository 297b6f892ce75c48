"""Two jobs, one after the other: a day that fails must not keep the others from being published."""

import dagster as dg

from metrics_pipeline.defs.marts import PUBLISHED

NIGHT_HOUR = 2
ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)


def job_definitions(days: dg.PartitionsDefinition) -> dg.Definitions:
    """`lake` (days: pull, land, judge) and `marts` (dbt, publish), the nightly schedule, and the sensors between them.

    `marts` has no days, and follows whatever `lake` reports: what is there is published.
    """
    of_days = dg.AssetSelection.groups("lake", "metrics")
    lake = dg.define_asset_job("lake", of_days, partitions_def=days)
    marts = dg.define_asset_job("marts", dg.AssetSelection.assets(PUBLISHED).upstream() - of_days)

    def follow(status: dg.DagsterRunStatus) -> dg.SensorDefinition:
        @dg.run_status_sensor(
            run_status=status, monitored_jobs=[lake], request_job=marts, name=f"marts_after_lake_{status.value.lower()}"
        )
        def marts_after_lake(context: dg.RunStatusSensorContext) -> dg.RunRequest:
            return dg.RunRequest(run_key=context.dagster_run.run_id)

        return marts_after_lake

    return dg.Definitions(
        jobs=[lake, marts],
        schedules=[dg.build_schedule_from_partitioned_job(lake, name="nightly", hour_of_day=NIGHT_HOUR)],
        sensors=[follow(status) for status in ENDED],
    )
