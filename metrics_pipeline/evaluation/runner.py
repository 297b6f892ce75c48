"""Conversations × definitions become verdicts: plan, ask what the ledger lacks, write each day when it is settled.

Days are in hand only while something about them is being asked, so memory does not grow with their number.
"""

from __future__ import annotations

import asyncio
import gc
import secrets
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from metrics_pipeline import tracing
from metrics_pipeline.conversations.erased import Erased
from metrics_pipeline.conversations.merge import day_marks
from metrics_pipeline.evaluation.asking import Asker, Limits
from metrics_pipeline.evaluation.days import DaySubjects
from metrics_pipeline.evaluation.figures import Line
from metrics_pipeline.evaluation.judge import Judge
from metrics_pipeline.evaluation.ledger import Cell, JudgeRecord, Ledger, MetricDay, Recorded
from metrics_pipeline.evaluation.planning import Work, plan
from metrics_pipeline.evaluation.questions import Question
from metrics_pipeline.evaluation.results import (
    DayResult,
    Versions,
    cells_of,
    recorded_replies,
    write_definition_tables,
)
from metrics_pipeline.evaluation.run_record import Head, RunRecord, planned_conversations, recorded
from metrics_pipeline.evaluation.standing import (
    NO_JUDGE,
    Ask,
    Standing,
    Subject,
    judge_fingerprint,
    judged_standing,
)
from metrics_pipeline.evaluation.tally import Tally
from metrics_pipeline.evaluation.verdict_files import DayState, Judged, write_day
from metrics_pipeline.evaluation.window import is_long_for, may_be_cut, shown_to
from metrics_pipeline.metrics.catalog import Catalog
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.tables import DataFolder, is_whole
from metrics_pipeline.wording import counted

FENCE_SECRET = "fence"
CONVERSATIONS_IN_HAND = 2
"""Times the concurrency: enough that a free slot never waits for the next conversation to be read."""


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


class _Need(NamedTuple):
    metric: MetricDefinition
    fingerprint: str

    @property
    def line(self) -> Line:
        return Line(self.metric.key, self.metric.version, self.fingerprint)


class _Open(NamedTuple):
    """What is still to be asked about some conversations."""

    size: int
    """Conversations that were looked at."""
    needs: list[tuple[Subject, list[_Need]]]
    """Those about which something is to be asked, with what."""
    known: dict[Cell, Recorded]
    """The recorded replies, by the cell's key."""
    held: Counter[Line]
    """Questions that are answered for good by a recorded reply."""


class Judges(NamedTuple):
    """The judge in use, and the way back to those that judged before."""

    current: Judge
    revive: Callable[[JudgeRecord], Judge]
    named: Mapping[str, Judge] = MappingProxyType({})
    """The judges that definitions name in place of the one in use, by model."""

    def of(self, metric: MetricDefinition) -> Judge:
        """Who judges `metric` now."""
        return self.named[metric.model] if metric.model else self.current

    def fingerprint_of(self, metric: MetricDefinition) -> str:
        return judge_fingerprint(self.of(metric)) if metric.is_judged else NO_JUDGE

    @property
    def all(self) -> tuple[Judge, ...]:
        return (self.current, *self.named.values())


class Progress(NamedTuple):
    """How far a run has come."""

    done: int
    """Cells, each one conversation and one metric, that need nothing more or are left to the next run."""
    total: int
    tally: Tally
    """What has been sent and received: goes on counting."""
    in_flight: int
    """Calls that are under way."""


OnProgress = Callable[[Progress], None]


class Options(NamedTuple):
    """How a run goes about it."""

    limits: Limits
    group_size: int
    now: Callable[[], datetime]
    days: Collection[date] | None = None
    """Judge exactly these with what is current; None: what is new, left open, or lost."""
    metrics: Collection[str] | None = None
    """Keys of the metrics to judge; None: every active one."""
    on_progress: OnProgress = lambda progress: None
    """Called whenever a conversation is settled."""

    def after(self, sent: Tally) -> Options:
        """The same with what is left of the run's budget."""
        budget = self.limits.budget.less(sent.requests, sent.cost_dollars or 0.0)
        return self._replace(limits=self.limits._replace(budget=budget))


