"""Nights of a project, run in this process as Dagster's daemon would: the schedule's tick, and then the sensors."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.defs.assembly import build_definitions
from metrics_pipeline.defs.home import open_home
from metrics_pipeline.defs.in_process import QUIET
from metrics_pipeline.evaluation.ledger import Ledger
from metrics_pipeline.settings import Settings

SENSORS = ("new_exports", "after_lake")
MAX_LOOKS = 8
"""More than any chain of sensors takes to come to rest."""

Execute = Callable[[dg.Definitions, dg.RunRequest], bool]


class Nights:
    """One project's Dagster, with a clock of its own."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance, builds: bool = True) -> None:
        """
        Args:
            builds: Whether `marts` runs, or is only counted.
        """
        self.settings, self.instance, self.builds = settings, instance, builds
        self.moment = datetime(2026, 9, 1, 2, tzinfo=UTC)
        self.cursors: dict[str, str | None] = {}
        self.run_keys: set[tuple[str, str]] = set()
        self.asked: list[tuple[str, str, str]] = []
        """Every run that was asked for: its job, its first and its last day."""
        self.execute: Execute = self.here

    @property
    def definitions(self) -> dg.Definitions:
        return build_definitions(self.settings, now=lambda: self.moment)

    def night_after(self, day: date) -> None:
        """The tick of the night in which `day` has ended, and what the sensors make of it."""
        self.tick(day)
        self.rest()

    def tick(self, day: date) -> Sequence[dg.RunRequest]:
        self.moment = datetime(day.year, day.month, day.day, 2, tzinfo=UTC) + timedelta(days=1)
        definitions = self.definitions
        # A context that is not closed leaves its own instance behind for whoever loads definitions next.
        with dg.build_schedule_context(instance=self.instance, scheduled_execution_time=self.moment) as context:
            requests = definitions.resolve_schedule_def("nightly").evaluate_tick(context).run_requests or []
        for request in requests:
            self.run(definitions, request)
        return requests

    def rest(self) -> None:
        """Ask the sensors until none wants anything."""
        for _ in range(MAX_LOOKS):
            if not sum(self.look(name) for name in SENSORS):
                return
        raise AssertionError("the sensors never come to rest")

    def look(self, name: str) -> int:
        """One tick of a sensor; how many runs it started."""
        definitions = self.definitions
        sensor = next(sensor for sensor in definitions.sensors or () if sensor.name == name)
        with dg.build_sensor_context(self.instance, cursor=self.cursors.get(name)) as context:
            found = sensor.evaluate_tick(context)
        self.cursors[name] = found.cursor or self.cursors.get(name)
        new = [one for one in found.run_requests or [] if (name, one.run_key or "") not in self.run_keys]
        self.run_keys |= {(name, one.run_key or "") for one in new}
        for request in new:
            self.run(definitions, request)
        return len(new)

    def run(self, definitions: dg.Definitions, request: dg.RunRequest) -> None:
        days = request.partition_key_range
        job = request.job_name or "landing"
        self.asked.append((job, days.start, days.end) if days else (job, "", ""))
        if job != "marts" or self.builds:
            self.execute(definitions, request)

    def here(self, definitions: dg.Definitions, request: dg.RunRequest) -> bool:
        job = definitions.resolve_job_def(request.job_name or "landing")
        done = job.execute_in_process(
            instance=self.instance,
            tags=dict(request.tags),
            asset_selection=list(request.asset_selection) if request.asset_selection else None,
            run_config=QUIET,
            raise_on_error=False,
        )
        return done.success

    def in_child(self, request: dg.RunRequest) -> multiprocessing.process.BaseProcess:
        """The same in a process of its own, which is started and not waited for."""
        context = multiprocessing.get_context("spawn")
        child = context.Process(target=_run_elsewhere, args=(self.settings, self.moment, request))
        child.start()
        return child

    def materialized(self, *key: str) -> list[str]:
        return sorted(self.instance.get_materialized_partitions(dg.AssetKey(key)))

    def versions(self, metric: str) -> dict[str, str]:
        """The version that stands for each day of the metric, as the ledger has it."""
        with Ledger.to_read(DataFolder(self.settings.data).ledger) as ledger:
            rows = [row for row in ledger.metric_days() if row.metric == metric and row.completed is not None]
        return {row.day.isoformat(): row.metric_version for row in rows}


def _run_elsewhere(settings: Settings, moment: datetime, request: dg.RunRequest) -> None:
    with open_home(settings) as instance:
        nights = Nights(settings, instance)
        nights.moment = moment
        nights.here(nights.definitions, request)
