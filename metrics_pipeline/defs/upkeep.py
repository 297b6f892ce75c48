"""What keeps an unattended Dagster going: runs of dead processes are ended, and files of old runs go."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
from dagster._core.storage.event_log import SqliteEventLogStorage

LOOK_SECONDS = 10
GRACE_SECONDS = 5
"""That a run's process and its first event may be apart."""
MAX_FILES = 500
"""Runs whose files one night removes, at most."""
ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
PROCESS = Path("/proc")
SPACE_TAG = "metrics/processes"
"""On runs of a command: where their process has its number. A daemon in a container may share their home."""


def dead_runs_sensor() -> dg.SensorDefinition:
    """On from the start, since it costs nothing: a run whose process was killed must not hold up those that wait."""

    @dg.sensor(
        name="dead_runs",
        minimum_interval_seconds=LOOK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Ends runs whose process is gone, and gives back what they held.",
    )
    def dead_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        ended = end_dead_runs(context.instance)
        return dg.SkipReason(f"Ended {', '.join(ended)}." if ended else "Every run has its process.")

    return dead_runs


def end_dead_runs(instance: dg.DagsterInstance, launched: bool = True) -> list[str]:
    """Report each run whose process is gone as failed, and free its slots; the ids of those runs.

    Only where the runs are this machine's: Dagster's own files, and its own way of starting runs.

    Args:
        launched: Also runs that the daemon has started; for whoever sees the daemon's processes.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqliteEventLogStorage):
        return []
    ended, here = [], process_space()
    for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
        if run.tags.get(SPACE_TAG, here if launched else None) != here:
            continue
        process = process_of(instance, run.run_id)
        if process is not None and not _lives(*process):
            instance.report_run_failed(run, "The process of this run is gone: it was killed, or the machine stopped.")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
            ended.append(run.run_id)
    return ended


def process_space() -> str:
    """Where this process has its number: of two in the same place each can see whether the other lives."""
    try:
        return f"{socket.gethostname()} {(PROCESS / 'self' / 'ns' / 'pid').readlink()}"
    except OSError:
        return socket.gethostname()


def process_of(instance: dg.DagsterInstance, run_id: str) -> tuple[int, float] | None:
    """The id of the process that runs the steps, and when it said so; None where it has not said so yet."""
    found = None
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
        event = entry.dagster_event
        said = event.engine_event_data.metadata.get("pid") if event is not None else None
        if said is not None and event is not None and not event.step_key:
            found = int(str(said.value)), entry.timestamp
    return found


def _lives(process_id: int, said_at: float) -> bool:
    """Whether that process is still there, and not another that was given its number since."""
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        fields = (PROCESS / str(process_id) / "stat").read_text().rpartition(")")[2].split()
        uptime = float((PROCESS / "uptime").read_text().split()[0])
    except (OSError, ValueError):
        return True
    # The 3rd and the 22nd field of proc(5): the state, and when it began, in ticks since the machine did.
    state, began = fields[0], int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return state != "Z" and time.time() - uptime + began <= said_at + GRACE_SECONDS


def remove_old_run_files(instance: dg.DagsterInstance, keep_days: int, now: datetime) -> int:
    """Remove logs and files of runs that ended so long ago; how many runs'.

    What they materialized stands in the index of all runs and stays: the grid of days forgets nothing.
    """
    storage = instance.event_log_storage
    if not isinstance(storage, SqliteEventLogStorage):
        return 0
    before = now - timedelta(days=keep_days)
    removed = 0
    for path in _files_of(storage):
        if removed == MAX_FILES:
            break
        run_id = path.name.removesuffix(".db")
        old = dg.RunsFilter(run_ids=[run_id], statuses=list(ENDED), updated_before=before)
        if instance.get_run_records(old, limit=1):
            path.unlink(missing_ok=True)
            shutil.rmtree(Path(instance.storage_directory()) / run_id, ignore_errors=True)
            removed += 1
    return removed


def _files_of(storage: SqliteEventLogStorage) -> Iterator[Path]:
    """A file a run, oldest first."""
    files = Path(storage._base_dir).glob("*.db")
    return iter(sorted((path for path in files if path.name != "index.db"), key=lambda path: path.stat().st_mtime))