def planned(folder: DataFolder, catalog: Catalog, judges: Judges, ledger: Ledger, options: Options) -> list[Work]:
    """What `evaluate` would do. Asks nothing, writes nothing."""
    return plan(
        _chosen(catalog, options),
        judges.fingerprint_of,
        day_marks(folder),
        ledger.metric_days(),
        lambda metric, day: is_whole(folder.verdict_file(metric, day)),
        options.days,
    )


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
    run = _Run(folder, catalog, judges, ledger, options)
    with _seldom_collected(), recorded(folder, run.record_of(work)):
        report = asyncio.run(run.judge(work))
    write_definition_tables(folder, catalog, ledger)
    return report._replace(rows=tuple(run.record.rows))


class PlannedRequest(NamedTuple):
    """One request that a run would send."""

    subject: Subject
    metrics: tuple[MetricDefinition, ...]
    judge: Judge


class RequestPlan(NamedTuple):
    """What a run would send, a day at a time."""

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
    """The requests that `evaluate` would send at least, day by day: what the ledger holds is left out, so are second
    tries. Asks nothing, writes nothing.

    Args:
        as_if_new: Plan as if the ledger held nothing.
    """
    run = _Run(folder, catalog, judges, ledger, options)
    for day, works in _by_day(planned(folder, catalog, judges, ledger, options)).items():
        subjects = DaySubjects(folder, day)
        standing = {} if as_if_new else run.files_that_stand(day, works, subjects)
        held_count = held_by(works, standing).total()
        requests: list[PlannedRequest] = []
        for found in run.open_needs(subjects, [work for work in works if work.metric not in standing], as_if_new):
            requests += run.requests_for(found)
            held_count += found.held.total()
        yield RequestPlan(tuple(requests), held_count)


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
    run = _Run(folder, Catalog((), {}, ()), judges, ledger, options)
    found = []
    for metrics in rounds:
        needs = [_Need(metric, judges.fingerprint_of(metric)) for metric in metrics if metric.is_judged]
        found += list(run.requests_for(run.open_of(subjects, needs)))
    return found


def count_requests(folder: DataFolder, catalog: Catalog, judges: Judges, ledger: Ledger, options: Options) -> int:
    """How many requests `evaluate` would send to models at least: what the ledger holds is left out, so are second
    tries."""
    if all(judge.kind != "model" for judge in judges.all):
        return 0
    return sum(
        request.judge.kind == "model"
        for day in plan_requests(folder, catalog, judges, ledger, options)
        for request in day.requests
    )


def settle_rounds(
    folder: DataFolder,
    rounds: Sequence[Sequence[MetricDefinition]],
    subjects: Sequence[Subject],
    judges: Judges,
    ledger: Ledger,
    options: Options,
) -> tuple[Tally, str | None]:
    """Ask what the ledger lacks about `subjects`, round after round; two versions of a metric need two rounds.

    Returns:
        What was sent, and why the run asked no further, in a sentence; None where it asked everything.
    """
    run = _Run(folder, Catalog((), {}, ()), judges, ledger, options)
    return asyncio.run(run.settle_rounds(rounds, subjects, judges))


