"""A second judge's view of some verdicts: kept beside the first, counted, and never put in its place.

Asked for a share of the conversations, always the same ones, and for every suspicious verdict: something said looks
like an order to the judge, a quote did not hold, or the agent's own log says something else. All of these are known
once the first verdict is. Its replies stand in the ledger like any other; its verdicts in a table of their own, which
no rate reads. A sample and what was picked for a reason are told apart: only the first says how often two judges
disagree.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import msgspec
import pyarrow.parquet as pq

from metrics_pipeline.conversations.merge import read_conversations
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.evaluation.asking import Asker
from metrics_pipeline.evaluation.days import DaySubjects
from metrics_pipeline.evaluation.forecast import planned
from metrics_pipeline.evaluation.judge import Judge
from metrics_pipeline.evaluation.ledger import JudgeRecord, Ledger
from metrics_pipeline.evaluation.open_cells import Need, OpenCells, PlannedRequest
from metrics_pipeline.evaluation.options import Judges, Options
from metrics_pipeline.evaluation.planning import by_day
from metrics_pipeline.evaluation.results import cells_of, recorded_replies
from metrics_pipeline.evaluation.runner import settle_rounds
from metrics_pipeline.evaluation.standing import Subject, judge_fingerprint, judged_standing, subject
from metrics_pipeline.evaluation.tally import Tally
from metrics_pipeline.files import is_whole, locked, write_parquet
from metrics_pipeline.metrics.catalog import Catalog
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.metrics.sampling import position
from metrics_pipeline.tables import to_table

DRAW = "second opinion"
"""One draw for all metrics: those of one conversation then go in one request."""
SHARE = "share"
ANSWERS = frozenset({"answered", "undecided", "not_applicable"})
"""States that a judge gave: what failed has nothing to be compared."""


class Second(NamedTuple):
    """Who gives a second opinion on a metric, and on how many conversations unasked."""

    judge: Judge
    share: float


class Opinions(NamedTuple):
    """What second opinions on one metric came to in one run."""

    metric: str
    judge: str
    chosen: Mapping[str, int]
    """Conversations by the reason for which they were chosen."""
    both_answered: int
    """Of those drawn by share: both judges gave an answer."""
    agree: int
    open_count: int


class SecondOpinions(NamedTuple):
    """What a run's second opinions came to."""

    opinions: tuple[Opinions, ...]
    tally: Tally
    stopped: str | None
    verdicts: tuple[Mapping[str, Any], ...] = ()
    """Rows of the table `second_opinions`: all that was chosen."""
    asked: tuple[Asker, ...] = ()
    """Who asked, one after the other."""
    replies_before: int = 0
    """The greatest id of a reply that was recorded before."""


class _First(NamedTuple):
    """A verdict that a second judge is asked about."""

    metric: MetricDefinition
    row: Mapping[str, Any]
    because: str


def ask_second_judges(
    folder: DataFolder,
    metrics: Iterable[MetricDefinition],
    days: Iterable[tuple[str, date]],
    judges: Judges,
    seconds: Mapping[str, Second],
    ledger: Ledger,
    options: Options,
) -> SecondOpinions:
    """Ask for second opinions on the verdicts of `days` that the judges in use have given, and write them.

    Args:
        days: Each metric and day that was judged.
        seconds: Who gives them, by metric key; of a metric that is not in it none is asked.
    """
    asked = [metric for metric in metrics if metric.key in seconds and metric.is_judged]
    chosen: dict[date, dict[str, list[_First]]] = {}
    subjects: dict[tuple[date, str], Subject] = {}
    judged: dict[date, list[MetricDefinition]] = defaultdict(list)
    for key, day in sorted(set(days)):
        judged[day] += [metric for metric in asked if metric.key == key]
    for day, several in sorted(judged.items()):
        chosen[day] = _chosen(folder, day, several, judges, seconds)
        for conversation in read_conversations(folder, day) if chosen[day] else ():
            if conversation.conversation_id in chosen[day]:
                subjects[day, conversation.conversation_id] = subject(conversation)
    tally, stopped, before = Tally(), None, ledger.last_reply_id()
    askers: list[Asker] = []
    for second, together, some in _together(chosen, subjects, seconds):
        ledger.remember_judge(judge_fingerprint(second), second.kind, second.name, second.settings)
        asking = options.after(tally)
        askers.append(settle_rounds(folder, [together], some, Judges(second, judges.revive), ledger, asking))
        tally.include(askers[-1].tally)
        stopped = askers[-1].reasons
        if stopped is not None:
            break
    rows: dict[date, list[dict[str, Any]]] = defaultdict(list)
    for day, firsts in chosen.items():
        for metric in judged[day]:
            ours = [
                (first, subjects[day, key])
                for key, found in firsts.items()
                for first in found
                if first.metric is metric
            ]
            rows[day] += _rows(ours, metric, seconds[metric.key].judge, ledger)
        _write(folder, day, rows[day], {metric.key for metric in judged[day]})
    found = [row for several in rows.values() for row in several]
    opinions = tuple(_counted(metric, seconds[metric.key].judge, found) for metric in asked)
    return SecondOpinions(opinions, tally, stopped, tuple(found), tuple(askers), before)


