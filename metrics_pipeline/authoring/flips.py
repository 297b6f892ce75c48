"""What an edit changes: the same conversations judged by the old version and by the new one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from metrics_pipeline.authoring.paired import PairedChange, paired_change
from metrics_pipeline.authoring.preview import outcome_of
from metrics_pipeline.evaluation.standing import Subject
from metrics_pipeline.evaluation.trial import Trial
from metrics_pipeline.evaluation.verdict import Evidence, Verdict
from metrics_pipeline.metrics.definition import MetricDefinition

SHOWN_FLIPS = 10


class Flip(NamedTuple):
    """One conversation about which the two versions differ."""

    conversation_id: str
    conversation_date: date
    before: str
    after: str
    reason_before: str | None
    reason_after: str | None
    evidence: tuple[Evidence, ...]
    """Of the new answer; of the old one where the new has none."""


class Comparison(NamedTuple):
    """Two versions of one metric on the same conversations."""

    metric: str
    before: MetricDefinition | None
    """None: the metric is new."""
    after: MetricDefinition | None
    """None: the metric was removed."""
    compared_count: int
    """Conversations with a verdict of both."""
    directions: Mapping[tuple[str, str], int]
    """Flips by (before, after)."""
    change: PairedChange | None
    """Of the rate, over conversations that count in both; None where the metric has no rate or nothing is compared."""
    flips: tuple[Flip, ...]
    """The ten that say most: answers turned into other answers first."""
    held_count: int
    """Answers that the ledger held before."""
    is_same_question: bool
    """Only name, owner, outcomes or the like differ: nothing is judged anew, and history is scored anew for free."""

    @property
    def flip_count(self) -> int:
        return sum(self.directions.values())


def compare(before: Trial, after: Trial, subjects: Sequence[Subject]) -> Comparison:
    """What changes from one version to the other."""
    flips: list[tuple[int, Flip]] = []
    directions: Counter[tuple[str, str]] = Counter()
    pairs: list[tuple[bool, bool]] = []
    compared = 0
    for one in subjects:
        key = one.conversation.conversation_id
        old, new = before.verdicts.get(key), after.verdicts.get(key)
        if old is None or new is None:
            continue
        compared += 1
        counted = (_counts(before.metric, old), _counts(after.metric, new))
        if counted[0] is not None and counted[1] is not None:
            pairs.append((counted[0], counted[1]))
        if (was := outcome_of(old)) != (now := outcome_of(new)):
            directions[was, now] += 1
            flips.append((_weight(old, new), _flip(one, old, new, was, now)))
    ranked = sorted(flips, key=lambda item: (-item[0], item[1].conversation_id))
    return Comparison(
        after.metric.key,
        before.metric,
        after.metric,
        compared,
        dict(directions.most_common()),
        paired_change(pairs),
        tuple(flip for _, flip in ranked[:SHOWN_FLIPS]),
        before.held_count + after.held_count,
        False,
    )


def unjudged_comparison(key: str, before: MetricDefinition | None, after: MetricDefinition | None) -> Comparison:
    """A metric that is new, removed, or asks what it asked before: there is nothing to judge twice."""
    same = before is not None and after is not None
    return Comparison(key, before, after, 0, {}, None, (), 0, same)


def _counts(metric: MetricDefinition, verdict: Verdict) -> bool | None:
    """Whether the verdict is in the rate's numerator; None where it is not in the rate at all."""
    if verdict.answer is None or metric.rate_of is None:
        return None
    if metric.rate_of == "true":
        return verdict.answer == "true"
    outcome = metric.outcomes.get(verdict.answer, "neutral")
    return None if outcome == "neutral" else outcome == "success"


def _weight(old: Verdict, new: Verdict) -> int:
    """An answer turned into another says most, then an answer lost or won, then the rest; a quote says more."""
    answers = (old.answer is not None) + (new.answer is not None)
    return 2 * answers + bool(new.evidence or old.evidence)


def _flip(one: Subject, old: Verdict, new: Verdict, was: str, now: str) -> Flip:
    conversation = one.conversation
    return Flip(
        conversation.conversation_id,
        conversation.conversation_date,
        was,
        now,
        old.reason,
        new.reason,
        new.evidence or old.evidence,
    )
