"""No function or flow is named."""

from __future__ import annotations

from collections.abc import Iterator

from metrics_pipeline.metrics.lint.project import Hit, Project, Rule, Seen
from metrics_pipeline.metrics.lint.words import stems

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
applies_if: {function_called: issue_refund}
"""


def check(project: Project) -> Iterator[Hit]:
    for subject in project.subjects:
        metric = subject.metric
        if project.seen is None or metric.applies_when or (metric.applies_if and metric.applies_if.function_called):
            continue
        said = set(stems(f"{metric.name} {metric.key.replace('_', ' ')} {metric.definition}"))
        for function in sorted(project.seen.functions):
            parts = set(stems(function.replace("_", " ").replace(".", " ").replace("-", " ")))
            if parts and parts <= said:
                yield Hit(subject, ("definition",), f"the data has the function {function!r}, and no gate names it.")
                break


RULE = Rule(
    code="A402",
    title="No function or flow is named",
    wrong="The data has a function of that name, and the definition does not name it in a gate.",
    why="A gate on the function rules the other conversations out free of charge.",
    fix="Add applies_if: {function_called: …}, or applies_when.",
    bad=BAD,
    good=GOOD,
    check=check,
    severity="info",
    seen=Seen(functions=frozenset({"issue_refund"})),
)
