"""Conversations × definitions become verdicts: plan, ask what the ledger lacks, write each day when it is settled.

Days are in hand only while something about them is being asked, so memory does not grow with their number.
"""

from __future__ import annotations

import asyncio
import gc
from collections import Counter, defaultdict
from collections.abc import Collection, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from metrics_pipeline import tracing
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.evaluation.asking import Asker
from metrics_pipeline.evaluation.batches import AtProvider, Batcher
from metrics_pipeline.evaluation.days import DaySubjects
from metrics_pipeline.evaluation.figures import Line
from metrics_pipeline.evaluation.forecast import held_by, plan_requests, planned
from metrics_pipeline.evaluation.ledger import Ledger
from metrics_pipeline.evaluation.memory import give_back, keep_few_pools
from metrics_pipeline.evaluation.open_cells import OpenCells
from metrics_pipeline.evaluation.options import Judges, Options, Progress
from metrics_pipeline.evaluation.planning import Work, by_day
from metrics_pipeline.evaluation.results import DayResult, write_definition_tables
from metrics_pipeline.evaluation.run_record import Head, RunRecord, planned_conversations, recorded
from metrics_pipeline.evaluation.settling import Settling, open_asker
from metrics_pipeline.evaluation.standing import Subject, judge_fingerprint
from metrics_pipeline.evaluation.tally import Tally
from metrics_pipeline.evaluation.verdict_files import write_day
from metrics_pipeline.metrics.catalog import Catalog
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.wording import counted


class Report(NamedTuple):
    """What one run did."""

    results: tuple[DayResult, ...]
    tally: Tally
    stopped: str | None
    """Why the run asked no further, in a sentence; None where it asked everything."""
    notes: tuple[str, ...]
    """What else a person should know, a sentence each."""
    clients: tuple[str, ...]
    """Who carried requests to models, by name."""
    is_unanswered: bool
    """Whether the judge in use was asked, answered nothing, and was given up."""
    rows: tuple[Mapping[str, Any], ...] = ()
    """What is kept of the run in `evaluation_runs`: a row for each metric and judge put to work."""
    at_provider: AtProvider = AtProvider()
    """What is left there in batches."""

    @property
    def states(self) -> dict[str, Counter[str]]:
        """Conversations by metric and state, over the days of this run."""
        states: dict[str, Counter[str]] = defaultdict(Counter)
        for result in self.results:
            states[result.metric].update(result.states)
        return dict(states)

    @property
    def open_count(self) -> int:
        return sum(result.open_count for result in self.results)


def evaluate(folder: DataFolder, catalog: Catalog, judges: Judges, ledger: Ledger, options: Options) -> Report:
    """Judge what is planned, and write its verdicts.

    Raises:
        LedgerError: The ledger cannot be written; nothing more was asked.
        DataFolderError: A file cannot be written.
    """
    work = planned(folder, catalog, judges, ledger, options)
    used = {(item.metric, item.metric_version) for item in work}
    ledger.remember_versions(
        [
            (metric.key, metric.version, catalog.texts[metric.key])
            for metric in catalog.definitions
            if (metric.key, metric.version) in used
        ],
        options.now(),
    )
    for judge in judges.all:
        ledger.remember_judge(judge_fingerprint(judge), judge.kind, judge.name, judge.settings)
    ledger.start_days(work)
    _drop_lost_days(folder)
    keep_few_pools()
    run = _Run(folder, catalog, judges, ledger, options)
    with _seldom_collected(), recorded(folder, run.record_of(work)):
        report = asyncio.run(run.judge(work))
    write_definition_tables(folder, catalog, ledger, options.rate_floor)
    return report._replace(rows=tuple(run.record.rows))


def settle_rounds(
    folder: DataFolder,
    rounds: Sequence[Sequence[MetricDefinition]],
    subjects: Sequence[Subject],
    judges: Judges,
    ledger: Ledger,
    options: Options,
) -> Asker:
    """Ask what the ledger lacks about `subjects`, round after round; two versions of a metric need two rounds.

    Returns:
        Who asked, and knows what it came to; it asks no more.
    """
    cells = OpenCells(folder, Catalog((), {}, ()), judges, ledger, options)
    return asyncio.run(_settle_rounds(cells, rounds, subjects, judges))


