"""One metric over a range of days, as two Dagster runs in this process: the days, and then the tables, once."""

from datetime import date
from typing import NamedTuple

from metrics_pipeline.data_folder import DataFolder, open_data_folder
from metrics_pipeline.defs.assembly import build_definitions
from metrics_pipeline.defs.following import BACKFILL_TAG
from metrics_pipeline.defs.home import open_home
from metrics_pipeline.defs.in_process import SILENT, run_here, why_it_failed
from metrics_pipeline.defs.lake import metric_asset_key
from metrics_pipeline.defs.schedule import RANGE_END, RANGE_START
from metrics_pipeline.defs.upkeep import end_dead_runs
from metrics_pipeline.errors import PipelineError, SettingsError
from metrics_pipeline.evaluation.options import OnProgress, Progress
from metrics_pipeline.evaluation.results import versions_in_force
from metrics_pipeline.evaluation.tally import Tally
from metrics_pipeline.metrics.catalog import load_catalog
from metrics_pipeline.publishing.generation import resolve_current
from metrics_pipeline.settings import Settings


class Backfilled(NamedTuple):
    """What a backfill came to."""

    metric: str
    metric_version: str
    first: date
    last: date
    day_count: int
    """Days of the range that have conversations."""
    complete_count: int
    """Of them, those that this version has judged whole."""
    tally: Tally
    run_ids: tuple[str, ...]
    """Dagster's, in their order."""
    generation: str | None
    """None where nothing was published, since nothing was answered."""
    failure: str | None
    """Why not every day is complete; None where it is."""


def range_to_backfill(settings: Settings, metric: str, first: date | None, last: date | None) -> tuple[date, date]:
    """The days from `first` to `last` that Dagster knows: those that have ended.

    Raises:
        SettingsError: There is none, or no active metric of that key.
    """
    definitions = build_definitions(settings)
    graph = definitions.resolve_asset_graph()
    if metric not in {one.key for one in load_catalog(settings.definitions).active}:
        raise SettingsError(f"The metric {metric!r} is not active. Set `status: active` in its file to backfill it.")
    days = graph.get(metric_asset_key(metric)).partitions_def
    keys = days.get_partition_keys() if days is not None else []
    found = [key for key in keys if (not first or key >= first.isoformat()) and (not last or key <= last.isoformat())]
    if not found:
        there = f"Those go from {keys[0]} to {keys[-1]}" if keys else "There is none yet"
        raise SettingsError(
            f"No day that has ended from {first or 'the first'} to {last or 'the last'}. {there}. They begin with the "
            "first that has conversations (`metrics run` lands exports that wait), or with METRICS_FIRST_DAY."
        )
    return date.fromisoformat(found[0]), date.fromisoformat(found[-1])


def backfill(settings: Settings, metric: str, first: date, last: date, on_progress: OnProgress) -> Backfilled:
    """Judge these days anew with what is current, newest first, and publish once.

    What is recorded is not asked again, so that one which was ended goes on where it was; what another run asks at the
    same time is left to it.

    Raises:
        PipelineError: The tables cannot be built or published.
    """
    sent = [Tally()]

    def watched(progress: Progress) -> None:
        sent[0] = progress.tally
        on_progress(progress)

    definitions = build_definitions(settings, on_progress=watched)
    version = next(one.version for one in load_catalog(settings.definitions).active if one.key == metric)
    folder = open_data_folder(settings.data)
    tags = {RANGE_START: first.isoformat(), RANGE_END: last.isoformat(), BACKFILL_TAG: metric}
    with open_home(settings) as instance:
        end_dead_runs(instance, launched=False)
        lake = definitions.resolve_job_def("lake")
        judged = run_here(lake, instance, tags, SILENT, [metric_asset_key(metric)])
        runs = [judged]
        days = [day for day in folder.days() if first <= day <= last]
        complete_count = _complete(folder, metric, version, days)
        # A judge that answers nothing leaves the tables as they are.
        if judged.success or complete_count or sent[0].replies:
            built = run_here(definitions.resolve_job_def("marts"), instance, {BACKFILL_TAG: metric}, SILENT)
            if not built.success:
                raise PipelineError(f"The tables are not published: {why_it_failed(built)}")
            runs.append(built)
    return Backfilled(
        metric,
        version,
        first,
        last,
        len(days),
        complete_count,
        sent[0],
        tuple(run.run_id for run in runs),
        resolve_current(folder).name if len(runs) > 1 else None,
        None if judged.success else why_it_failed(judged),
    )


def _complete(folder: DataFolder, metric: str, version: str, days: list[date]) -> int:
    if not folder.whole_file("metric_days").exists():
        return 0
    in_force = versions_in_force(folder)
    return sum(in_force.get((metric, day)) == version for day in days)
