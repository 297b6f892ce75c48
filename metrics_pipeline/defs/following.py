"""What follows by itself: files land as they come, late days are judged again, and the tables are built once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from typing import NamedTuple

import dagster as dg
import msgspec

from metrics_pipeline.conversations.identity import hash_of
from metrics_pipeline.conversations.merge import day_marks
from metrics_pipeline.conversations.reading import is_export
from metrics_pipeline.conversations.receipts import RECEIPT
from metrics_pipeline.data_folder import DataFolder, open_data_folder
from metrics_pipeline.defs.json_console import console_config
from metrics_pipeline.defs.nights import days_of_a_night, stretches
from metrics_pipeline.defs.schedule import first_partition, lake_run, last_day_ended, what_waits
from metrics_pipeline.files import everything_below
from metrics_pipeline.metrics.catalog import Catalog
from metrics_pipeline.publishing.lake_state import lake_state, published_state
from metrics_pipeline.settings import Settings

LOOK_SECONDS = 30
BACKFILL_TAG = "metrics/backfill"
"""On the runs of a backfill from the command line: the metric."""
PUBLISHES_WITHIN_SECONDS = 60
UNFINISHED = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


class Followed(msgspec.Struct, frozen=True):
    """What the sensor has seen to."""

    late: str = ""
    """The days that came late, as they stood."""
    lake: str = ""
    """The lake that tables were asked for from."""


def new_exports_sensor(settings: Settings, landing: dg.JobDefinition) -> dg.SensorDefinition:
    """Lands export files as they come. Its run key is their content: the same files are landed once."""

    @dg.sensor(
        name="new_exports",
        job=landing,
        minimum_interval_seconds=LOOK_SECONDS,
        description="Lands new export files as they come; the nightly run sweeps up what this missed.",
    )
    def new_exports(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if not settings.landing_folder.is_dir():
            return dg.SkipReason(f"{settings.landing_folder} is not there.")
        if is_busy(context.instance):
            return dg.SkipReason("A run is under way.")
        seen = int(context.cursor or 0)
        found = changed_since(settings, seen)
        folder = DataFolder(settings.data)
        new = sorted(one.file_hash for one in found if not (folder.landed / one.file_hash / RECEIPT).exists())
        cursor = str(max((one.changed_at for one in found), default=seen))
        if not new:
            return dg.SensorResult(skip_reason="No new export file.", cursor=cursor)
        return dg.SensorResult(
            [dg.RunRequest(run_key=_digest(new), run_config=console_config(settings))], cursor=cursor
        )

    return new_exports


class Changed(NamedTuple):
    file_hash: str
    changed_at: int


def changed_since(settings: Settings, moment: int) -> list[Changed]:
    """Export files that were put or changed since then, by content.

    Args:
        moment: In nanoseconds of the disk's own clock, which a copy that keeps its times sets as well.
    """
    found = [
        (path, path.lstat().st_ctime_ns)
        for path in everything_below(settings.landing_folder)
        if not path.name.startswith(".") and is_export(path)
    ]
    return [Changed(hash_of(path), changed_at) for path, changed_at in found if changed_at > moment]


def after_lake_sensor(
    settings: Settings,
    catalog: Catalog,
    days: dg.TimeWindowPartitionsDefinition,
    lake: dg.UnresolvedAssetJobDefinition,
    marts: dg.UnresolvedAssetJobDefinition,
    now: Callable[[], datetime],
) -> dg.SensorDefinition:
    """When nothing runs or waits to: first the days that came late, then the tables, once, if the lake is another."""

    @dg.sensor(
        name="after_lake",
        jobs=[lake, marts],
        minimum_interval_seconds=LOOK_SECONDS,
        description="Judges days that came late, and builds and publishes the tables once the lake rests.",
    )
    def after_lake(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if is_busy(context.instance):
            return dg.SkipReason("A run is under way, or waits for its turn.")
        if is_between_runs(context.instance, now()):
            return dg.SkipReason("A backfill from the command line has judged, and publishes next.")
        folder = open_data_folder(settings.data)
        state = lake_state(folder)
        seen = msgspec.json.decode(context.cursor, type=Followed) if context.cursor else Followed()
        if state in (seen.lake, published_state(folder)):
            return dg.SkipReason("The tables are those of the lake as it is.")
        late = list(late_runs(settings, catalog, days, folder, last_day_ended(now(), settings)))
        if late and (key := _digest([request.run_key or "" for request in late])) != seen.late:
            return dg.SensorResult(late, cursor=_cursor(Followed(key, seen.lake)))
        if not any(folder.table("metric_days").glob("metric_days.parquet")):
            return dg.SkipReason("Nothing has been judged yet.")
        return dg.SensorResult(
            [dg.RunRequest(run_key=state, job_name="marts", run_config=console_config(settings))],
            cursor=_cursor(Followed(seen.late, state)),
        )

    return after_lake


def late_runs(
    settings: Settings, catalog: Catalog, days: dg.TimeWindowPartitionsDefinition, folder: DataFolder, last: date
) -> Iterator[dg.RunRequest]:
    """Runs for what came late: each asked for once for what its days hold. What failed waits for the night."""
    waits = [found for found in what_waits(settings, catalog) if found.why != "left_open"]
    seen: Sequence[date] = folder.days()
    needed = days_of_a_night(last, first_partition(days), settings.catch_up_days, seen, waits, ())
    marks = day_marks(folder)
    for stretch in stretches({day: assets for day, assets in needed.items() if assets}):
        held = [f"{day}={mark}" for day, mark in marks.items() if stretch.first <= day <= stretch.last]
        yield lake_run(stretch, last, settings, _digest([*held, *stretch.assets]))


def is_busy(instance: dg.DagsterInstance) -> bool:
    """Whether a run, or a backfill that has runs to come, is not at its end."""
    backfills = instance.get_backfills(filters=None, limit=20)
    return bool(instance.get_runs(dg.RunsFilter(statuses=list(UNFINISHED)), limit=1)) or any(
        backfill.status.value in ("REQUESTED", "CANCELING", "FAILING") for backfill in backfills
    )


def is_between_runs(instance: dg.DagsterInstance, moment: datetime) -> bool:
    """Whether a command has judged days and is about to build the tables itself; not once it is long overdue."""
    newest = instance.get_run_records(limit=1)
    if not newest or newest[0].dagster_run.job_name != "lake" or BACKFILL_TAG not in newest[0].dagster_run.tags:
        return False
    ended_at = newest[0].end_time
    return ended_at is not None and moment.timestamp() - ended_at < PUBLISHES_WITHIN_SECONDS


def _cursor(followed: Followed) -> str:
    return msgspec.json.encode(followed).decode()


def _digest(parts: Sequence[str]) -> str:
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()
