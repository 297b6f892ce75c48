"""The files of verdicts of one day: written from the ledger and the definitions alone, and left where that is no news.

A file says in its footer what it was made from: the day's conversations, the versions and judges put to work, which
replies of theirs count, and the code that read them. Where all of it stands as it did, so would the file.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from functools import cache
from importlib.resources import files

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.evaluation.days import DaySubjects
from metrics_pipeline.evaluation.ledger import Cell, JudgeRecord, Ledger, MetricDay, Recorded, in_force
from metrics_pipeline.evaluation.planning import Work
from metrics_pipeline.evaluation.results import DayResult, Versions, cells_of, recorded_replies
from metrics_pipeline.evaluation.standing import NO_JUDGE, Subject, judged_standing, logged_verdict, rule_verdict
from metrics_pipeline.evaluation.verdict import Verdict
from metrics_pipeline.files import footer, locked, replacing
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.tables import TABLES, VERDICTS, sort_rows

MADE_FROM = "made_from"
JUDGED = "judged"
READERS = ("evaluation", "metrics", "conversations/record.py", "conversations/merge.py", "tables.py")
"""The code that makes verdicts of replies, below the package: files, and folders without those below them."""

History = Mapping[str, Sequence[MetricDay]]
"""Every version and judge put to work on a day, by metric."""


class Judged(msgspec.Struct):
    """What one version and judge came to on one day of a metric."""

    metric_version: str
    judge_fingerprint: str
    states: dict[str, int]
    """Conversations by state of the metric's value; `unjudged` where there is none."""
    left: int
    """Conversations about which something is still to be asked."""
    held: int
    """Conversations about which a recorded reply says all."""

    def is_of(self, work: Work | MetricDay) -> bool:
        return (work.metric_version, work.judge_fingerprint) == (self.metric_version, self.judge_fingerprint)


_judged = msgspec.json.Decoder(list[Judged])


class DayState:
    """What one day's files would be made from now, and what they came to where they are made from it."""

    def __init__(
        self,
        folder: DataFolder,
        ledger: Ledger,
        day: date,
        mark: str,
        subjects: DaySubjects,
        history: History,
        versions: Versions,
    ) -> None:
        """
        Args:
            mark: Fingerprint of the day's conversations.
        """
        self._folder, self._day, self._mark = folder, day, mark
        cells = {(row.metric, row.metric_version, row.judge_fingerprint) for rows in history.values() for row in rows}
        self._answers = ledger.answer_marks(subjects.hashes, cells)
        self._history, self._versions = history, versions

    def made_from(self, metric: str) -> str:
        """Fingerprint of all that the metric's file depends on."""
        keys = sorted((row.metric, row.metric_version, row.judge_fingerprint) for row in self._history[metric])
        # No part of a version: which conversations are asked about, and which source is the value.
        parts = [self._versions.get(metric, version) for _, version, _ in keys]
        answers = [
            (*key, self._answers[key], part.sample, part.primary_source) for key, part in zip(keys, parts, strict=True)
        ]
        content = msgspec.json.encode([code_fingerprint(), self._mark, answers])
        return hashlib.blake2b(content, digest_size=16).hexdigest()

    def standing(self, metric: str) -> list[Judged] | None:
        """What the metric's file came to; None where it is not made from what is there now."""
        if metric not in self._history:
            return None
        found = footer(self._folder.verdict_file(metric, self._day))
        held = (found.metadata or {}) if found is not None else {}
        if held.get(MADE_FROM.encode(), b"").decode() != self.made_from(metric):
            return None
        return _judged.decode(held[JUDGED.encode()])


@cache
def code_fingerprint() -> str:
    """Of the code that reads replies: what it reads differently is written anew."""
    root = files("metrics_pipeline")
    digest = hashlib.blake2b(digest_size=16)
    for name in READERS:
        place = root.joinpath(name)
        sources = [place] if place.is_file() else sorted(place.iterdir(), key=lambda one: one.name)
        for source in sources:
            if source.name.endswith((".py", ".md")):
                digest.update(source.read_bytes())
    return digest.hexdigest()


def write_day(
    folder: DataFolder,
    ledger: Ledger,
    day: date,
    mark: str,
    subjects: DaySubjects,
    versions: Versions,
    judges: Mapping[str, JudgeRecord],
    history: History,
) -> list[DayResult]:
    """Write the day's verdicts of each metric in `history`, of each version and judge that judged it.

    Args:
        mark: Fingerprint of the day's conversations: noted for each version and judge that left nothing open.
    """
    # Who writes a file has read the ledger after everybody else's writing.
    with locked(folder.table("verdicts") / ".lock"):
        state = DayState(folder, ledger, day, mark, subjects, history, versions)
        came_to = {metric: found for metric in history if (found := state.standing(metric)) is not None}
        changed = {metric: rows for metric, rows in history.items() if metric not in came_to}
        if changed:
            came_to |= _write(folder, ledger, day, state, subjects, versions, judges, changed)
        done = [
            (row.metric, day, row.metric_version, row.judge_fingerprint, mark)
            for metric, rows in history.items()
            for row, judged in _matched(rows, came_to[metric])
            if not judged.left and row.completed != mark
        ]
        if done:
            ledger.complete_days(done)
    return [day_result(metric, day, mark, rows, came_to[metric]) for metric, rows in sorted(history.items())]


