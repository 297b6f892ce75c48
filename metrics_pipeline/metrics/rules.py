"""`rule`: an answer from turns and attributes, free of charge and without any judge."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.metrics.gate import Facts, passes
from metrics_pipeline.metrics.parts import Condition, Rule, Said

NOT_CARRIED = "not_carried"


class Spoken(NamedTuple):
    """One turn, as far as a rule looks at it."""

    speaker: str
    text: str
    function_name: str | None = None


class RuleAnswer(NamedTuple):
    """An answer or a number; or neither, where the source does not carry what the rule asks about."""

    answer: str | None
    number: float | None = None
    state: Literal["answered", "undecided"] = "answered"


UNKNOWN = RuleAnswer(None, None, "undecided")


def rule_answer(metric: MetricDefinition, facts: Facts, turns: Sequence[Spoken]) -> RuleAnswer:
    """What the metric's rule says about one conversation.

    Raises:
        ValueError: The metric has no rule.
    """
    rule = metric.rule
    if rule is None:
        raise ValueError(f"{metric.key} has no rule")
    if rule.number is not None:
        number = _number(rule, facts, turns)
        return UNKNOWN if number is None else RuleAnswer(None, number)
    if rule.true_if is not None:
        holds = _holds(rule.true_if, facts, turns)
        return UNKNOWN if holds is None else RuleAnswer(str(holds).lower())
    for label, condition in (rule.labels or {}).items():
        holds = _holds(condition, facts, turns)
        if holds is None:
            # A label further down must not win because nothing is known about this one.
            return UNKNOWN
        if holds:
            return RuleAnswer(label)
    return RuleAnswer(rule.otherwise)


def _number(rule: Rule, facts: Facts, turns: Sequence[Spoken]) -> float | None:
    match rule.number:
        case "duration_seconds":
            return facts.duration_seconds
        case "function_call_count":
            if facts.functions_called is None:
                return None
            calls = [turn for turn in turns if turn.speaker == "function"]
            return float(sum(rule.function is None or turn.function_name in rule.function for turn in calls))
        case "user_turn_count" | "agent_turn_count":
            speaker = "user" if rule.number == "user_turn_count" else "agent"
            return float(sum(turn.speaker == speaker for turn in turns))
        case _:
            return None if facts.turn_count is None else float(facts.turn_count)


def _holds(condition: Condition, facts: Facts, turns: Sequence[Spoken]) -> bool | None:
    asked = condition.model_fields_set - {"said"}
    known = passes(condition, facts) if asked else True
    if known is False or condition.said is None:
        return known
    return known if _was_said(condition.said, turns) else False


def _was_said(said: Said, turns: Sequence[Spoken]) -> bool:
    pattern = _pattern(said.any_of)
    return any(pattern.search(turn.text) for turn in turns if said.by in ("any", turn.speaker))


@lru_cache(maxsize=256)
def _pattern(phrases: tuple[str, ...]) -> re.Pattern[str]:
    found = "|".join(re.escape(phrase).replace(r"\ ", r"\s+") for phrase in phrases)
    return re.compile(rf"(?<!\w)(?:{found})(?!\w)", re.IGNORECASE)
