"""Nothing says what is false."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metrics_pipeline.metrics.lint.english import EVALUATION, is_observable
from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each
from metrics_pipeline.metrics.lint.words import content

BAD = """\
name: "Refund: issued"
type: boolean
definition: The agent refunded an order that the caller had returned.
true_when: The agent said that the money goes back to the card the order was paid with.
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


EMPTY = content(
    "otherwise else not any other case false true all if when everything rest remaining opposite the anything in cases"
)
INLINE = re.compile(
    r"\b(?:false (?:when|if|otherwise)|otherwise,? (?:it is )?false|does not count|counts? as false)\b", re.IGNORECASE
)


def check(subject: Subject) -> Iterator[Hit]:
    metric = subject.metric
    if metric.type != "boolean":
        return
    said = " ".join(filter(None, (metric.definition, metric.true_when)))
    if metric.false_when is None:
        if not INLINE.search(said):
            yield Hit(subject, ("definition",), "nothing says what makes it false.")
    elif content(metric.false_when) <= EMPTY or (
        EVALUATION.search(metric.false_when.lower()) and not is_observable(metric.false_when)
    ):
        yield Hit(subject, ("false_when",), "false_when names nothing that a transcript could show.")


RULE = Rule(
    code="S302",
    title="Nothing says what is false",
    wrong="Nothing says what makes the answer false.",
    why="A case between the two is sometimes true, sometimes false, sometimes left open.",
    fix="Write false_when: what was refused, missing or cut short.",
    bad=BAD,
    good=GOOD,
    check=judged_each(check),
)
