"""How the project is, in one value: what a person asks in the morning, and a monitor every few minutes.

Nothing is written and nobody is asked. What cannot be read is one of the things that are wrong, and hides no other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import Any, NamedTuple, TypeVar

import msgspec
import pyarrow.parquet as pq

from metrics_pipeline.conversations.merge import day_marks
from metrics_pipeline.data_folder import DataFolder, data_folder_to_read
from metrics_pipeline.errors import DataFolderError, PipelineError, PublishError
from metrics_pipeline.evaluation.ledger import Ledger
from metrics_pipeline.files import is_whole
from metrics_pipeline.health.coverage import Coverage, coverage
from metrics_pipeline.health.kept_findings import Checked, last_findings
from metrics_pipeline.health.nights import EvaluationRun, Nights, evaluation_runs
from metrics_pipeline.health.settings_shown import SettingShown, shown_settings
from metrics_pipeline.health.storage import Storage, storage
from metrics_pipeline.health.told import Told, read_told
from metrics_pipeline.metrics.catalog import Catalog, load_catalog
from metrics_pipeline.publishing.generation import resolve_current
from metrics_pipeline.settings import Origin, Settings
from metrics_pipeline.wording import counted

PACKAGES = ("metrics-pipeline", "dagster", "dagster-dbt", "dbt-core", "dbt-duckdb", "duckdb", "litellm", "pyarrow")
DAEMON_SILENT = timedelta(minutes=5)
"""Dagster's daemon says every half minute that it lives."""
UNPUBLISHED = timedelta(hours=2)
"""Tables are built and published within that time after judging has ended."""
BROKEN_RUNS = ("failure", "canceled")

Read = TypeVar("Read")


class Published(NamedTuple):
    """The generation that readers see."""

    generation: str
    published_at: datetime


class _Manifest(msgspec.Struct):
    """Of a generation's manifest, what is looked at here."""

    generation: str
    published_at: datetime


class Status(NamedTuple):
    """How the project is."""

    at: datetime
    settings: list[SettingShown]
    nights: Nights | None
    """None where Dagster has no home."""
    last_run: EvaluationRun | None
    metrics: list[Coverage]
    day_count: int
    """Days with conversations."""
    newest_conversation: datetime | None
    published: Published | None
    checked: Checked | None
    told: Told
    storage: Storage
    versions: dict[str, str]
    wrong: list[str]
    """What somebody has to look at, a sentence each; none where all is well."""


NightsSeen = Callable[[Sequence[str]], Nights | None]
"""What Dagster says, asked with the keys of metrics."""


def status(settings: Settings, origins: dict[str, Origin], seen: NightsSeen, now: datetime) -> Status:
    """How the project is at this moment.

    Raises:
        SettingsError: The data folder is a file.
        DataFolderError: It is another version's.
    """
    folder = data_folder_to_read(settings.data)
    wrong: list[str] = []

    def tried(read: Callable[[], Read], otherwise: Read) -> Read:
        try:
            return read()
        except PipelineError as error:
            wrong.append(str(error))
            return otherwise

    catalog = tried(lambda: load_catalog(settings.definitions), Catalog((), {}, ()))
    wrong += [
        f"A definition does not load; its metric is judged no more until it does, and keeps its days: {one}"
        for one in catalog.problems
    ]
    marks = day_marks(folder)
    found = Status(
        at=now,
        settings=shown_settings(settings, origins),
        nights=tried(lambda: seen([metric.key for metric in catalog.active]), None),
        last_run=next(iter(evaluation_runs(folder, 1)), None),
        metrics=tried(lambda: _coverage(folder, catalog, marks), []),
        day_count=len(marks),
        newest_conversation=_newest_conversation(folder),
        published=tried(lambda: _published(folder), None),
        checked=tried(lambda: last_findings(folder), None),
        told=tried(lambda: read_told(folder), Told()),
        storage=storage(folder),
        versions=_versions(),
        wrong=wrong,
    )
    return found._replace(wrong=[*wrong, *what_is_wrong(found)])


