"""Where one conversation stands with one metric and one judge: its verdict, and what is still to be asked.

Pure: the same conversation, definition and recorded replies always give the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec.structs import replace

from metrics_pipeline.conversations.record import Conversation, fingerprint, shown_text
from metrics_pipeline.evaluation.judge import Judge
from metrics_pipeline.evaluation.ledger import CORRECTION_ASKING, VERDICT_ASKING, Cell, JudgeRecord, Recorded
from metrics_pipeline.evaluation.orders import looks_like_an_order
from metrics_pipeline.evaluation.prompt import prompt_version
from metrics_pipeline.evaluation.reading import read_reply
from metrics_pipeline.evaluation.verdict import State, Verdict
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.metrics.gate import Facts, passes
from metrics_pipeline.metrics.logged import LoggedAnswer, logged_answer
from metrics_pipeline.metrics.rules import NOT_CARRIED, Spoken, rule_answer
from metrics_pipeline.metrics.sampling import is_sampled

PROVIDER_ERROR = "provider_error"
NO_JUDGE = ""
"""The judge's fingerprint where none is asked."""

FindReply = Callable[[Cell], Recorded | None]


class Subject(NamedTuple):
    """A conversation with what is computed once and used for every metric."""

    conversation: Conversation
    judged_hash: str
    facts: Facts
    is_suspect: bool


class Ask(NamedTuple):
    """What is still to be asked."""

    cell: Cell
    problem: str | None
    """What was wrong with the first reply; None for the first question itself."""


class Standing(NamedTuple):
    """A verdict, if there is one yet, and what a run should ask next, if anything."""

    verdict: Verdict | None
    ask: Ask | None

    @property
    def is_paid(self) -> bool:
        """Whether a recorded reply settles it: nothing is asked, or paid, any more."""
        return self.ask is None and self.verdict is not None and self.verdict.reply_id is not None


NOT_SAMPLED = Standing(None, None)


def judge_fingerprint(judge: Judge) -> str:
    """Fingerprint of all that can change an answer besides the question: judge, parameters, prompt."""
    prompt = prompt_version() if judge.reads_prompt else ""
    return fingerprint([judge.kind, judge.name, sorted(judge.settings.items()), prompt])[:16]


def subject(conversation: Conversation, judged_hash: str | None = None) -> Subject:
    """`conversation`, ready to be judged."""
    logged: dict[str, list[str]] = {}
    for value in conversation.logged_metrics:
        logged.setdefault(value.metric, []).append(value.value)
    called = {turn.function_name for turn in conversation.turns if turn.function_name}
    facts = Facts(
        channel=conversation.channel,
        variant=conversation.variant,
        language=conversation.language,
        turn_count=conversation.utterance_count,
        duration_seconds=conversation.duration_seconds,
        handoff=conversation.handoff,
        functions_called=called if conversation.carries_functions else None,
        logged=logged if conversation.carries_logged else None,
    )
    return Subject(
        conversation, judged_hash or conversation.judged_hash, facts, looks_like_an_order(conversation.turns)
    )


def judged_standing(
    subject: Subject, metric: MetricDefinition, fingerprint: str, judge: JudgeRecord, find_reply: FindReply
) -> Standing:
    """Where `subject` stands with `metric` and the judge of that fingerprint."""
    conversation = subject.conversation
    if not is_sampled(metric, conversation.conversation_id):
        return NOT_SAMPLED
    applies = passes(metric.applies_if, subject.facts)

    def verdict(state: State, detail: str | None = None, **rest: Any) -> Verdict:
        return Verdict(
            conversation_id=conversation.conversation_id,
            metric=metric.key,
            metric_version=metric.version,
            source="judged",
            state=state,
            detail=detail,
            gate_unknown=applies is None,
            injection_suspect=subject.is_suspect,
            judge_role="first",
            judge_kind=judge.kind,
            judge=judge.name,
            judge_fingerprint=fingerprint,
            **rest,
        )

    if applies is False:
        return Standing(verdict("not_applicable", "gated"), None)
    if not subject.facts.turn_count:
        if conversation.reported_turn_count:
            return Standing(verdict("error", "no_transcript"), None)
        return Standing(verdict("not_applicable", "no_utterance"), None)

    problem = None
    for asking in (VERDICT_ASKING, CORRECTION_ASKING):
        cell = Cell(subject.judged_hash, metric.key, metric.version, fingerprint, asking)
        recorded = find_reply(cell)
        if recorded is None:
            return Standing(None, Ask(cell, problem))
        about = {"reply_id": recorded.reply_id, "judged_at": recorded.recorded_at}
        if recorded.reply is None:
            return Standing(verdict("error", PROVIDER_ERROR, **about), Ask(cell, problem))
        reading = read_reply(recorded.reply, metric, conversation.turns)
        problem = reading.problem
        final = verdict(
            reading.state,
            reading.detail,
            answer=reading.answer,
            reason=reading.reason,
            evidence=reading.evidence,
            applies_from_turn=reading.applies_from_turn,
            judge_served=recorded.reply.model_served,
            **about,
        )
        if problem is None:
            break
    return Standing(final, None)


def logged_verdict(subject: Subject, metric: MetricDefinition) -> Verdict | None:
    """What the agent's functions logged, as a verdict; None where there is no mapping, or the source logs nothing."""
    if metric.logged is None or subject.facts.logged is None:
        return None
    conversation = subject.conversation
    found = LoggedAnswer(None, "not_applicable", "gated")
    if passes(metric.applies_if, subject.facts) is not False:
        found = logged_answer(metric, list(subject.facts.logged.get(metric.logged.metric, ())))
    return Verdict(
        conversation_id=conversation.conversation_id,
        metric=metric.key,
        metric_version=metric.version,
        source="logged",
        state=found.state,
        answer=found.answer,
        answer_number=found.number,
        detail=found.detail,
    )


def rule_verdict(subject: Subject, metric: MetricDefinition) -> Verdict | None:
    """What the metric's rule says; None where it has none."""
    if metric.rule is None:
        return None
    conversation = subject.conversation
    base = Verdict(
        conversation_id=conversation.conversation_id,
        metric=metric.key,
        metric_version=metric.version,
        source="rule",
        state="not_applicable",
        detail="gated",
    )
    applies = passes(metric.applies_if, subject.facts)
    if applies is False:
        return base
    if not conversation.utterance_count and conversation.reported_turn_count:
        return replace(base, state="error", detail="no_transcript")
    turns = [Spoken(turn.speaker, shown_text(turn), turn.function_name) for turn in conversation.turns]
    found = rule_answer(metric, subject.facts, turns)
    return replace(
        base,
        state=found.state,
        answer=found.answer,
        answer_number=found.number,
        detail=NOT_CARRIED if found.state == "undecided" else None,
        gate_unknown=applies is None,
    )