def plan_second_opinions(
    folder: DataFolder,
    catalog: Catalog,
    judges: Judges,
    seconds: Mapping[str, Second],
    ledger: Ledger,
    options: Options,
    as_if_new: bool = False,
) -> Iterator[PlannedRequest]:
    """The requests that `ask_second_judges` would send after a run for what is drawn: what is suspicious is not known
    before, nor is what the first judge fails at. Asks nothing, writes nothing.

    Args:
        as_if_new: Plan as if the ledger held nothing.
    """
    together: dict[tuple[str, float], list[MetricDefinition]] = defaultdict(list)
    for metric in catalog.definitions:
        if metric.key in seconds and metric.is_judged:
            second = seconds[metric.key]
            together[judge_fingerprint(second.judge), second.share].append(metric)
    days = by_day(planned(folder, catalog, judges, ledger, options)) if together else {}
    for (fingerprint, share), metrics in together.items():
        second = seconds[metrics[0].key]
        cells = OpenCells(folder, Catalog((), {}, ()), Judges(second.judge, judges.revive), ledger, options)
        for day, works in days.items():
            current = {(work.version_key, work.judge_fingerprint) for work in works}
            needs = [
                Need(metric.with_changes(model=None), fingerprint)
                for metric in metrics
                if ((metric.key, metric.version), judges.fingerprint_of(metric)) in current
            ]
            for subjects in DaySubjects(folder, day).in_hash_order() if needs else ():
                drawn = [one for one in subjects if position(DRAW, one.conversation.conversation_id) < share]
                yield from cells.requests_for(cells.open_of(drawn, needs, as_if_new))


def _chosen(
    folder: DataFolder, day: date, asked: Sequence[MetricDefinition], judges: Judges, seconds: Mapping[str, Second]
) -> dict[str, list[_First]]:
    """What a second judge is asked about, by conversation."""
    chosen: dict[str, list[_First]] = defaultdict(list)
    for metric in asked:
        path = folder.verdict_file(metric.key, day)
        if not is_whole(path):
            continue
        rows = pq.read_table(path, partitioning=None).to_pylist()
        logged = {
            row["conversation_id"]: row["answer"]
            for row in rows
            if row["source"] == "logged" and row["metric_version"] == metric.version
        }
        current = (metric.version, judges.fingerprint_of(metric))
        for row in rows:
            if row["source"] != "judged" or (row["metric_version"], row["judge_fingerprint"]) != current:
                continue
            because = _because(row, logged.get(row["conversation_id"]), seconds[metric.key].share)
            if because is not None and row["reply_id"] is not None and row["state"] in ANSWERS:
                chosen[row["conversation_id"]].append(_First(metric, row, because))
    return chosen


def _because(row: Mapping[str, Any], logged: str | None, share: float) -> str | None:
    """Why a second judge is asked about a verdict; None where it is not."""
    # The draw comes first: what is in it stays a sample, suspicious or not.
    if position(DRAW, row["conversation_id"]) < share:
        return SHARE
    if row["injection_suspect"]:
        return "injection_suspect"
    if row["detail"] == "evidence_failed":
        return "evidence_failed"
    if logged is not None and row["answer"] is not None and logged != row["answer"]:
        return "logged_otherwise"
    return None


