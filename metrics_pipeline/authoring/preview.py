"""A metric on past conversations before it goes live: its answers, its evidence, its price."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from metrics_pipeline.authoring.answers import Answers, answers_of, outcome_of
from metrics_pipeline.authoring.estimate import Estimate
from metrics_pipeline.conversations.record import Conversation, Turn
from metrics_pipeline.evaluation.reading import Reading
from metrics_pipeline.evaluation.standing import Subject, subject
from metrics_pipeline.evaluation.tally import Tally
from metrics_pipeline.evaluation.trial import Trial
from metrics_pipeline.evaluation.verdict import Evidence, Verdict
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.metrics.parts import Speaker

SHOWN_A_CLASS = 6
DECIDED_WITHOUT_READING = ("gated", "no_utterance", "no_transcript")
"""Details of verdicts that nothing in a transcript led to: there is nothing to show."""


class Shown(NamedTuple):
    """One conversation with what was said about it."""

    conversation_id: str
    conversation_date: date
    outcome: str
    """The answer, or the state with its detail."""
    reason: str | None
    evidence: tuple[Evidence, ...]
    baseline: str | None
    """What the built-in baseline says; None where nobody was heard, or where it is the judge itself."""
    logged: str | None
    """What the agent's functions logged; None without a mapping."""


class ExampleTest(NamedTuple):
    """An example of the definition, put to its own judge with the others in the prompt and itself left out."""

    number: int
    right: str
    given: str


class Preview(NamedTuple):
    """Everything that a preview shows."""

    metric: MetricDefinition
    judge: str | None
    """Who judged; None where nothing is judged."""
    conversation_ids: tuple[str, ...]
    """The sample, oldest day first."""
    sources: tuple[Answers, ...]
    """What each source says about the same conversations, the metric's value first."""
    shown: Mapping[str, tuple[Shown, ...]]
    """At most six conversations of each class: of the judge's where the metric is judged, else of its value's."""
    same_as_baseline: tuple[int, int] | None
    """(alike, compared) where both answer."""
    same_as_logged: tuple[int, int] | None
    examples: tuple[ExampleTest, ...]
    expected: Estimate
    """What this preview was to send, examples included."""
    tally: Tally
    """What it has sent."""
    held_count: int
    """Conversations whose answer the ledger held before."""
    nightly: Estimate
    """A night with this metric alone: the mean of the newest days, none of which the ledger holds."""
    nightly_days: int
    backfill: Estimate
    """Every day, without what the ledger holds by now."""
    stopped: str | None

    @property
    def conversation_count(self) -> int:
        return len(self.conversation_ids)


def show_classes(
    subjects: Sequence[Subject], trial: Trial, baseline: Mapping[str, Reading], logged: Mapping[str, Verdict]
) -> dict[str, tuple[Shown, ...]]:
    """Conversations by what was said about them, the metric's answers first, at most six of each from any day."""
    classes: dict[str, list[Shown]] = {answer: [] for answer in trial.metric.answers}
    for one in sorted(subjects, key=_shuffled):
        key = one.conversation.conversation_id
        verdict = trial.verdicts.get(key)
        if verdict is None or verdict.detail in DECIDED_WITHOUT_READING:
            continue
        name = "number" if verdict.answer_number is not None else outcome_of(verdict)
        found = classes.setdefault(name, [])
        if len(found) < SHOWN_A_CLASS:
            found.append(_shown(one, verdict, baseline.get(key), logged.get(key)))
    return {name: tuple(found) for name, found in classes.items() if found}


def _shuffled(one: Subject) -> bytes:
    # The same order each time, and not the order of days.
    return hashlib.blake2b(one.conversation.conversation_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _shown(one: Subject, verdict: Verdict, baseline: Reading | None, logged: Verdict | None) -> Shown:
    return Shown(
        one.conversation.conversation_id,
        one.conversation.conversation_date,
        outcome_of(verdict),
        verdict.reason,
        verdict.evidence,
        outcome_of(baseline) if baseline is not None else None,
        outcome_of(logged) if logged is not None and verdict.source != "logged" else None,
    )


def alike(verdicts: Mapping[str, Verdict], others: Mapping[str, Any]) -> tuple[int, int] | None:
    """(alike, compared) over the conversations that both sides answer; None where there are none."""
    pairs = [
        (verdict.answer, others[key].answer)
        for key, verdict in verdicts.items()
        if verdict.answer is not None and key in others and others[key].answer is not None
    ]
    return (sum(one == other for one, other in pairs), len(pairs)) if pairs else None


def sources_of(trials: Sequence[Trial], conversation_count: int) -> tuple[Answers, ...]:
    """What each of `trials` comes to."""
    return tuple(answers_of(trial, conversation_count) for trial in trials)


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
