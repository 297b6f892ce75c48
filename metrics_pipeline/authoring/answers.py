"""What a sample of verdicts comes to: shares, rates and means, each with the interval that the sample allows.

The sample is proportional to its strata, so shares need no weights. The intervals are those of a simple random
sample: strata only make them a little too wide.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import sqrt
from statistics import fmean, median, stdev
from typing import NamedTuple

from metrics_pipeline.evaluation.reading import Reading
from metrics_pipeline.evaluation.trial import Trial
from metrics_pipeline.evaluation.verdict import Source, Verdict
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.serving.summary import Z_95, wilson_interval

STATES = ("answered", "not_applicable", "undecided", "error", "unjudged")
ENOUGH_FOR_A_MEAN = 30
"""Numbers from which on the normal interval of their mean can be trusted."""


class Share(NamedTuple):
    """How often something is so, with its 95 % Wilson interval; no share and no interval out of nothing."""

    number: int
    out_of: int
    share: float | None
    low: float | None
    high: float | None


class Numbers(NamedTuple):
    """What a numeric metric's numbers come to."""

    out_of: int
    mean: float
    low: float | None
    """Lower end of the 95 % normal interval of the mean; None of fewer than 30 numbers."""
    high: float | None
    median: float


class Answers(NamedTuple):
    """What one source says about the sample."""

    source: Source
    is_primary: bool
    """Whether this source is the metric's value in the tables."""
    states: dict[str, Share]
    """Of all conversations, by state; `unjudged` for what was left open or is not in the metric's own sample."""
    answers: dict[str, Share]
    """Of those that are answered, by answer, zero counts included; empty of a numeric."""
    rate: Share | None
    """As the tables count it; None of a metric that has no rate."""
    numbers: Numbers | None


def share(count: int, total: int) -> Share:
    """`count` of `total`."""
    low, high = wilson_interval(count, total) or (None, None)
    return Share(count, total, count / total if total else None, low, high)


def answers_of(trial: Trial, conversation_count: int) -> Answers:
    """What `trial` comes to over so many conversations."""
    metric, verdicts = trial.metric, list(trial.verdicts.values())
    states: Counter[str] = Counter(verdict.state for verdict in verdicts)
    states["unjudged"] = conversation_count - len(verdicts)
    given = Counter(verdict.answer for verdict in verdicts if verdict.answer is not None)
    return Answers(
        trial.source,
        trial.source == metric.primary_source,
        {state: share(states[state], conversation_count) for state in STATES},
        {answer: share(given[answer], given.total()) for answer in metric.answers},
        rate_of(metric, verdicts),
        _numbers([verdict.answer_number for verdict in verdicts if verdict.answer_number is not None]),
    )


def counts_in_rate(metric: MetricDefinition, verdict: Verdict) -> bool | None:
    """Whether the verdict is in the rate's numerator; None where it is not in the rate at all."""
    if verdict.answer is None or metric.rate_of is None:
        return None
    if metric.rate_of == "true":
        return verdict.answer == "true"
    outcome = metric.outcomes.get(verdict.answer, "neutral")
    return None if outcome == "neutral" else outcome == "success"


def rate_of(metric: MetricDefinition, verdicts: Iterable[Verdict]) -> Share | None:
    """The metric's rate; None where it has none."""
    if metric.rate_of is None:
        return None
    counted = [counts for verdict in verdicts if (counts := counts_in_rate(metric, verdict)) is not None]
    return share(sum(counted), len(counted))


def outcome_of(verdict: Verdict | Reading) -> str:
    """The answer or number; in its place the state, with its detail in brackets."""
    if verdict.answer is not None:
        return verdict.answer
    if isinstance(verdict, Verdict) and verdict.answer_number is not None:
        return f"{verdict.answer_number:g}"
    return f"{verdict.state} ({verdict.detail})" if verdict.detail else verdict.state


def _numbers(found: Sequence[float]) -> Numbers | None:
    if not found:
        return None
    mean = fmean(found)
    half = Z_95 * stdev(found) / sqrt(len(found)) if len(found) >= ENOUGH_FOR_A_MEAN else None
    low, high = (None, None) if half is None else (mean - half, mean + half)
    return Numbers(len(found), mean, low, high, median(found))
