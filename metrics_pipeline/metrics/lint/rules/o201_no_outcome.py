"""No outcome is stated."""

from __future__ import annotations

from collections.abc import Iterator

from metrics_pipeline.metrics.lint.acts import is_observable, is_spelled_out
from metrics_pipeline.metrics.lint.english import has_verb
from metrics_pipeline.metrics.lint.evaluation import evaluates
from metrics_pipeline.metrics.lint.hidden import beyond
from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each

BAD = """\
name: "Refund: issued"
type: boolean
definition: Whether it was a good call.
true_when: The call went well.
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
    if any(map(beyond, (metric.definition, *subject.conditions))):
        # It states one that is beyond the conversation.
        return
    if any(map(is_observable, subject.conditions)) or is_spelled_out(metric.definition):
        return
    # Labels without good or bad sort by topic: `the kind of claim` is a question that needs no outcome.
    is_sorted = metric.type == "categorical" and set(metric.outcomes.values()) == {"neutral"}
    is_judged = evaluates(metric.definition)
    if is_observable(metric.definition) or (is_sorted and not is_judged):
        return
    if has_verb(metric.definition) or is_judged:
        yield Hit(subject, ("definition",), "the definition states no outcome that a transcript could show.")


RULE = Rule(
    code="O201",
    title="No outcome is stated",
    wrong="It says how good something was, and not what was said or done.",
    why="Two readers of one transcript will not agree, and no turn can be quoted for it.",
    fix="Name what the caller, the agent or the system must have said or done.",
    bad=BAD,
    good=GOOD,
    check=judged_each(check),
)
