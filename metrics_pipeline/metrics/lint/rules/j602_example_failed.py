"""An example that its judge gets wrong."""

from __future__ import annotations

from collections.abc import Iterator

from metrics_pipeline.metrics.lint.project import Hit, Misjudged, Project, Rule, Seen, Severity

BAD = """\
name: "Refund: issued"
type: boolean
definition: The agent refunded an order that the caller had returned.
true_when: The agent said that the money goes back to the card the order was paid with.
false_when: The agent refused the refund, or the conversation ended without one.
good: true
examples:
  - {transcript: "agent: The money is on its way back to your card.", answer: "true"}
"""
GOOD = """\
name: "Refund: issued"
type: boolean
definition: The agent refunded an order that the caller had returned.
true_when: The agent said that the money goes back to the card the order was paid with.
false_when: The agent refused the refund, or the conversation ended without one.
good: true
examples:
  - {transcript: "agent: We refunded the order; the money goes back to your card.", answer: "true"}
"""


def check(project: Project) -> Iterator[Hit]:
    failures = project.seen.example_failures if project.seen else {}
    for subject in project.subjects:
        for index, given, judge in failures.get(subject.metric.key, ()):
            # The baseline compares words: what it gets wrong may be as clear as day.
            severity: Severity = "info" if judge == "baseline" else "warning"
            message = f"{judge} answers example {index + 1} with {given!r}."
            yield Hit(subject, ("examples", index), message, severity=severity)


RULE = Rule(
    code="J602",
    title="An example that its judge gets wrong",
    wrong="The judge answers one of the examples otherwise than the file does.",
    why="What the judge gets wrong here it gets wrong elsewhere.",
    fix="Make the conditions clearer, or correct the example.",
    bad=BAD,
    good=GOOD,
    check=check,
    seen=Seen(example_failures={"example": (Misjudged(0, "false", "a/model"),)}),
    seen_good=Seen(example_failures={"example": ()}),
)
