"""The prompt: a file that a person can read, the metrics as their files say them, and one fenced transcript.

What is the same for many conversations stands first, so that a provider's prompt cache can serve it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from metrics_pipeline.conversations.record import Turn
from metrics_pipeline.evaluation.containment import fence, fenced, visible
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.metrics.parts import UNDECIDED, Example

REPLY_TOKENS_A_METRIC = 350
REPLY_TOKENS_BASE = 100
RENDERING = 1
"""Raised when this module renders the same definition or transcript in another way."""

ATTEMPTS = {
    "first": "If it happened several times, the first time counts.",
    "last": "If it happened several times, the last time counts.",
    "best": "If it happened several times, the best outcome counts.",
    "any": "If it happened several times, one time that fits is enough.",
}
WHOSE_WORDS = {
    "agent": "the agent's words",
    "user": "the customer's words",
    "function": "the lines of functions",
}


@cache
def instructions() -> str:
    """What every judge is told, whatever the metrics."""
    return files("metrics_pipeline.evaluation").joinpath("prompt.md").read_text(encoding="utf-8").strip()


@cache
def prompt_version() -> str:
    """Fingerprint of everything in the prompt that does not come from a definition or a conversation."""
    parts = [str(RENDERING), instructions(), *ATTEMPTS.values(), *WHOSE_WORDS.values()]
    return hashlib.blake2b("\x00".join(parts).encode(), digest_size=6).hexdigest()


def describe(metric: MetricDefinition) -> str:
    """One metric as the judge reads it, in the definition's own words."""
    lines = [f"## {metric.key}", metric.definition]
    if metric.applies_when:
        lines.append(f"Applies when: {metric.applies_when}")
    when = {"true": metric.true_when, "false": metric.false_when} | {label.name: label.when for label in metric.labels}
    lines.append("Answers:")
    for answer in metric.answers:
        condition = f": {when[answer]}" if when[answer] else ""
        optional = "" if metric.needs_evidence(answer) else " (evidence may be empty)"
        lines.append(f'- "{answer}"{condition}{optional}')
    lines.append(f'- "{UNDECIDED}": the transcript does not tell. (evidence may be empty)')
    if metric.attempts:
        lines.append(ATTEMPTS[metric.attempts])
    if metric.evidence_from in WHOSE_WORDS:
        lines.append(f"As evidence only {WHOSE_WORDS[metric.evidence_from]} count.")
    for number, example in enumerate(metric.examples or (), start=1):
        lines += [f"Example {number}:", *_example_lines(example)]
    return "\n".join(lines)


def _example_lines(example: Example) -> list[str]:
    turns = [
        msgspec.json.encode({"turn_index": index, "speaker": turn.speaker, "text": visible(turn.text)}).decode()
        for index, turn in enumerate(example.transcript)
    ]
    because = f", because: {example.why}" if example.why else ""
    return [*turns, f'The right answer is "{example.answer}"{because}']


def render(
    turns: Sequence[Turn], metrics: Sequence[MetricDefinition], judged_hash: str, secret: bytes
) -> tuple[Mapping[str, str], ...]:
    """The chat messages that ask about one conversation."""
    return system_message(metrics), transcript_message(turns, judged_hash, secret)


def system_message(metrics: Sequence[MetricDefinition]) -> Mapping[str, str]:
    """What is the same for every conversation that `metrics` are asked about."""
    described = "\n\n".join(describe(metric) for metric in metrics)
    return {"role": "system", "content": f"{instructions()}\n\n# Metrics\n\n{described}"}


def transcript_message(turns: Sequence[Turn], judged_hash: str, secret: bytes) -> Mapping[str, str]:
    """One conversation, between its marks."""
    return {"role": "user", "content": fenced(turns, fence(secret, judged_hash))}


def left_out_note(left_out: tuple[int, int]) -> str:
    """What a judge is told that is not shown all of a conversation, behind the transcript's closing mark.

    Not part of `prompt_version`, so that who is shown everything is not asked anew: whoever changes it raises
    RENDERING.
    """
    first, last = left_out
    turns = f"Turn {first} is" if first == last else f"Turns {first} to {last} are"
    return (
        f"{turns} left out of this transcript, because the conversation is too long to be read at once. What was said "
        "there is not known: judge by what is shown, quote nothing else, and where the answer rests on what may stand "
        "there, answer `undecided`."
    )


def with_left_out(
    messages: tuple[Mapping[str, str], ...], left_out: tuple[int, int] | None
) -> tuple[Mapping[str, str], ...]:
    """`messages` with a word about the turns that are left out, if any are."""
    if left_out is None:
        return messages
    system, transcript, *rest = messages
    told = f"{transcript['content']}\n\n{left_out_note(left_out)}"
    return (system, {**transcript, "content": told}, *rest)


def correction(problems: Mapping[str, str]) -> Mapping[str, str]:
    """One more message for the metrics whose first answer did not hold.

    Args:
        problems: What was wrong with the first answer, by metric key.
    """
    lines = [f"- {key}: {problem}" for key, problem in problems.items()]
    text = "\n".join(["You were asked this before, and these parts of your reply did not hold:", *lines])
    return {"role": "user", "content": f"{text}\nJudge them once more, from the transcript alone."}


def reply_schema(metrics: Sequence[MetricDefinition]) -> dict[str, Any]:
    """JSON schema of the reply: closed, every key required, in the order in which a judge should think."""
    quote = _closed({"turn_index": {"type": "integer"}, "quote": {"type": "string"}})
    answers: dict[str, Any] = {}
    for metric in metrics:
        applies = {"applies": {"type": "boolean"}, "applies_from_turn": {"type": ["integer", "null"]}}
        answers[metric.key] = _closed(
            (applies if metric.applies_when else {})
            | {
                "evidence": {"type": "array", "items": quote},
                "reason": {"type": "string"},
                "answer": {"type": "string", "enum": [*metric.answers, UNDECIDED]},
            }
        )
    return _closed(answers)


def max_reply_tokens(metrics: Sequence[MetricDefinition]) -> int:
    return REPLY_TOKENS_BASE + REPLY_TOKENS_A_METRIC * len(metrics)


def _closed(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }
