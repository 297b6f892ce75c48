"""No exact condition for true."""

from __future__ import annotations

from collections.abc import Iterator

from metrics_pipeline.metrics.lint.acts import is_observable, is_spelled_out, is_vague
from metrics_pipeline.metrics.lint.english import points_back
from metrics_pipeline.metrics.lint.hidden import beyond, inner
from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each

BAD = """\
name: "Refund: issued"
type: boolean
definition: The agent refunded an order that the caller had returned.
false_when: The agent refused the refund, or the conversation ended without one.
good: true
"""
GOOD = """\
name: "Refund: issued"
type: boolean
definition: The agent refunded an order that the caller had returned.
true_when: The agent said that the money goes back to the card the order was paid with.
false_when: The agent refused the refund, or the conversation ended without one.
good: true
"""


def check(subject: Subject) -> Iterator[Hit]:
    metric = subject.metric
    if metric.type != "boolean" or is_spelled_out(metric.definition):
        return
    if metric.true_when is None:
        yield Hit(subject, ("definition",), "nothing says what exactly makes it true.")
    elif _is_open(metric.true_when, metric.definition) and not (
        beyond(metric.true_when) or inner(metric.true_when) or beyond(metric.definition)
    ):
        yield Hit(subject, ("true_when",), "true_when names nothing that somebody said or did.")


def _is_open(true_when: str, definition: str) -> bool:
    """Whether a condition leaves open what must be said; `either of the two` may mean what the definition names."""
    return is_vague(true_when) and not (points_back(true_when) and is_observable(definition))


RULE = Rule(
    code="S301",
    title="No exact condition for true",
    wrong="Nothing says what exactly makes the answer true.",
    why="The judge draws the line, each time elsewhere.",
    fix="Write true_when: who must have said or done what.",
    bad=BAD,
    good=GOOD,
    check=judged_each(check),
)
