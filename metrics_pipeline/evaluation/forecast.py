"""What a run would do and send, before anything is sent. Asks nothing, writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from metrics_pipeline.conversations.merge import day_marks
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.evaluation.days import DaySubjects
from metrics_pipeline.evaluation.figures import Line
from metrics_pipeline.evaluation.ledger import Ledger
from metrics_pipeline.evaluation.open_cells import Need, OpenCells, PlannedRequest
from metrics_pipeline.evaluation.options import Judges, Options
from metrics_pipeline.evaluation.planning import Work, by_day, plan
from metrics_pipeline.evaluation.standing import Subject
from metrics_pipeline.evaluation.verdict_files import Judged
from metrics_pipeline.files import is_whole
from metrics_pipeline.metrics.catalog import Catalog
from metrics_pipeline.metrics.definition import MetricDefinition


def planned(folder: DataFolder, catalog: Catalog, judges: Judges, ledger: Ledger, options: Options) -> list[Work]:
    """What `evaluate` would do. Asks nothing, writes nothing."""
    return plan(
        options.chosen(catalog),
        judges.fingerprint_of,
        day_marks(folder),
        ledger.metric_days(),
        lambda metric, day: is_whole(folder.verdict_file(metric, day)),
        options.days,
        options.night,
    )


class RequestPlan(NamedTuple):
    """What a run would send about some conversations."""

    requests: tuple[PlannedRequest, ...]
    held_count: int
    """Questions that the ledger answers for good."""


def plan_requests(
    folder: DataFolder,
    catalog: Catalog,
    judges: Judges,
    ledger: Ledger,
    options: Options,
    as_if_new: bool = False,
) -> Iterator[RequestPlan]:
    """The requests that `evaluate` would send at least, in parts of a day: what the ledger holds is left out, so are
    second tries. Asks nothing, writes nothing.

    Args:
        as_if_new: Plan as if the ledger held nothing.
    """
    cells = OpenCells(folder, catalog, judges, ledger, options)
    for day, works in by_day(planned(folder, catalog, judges, ledger, options)).items():
        subjects = DaySubjects(folder, day)
        standing = {} if as_if_new else cells.files_that_stand(day, works, subjects)
        yield RequestPlan((), held_by(works, standing).total())
        for found in cells.open_needs(subjects, [work for work in works if work.metric not in standing], as_if_new):
            yield RequestPlan(tuple(cells.requests_for(found)), found.held.total())


def held_by(works: Sequence[Work], standing: Mapping[str, Sequence[Judged]]) -> Counter[Line]:
    """Questions that are answered for good, as the files that stand say."""
    held: Counter[Line] = Counter()
    for work in works:
        line = Line(work.metric, work.metric_version, work.judge_fingerprint)
        held[line] += sum(judged.held for judged in standing.get(work.metric, ()) if judged.is_of(work))
    return held


def plan_trial(
    folder: DataFolder,
    rounds: Sequence[Sequence[MetricDefinition]],
    subjects: Sequence[Subject],
    judges: Judges,
    ledger: Ledger,
    options: Options,
) -> list[PlannedRequest]:
    """The requests that `settle_rounds` would send at least. Asks nothing, writes nothing."""
    cells = OpenCells(folder, Catalog((), {}, ()), judges, ledger, options)
    found = []
    for metrics in rounds:
        needs = [Need(metric, judges.fingerprint_of(metric)) for metric in metrics if metric.is_judged]
        found += list(cells.requests_for(cells.open_of(subjects, needs)))
    return found


def count_requests(folder: DataFolder, catalog: Catalog, judges: Judges, ledger: Ledger, options: Options) -> int:
    """How many requests `evaluate` would send to models at least: what the ledger holds and what a batch
    is asking is left out, so are second tries."""
    if all(judge.kind != "model" for judge in judges.all):
        return 0
    are_batches, count = bool(ledger.batches.open()), 0
    for day in plan_requests(folder, catalog, judges, ledger, options):
        asked = ledger.batches.holding(ask.cell for one in day.requests for ask in one.asks) if are_batches else set()
        count += sum(
            request.judge.kind == "model" and asked.isdisjoint(ask.cell for ask in request.asks)
            for request in day.requests
        )
    return count
