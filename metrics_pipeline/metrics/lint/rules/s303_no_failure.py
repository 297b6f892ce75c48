"""Nothing counts as no success."""

from __future__ import annotations

from collections.abc import Iterator

from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each

BAD = """\
name: "Refund: answer"
type: categorical
definition: What the agent answered when the caller asked for a refund.
applies_when: Once the caller has asked for a refund.
labels:
  - {name: granted, when: The agent said that the money goes back to the card., outcome: success}
  - {name: reduced, when: The agent offered a voucher for a part of the price., outcome: neutral}
  - {name: refused, when: The agent refused to pay anything back., outcome: neutral}
  - {name: no_answer, when: The agent never answered the question., outcome: neutral}
"""
GOOD = """\
name: "Refund: answer"
type: categorical
definition: What the agent answered when the caller asked for a refund.
applies_when: Once the caller has asked for a refund.
labels:
  - {name: granted, when: The agent said that the money goes back to the card., outcome: success}
  - {name: reduced, when: The agent offered a voucher for a part of the price., outcome: partial}
  - {name: refused, when: The agent refused to pay anything back., outcome: failure}
  - {name: no_answer, when: The agent never answered the question., outcome: failure}
"""


def check(subject: Subject) -> Iterator[Hit]:
    outcomes = {label.outcome for label in subject.metric.labels}
    if "success" in outcomes and not outcomes & {"partial", "failure"}:
        yield Hit(subject, ("labels",), "a label is a success, and no label says what is not.")


RULE = Rule(
    code="S303",
    title="Nothing counts as no success",
    wrong="A label is a success, and none is a partial success or a failure.",
    why="The rate is of successes among successes: it is always 100 percent.",
    fix="Give the labels that do not count as success the outcome failure or partial.",
    bad=BAD,
    good=GOOD,
    check=judged_each(check),
)
