"""Which cells of a day the ledger lacks, and in which requests they go. Asks nothing, writes nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from metrics_pipeline.conversations.merge import day_marks
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.evaluation.days import DaySubjects
from metrics_pipeline.evaluation.figures import Line
from metrics_pipeline.evaluation.judge import Judge
from metrics_pipeline.evaluation.ledger import Cell, JudgeRecord, Ledger, MetricDay, Recorded
from metrics_pipeline.evaluation.options import Judges, Options
from metrics_pipeline.evaluation.planning import Work
from metrics_pipeline.evaluation.results import Versions, cells_of, recorded_replies
from metrics_pipeline.evaluation.standing import NO_JUDGE, Ask, Standing, Subject, judge_fingerprint, judged_standing
from metrics_pipeline.evaluation.verdict_files import DayState, Judged
from metrics_pipeline.evaluation.window import is_long_for, may_be_cut, shown_to
from metrics_pipeline.metrics.catalog import Catalog
from metrics_pipeline.metrics.definition import MetricDefinition


class Need(NamedTuple):
    """A metric that is to be judged, by the judge of that fingerprint."""

    metric: MetricDefinition
    fingerprint: str

    @property
    def line(self) -> Line:
        return Line(self.metric.key, self.metric.version, self.fingerprint)


class Open(NamedTuple):
    """What is still to be asked about some conversations."""

    size: int
    """Conversations that were looked at."""
    asks: list[tuple[Subject, list[tuple[Need, Ask]]]]
    """Those about which something is to be asked, with what."""
    known: dict[Cell, Recorded]
    """The recorded replies, by the cell's key."""
    held: Counter[Line]
    """Questions that are answered for good by a recorded reply."""


class PlannedRequest(NamedTuple):
    """One request that a run would send."""

    subject: Subject
    metrics: tuple[MetricDefinition, ...]
    judge: Judge
    asks: tuple[Ask, ...] = ()
    """What is asked of each of the metrics, in the same order."""


class OpenCells:
    """What one run finds open."""

    def __init__(self, folder: DataFolder, catalog: Catalog, judges: Judges, ledger: Ledger, options: Options) -> None:
        self.folder, self.ledger, self.options = folder, ledger, options
        self.versions = Versions(catalog.definitions, ledger)
        self.judges: dict[str, Judge | None] = {judge_fingerprint(judge): judge for judge in judges.all}
        kept = {judge_fingerprint(judge): JudgeRecord(judge.kind, judge.name, judge.settings) for judge in judges.all}
        self.records = {**kept, **ledger.judges()}
        self.revive = judges.revive
        self.marks = day_marks(folder)
        self.notes: list[str] = []
        """What a person should know of them, a sentence each."""
        self._planned: set[int] = set()
        self._last_reply_before = ledger.last_reply_id()

    def files_that_stand(self, day: date, works: Sequence[Work], subjects: DaySubjects) -> dict[str, list[Judged]]:
        """The metrics whose file of the day is as it would be written now and of whom nothing is to be asked, with
        what each came to."""
        history = self.history(day)
        wanted = {metric: history.get(metric, []) for metric in {work.metric for work in works}}
        state = DayState(self.folder, self.ledger, day, self.marks[day], subjects, wanted, self.versions)
        came_to = {metric: found for metric in wanted if (found := state.standing(metric)) is not None}
        for work in works:
            if not any(judged.is_of(work) and not judged.left for judged in came_to.get(work.metric, ())):
                came_to.pop(work.metric, None)
        return came_to

    def open_needs(self, subjects: DaySubjects, works: Sequence[Work], as_if_new: bool = False) -> Iterator[Open]:
        """What is to be asked about the day's conversations, some of them at a time."""
        if needs := self.needs_of(works):
            for several in subjects.in_hash_order():
                yield self.open_of(several, needs, as_if_new)

    def open_of(self, subjects: Sequence[Subject], needs: Sequence[Need], as_if_new: bool = False) -> Open:
        """What is to be asked about some conversations."""
        cells = [cell for need in needs for one in subjects for cell in cells_of(one, need.metric, need.fingerprint)]
        known = {} if as_if_new else recorded_replies(self.ledger, cells)
        found: list[tuple[Subject, list[tuple[Need, Ask]]]] = []
        held: Counter[Line] = Counter()
        for one in subjects:
            standings = [(need, self._standing(one, need, known)) for need in needs]
            held.update(need.line for need, standing in standings if self._was_held(standing))
            if asks := [(need, standing.ask) for need, standing in standings if standing.ask is not None]:
                found.append((one, asks))
        return Open(len(subjects), found, known, held)

    def requests_for(self, found: Open) -> Iterator[PlannedRequest]:
        """The requests that ask it; none that was given before."""
        for one, asks in found.asks:
            for group in self.groups(asks, one):
                judge = self.judge(group[0][1].cell.judge_fingerprint)
                # The same words in two conversations are one question. A number for each keeps a million of them small.
                question = hash(tuple(ask.cell for _, ask in group))
                if judge is None or question in self._planned:
                    continue
                self._planned.add(question)
                metrics = tuple(need.metric for need, _ in group)
                if shown_to(judge, one.conversation.turns, metrics, {}) is not None:
                    yield PlannedRequest(one, metrics, judge, tuple(ask for _, ask in group))

    def groups(self, asks: Sequence[tuple[Need, Ask]], one: Subject) -> list[list[tuple[Need, Ask]]]:
        """Asks that may go in one request: of one judge, one asking, and at most `group_size`; of a long conversation
        those that may be shown a part of it apart from those that may not."""
        kinds: dict[tuple[str, str, bool], list[tuple[Need, Ask]]] = defaultdict(list)
        for need, ask in asks:
            fingerprint = ask.cell.judge_fingerprint
            apart = may_be_cut(need.metric) and is_long_for(self.judge(fingerprint), one.conversation.turns)
            kinds[fingerprint, ask.cell.asking, apart].append((need, ask))
        size = self.options.group_size
        return [group[start : start + size] for group in kinds.values() for start in range(0, len(group), size)]

    def asks(self, one: Subject, needs: Sequence[Need], known: Mapping[Cell, Recorded]) -> list[tuple[Need, Ask]]:
        """What is to be asked next about one conversation, of those of `needs` of which anything is."""
        return [(need, ask) for need in needs if (ask := self._standing(one, need, known).ask) is not None]

    def judge(self, fingerprint: str) -> Judge | None:
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

    def history(self, day: date) -> dict[str, list[MetricDay]]:
        """Every version and judge put to work on a day, by metric."""
        history = defaultdict(list)
        for row in self.ledger.metric_days(day):
            history[row.metric].append(row)
        return history

    def needs_of(self, works: Sequence[Work]) -> list[Need]:
        """What `works` need a judge for."""
        return [
            Need(self.versions.get(*item.version_key), item.judge_fingerprint)
            for item in works
            if item.judge_fingerprint != NO_JUDGE
        ]

    def _was_held(self, standing: Standing) -> bool:
        """Whether a reply that was recorded before this run settles it."""
        verdict = standing.verdict
        return standing.is_paid and verdict is not None and (verdict.reply_id or 0) <= self._last_reply_before

    def _standing(self, one: Subject, need: Need, known: Mapping[Cell, Recorded]) -> Standing:
        record = self.records[need.fingerprint]
        return judged_standing(one, need.metric, need.fingerprint, record, known.get)
