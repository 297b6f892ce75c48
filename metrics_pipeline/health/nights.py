"""What an unattended night leaves behind: as values, whoever runs it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.evaluation.run_record import RUNS
from metrics_pipeline.files import is_whole
from metrics_pipeline.tables import read_files


class ScheduledRun(NamedTuple):
    """A run of a job as Dagster knows it."""

    run_id: str
    job: str
    status: str
    """success, failure, started, queued, canceled, …"""
    began_at: datetime | None
    ended_at: datetime | None


class Nights(NamedTuple):
    """What Dagster's home says."""

    home: Path
    schedule_is_on: bool | None
    """None: it was never turned on or off."""
    next_run_at: datetime | None
    """None where the schedule is not on."""
    last: tuple[ScheduledRun, ...]
    """The newest run of each job, the days first."""
    daemon_seen_at: datetime | None
    """When Dagster's daemon last said that it lives; None: never."""
    marked_days: Mapping[str, frozenset[date]]
    """By metric, the days that the grid shows as there."""


class EvaluationRun(NamedTuple):
    """What one run of judging came to, whoever started it."""

    run_id: str
    started_at: datetime
    ended_at: datetime
    stopped_by: str | None
    """budget, deadline, circuit, interrupted, failed; None where nothing stopped it."""
    calls: int
    failures: int
    """Calls without a reply, tries that were repeated included."""
    open: dict[str, int]
    """By metric, the cells that it left to the next run."""
    tokens: int
    dollars: float | None
    """None where a price is not known."""


def evaluation_runs(folder: DataFolder, newest: int) -> list[EvaluationRun]:
    """The newest runs of judging, oldest first; fewer where there were fewer."""
    # Names begin with the moment at which a run began.
    files = sorted(folder.table(RUNS).glob("run=*.parquet"))[-newest:]
    return [_run(rows) for rows in (read_files(RUNS, [file]).to_pylist() for file in files if is_whole(file)) if rows]


def _run(rows: list[dict[str, Any]]) -> EvaluationRun:
    whole = rows[0]
    dollars = [row["dollars"] for row in rows]
    open_cells: dict[str, int] = {}
    for row in rows:
        if row["open_count"]:
            open_cells[row["metric"]] = open_cells.get(row["metric"], 0) + row["open_count"]
    return EvaluationRun(
        run_id=whole["run_id"],
        started_at=whole["started_at"],
        ended_at=whole["ended_at"],
        stopped_by=whole["stopped_by"],
        calls=whole["run_call_count"],
        failures=sum(row["failure_count"] for row in rows),
        open=open_cells,
        tokens=sum(row["prompt_tokens"] + row["reply_tokens"] for row in rows),
        dollars=None if None in dollars else float(sum(dollars)),
    )
