"""What the agent's own functions logged, translated into an answer of the metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Literal, NamedTuple

from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.metrics.parts import NOT_APPLICABLE

UNMAPPED = "unmapped"


class LoggedAnswer(NamedTuple):
    """An answer; or None, and the state to record in its place."""

    answer: str | None
    state: Literal["answered", "not_applicable", "error"] = "answered"
    detail: str | None = None
    number: float | None = None
    """Of a numeric metric, in place of an answer."""


def logged_answer(metric: MetricDefinition, values: Sequence[str]) -> LoggedAnswer:
    """The answer that the logged `values`, in the order they were written, stand for.

    Several values are several attempts: `attempts` says which counts (the last one where it says nothing). The best,
    or any, is the answer that stands first in the metric's list: `true`, or the label listed first.

    Raises:
        ValueError: The metric has no logged mapping.
    """
    if metric.logged is None:
        raise ValueError(f"{metric.key} has no logged mapping")
    if not values:
        if metric.logged.absent == NOT_APPLICABLE:
            return LoggedAnswer(None, "not_applicable")
        return LoggedAnswer(metric.logged.absent)
    if metric.type == "numeric":
        return _number(values[0] if metric.attempts == "first" else values[-1])
    answers = [_mapped(metric.logged.values or {}, value) or metric.logged.unmapped for value in values]
    answer = _chosen(metric, answers)
    return LoggedAnswer(None, "error", UNMAPPED) if answer == "error" else LoggedAnswer(answer)


def _number(value: str) -> LoggedAnswer:
    try:
        number = float(value)
    except ValueError:
        return LoggedAnswer(None, "error", UNMAPPED)
    return LoggedAnswer(None, number=number) if isfinite(number) else LoggedAnswer(None, "error", UNMAPPED)


def _mapped(mapping: Mapping[str, str], value: str) -> str | None:
    for pattern, answer in mapping.items():
        if value == pattern or (pattern.endswith("*") and value.startswith(pattern[:-1])):
            return answer
    return None


def _chosen(metric: MetricDefinition, answers: list[str]) -> str:
    if metric.attempts == "first":
        return answers[0]
    if metric.attempts in ("best", "any"):
        # The order of the file, and not outcomes: those may change without a new version, an answer may not.
        known = [answer for answer in answers if answer in metric.answers]
        return min(known, key=metric.answers.index, default=answers[-1])
    return answers[-1]
