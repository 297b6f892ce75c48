"""Definitions tried on some conversations: answers through the ledger, and nothing else written.

What a trial pays for stands in the ledger under the same key as a night's work, so a version that goes live later
pays nothing again for the conversations that it was tried on. No verdict file, no day and no table is touched.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from itertools import accumulate, pairwise
from typing import NamedTuple

from metrics_pipeline.conversations.merge import conversation_channels, read_conversations
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.evaluation.baseline_judge import BaselineJudge
from metrics_pipeline.evaluation.judge import JudgeRequest
from metrics_pipeline.evaluation.ledger import JudgeRecord, Ledger
from metrics_pipeline.evaluation.options import Judges, Options
from metrics_pipeline.evaluation.reading import Reading, read_reply
from metrics_pipeline.evaluation.results import cells_of, recorded_replies
from metrics_pipeline.evaluation.runner import settle_rounds
from metrics_pipeline.evaluation.standing import (
    Standing,
    Subject,
    judge_fingerprint,
    judged_standing,
    logged_verdict,
    rule_verdict,
    subject,
)
from metrics_pipeline.evaluation.tally import Tally
from metrics_pipeline.evaluation.verdict import Source, Verdict
from metrics_pipeline.metrics.definition import MetricDefinition


class Trial(NamedTuple):
    """What one version of one metric said about the tried conversations, from one of its sources."""

    metric: MetricDefinition
    source: Source
    verdicts: Mapping[str, Verdict]
    """By conversation_id; a conversation left open, or not in the metric's own sample, is not in it."""
    held_count: int
    """Conversations whose answer the ledger held before."""


class Tried(NamedTuple):
    """Everything a trial came to."""

    trials: tuple[tuple[Trial, ...], ...]
    """For each definition, in the order in which they were given, round after round: a trial of each source, the one
    that is the metric's value first."""
    tally: Tally
    stopped: str | None


def frozen_sample(
    folder: DataFolder, days: Iterable[date], size: int, may_take: Callable[[str], bool] = lambda conversation_id: True
) -> list[Subject]:
    """At most `size` conversations of `days`: the same ones each time, spread over channels and weeks.

    Each stratum (a week of one channel) gives its share of the sample; within it those come first whose hash is
    smallest. So every conversation has the same chance, shares need no weights, and a sample that grows, or days that
    are added, keep most of what was judged before.

    Args:
        may_take: Whether the conversation of that id may be drawn.
    """
    strata: dict[tuple[str, str], list[tuple[bytes, str, date]]] = defaultdict(list)
    for day in days:
        week = day.strftime("%G-%V")
        for key, channel in conversation_channels(folder, day):
            if may_take(key):
                place = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
                strata[channel, week].append((place, key, day))
    order = sorted(strata)
    chosen: dict[date, set[str]] = defaultdict(set)
    for stratum, share in zip(order, allocate([len(strata[stratum]) for stratum in order], size), strict=True):
        for _, key, day in sorted(strata[stratum])[:share]:
            chosen[day].add(key)
    return [
        subject(conversation)
        for day in sorted(chosen)
        for conversation in read_conversations(folder, day)
        if conversation.conversation_id in chosen[day]
    ]


def allocate(counts: Sequence[int], size: int) -> list[int]:
    """How many each stratum gives, in proportion: `size` in all, or everything where there is no more.

    The running total is rounded, not each share: neighbours make up for each other, so many small strata together
    (a rare channel over ten weeks) give what they should, and none is always rounded away.
    """
    total = sum(counts)
    size = min(size, total)
    ends = [(2 * size * running + total) // (2 * total) for running in accumulate(counts)] if total else []
    return [end - start for start, end in pairwise([0, *ends])]


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
    metrics = [metric for metrics in rounds for metric in metrics]
    held = [_held(metric, subjects, judges, ledger) for metric in metrics]
    asker = settle_rounds(folder, rounds, subjects, judges, ledger, options)
    tally, stopped = asker.tally, asker.reasons
    trials = tuple(
        _trials(metric, subjects, judges, ledger, count) for metric, count in zip(metrics, held, strict=True)
    )
    return Tried(trials, tally, stopped)


def _held(metric: MetricDefinition, subjects: Sequence[Subject], judges: Judges, ledger: Ledger) -> int:
    if not metric.is_judged:
        return 0
    return sum(standing.is_paid for standing in _standings(metric, subjects, judges, ledger).values())


def _trials(
    metric: MetricDefinition, subjects: Sequence[Subject], judges: Judges, ledger: Ledger, held_count: int
) -> tuple[Trial, ...]:
    free: tuple[Source, ...] = ("logged", "rule")
    found = [
        Trial(metric, source, verdicts, 0)
        for source in free
        if (verdicts := _free_verdicts(metric, subjects, source)) or source == metric.primary_source
    ]
    if metric.is_judged:
        standings = _standings(metric, subjects, judges, ledger)
        judged = {key: one.verdict for key, one in standings.items() if one.verdict is not None}
        found.append(Trial(metric, "judged", judged, held_count))
    return tuple(sorted(found, key=lambda trial: (trial.source != metric.primary_source, trial.source)))


def _standings(
    metric: MetricDefinition, subjects: Sequence[Subject], judges: Judges, ledger: Ledger
) -> dict[str, Standing]:
    judge, fingerprint = judges.of(metric), judges.fingerprint_of(metric)
    record = JudgeRecord(judge.kind, judge.name, judge.settings)
    known = recorded_replies(ledger, [cell for one in subjects for cell in cells_of(one, metric, fingerprint)])
    return {
        one.conversation.conversation_id: judged_standing(
            one, metric, fingerprint, record, lambda cell: known.get(cell)
        )
        for one in subjects
    }


def _free_verdicts(metric: MetricDefinition, subjects: Sequence[Subject], source: Source) -> dict[str, Verdict]:
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
