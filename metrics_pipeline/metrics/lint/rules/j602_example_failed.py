"""An example that its judge gets wrong."""

from __future__ import annotations

from collections.abc import Iterator

from metrics_pipeline.metrics.lint.project import Hit, Project, Rule, Seen

BAD = """\
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
    failures = project.seen.example_failures if project.seen else {}
    for subject in project.subjects:
        for index, given in failures.get(subject.metric.key, ()):
            yield Hit(subject, ("examples", index), f"the judge answers example {index + 1} with {given!r}.")


RULE = Rule(
    code="J602",
    title="An example that its judge gets wrong",
    wrong="The judge answers one of the examples otherwise than the file does.",
    why="What the judge gets wrong here it gets wrong elsewhere.",
    fix="Make the conditions clearer, or correct the example.",
    bad=BAD,
    good=GOOD,
    check=check,
    seen=Seen(example_failures={"example": ((0, "false"),)}),
)
