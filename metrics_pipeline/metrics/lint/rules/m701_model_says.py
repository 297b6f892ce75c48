"""What a language model found weak."""

from __future__ import annotations

from collections.abc import Iterator

from metrics_pipeline.metrics.lint.project import Hit, Project, Remark, Rule, Seen

BAD = """\
name: "Refund: issued"
type: boolean
definition: The agent refunded an order that the caller had returned.
true_when: The agent said that the money goes back to the card the order was paid with.
false_when: The agent refused the refund.
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
    remarks = project.seen.remarks if project.seen else {}
    for subject in project.subjects:
        for code, field, problem, suggestion in remarks.get(subject.metric.key, ()):
            message = f"the model says: {problem}" + (f" ({code})" if code else "")
            fix = f"It suggests: {suggestion}" if suggestion else None
            yield Hit(subject, (field,) if field else (), message, fix, "warning" if code else "info")


RULE = Rule(
    code="M701",
    title="What a language model found weak",
    wrong="With --with-model, the project's model reviewed the definition and named a weakness.",
    why="It reads as the judge will; but it is a model, may be wrong, and never fails a check.",
    fix="Weigh what it says; change the definition, or excuse the file with a reason.",
    bad=BAD,
    good=GOOD,
    check=check,
    severity="info",
    seen=Seen(
        remarks={
            "example": (
                Remark(
                    "S302",
                    "false_when",
                    "a conversation that ends with the question open is neither true nor false.",
                    "say that it is false then as well.",
                ),
            )
        }
    ),
    seen_good=Seen(remarks={"example": ()}),
)