def _together(
    chosen: Mapping[date, Mapping[str, Sequence[_First]]],
    subjects: Mapping[tuple[date, str], Subject],
    seconds: Mapping[str, Second],
) -> Iterable[tuple[Judge, list[MetricDefinition], list[Subject]]]:
    """Conversations by the metrics that one second judge is asked about together."""
    groups: dict[tuple[str, ...], list[Subject]] = defaultdict(list)
    metrics: dict[str, MetricDefinition] = {}
    for day, firsts in chosen.items():
        for key, found in firsts.items():
            by_judge: dict[str, list[str]] = defaultdict(list)
            for first in found:
                # The judge of the metric itself is named in its definition: here it is the second one's turn.
                metrics[first.metric.key] = first.metric.with_changes(model=None)
                by_judge[judge_fingerprint(seconds[first.metric.key].judge)].append(first.metric.key)
            for keys in by_judge.values():
                groups[tuple(keys)].append(subjects[day, key])
    for together, some in groups.items():
        yield seconds[together[0]].judge, [metrics[key] for key in together], some


def _rows(
    firsts: Sequence[tuple[_First, Subject]], metric: MetricDefinition, judge: Judge, ledger: Ledger
) -> list[dict[str, Any]]:
    """Both verdicts of each conversation side by side; those of the second are empty while it is open."""
    fingerprint, record = judge_fingerprint(judge), JudgeRecord(judge.kind, judge.name, judge.settings)
    known = recorded_replies(ledger, [cell for _, one in firsts for cell in cells_of(one, metric, fingerprint)])
    rows = []
    for first, one in firsts:
        standing = judged_standing(one, metric, fingerprint, record, lambda cell: known.get(cell))
        said = standing.verdict
        rows.append(
            {
                "conversation_id": first.row["conversation_id"],
                "conversation_date": first.row["conversation_date"],
                "metric": metric.key,
                "metric_version": metric.version,
                "because": first.because,
                "judge": first.row["judge"],
                "judge_fingerprint": first.row["judge_fingerprint"],
                "state": first.row["state"],
                "answer": first.row["answer"],
                "judge_role": "second",
                "second_judge_kind": judge.kind,
                "second_judge": judge.name,
                "second_judge_fingerprint": fingerprint,
                "second_state": said.state if said else None,
                "second_answer": said.answer if said else None,
                "second_detail": said.detail if said else None,
                "second_reason": said.reason if said else None,
                "second_evidence": [msgspec.structs.asdict(item) for item in said.evidence] if said else [],
                "second_reply_id": said.reply_id if said else None,
                "second_judged_at": said.judged_at if said else None,
            }
        )
    return rows


def _write(folder: DataFolder, day: date, rows: Sequence[Mapping[str, Any]], metrics: set[str]) -> None:
    """Write the day's file: the rows of `metrics` anew, those of others, earlier versions and judges as they were."""
    path = folder.day_file("second_opinions", day)
    with locked(folder.table("second_opinions") / ".lock"):
        pairs = {_pair(row) for row in rows}
        held = pq.read_table(path, partitioning=None).to_pylist() if is_whole(path) else []
        kept = [row for row in held if row["metric"] not in metrics or _pair(row) not in pairs]
        if rows or held:
            write_parquet(to_table("second_opinions", [*kept, *rows]), path)


def _pair(row: Mapping[str, Any]) -> tuple[str, ...]:
    return row["metric"], row["metric_version"], row["judge_fingerprint"], row["second_judge_fingerprint"]


def _counted(metric: MetricDefinition, judge: Judge, rows: Iterable[Mapping[str, Any]]) -> Opinions:
    ours = [row for row in rows if row["metric"] == metric.key]
    both = [row for row in ours if row["because"] == SHARE and row["answer"] and row["second_answer"]]
    return Opinions(
        metric.key,
        judge.name,
        Counter(row["because"] for row in ours),
        len(both),
        sum(row["answer"] == row["second_answer"] for row in both),
        sum(row["second_state"] is None for row in ours),
    )
