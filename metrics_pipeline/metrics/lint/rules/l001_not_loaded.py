"""A file cannot be loaded."""

from __future__ import annotations

from collections.abc import Iterator

from metrics_pipeline.metrics.lint.project import Hit, Project, Rule

BAD = """\
name: "Refund: issued"
type: bolean
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
    """Nothing: a file that does not load has no subject, so its problems become findings where all are gathered."""
    yield from ()


RULE = Rule(
    code="L001",
    title="A file cannot be loaded",
    wrong="The file is not a definition: its YAML or a field is wrong.",
    why="Nothing in it is judged.",
    fix="Correct the line that is named.",
    bad=BAD,
    good=GOOD,
    check=check,
    severity="error",
)
