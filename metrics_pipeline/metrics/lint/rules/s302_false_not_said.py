"""Nothing says what is false."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metrics_pipeline.metrics.lint.acts import is_observable, is_vague
from metrics_pipeline.metrics.lint.english import points_back
from metrics_pipeline.metrics.lint.evaluation import evaluates
from metrics_pipeline.metrics.lint.grammar import clauses
from metrics_pipeline.metrics.lint.hidden import beyond, inner
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
    "otherwise else not any other case false true all if when everything rest remaining opposite the anything in cases "
    "contrary reverse applies apply is this that condition conditions met holds hold fulfilled given so same also here"
)
ABSENT = re.compile(r"\b(?:absent|missing|lack(?:s|ed|ing)?|omit(?:s|ted)?|left out|withh[eo]ld)\b", re.IGNORECASE)
INLINE = re.compile(
    r"\bfalse\b|\bnot so (?:if|when|where)\b|\bno,? (?:if|when)\b|\bnot the case (?:when|if)\b|\bdoes not (?:where|when|if|count)\b|\b(?:does|do|did|will) not count\b|\bcounts? as (?:a )?(?:no|not|failure)\b|\bnot counted\b|"
    r"\botherwise (?:it is |the answer is )?no\b",
    re.IGNORECASE,
)


def check(subject: Subject) -> Iterator[Hit]:
    metric = subject.metric
    if metric.type != "boolean":
        return
    if metric.false_when is None:
        if not INLINE.search(f"{metric.definition} {metric.true_when or ''}"):
            yield Hit(subject, ("definition",), "nothing says what makes it false.")
    elif not _says_something(metric.false_when, metric.true_when or metric.definition) and not beyond(
        metric.definition
    ):
        yield Hit(subject, ("false_when",), "false_when names nothing that a transcript could show.")


def _says_something(false_when: str, true_when: str) -> bool:
    if content(false_when) <= EMPTY:
        return False
    if not is_vague(false_when) or any(beyond(text) or inner(text) for text in (false_when, true_when)):
        return True
    # `None of these was named` says exactly what is missing, where what should be there is exact.
    is_missing = ABSENT.search(false_when) is not None or any(
        clause.is_negated and not evaluates(str(clause)) for clause in clauses(false_when)
    )
    is_counted = points_back(false_when) and not evaluates(false_when)
    return (is_missing or is_counted) and is_observable(true_when)


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
