"""A class too rare to measure."""

from __future__ import annotations

from collections.abc import Iterator

from metrics_pipeline.metrics.lint.project import Hit, Project, Rule, Seen
from metrics_pipeline.metrics.lint.words import words
from metrics_pipeline.wording import counted

BAD = """\
name: "Refund: granted"
type: boolean
definition: The agent refunded an order that the caller had returned.
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


RARE = 5
ENOUGH_ANSWERS = 100
"""Answers that a metric must have before any of them can be called rare."""
REST = frozenset("other others else none unknown unclear rest".split())
"""Labels for the rest are there to be rare."""


def check(project: Project) -> Iterator[Hit]:
    counts = project.seen.answer_counts if project.seen else {}
    for subject in project.subjects:
        given = counts.get(subject.metric.key, {})
        for answer, count in given.items():
            if count < RARE and answer in subject.metric.answers and not REST & set(words(answer.replace("_", " "))):
                said = f"the answer {answer!r} was given {counted(count, 'time')} of {sum(given.values()):,}: too rarely to measure."
                yield Hit(subject, (), said)


RULE = Rule(
    code="J601",
    title="A class too rare to measure",
    wrong=f"An answer was given for fewer than {RARE} conversations of the data seen. "
    f"Silent while the metric has fewer than {ENOUGH_ANSWERS} answers.",
    why="Its share has an interval too wide to tell anything.",
    fix="Join it with a neighbour, or take more conversations.",
    bad=BAD,
    good=GOOD,
    check=check,
    seen=Seen(answer_counts={"example": {"true": 199, "false": 1}}),
    seen_good=Seen(answer_counts={"example": {"true": 150, "false": 50}}),
)
