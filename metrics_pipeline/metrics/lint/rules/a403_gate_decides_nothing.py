"""A gate that is never or always passed."""

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
applies_if: {channel: fax}
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
    counts = project.seen.gate_pass_counts if project.seen else {}
    for subject in project.subjects:
        if subject.metric.applies_if is None or subject.metric.key not in counts:
            continue
        passed, failed, unknown = counts[subject.metric.key]
        if passed + failed > 0 and unknown == 0 and 0 in (passed, failed):
            which = "no" if passed == 0 else "every"
            yield Hit(subject, ("applies_if",), f"applies_if holds for {which} conversation of {passed + failed}.")


RULE = Rule(
    code="A403",
    title="A gate that is never or always passed",
    wrong="In the data seen, applies_if holds for no conversation, or for every one.",
    why="Nothing is judged, or the gate is there for nothing.",
    fix="Correct applies_if or remove it.",
    bad=BAD,
    good=GOOD,
    check=check,
    seen=Seen(gate_pass_counts={"example": (0, 9, 0)}),
)