class _Run:
    """One run's state: which days are in hand, and how far they have come."""

    def __init__(self, folder: DataFolder, catalog: Catalog, judges: Judges, ledger: Ledger, options: Options) -> None:
        self.cells = OpenCells(folder, catalog, judges, ledger, options)
        self.plan = partial(plan_requests, folder, catalog, judges, ledger, options)
        self.current = judges.current
        self.lines = [
            Line(metric.key, metric.version, judges.fingerprint_of(metric)) for metric in options.chosen(catalog)
        ]
        self.writing = asyncio.Lock()
        self.settled = self.total = 0

    def record_of(self, work: Sequence[Work]) -> RunRecord:
        """Begin to note what comes of `work`."""
        options = self.cells.options
        head = Head.new(options.now(), options.limits.zone, "new" if options.days is None else "days")
        planned = planned_conversations(self.cells.folder, work)
        self.total = planned.total()
        self.record = RunRecord(head, planned, self.lines, self.cells.records, options.now)
        return self.record

    async def judge(self, work: Sequence[Work]) -> Report:
        self.asker = self.record.asker = open_asker(self.cells.ledger, self.cells.options)
        self.settling = Settling(self.cells, self.asker, self._settled)
        self.at_provider = AtProvider()
        try:
            self.at_provider = await Batcher(self.cells, self.asker, self.plan, lambda: self._settled(0)).settle()
            results = await self._judge_days(by_day(work))
            if self.asker.elsewhere:
                # Left to another run: it has answered meanwhile, or has ended and left it to this one.
                self.asker.elsewhere.clear()
                left = {day for (_, day), result in results.items() if result.open_count}
                again = {day: works for day, works in by_day(work).items() if day in left}
                results |= await self._judge_days(again, results)
        except ExceptionGroup as failed:
            raise _first(failed) from failed
        finally:
            await self.asker.close()
        self.asker.elsewhere -= self.cells.ledger.batches.holding(self.asker.elsewhere)
        if self.asker.elsewhere:
            self.cells.notes.append(
                f"Another run is asking {counted(len(self.asker.elsewhere), 'question')} at this moment: it writes the "
                "answers down, or else the next run does."
            )
        return Report(
            tuple(results.values()),
            self.asker.tally,
            self.asker.reasons,
            (*self.cells.notes, *self.asker.notes),
            tuple(sorted(self.asker.clients)),
            self.current.name in self.asker.circuit.closed and self.current.name not in self.asker.circuit.answered,
            at_provider=self.at_provider,
        )

    async def _judge_days(
        self, days: Mapping[date, Sequence[Work]], before: Mapping[tuple[str, date], DayResult] = MappingProxyType({})
    ) -> dict[tuple[str, date], DayResult]:
        """Judge each of the days.

        Args:
            before: What they came to, where they have been judged in this run already.
        """
        for day, works in days.items() if before else ():
            self.record.take_back([before[work.metric, day] for work in works], works)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(await self._start_day(group, day, works, bool(before))) for day, works in days.items()
            ]
        return {(result.metric, result.day): result for task in tasks for result in task.result()}

    async def _start_day(
        self, group: asyncio.TaskGroup, day: date, works: Sequence[Work], again: bool
    ) -> Coroutine[None, None, list[DayResult]]:
        """Take up a day's conversations as slots come free; returns what is left to do once they are settled.

        Args:
            again: It has been taken up in this run already, and was counted then.
        """
        span = tracing.begin(f"judge {day}", {"metrics.day": day.isoformat(), "metrics.metric_count": len(works)})
        # In a thread: while a day is read or written, calls in flight go on.
        subjects = await asyncio.to_thread(DaySubjects, self.cells.folder, day)
        standing = await asyncio.to_thread(self.cells.files_that_stand, day, works, subjects)
        left = [work for work in works if work.metric not in standing]
        counted_metrics = 0 if again else len(left)
        if not again:
            self.record.held.update(held_by(works, standing))
            self._settled((len(works) - (len(left) if self.cells.needs_of(left) else 0)) * len(subjects))
        tasks: set[asyncio.Task[None]] = set()
        slices = self.cells.open_needs(subjects, left)
        while (found := await asyncio.to_thread(next, slices, None)) is not None:
            if not again:
                self.record.held.update(found.held)
            self._settled(counted_metrics * (found.size - len(found.asks)))
            for one, asks in found.asks:
                await self.settling.in_hand.acquire()
                # A task is part of what it was made in.
                with tracing.within(span):
                    task = group.create_task(self.settling.settle(one, asks, found.known, counted_metrics))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
        return self._finish_day(day, works, subjects, tasks, span)

    async def _finish_day(
        self,
        day: date,
        works: Sequence[Work],
        subjects: DaySubjects,
        tasks: Collection[asyncio.Task[None]],
        span: tracing.Span,
    ) -> list[DayResult]:
        if tasks:
            await asyncio.wait(set(tasks))
        async with self.writing:
            results = await asyncio.to_thread(self._write_day, day, works, subjects)
        self.record.add(results, works)
        tracing.end(span)
        return results

    def _write_day(self, day: date, works: Sequence[Work], subjects: DaySubjects) -> list[DayResult]:
        history = self.cells.history(day)
        results = write_day(
            self.cells.folder,
            self.cells.ledger,
            day,
            self.cells.marks[day],
            subjects,
            self.cells.versions,
            self.cells.records,
            {metric: history[metric] for metric in sorted({work.metric for work in works})},
        )
        give_back()
        return results

    def _settled(self, cells: int) -> None:
        self.settled += cells
        self.cells.options.on_progress(Progress(self.settled, self.total, self.asker.tally, self.asker.in_flight))


async def _settle_rounds(
    cells: OpenCells, rounds: Sequence[Sequence[MetricDefinition]], subjects: Sequence[Subject], judges: Judges
) -> Asker:
    asker = open_asker(cells.ledger, cells.options)
    settling = Settling(cells, asker)
    try:
        await settling.ask_rounds(rounds, subjects, judges)
        if asker.elsewhere:
            asker.elsewhere.clear()
            await settling.ask_rounds(rounds, subjects, judges)
    except ExceptionGroup as failed:
        raise _first(failed) from failed
    finally:
        await asker.close()
    return asker


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """A run makes millions of small objects and hardly a cycle: looking for some is a fifth of its CPU by default."""
    usual = gc.get_threshold()
    gc.set_threshold(5_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _drop_lost_days(folder: DataFolder) -> None:
    """Remove the verdicts of days that no longer hold any conversation: all of theirs have moved."""
    days = set(folder.days())
    for path in folder.table("verdicts").glob("metric=*/day=*.parquet"):
        if date.fromisoformat(path.stem.removeprefix("day=")) not in days:
            path.unlink()


def _first(failed: ExceptionGroup[Exception]) -> Exception:
    """The first single error of a group: what a user can act on."""
    first = failed.exceptions[0]
    return _first(first) if isinstance(first, ExceptionGroup) else first