class _Run:
    """One run's state: which days are in hand and which cells are being asked."""

    def __init__(self, folder: DataFolder, catalog: Catalog, judges: Judges, ledger: Ledger, options: Options) -> None:
        self.folder, self.ledger, self.options = folder, ledger, options
        self.versions = Versions(catalog.definitions, ledger)
        self.current = judges.current
        self.judges: dict[str, Judge | None] = {judge_fingerprint(judge): judge for judge in judges.all}
        kept = {judge_fingerprint(judge): JudgeRecord(judge.kind, judge.name, judge.settings) for judge in judges.all}
        self.records = {**kept, **ledger.judges()}
        self.revive = judges.revive
        self.marks = day_marks(folder)
        self.erased = Erased(folder)
        self.lines = [
            Line(metric.key, metric.version, judges.fingerprint_of(metric)) for metric in _chosen(catalog, options)
        ]
        self.in_hand = asyncio.Semaphore(CONVERSATIONS_IN_HAND * options.limits.concurrency)
        self.writing = asyncio.Lock()
        self.being_asked: dict[Cell, asyncio.Future[Recorded | None]] = {}
        self.planned: set[int] = set()
        self.settled = self.total = 0
        self.notes: list[str] = []

    def record_of(self, work: Sequence[Work]) -> RunRecord:
        """Begin to note what comes of `work`."""
        head = Head.new(self.options.now(), self.options.limits.zone, "new" if self.options.days is None else "days")
        planned = planned_conversations(self.folder, work)
        self.total = planned.total()
        self.record = RunRecord(head, planned, self.lines, self.records, self.options.now)
        return self.record

    async def judge(self, work: Sequence[Work]) -> Report:
        secret = self.ledger.secret(FENCE_SECRET, secrets.token_bytes(32))
        self.asker = self.record.asker = Asker(self.ledger, self.options.limits, secret, self.options.now)
        try:
            results = await self._judge_days(_by_day(work))
            if self.asker.elsewhere:
                # Left to another run: it has answered meanwhile, or has ended and left it to this one.
                self.asker.elsewhere.clear()
                left = {day for (_, day), result in results.items() if result.open_count}
                again = {day: works for day, works in _by_day(work).items() if day in left}
                results |= await self._judge_days(again, results)
        except ExceptionGroup as failed:
            raise _first(failed) from failed
        finally:
            await self.asker.close()
        if self.asker.elsewhere:
            self.notes.append(
                f"Another run is asking {counted(len(self.asker.elsewhere), 'question')} at this moment: it writes the "
                "answers down, or else the next run does."
            )
        return Report(
            tuple(results.values()),
            self.asker.tally,
            self.asker.reasons,
            (*self.notes, *self.asker.notes),
            tuple(sorted(self.asker.clients)),
            self.current.name in self.asker.closed and self.current.name not in self.asker.answered,
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

    async def settle_rounds(
        self, rounds: Sequence[Sequence[MetricDefinition]], subjects: Sequence[Subject], judges: Judges
    ) -> tuple[Tally, str | None]:
        secret = self.ledger.secret(FENCE_SECRET, secrets.token_bytes(32))
        self.asker = Asker(self.ledger, self.options.limits, secret, self.options.now)
        try:
            await self._ask_rounds(rounds, subjects, judges)
            if self.asker.elsewhere:
                self.asker.elsewhere.clear()
                await self._ask_rounds(rounds, subjects, judges)
        except ExceptionGroup as failed:
            raise _first(failed) from failed
        finally:
            await self.asker.close()
        return self.asker.tally, self.asker.reasons

    async def _ask_rounds(
        self, rounds: Sequence[Sequence[MetricDefinition]], subjects: Sequence[Subject], judges: Judges
    ) -> None:
        for metrics in rounds:
            needs = [_Need(metric, judges.fingerprint_of(metric)) for metric in metrics if metric.is_judged]
            found = self.open_of(subjects, needs)
            async with asyncio.TaskGroup() as group:
                for one, open_needs in found.needs:
                    await self.in_hand.acquire()
                    group.create_task(self._settle(one, open_needs, found.known))

    def files_that_stand(self, day: date, works: Sequence[Work], subjects: DaySubjects) -> dict[str, list[Judged]]:
        """The metrics whose file of the day is as it would be written now and of whom nothing is to be asked, with
        what each came to."""
        history = self._history(day)
        wanted = {metric: history.get(metric, []) for metric in {work.metric for work in works}}
        state = DayState(self.folder, self.ledger, day, self.marks[day], subjects, wanted)
        came_to = {metric: found for metric in wanted if (found := state.standing(metric)) is not None}
        for work in works:
            if not any(judged.is_of(work) and not judged.left for judged in came_to.get(work.metric, ())):
                came_to.pop(work.metric, None)
        return came_to

    def open_needs(self, subjects: DaySubjects, works: Sequence[Work], as_if_new: bool = False) -> Iterator[_Open]:
        """What is to be asked about the day's conversations, some of them at a time."""
        if needs := self._needs(works):
            for several in subjects.in_hash_order():
                yield self.open_of(several, needs, as_if_new)

    def _history(self, day: date) -> dict[str, list[MetricDay]]:
        history = defaultdict(list)
        for row in self.ledger.metric_days(day):
            history[row.metric].append(row)
        return history

    def _needs(self, works: Sequence[Work]) -> list[_Need]:
        return [
            _Need(self.versions.get(*item.version_key), item.judge_fingerprint)
            for item in works
            if item.judge_fingerprint != NO_JUDGE
        ]

    def requests_for(self, found: _Open) -> Iterator[PlannedRequest]:
        for one, needs in found.needs:
            asks = [(need, ask) for need in needs if (ask := self._ask(one, need, found.known)) is not None]
            for group in self._groups(asks, one):
                judge = self._judge(group[0][1].cell.judge_fingerprint)
                # The same words in two conversations are one question. A number for each keeps a million of them small.
                question = hash(tuple(ask.cell for _, ask in group))
                if judge is None or question in self.planned:
                    continue
                self.planned.add(question)
                metrics = tuple(need.metric for need, _ in group)
                if shown_to(judge, one.conversation.turns, metrics, {}) is not None:
                    yield PlannedRequest(one, metrics, judge)

    def open_of(self, subjects: Sequence[Subject], needs: Sequence[_Need], as_if_new: bool = False) -> _Open:
        cells = [cell for need in needs for one in subjects for cell in cells_of(one, need.metric, need.fingerprint)]
        known = {} if as_if_new else recorded_replies(self.ledger, cells)
        found: list[tuple[Subject, list[_Need]]] = []
        held: Counter[Line] = Counter()
        for one in subjects:
            standings = [(need, self._standing(one, need, known)) for need in needs]
            held.update(need.line for need, standing in standings if standing.is_paid)
            if open_needs := [need for need, standing in standings if standing.ask is not None]:
                found.append((one, open_needs))
        return _Open(len(subjects), found, known, held)

    async def _start_day(
        self, group: asyncio.TaskGroup, day: date, works: Sequence[Work], again: bool
    ) -> Coroutine[None, None, list[DayResult]]:
        """Take up a day's conversations as slots come free; returns what is left to do once they are settled.

        Args:
            again: It has been taken up in this run already, and was counted then.
        """
        span = tracing.begin(f"judge {day}", {"metrics.day": day.isoformat(), "metrics.metric_count": len(works)})
        # In a thread: while a day is read or written, calls in flight go on.
        subjects = await asyncio.to_thread(DaySubjects, self.folder, day)
        standing = await asyncio.to_thread(self.files_that_stand, day, works, subjects)
        left = [work for work in works if work.metric not in standing]
        counted_metrics = 0 if again else len(left)
        if not again:
            self.record.held.update(held_by(works, standing))
            self._settled((len(works) - (len(left) if self._needs(left) else 0)) * len(subjects))
        tasks: set[asyncio.Task[None]] = set()
        slices = self.open_needs(subjects, left)
        while (found := await asyncio.to_thread(next, slices, None)) is not None:
            if not again:
                self.record.held.update(found.held)
            self._settled(counted_metrics * (found.size - len(found.needs)))
            for one, needs in found.needs:
                await self.in_hand.acquire()
                # A task is part of what it was made in.
                with tracing.within(span):
                    task = group.create_task(self._settle(one, needs, found.known, counted_metrics))
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
        history = self._history(day)
        return write_day(
            self.folder,
            self.ledger,
            day,
            self.marks[day],
            subjects,
            self.versions,
            self.records,
            {metric: history[metric] for metric in sorted({work.metric for work in works})},
        )

    async def _settle(
        self, one: Subject, needs: Sequence[_Need], known: dict[Cell, Recorded], metric_count: int = 0
    ) -> None:
        """Ask until nothing more is to be asked about one conversation.

        Args:
            metric_count: Metrics that the run takes up on its day.
        """
        try:
            tried: set[Cell] = set()
            while True:
                asks = [(need, ask) for need in needs if (ask := self._ask(one, need, known)) is not None]
                asks = [(need, ask) for need, ask in asks if ask.cell not in tried]
                asks = [(need, ask) for need, ask in asks if need.metric.key not in self.asker.used_up]
                if not asks:
                    break
                tried.update(ask.cell for _, ask in asks)
                waiting = [(ask, self.being_asked.get(ask.cell)) for _, ask in asks]
                mine = [pair for pair in asks if pair[1].cell not in self.being_asked]
                # Registered before anything is awaited: two conversations of the same words must not both ask.
                groups = [(group, self._register(group)) for group in self._groups(mine, one)]
                if len(groups) == 1:  # the usual case, without a task of its own
                    await self._put(one, groups[0][0], known, groups[0][1])
                else:
                    await asyncio.gather(*(self._put(one, group, known, done) for group, done in groups))
                # A group that holds a metric whose budget is used up was not sent: the others are asked without it.
                for group, _ in groups:
                    if any(need.metric.key in self.asker.used_up for need, _ in group):
                        tried -= {ask.cell for _, ask in group}
                for ask, elsewhere in waiting:
                    if elsewhere is not None and (recorded := await elsewhere) is not None:
                        known[ask.cell] = recorded
                if refused := self.asker.elsewhere & {ask.cell for _, ask in mine}:
                    # Answered since the day was read, for the same words of another conversation or by another run; or
                    # being asked by another run, and then left to it.
                    cells = [cell for need in needs for cell in cells_of(one, need.metric, need.fingerprint)]
                    free = refused - self.ledger.in_flight_elsewhere(refused)
                    known.update(recorded_replies(self.ledger, cells))
                    self.asker.elsewhere -= free
                    tried -= free
        finally:
            self.in_hand.release()
            self._settled(metric_count)

    def _settled(self, cells: int) -> None:
        self.settled += cells
        self.options.on_progress(Progress(self.settled, self.total, self.asker.tally, self.asker.in_flight))

    def _groups(self, asks: Sequence[tuple[_Need, Ask]], one: Subject) -> list[list[tuple[_Need, Ask]]]:
        """Asks that may go in one request: of one judge, one asking, and at most `group_size`; of a long conversation
        those that may be shown a part of it apart from those that may not."""
        kinds: dict[tuple[str, str, bool], list[tuple[_Need, Ask]]] = defaultdict(list)
        for need, ask in asks:
            fingerprint = ask.cell.judge_fingerprint
            apart = may_be_cut(need.metric) and is_long_for(self._judge(fingerprint), one.conversation.turns)
            kinds[fingerprint, ask.cell.asking, apart].append((need, ask))
        size = self.options.group_size
        return [group[start : start + size] for group in kinds.values() for start in range(0, len(group), size)]

    def _register(self, asks: Sequence[tuple[_Need, Ask]]) -> asyncio.Future[Recorded | None]:
        done: asyncio.Future[Recorded | None] = asyncio.get_running_loop().create_future()
        self.being_asked.update({ask.cell: done for _, ask in asks})
        return done

    async def _put(
        self,
        one: Subject,
        asks: Sequence[tuple[_Need, Ask]],
        known: dict[Cell, Recorded],
        done: asyncio.Future[Recorded | None],
    ) -> None:
        keys = [ask.cell for _, ask in asks]
        recorded = None
        try:
            judge = self._judge(asks[0][1].cell.judge_fingerprint)
            if judge is None:
                return
            question = Question(
                one.conversation.turns,
                tuple(need.metric for need, _ in asks),
                tuple(ask.cell for _, ask in asks),
                judge,
                {need.metric.key: ask.problem for need, ask in asks if ask.problem},
                redaction=one.conversation.redaction,
                conversation=self._mark(one.conversation.conversation_id),
            )
            shown = shown_to(judge, question.turns, question.metrics, question.problems)
            if shown is None:
                recorded = await self.asker.refuse(question)
            else:
                recorded = await self.asker.ask(question._replace(turns=shown.turns, left_out=shown.left_out))
            if recorded is not None:
                known.update(dict.fromkeys(keys, recorded))
        finally:
            done.set_result(recorded)
            for key in keys:
                del self.being_asked[key]

    def _mark(self, conversation_id: str) -> str:
        # What is kept nowhere need not be found again, and no key is made for it.
        return self.erased.mark(conversation_id) if self.ledger.is_kept else ""

    def _ask(self, one: Subject, need: _Need, known: Mapping[Cell, Recorded]) -> Ask | None:
        return self._standing(one, need, known).ask

    def _standing(self, one: Subject, need: _Need, known: Mapping[Cell, Recorded]) -> Standing:
        record = self.records[need.fingerprint]
        return judged_standing(one, need.metric, need.fingerprint, record, lambda cell: known.get(cell))

    def _judge(self, fingerprint: str) -> Judge | None:
        """The judge of that fingerprint; None where this pipeline can no longer ask exactly as it did."""
        if fingerprint not in self.judges:
            record = self.records[fingerprint]
            revived = self.revive(record)
            same = judge_fingerprint(revived) == fingerprint
            self.judges[fingerprint] = revived if same else None
            if not same:
                self.notes.append(
                    f"Late conversations of days that {record.name} judged stay unjudged: it can no longer be asked as "
                    "it was then. Give those days with --from and --to to judge them anew."
                )
        return self.judges[fingerprint]


@contextmanager
def _seldom_collected() -> Iterator[None]:
    """A run makes millions of small objects and hardly a cycle: looking for some is a fifth of its CPU by default."""
    usual = gc.get_threshold()
    gc.set_threshold(5_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _chosen(catalog: Catalog, options: Options) -> list[MetricDefinition]:
    return [metric for metric in catalog.active if options.metrics is None or metric.key in options.metrics]


def _by_day(work: Sequence[Work]) -> dict[date, list[Work]]:
    days: dict[date, list[Work]] = defaultdict(list)
    for item in work:
        days[item.day].append(item)
    return days


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
