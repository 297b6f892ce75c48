"""What lint may know besides the words of a definition: bounded, free of charge, and nothing is written for it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq

from metrics_pipeline.authoring.estimate import CHARACTERS_A_TOKEN
from metrics_pipeline.authoring.newest import UNREADABLE, OnUnread, landed_days, newest_facts, newest_names
from metrics_pipeline.authoring.preview import example_tests
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import LedgerError
from metrics_pipeline.evaluation import prompt
from metrics_pipeline.evaluation.judge import Judge, JudgeRequest
from metrics_pipeline.evaluation.judges import open_judges
from metrics_pipeline.evaluation.ledger import JudgeRecord, Ledger
from metrics_pipeline.evaluation.reading import Reading, read_reply
from metrics_pipeline.evaluation.results import cells_of, recorded_replies
from metrics_pipeline.evaluation.standing import Subject, judge_fingerprint, judged_standing
from metrics_pipeline.evaluation.verdict import Verdict
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.metrics.gate import passes
from metrics_pipeline.metrics.lint.project import Misjudged, Seen
from metrics_pipeline.metrics.lint.rules.j601_rare_class import ENOUGH_ANSWERS
from metrics_pipeline.settings import Settings

ENOUGH_CONVERSATIONS = 30
"""Under these, that a gate always or never holds says nothing about the gate."""
ANY_DAY = date(2000, 1, 1)
"""Of an example: no judge is shown a day."""


def prompt_tokens(metrics: Sequence[MetricDefinition]) -> dict[str, int]:
    """What each judged metric adds to a prompt, about: its description and its part of the reply's schema."""
    return {
        metric.key: len(f"{prompt.describe(metric)}{prompt.reply_schema([metric])}".encode()) // CHARACTERS_A_TOKEN
        for metric in metrics
        if metric.is_judged
    }


def look(settings: Settings, metrics: Sequence[MetricDefinition]) -> tuple[Seen, tuple[str, ...]]:
    """What the data folder and the judge say about `metrics`, as far as there is anything to read.

    Examples are put to the baseline where it judges; of a model only what the ledger already holds is taken.

    Returns:
        The facts; and what could not be read, a sentence each.
    """
    folder = DataFolder(settings.data)
    unread: list[Path] = []
    notes: list[str] = []
    days = landed_days(folder)
    names = newest_names(folder, days, unread.append)
    gated = [metric for metric in metrics if metric.applies_if]
    seen = Seen(
        functions=names.of("function_name"),
        variants=names.of("variant"),
        logged_metrics=names.of("metric"),
        channels=names.of("channel"),
        languages=names.of("language"),
        gate_pass_counts=_gate_counts(folder, days, gated, unread.append) if gated else {},
        answer_counts=_answer_counts(folder, metrics, unread.append),
        example_failures=_example_failures(settings, folder, metrics, notes),
        prompt_tokens=prompt_tokens(metrics),
    )
    damaged = sorted(set(unread))
    if damaged:
        others = f" and {len(damaged) - 1} more" if len(damaged) > 1 else ""
        notes.append(
            f"{damaged[0]}{others}: damaged or half there, and not read. Names of that kind are not checked; "
            "`metrics run` writes the tables anew."
        )
    return seen, tuple(notes)


def _gate_counts(
    folder: DataFolder, days: Sequence[date], metrics: Sequence[MetricDefinition], on_unread: OnUnread
) -> dict[str, tuple[int, int, int]]:
    # Many metrics of one flow share one gate.
    gates = {metric.key: repr(metric.applies_if) for metric in metrics}
    distinct = {gates[metric.key]: metric.applies_if for metric in metrics}
    counts: dict[str, Counter[bool | None]] = {name: Counter() for name in distinct}
    for facts in newest_facts(folder, days, on_unread):
        for name, gate in distinct.items():
            counts[name][passes(gate, facts)] += 1
    return {
        key: (counts[name][True], counts[name][False], counts[name][None])
        for key, name in gates.items()
        if counts[name].total() >= ENOUGH_CONVERSATIONS
    }


def _answer_counts(
    folder: DataFolder, metrics: Sequence[MetricDefinition], on_unread: OnUnread
) -> dict[str, dict[str, int]]:
    """Answers of the version as it stands, as published; a metric with few of them is left out.

    One file of a row a day and label is read, and not every verdict.
    """
    path = (folder.published / "current").resolve() / "trend_label_daily.parquet"
    if not path.exists():
        return {}
    versions = {metric.key: metric.version for metric in metrics}
    counts: dict[str, Counter[str]] = {}
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=["metric", "metric_version", "label", "label_count"]):
                for row in batch.to_pylist():
                    if versions.get(row["metric"]) == row["metric_version"]:
                        counts.setdefault(row["metric"], Counter())[row["label"]] += row["label_count"]
    except UNREADABLE:
        on_unread(path)
        return {}
    return {key: dict(found) for key, found in counts.items() if found.total() >= ENOUGH_ANSWERS}


def _example_failures(
    settings: Settings, folder: DataFolder, metrics: Sequence[MetricDefinition], notes: list[str]
) -> dict[str, tuple[Misjudged, ...]]:
    tested = [metric for metric in metrics if metric.examples and metric.is_judged]
    judges = open_judges(settings, tested)
    ledger = None
    if folder.ledger.exists() and any(judges.of(metric).kind == "model" for metric in tested):
        try:
            ledger = Ledger.at_rest(folder.ledger)
        except LedgerError as error:
            notes.append(f"What the model answered to examples is not looked up. {error}")
    try:
        found = {metric.key: tuple(_misjudged(metric, judges.of(metric), ledger)) for metric in tested}
    except LedgerError as error:
        notes.append(f"What the model answered to examples is not looked up. {error}")
        return {}
    finally:
        if ledger is not None:
            ledger.close()
    return found


def _misjudged(metric: MetricDefinition, judge: Judge, ledger: Ledger | None) -> list[Misjudged]:
    found = []
    for index, (left, made, right) in enumerate(example_tests(metric, ANY_DAY)):
        given = _given(left, made, judge, ledger)
        if given is None or given.state == "error":
            continue
        answer = given.answer or given.state
        if answer != right:
            found.append(Misjudged(index, answer, judge.name))
    return found


def _given(metric: MetricDefinition, made: Subject, judge: Judge, ledger: Ledger | None) -> Verdict | Reading | None:
    """What the judge answers; None where that would have to be paid for."""
    turns = made.conversation.turns
    if judge.kind == "baseline":
        return read_reply(asyncio.run(judge.ask(JudgeRequest(turns, (metric,), (), {}, 0))), metric, turns)
    if ledger is None:
        return None
    fingerprint = judge_fingerprint(judge)
    known = recorded_replies(ledger, cells_of(made, metric, fingerprint))
    record = JudgeRecord(judge.kind, judge.name, judge.settings)
    return judged_standing(made, metric, fingerprint, record, lambda cell: known.get(cell)).verdict