def day_result(metric: str, day: date, mark: str, history: Sequence[MetricDay], came_to: Sequence[Judged]) -> DayResult:
    """What the day came to by the version and judge in force, and what is left open by those put to work last."""
    results = {
        row if judged.left else row._replace(completed=mark): judged for row, judged in _matched(history, came_to)
    }
    effective = in_force(list(results))
    assert effective is not None, "a day is written because something judged it"
    # What was put to work last may not be in force: one that judged the whole day is, until another has.
    newest = max(results, key=lambda work: work.turn)
    worked = results[newest]
    return DayResult(metric, day, results[effective].states, worked.left, worked.states)


def _matched(history: Sequence[MetricDay], came_to: Sequence[Judged]) -> Iterator[tuple[MetricDay, Judged]]:
    return ((row, judged) for row in history for judged in came_to if judged.is_of(row))


def _write(
    folder: DataFolder,
    ledger: Ledger,
    day: date,
    state: DayState,
    subjects: DaySubjects,
    versions: Versions,
    judges: Mapping[str, JudgeRecord],
    history: History,
) -> dict[str, list[Judged]]:
    _, key = TABLES["verdicts"]
    came_to = {
        metric: [Judged(row.metric_version, row.judge_fingerprint, {}, 0, 0) for row in rows]
        for metric, rows in history.items()
    }
    with ExitStack() as stack:
        writers = {}
        for metric in history:
            beside = stack.enter_context(replacing(folder.verdict_file(metric, day)))
            writers[metric] = stack.enter_context(pq.ParquetWriter(beside, VERDICTS, compression="zstd"))
        for several in subjects.in_id_order():
            recorded = recorded_replies(ledger, _cells(several, versions, history))
            for metric, entries in came_to.items():
                verdicts: list[Verdict] = []
                for judged in entries:
                    definition = versions.get(metric, judged.metric_version)
                    verdicts += _verdicts(several, definition, judged, judges, recorded)
                if verdicts:
                    # Two judges of one version share what the functions logged.
                    writers[metric].write_table(sort_rows(verdict_table(_distinct(verdicts), day), key))
        for metric, writer in writers.items():
            judged_text = msgspec.json.encode(came_to[metric], order="sorted").decode()
            writer.add_key_value_metadata({MADE_FROM: state.made_from(metric), JUDGED: judged_text})
    return came_to


def _cells(subjects: Sequence[Subject], versions: Versions, history: History) -> Iterator[Cell]:
    for rows in history.values():
        for row in rows:
            if row.judge_fingerprint != NO_JUDGE:
                definition = versions.get(row.metric, row.metric_version)
                for subject in subjects:
                    yield from cells_of(subject, definition, row.judge_fingerprint)


def _verdicts(
    subjects: Sequence[Subject],
    definition: MetricDefinition,
    judged: Judged,
    judges: Mapping[str, JudgeRecord],
    recorded: Mapping[Cell, Recorded],
) -> list[Verdict]:
    """Verdicts of some conversations, and in `judged` what they come to."""
    verdicts: list[Verdict] = []
    fingerprint = judged.judge_fingerprint
    if fingerprint != NO_JUDGE:
        for subject in subjects:
            standing = judged_standing(subject, definition, fingerprint, judges[fingerprint], recorded.get)
            judged.left += standing.ask is not None
            judged.held += standing.is_paid
            if standing.verdict is not None:
                verdicts.append(standing.verdict)
    for subject in subjects:
        free = (logged_verdict(subject, definition), rule_verdict(subject, definition))
        verdicts += [verdict for verdict in free if verdict is not None]
    states: Counter[str] = Counter(verdict.state for verdict in verdicts if verdict.source == definition.primary_source)
    states["unjudged"] = len(subjects) - states.total()
    for name, count in states.items():
        judged.states[name] = judged.states.get(name, 0) + count
    return verdicts


def _distinct(verdicts: Iterable[Verdict]) -> list[Verdict]:
    found: dict[tuple[str | None, ...], Verdict] = {}
    for one in verdicts:
        found.setdefault((one.conversation_id, one.source, one.metric_version, one.judge_fingerprint), one)
    return list(found.values())


def verdict_table(verdicts: Sequence[Verdict], day: date) -> pa.Table:
    """The verdicts, of which there is at least one, as rows of their table."""
    columns = zip(*map(msgspec.structs.astuple, verdicts), strict=True)
    values: dict[str, Sequence[object]] = dict(zip(Verdict.__struct_fields__, columns, strict=True))
    values["conversation_date"] = [day] * len(verdicts)
    values["evidence"] = [[msgspec.structs.asdict(item) for item in verdict.evidence] for verdict in verdicts]
    return pa.Table.from_arrays([pa.array(values[field.name], type=field.type) for field in VERDICTS], schema=VERDICTS)
