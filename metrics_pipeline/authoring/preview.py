"""A metric on past conversations before it goes live: its answers, its evidence, its price."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from metrics_pipeline.authoring.estimate import Estimate
from metrics_pipeline.conversations.record import Conversation, Turn
from metrics_pipeline.evaluation.asking import Tally
from metrics_pipeline.evaluation.reading import Reading
from metrics_pipeline.evaluation.standing import Subject, subject
from metrics_pipeline.evaluation.trial import Trial
from metrics_pipeline.evaluation.verdict import Evidence, Verdict
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.metrics.parts import Speaker
from metrics_pipeline.serving.summary import wilson_interval

SHOWN_A_CLASS = 6


class AnswerShare(NamedTuple):
    """How often an answer was given."""

    answer: str
    answer_count: int
    share: float
    low: float
    high: float
    """Of those that are answered; a 95 % Wilson interval."""


class Shown(NamedTuple):
    """One conversation with what was said about it."""

    conversation_id: str
    conversation_date: date
    outcome: str
    """The answer, or the state with its detail."""
    reason: str | None
    evidence: tuple[Evidence, ...]
    baseline: str | None
    """What the built-in baseline says; None where nobody was heard."""
    logged: str | None
    """What the agent's functions logged; None without a mapping."""


class Preview(NamedTuple):
    """Everything that a preview shows."""

    metric: MetricDefinition
    conversation_count: int
    states: Mapping[str, int]
    """Conversations by state; `unjudged` for what was left open or is not in the metric's sample."""
    answers: tuple[AnswerShare, ...]
    mean: float | None
    """Of a numeric metric: the mean of its numbers."""
    shown: Mapping[str, tuple[Shown, ...]]
    """At most six conversations of each class."""
    same_as_baseline: tuple[int, int] | None
    """(alike, compared) where both answer."""
    same_as_logged: tuple[int, int] | None
    examples: tuple[tuple[int, str, str], ...]
    """(number, right answer, given answer) of each example, asked with the others in the prompt and itself left out."""
    tally: Tally
    held_count: int
    nightly: Estimate
    """The newest day, judged by this version alone."""
    backfill: Estimate
    """Every day."""
    stopped: str | None


def outcome_of(verdict: Verdict | Reading) -> str:
    """The answer or number; in its place the state, with its detail in brackets."""
    if verdict.answer is not None:
        return verdict.answer
    number = getattr(verdict, "answer_number", None)
    if number is not None:
        return f"{number:g}"
    return f"{verdict.state} ({verdict.detail})" if verdict.detail else verdict.state


def shares(metric: MetricDefinition, verdicts: Sequence[Verdict]) -> tuple[AnswerShare, ...]:
    """Each answer of the metric's list, in its order, zero counts included."""
    counts = Counter(verdict.answer for verdict in verdicts if verdict.answer is not None)
    total = counts.total()
    rows = []
    for answer in metric.answers:
        interval = wilson_interval(counts[answer], total)
        if interval is not None:
            rows.append(AnswerShare(answer, counts[answer], counts[answer] / total, *interval))
    return tuple(rows)


def show_classes(
    subjects: Sequence[Subject], trial: Trial, baseline: Mapping[str, Reading], logged: Mapping[str, Verdict]
) -> dict[str, tuple[Shown, ...]]:
    """Conversations by what was said about them, the metric's answers first, at most six of each."""
    classes: dict[str, list[Shown]] = {answer: [] for answer in trial.metric.answers}
    for one in subjects:
        key = one.conversation.conversation_id
        verdict = trial.verdicts.get(key)
        if verdict is None:
            continue
        name = "number" if verdict.answer_number is not None else outcome_of(verdict)
        found = classes.setdefault(name, [])
        if len(found) < SHOWN_A_CLASS:
            found.append(_shown(one, verdict, baseline.get(key), logged.get(key)))
    return {name: tuple(found) for name, found in classes.items() if found}


def _shown(one: Subject, verdict: Verdict, baseline: Reading | None, logged: Verdict | None) -> Shown:
    return Shown(
        one.conversation.conversation_id,
        one.conversation.conversation_date,
        outcome_of(verdict),
        verdict.reason,
        verdict.evidence,
        outcome_of(baseline) if baseline is not None else None,
        outcome_of(logged) if logged is not None else None,
    )


def alike(verdicts: Mapping[str, Verdict], others: Mapping[str, Any]) -> tuple[int, int] | None:
    """(alike, compared) over the conversations that both sides answer; None where there are none."""
    pairs = [
        (verdict.answer, others[key].answer)
        for key, verdict in verdicts.items()
        if verdict.answer is not None and key in others and others[key].answer is not None
    ]
    return (sum(one == other for one, other in pairs), len(pairs)) if pairs else None


def example_tests(metric: MetricDefinition, now_day: date) -> list[tuple[MetricDefinition, Subject, str]]:
    """For each example: the definition without it, its transcript as a conversation, and the right answer."""
    found = []
    for number, example in enumerate(metric.examples or ()):
        others = tuple(other for place, other in enumerate(metric.examples or ()) if place != number)
        turns = tuple(_turn(index, *turn) for index, turn in enumerate(example.transcript))
        made = Conversation(
            conversation_id=f"example-{number + 1}",
            conversation_date=now_day,
            started_at=datetime(now_day.year, now_day.month, now_day.day, tzinfo=UTC),
            source="example",
            turns=turns,
            reported_turn_count=len(turns),
        )
        # A gate would ask about what an example does not have.
        left = metric.with_changes(examples=others or None, applies_if=None, sample=None)
        found.append((left, subject(made), example.answer))
    return found


def _turn(index: int, speaker: Speaker, text: str) -> Turn:
    return Turn(index, speaker, "", None, text) if speaker == "function" else Turn(index, speaker, text)
