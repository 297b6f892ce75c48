"""A suppression that says nothing."""

from __future__ import annotations

from collections.abc import Iterator

from metrics_pipeline.metrics.lint.project import Hit, Project, Rule

BAD = """\
# lint: ignore S301
name: "Refund: issued"
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


def check(project: Project) -> Iterator[Hit]:
    """Nothing: what a comment excuses is known only when all rules have run."""
    yield from ()


RULE = Rule(
    code="X001",
    title="A suppression that says nothing",
    wrong="A comment excuses an unknown code, gives no reason, or excuses what is not there.",
    why="A reader cannot tell a considered exception from a forgotten one.",
    fix="Write `# lint: ignore CODE: <reason>`, or remove the comment.",
    bad=BAD,
    good=GOOD,
    check=check,
)
