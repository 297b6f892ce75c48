"""Judged where it does not apply."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each

BAD = """\
name: "Loyalty: accepted"
type: boolean
definition: The caller accepted the loyalty offer.
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


END = r"(?:the |this |a )?(?:end|call|conversation|chat|interaction|contact|session|dialogue)\b"
DEPENDS = re.compile(
    rf"\bafter (?!{END}|hours|sales|all\b)|\bonce (?:the|a|an|they|it|he|she|their|all|any|every|\w+ed)\b|"
    rf"\b(?:when|whenever|where|if) (?!{END})(?:the|a|an|they|he|she|it|asked|offered|their|there|told|eligible|needed|no)\b(?! {END})|"
    rf"\bupon (?!{END})|\bas soon as (?!{END})|\bfollowing (?:the|a|an|their)\b (?!{END})|"
    r"\b(?:during|within|in) (?:the|a|an|their) (?:\w+ ){0,2}(?:flow|process|procedure|step|check|stage|phase|journey|funnel|enrol\w+)\b|"
    rf"\bduring (?:the|a|an|their) (?!{END}|\w+ (?:call|conversation|chat)\b)|\b(?:eligible|entitled|qualif(?:y|ies|ied|ying))\b|"
    r"\b(?:the|our|an|a|its) (?:[\w-]+ ){0,3}(?:offer|upsell|upgrade|promotion|survey|cross-sell|loyalty \w+)\b|\bwas offered\b",
    re.IGNORECASE,
)
REPORTED = re.compile(
    r"\b(?:ask|said|say|told|tell|know|explain|mention|announc|describ|want|learn|hear|stat|inquir|enquir|find out|found out|question)\w*\b[^,;.]*$",
    re.IGNORECASE,
)
MAKES = re.compile(
    r"\bagent\b[^,;.]*\b(?:made|offered|mention\w*|present\w*|explain\w*|extend\w*|pitch\w*|propos\w*|describ\w*)\b[^,;.]*$",
    re.IGNORECASE,
)


def check(subject: Subject) -> Iterator[Hit]:
    metric = subject.metric
    if metric.applies_when is not None or metric.applies_if is not None:
        return
    for found in DEPENDS.finditer(metric.definition):
        before = metric.definition[: found.start()]
        if re.search(r"\b(?:least|than)\s*$", before) or REPORTED.search(before):
            continue
        if MAKES.search(before) and found.group().lower().startswith(("the", "an", "a ", "our", "its", "upgrade")):
            continue
        yield Hit(
            subject,
            ("definition",),
            f"it depends on something ({found.group().strip()!r} …), and nothing says when it applies.",
        )
        return


RULE = Rule(
    code="A401",
    title="Judged where it does not apply",
    wrong="The text depends on something that does not happen in every conversation, and nothing says when it applies.",
    why="Every other conversation counts as a failure, and the rate says nothing.",
    fix="Add applies_when: once what must have happened first.",
    bad=BAD,
    good=GOOD,
    check=judged_each(check),
)
