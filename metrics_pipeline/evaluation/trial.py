"""Definitions tried on some conversations: answers through the ledger, and nothing else written.

What a trial pays for stands in the ledger under the same key as a night's work, so a version that goes live later
pays nothing again for the conversations that it was tried on. No verdict file, no day and no table is touched.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from metrics_pipeline.conversations.merge import read_conversations
from metrics_pipeline.evaluation.asking import Tally
from metrics_pipeline.evaluation.baseline_judge import BaselineJudge
from metrics_pipeline.evaluation.judge import JudgeRequest
from metrics_pipeline.evaluation.ledger import JudgeRecord, Ledger
from metrics_pipeline.evaluation.reading import Reading, read_reply
from metrics_pipeline.evaluation.results import cells_of, recorded_replies
from metrics_pipeline.evaluation.runner import Judges, Options, settle_rounds
from metrics_pipeline.evaluation.standing import (
    Subject,
    judge_fingerprint,
    judged_standing,
    logged_verdict,
    rule_verdict,
    subject,
)
from metrics_pipeline.evaluation.verdict import Source, Verdict
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.tables import DataFolder

Stratum = tuple[str, str]


class Trial(NamedTuple):
    """What one version of one metric said about the tried conversations."""

    metric: MetricDefinition
    verdicts: Mapping[str, Verdict]
    """By conversation_id, from the metric's primary source; a conversation left open or out is not in it."""
    held_count: int
    """Conversations whose answer the ledger held before."""


class Tried(NamedTuple):
    """Everything a trial came to."""

    trials: tuple[Trial, ...]
    """In the order in which the definitions were given, round after round."""
    tally: Tally
    stopped: str | None


def frozen_sample(folder: DataFolder, days: Iterable[date], size: int) -> list[Subject]:
    """At most `size` conversations of `days`: the same ones each time, spread over weeks and channels.

    Each stratum (a week of one channel) gives its share of the sample, by largest remainder; within it those come
    first whose hash is smallest. No metric or version has a say in it, so two versions are tried on the same ones.
    """
    strata: dict[Stratum, list[tuple[bytes, str, date]]] = defaultdict(list)
    for day in days:
        week = day.strftime("%G-%V")
        for conversation in read_conversations(folder, day):
            place = hashlib.blake2b(conversation.conversation_id.encode("utf-8", "surrogatepass"), digest_size=8)
            strata[week, conversation.channel or ""].append((place.digest(), conversation.conversation_id, day))
    chosen: dict[date, set[str]] = defaultdict(set)
    shares = _allocate({stratum: len(rows) for stratum, rows in strata.items()}, size)
    for stratum, rows in strata.items():
        for _, key, day in sorted(rows)[: shares[stratum]]:
            chosen[day].add(key)
    return [
        subject(conversation)
        for day in sorted(chosen)
        for conversation in read_conversations(folder, day)
        if conversation.conversation_id in chosen[day]
    ]


def _allocate(counts: Mapping[Stratum, int], size: int) -> dict[Stratum, int]:
    total = sum(counts.values())
    if total <= size:
        return dict(counts)
    exact = {stratum: size * count / total for stratum, count in counts.items()}
    shares = {stratum: int(share) for stratum, share in exact.items()}
    by_remainder = sorted(exact, key=lambda stratum: (shares[stratum] - exact[stratum], stratum))
    for stratum in by_remainder[: size - sum(shares.values())]:
        shares[stratum] += 1
    return shares


def try_out(
    folder: DataFolder,
    rounds: Sequence[Sequence[MetricDefinition]],
    subjects: Sequence[Subject],
    judges: Judges,
    ledger: Ledger,
    options: Options,
) -> Tried:
    """Judge `subjects` with each round's definitions; two versions of one metric belong in different rounds."""
    for judge in judges.all:
        ledger.remember_judge(judge_fingerprint(judge), judge.kind, judge.name, judge.settings)
    held = [[_held(metric, subjects, judges, ledger) for metric in metrics] for metrics in rounds]
    tally, stopped = settle_rounds(folder, rounds, subjects, judges, ledger, options)
    trials = [
        Trial(metric, _verdicts(metric, subjects, judges, ledger), count)
        for metrics, counts in zip(rounds, held, strict=True)
        for metric, count in zip(metrics, counts, strict=True)
    ]
    return Tried(tuple(trials), tally, stopped)


def _held(metric: MetricDefinition, subjects: Sequence[Subject], judges: Judges, ledger: Ledger) -> int:
    if not metric.is_judged:
        return 0
    fingerprint = judges.fingerprint_of(metric)
    return len(ledger.find(cells_of(one, metric, fingerprint)[0] for one in subjects))


def _verdicts(
    metric: MetricDefinition, subjects: Sequence[Subject], judges: Judges, ledger: Ledger
) -> dict[str, Verdict]:
    if not metric.is_judged:
        return free_verdicts(metric, subjects, metric.primary_source)
    # A preview shows what the judge says, whichever source the metric counts.
    judge, fingerprint = judges.of(metric), judges.fingerprint_of(metric)
    record = JudgeRecord(judge.kind, judge.name, judge.settings)
    known = recorded_replies(ledger, [cell for one in subjects for cell in cells_of(one, metric, fingerprint)])
    found = {}
    for one in subjects:
        standing = judged_standing(one, metric, fingerprint, record, lambda cell: known.get(cell.key))
        if standing.verdict is not None:
            found[one.conversation.conversation_id] = standing.verdict
    return found


def free_verdicts(metric: MetricDefinition, subjects: Sequence[Subject], source: Source) -> dict[str, Verdict]:
    """What the functions logged, or what the rule says, by conversation_id."""
    read = logged_verdict if source == "logged" else rule_verdict
    found = ((one.conversation.conversation_id, read(one, metric)) for one in subjects)
    return {key: verdict for key, verdict in found if verdict is not None}


def baseline_answers(metric: MetricDefinition, subjects: Sequence[Subject]) -> dict[str, Reading]:
    """What the built-in baseline says, by conversation_id: free of charge, and kept nowhere."""

    async def ask_all() -> dict[str, Reading]:
        judge, found = BaselineJudge(), {}
        for one in subjects:
            turns = one.conversation.turns
            if one.conversation.utterance_count:
                reply = await judge.ask(JudgeRequest(turns, (metric,), (), {}, 0))
                found[one.conversation.conversation_id] = read_reply(reply, metric, turns)
        return found

    return asyncio.run(ask_all())
