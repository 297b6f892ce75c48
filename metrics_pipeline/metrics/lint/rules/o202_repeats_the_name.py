"""The definition repeats the name."""

from __future__ import annotations

from collections.abc import Iterator

from metrics_pipeline.metrics.lint.acts import is_observable
from metrics_pipeline.metrics.lint.english import has_verb
from metrics_pipeline.metrics.lint.evaluation import EVALUATION
from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each
from metrics_pipeline.metrics.lint.words import content

BAD = """\
name: "Refund: issued"
type: boolean
definition: Refund metric.
true_when: The agent said that the money goes back to the card the order was paid with.
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


META = content(
    "metric measure measures measurement measured kpi score flag indicator tracks tracking track shows show status"
)


def check(subject: Subject) -> Iterator[Hit]:
    text, name = subject.metric.definition, content(subject.metric.name)
    said = content(text) - META
    anchored = any(map(is_observable, subject.conditions))
    if said <= name and not (anchored and has_verb(text)):
        yield Hit(subject, ("definition",), "the definition only repeats the name.")
    elif not has_verb(text) and not any(map(has_verb, subject.conditions)) and not EVALUATION.search(text.lower()):
        yield Hit(subject, ("definition",), "the definition is a noun: it does not say what must have happened.")


RULE = Rule(
    code="O202",
    title="The definition repeats the name",
    wrong="The definition is a bare noun, or the name again.",
    why="The judge learns nothing from it that the name does not say.",
    fix="Write a sentence: who must have said or done what.",
    bad=BAD,
    good=GOOD,
    check=judged_each(check),
)
