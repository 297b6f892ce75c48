"""What an edit changes: the same conversations judged by the old version and by the new one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from metrics_pipeline.authoring.answers import Share, counts_in_rate, outcome_of, rate_of
from metrics_pipeline.authoring.paired import PairedChange, paired_change
from metrics_pipeline.evaluation.standing import Subject
from metrics_pipeline.evaluation.trial import Trial
from metrics_pipeline.evaluation.verdict import Evidence, Verdict
from metrics_pipeline.metrics.definition import MetricDefinition

SHOWN_FLIPS = 10


class Said(NamedTuple):
    """What one version says about a conversation."""

    outcome: str
    reason: str | None
    evidence: tuple[Evidence, ...]


class Flip(NamedTuple):
    """One conversation about which the two versions differ."""

    conversation_id: str
    conversation_date: date
    before: Said
    after: Said


class Judgement(NamedTuple):
    """Both versions of a metric on the same conversations, by one source of its answers."""

    sources: tuple[str, str]
    """Of the answers before and after: the same but where an edit changed what the metric's value is."""
    compared_count: int
    """Conversations with a verdict of both."""
    directions: Mapping[tuple[str, str], int]
    """Flips by (before, after); of numbers, whether they are higher or lower."""
    rate_before: Share | None
    """As the tables would count it over the sample; None where the metric has no rate."""
    rate_after: Share | None
    change: PairedChange | None
    """Of the rate, over conversations that count in both; None where there are none."""
    flips: tuple[Flip, ...]
    """The ten that say most: answers turned into other answers first, then those that move the rate."""

    @property
    def flip_count(self) -> int:
        return sum(self.directions.values())


class Comparison(NamedTuple):
    """One metric that differs."""

    metric: str
    before: MetricDefinition | None
    """None: the metric is new."""
    after: MetricDefinition | None
    """None: the metric was removed."""
    judgements: tuple[Judgement, ...]
    """Of the metric's value first, then of each further source that flips; empty where there is nothing to compare."""
    held_count: int
    """Answers that the ledger held before."""

    @property
    def flip_count(self) -> int:
        return sum(judgement.flip_count for judgement in self.judgements)

    @property
    def is_same_question(self) -> bool:
        """Only name, owner, outcomes or the like differ: nothing is judged anew."""
        return self.before is not None and self.after is not None and question(self.before) == question(self.after)


def question(metric: MetricDefinition) -> tuple[str, str | None]:
    """What is asked, and of whom if not of the project's model."""
    return metric.version, metric.model


def scoring(metric: MetricDefinition) -> Mapping[str, str] | None:
    """What a metric's answers mean for its rate; None where no edit can change it."""
    return metric.outcomes if metric.type == "categorical" else None


def compare(before: Sequence[Trial], after: Sequence[Trial], subjects: Sequence[Subject]) -> Comparison:
    """What changes from one version, tried by each of its sources, to the other."""
    value = _judge(before[0], after[0], subjects)
    others = [
        judged
        for old in before
        for new in after
        if old.source == new.source and (old, new) != (before[0], after[0])
        if (judged := _judge(old, new, subjects)).flip_count
    ]
    held_count = sum(trial.held_count for trial in (*before, *after))
    return Comparison(after[0].metric.key, before[0].metric, after[0].metric, (value, *others), held_count)


def _judge(before: Trial, after: Trial, subjects: Sequence[Subject]) -> Judgement:
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
        was, now = counts_in_rate(before.metric, old), counts_in_rate(after.metric, new)
        if was is not None and now is not None:
            pairs.append((was, now))
        flip = Flip(key, one.conversation.conversation_date, _said(old), _said(new))
        if flip.before.outcome != flip.after.outcome:
            directions[_direction(old, new)] += 1
            flips.append((_weight(old, new, was != now), flip))
    ranked = sorted(flips, key=lambda item: (-item[0], item[1].conversation_id))
    return Judgement(
        (before.source, after.source),
        compared,
        dict(sorted(directions.items(), key=lambda item: (-item[1], item[0]))),
        rate_of(before.metric, before.verdicts.values()),
        rate_of(after.metric, after.verdicts.values()),
        paired_change(pairs),
        tuple(flip for _, flip in ranked[:SHOWN_FLIPS]),
    )


def _said(verdict: Verdict) -> Said:
    return Said(outcome_of(verdict), verdict.reason, verdict.evidence)


def _direction(old: Verdict, new: Verdict) -> tuple[str, str]:
    if old.answer_number is not None and new.answer_number is not None:
        return "number", "higher" if new.answer_number > old.answer_number else "lower"
    was, now = (outcome_of(one) if one.answer_number is None else "number" for one in (old, new))
    return was, now


def _weight(old: Verdict, new: Verdict, moves_rate: bool) -> int:
    """An answer turned into another says most, then an answer lost or won; a step of the rate and a quote say more."""
    answers = (old.state == "answered") + (new.state == "answered")
    return 4 * answers + 2 * moves_rate + bool(new.evidence or old.evidence)
