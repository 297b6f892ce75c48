"""What Dagster's home says of the nights, for whoever asks without Dagster: nothing is loaded, nothing is changed.

Definitions are not needed for it, and would take seconds: names of jobs, of the schedule and of assets are enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import islice

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, ScheduleInstigatorData
from dagster._utils.schedules import schedule_execution_time_iterator
from sqlalchemy.exc import SQLAlchemyError

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import DataFolderError
from metrics_pipeline.health.nights import Nights, ScheduledRun
from metrics_pipeline.settings import Settings, dagster_home

JOBS = ("lake", "marts")
SCHEDULE = "nightly"


def nights_seen(settings: Settings, metrics: Sequence[str], now: datetime) -> Nights | None:
    """What Dagster knows; None where it has no home yet.

    Args:
        metrics: Keys of those whose days are wanted.

    Raises:
        DataFolderError: Its home cannot be read.
    """
    home = dagster_home(DataFolder(settings.data).dagster_home)
    if not (home / "dagster.yaml").exists():
        return None
    try:
        with dg.DagsterInstance.from_config(str(home)) as instance:
            state = _schedule(instance)
            is_on = None if state is None else state.status != InstigatorStatus.STOPPED
            return Nights(
                home,
                is_on,
                _next_run(state, settings, now) if is_on and state is not None else None,
                tuple(run for job in JOBS for run in _newest(instance, job)),
                _daemon_seen_at(instance),
                {metric: _days(instance, metric) for metric in metrics},
            )
    except (SQLAlchemyError, OSError, dg.DagsterError) as error:
        what = type(error).__name__
        raise DataFolderError(
            f"{home}: Dagster's home cannot be read ({what}). Correct its permissions, or set DAGSTER_HOME."
        ) from error


def _schedule(instance: dg.DagsterInstance) -> InstigatorState | None:
    states = instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE)
    return next((state for state in states if state.instigator_name == SCHEDULE), None)


def _next_run(state: InstigatorState, settings: Settings, now: datetime) -> datetime | None:
    data = state.instigator_data
    if not isinstance(data, ScheduleInstigatorData):
        return None
    times = schedule_execution_time_iterator(now.timestamp(), data.cron_schedule, settings.timezone)
    return next(iter(islice(times, 1)), None)


def _newest(instance: dg.DagsterInstance, job: str) -> list[ScheduledRun]:
    found = instance.get_run_records(dg.RunsFilter(job_name=job), limit=1)
    return [
        ScheduledRun(
            record.dagster_run.run_id,
            job,
            record.dagster_run.status.value.lower(),
            _moment(record.start_time),
            _moment(record.end_time),
        )
        for record in found
    ]


def _daemon_seen_at(instance: dg.DagsterInstance) -> datetime | None:
    beats = [beat.timestamp for beat in instance.get_daemon_heartbeats().values()]
    return _moment(max(beats, default=None))


def _days(instance: dg.DagsterInstance, metric: str) -> frozenset[date]:
    keys = instance.get_materialized_partitions(dg.AssetKey(["metric", metric]))
    return frozenset(date.fromisoformat(key) for key in keys)


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