def what_is_wrong(found: Status) -> list[str]:
    """What of it somebody has to look at, a sentence each."""
    return [
        *_of_nights(found.nights, found.at),
        *_of_judging(found.last_run, found.metrics),
        *_of_publishing(found.published, found.last_run, found.at),
        *(str(one) for one in (found.checked.findings if found.checked else ()) if one.severity == "block"),
        *([f"The last message did not reach everybody: {found.told.failure}."] if found.told.failure else []),
        *_of_storage(found.storage),
    ]


def _of_nights(nights: Nights | None, now: datetime) -> list[str]:
    if nights is None:
        return []
    said = []
    if nights.schedule_is_on is False:
        said.append("The schedule nightly was turned off: turn it on in Dagster, under Automation.")
    if nights.schedule_is_on and (nights.daemon_seen_at is None or now - nights.daemon_seen_at > DAEMON_SILENT):
        since = f"since {nights.daemon_seen_at:%Y-%m-%d %H:%M} UTC" if nights.daemon_seen_at else "at all"
        said.append(f"The schedule nightly is on, but Dagster's daemon was not heard of {since}: start dagster-daemon.")
    for run in nights.last:
        if run.status in BROKEN_RUNS:
            when = f" at {run.ended_at:%Y-%m-%d %H:%M} UTC" if run.ended_at else ""
            said.append(
                f"The last run of {run.job} ended with {run.status}{when}: see run {run.run_id[:8]} in Dagster."
            )
    return said


def _of_judging(run: EvaluationRun | None, metrics: Sequence[Coverage]) -> list[str]:
    said = []
    if run is not None and run.stopped_by is not None:
        said.append(
            f"The last run, of {run.started_at:%Y-%m-%d %H:%M} UTC, was stopped ({run.stopped_by}): "
            "`metrics run` goes on from there."
        )
    if begun := {metric.metric: len(metric.open) for metric in metrics if metric.open}:
        days = ", ".join(f"{metric} {counted(count, 'day')}" for metric, count in begun.items())
        said.append(f"Days are judged in part, and wait for the next run: {days}.")
    return said


def _of_publishing(published: Published | None, run: EvaluationRun | None, now: datetime) -> list[str]:
    if published is None:
        return ["Nothing is published yet: `metrics run` does it."]
    if run is not None and published.published_at < run.ended_at < now - UNPUBLISHED:
        return [
            f"What was judged at {run.ended_at:%Y-%m-%d %H:%M} UTC is not published: see the last run of marts, or say "
            "`metrics run`."
        ]
    return []


def _of_storage(found: Storage) -> list[str]:
    if found.is_enough:
        return []
    return [
        f"The disk of the data folder has {found.free / 1e9:,.1f} GB free, and should have {found.needed / 1e9:,.1f} "
        "GB: free some, or set METRICS_KEEP_GENERATIONS lower."
    ]


def _coverage(folder: DataFolder, catalog: Catalog, marks: dict[Any, str]) -> list[Coverage]:
    with Ledger.to_read(folder.ledger) as ledger:
        return coverage(catalog.active, marks, ledger.metric_days())


def _newest_conversation(folder: DataFolder) -> datetime | None:
    for day in reversed(folder.days()):
        path = folder.day_file("conversations", day)
        if is_whole(path):
            return max(pq.read_table(path, columns=["started_at"])["started_at"].to_pylist(), default=None)
    return None


def _published(folder: DataFolder) -> Published | None:
    try:
        manifest = resolve_current(folder) / "manifest.json"
    except PublishError:
        return None
    try:
        kept = msgspec.json.decode(manifest.read_bytes(), type=_Manifest)
        return Published(kept.generation, kept.published_at)
    except (OSError, msgspec.MsgspecError):
        raise DataFolderError(f"{manifest}: cannot be read. `metrics run` publishes anew.") from None


def _versions() -> dict[str, str]:
    found = {"python": python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
