"""Partial success has no place."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each

BAD = """\
name: "Refund: issued"
type: boolean
definition: The agent refunded an order; partial success is possible.
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


PARTIAL = re.compile(
    r"\b(?:partly|partially) or (?:fully|wholly|completely|entirely)|\bpartial (?:success|resolution|completion|answer|fulfilment|result|outcome|verification|solution|credit|resolutions)|"
    r"\b(?:partly|partially|half|incompletely|in part|halfway) (?:resolv|solv|complet|done|met|answer|fulfil|succe|address|"
    r"achiev|finish|settl|help|handl|verif|authent|serv|satisf|book|there|success|fix)|"
    r"\b(?:resolv|solv|complet|done|answer|fulfil|succeed|address|achiev|finish|settl|verif|help)\w* (?:only )?"
    r"(?:partly|partially|in part|halfway|to some)|\bto (?:what|some|which|a certain) (?:extent|degree)|\bdegree to which|"
    r"\bextent to which|\b(?:whole or|wholly or|fully or|full or) (?:in )?part|\bhow (?:far|completely|fully|well|much of)\b|"
    r"\b(?:only )?(?:some|part|half) of (?:what|the (?:issues?|questions?|requests?|problems?))|\bsome but not all\b|"
    r"\bsomewhere in between|\b(?:success|result|outcome|resolution) (?:may|can|could) be (?:only )?(?:partial|incomplete|mixed)",
    re.IGNORECASE,
)
PLACE = re.compile(r"part|half|some|incomplet|mixed|reduced", re.IGNORECASE)


def check(subject: Subject) -> Iterator[Hit]:
    metric = subject.metric
    if metric.type == "categorical":
        outcomes = {label.outcome for label in metric.labels}
        if "partial" in outcomes or any(PLACE.search(label.name) for label in metric.labels):
            return
        speaks = re.search(r"\bpartial|\bpartly", metric.definition) and PARTIAL.search(metric.definition)
    else:
        placed = any(PLACE.search(text) for text in (metric.true_when, metric.false_when) if text)
        speaks = None if placed else PARTIAL.search(metric.definition)
    if speaks:
        yield Hit(
            subject,
            ("definition",),
            f"it speaks of a part or degree ({speaks.group()!r}), and no answer stands for it.",
        )


RULE = Rule(
    code="S304",
    title="Partial success has no place",
    wrong="The text speaks of a partial success, or of a degree, and no answer stands for it.",
    why="Half a success is counted as a whole one or as none, as the judge likes.",
    fix="Use type: categorical with a label for it (outcome: partial), or say in true_when or false_when where it counts.",
    bad=BAD,
    good=GOOD,
    check=judged_each(check),
)
