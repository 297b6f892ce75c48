"""It refers to something that the judge does not see."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metrics_pipeline.metrics.lint.project import Hit, Project, Rule

BAD = """\
name: "Refund: issued"
type: boolean
definition: The agent refunded an order that the caller had returned.
true_when: The agent said so, as defined above.
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


REFERS = re.compile(
    r"\b(?:as|see|described|defined|mentioned|listed|stated|explained|given|outlined) (?:\w+ )?(?:above|below|earlier|previously)\b|"
    r"\bthe above\b|\b(?:above|below)(?:-| )mentioned|\baforementioned|\bsame (?:\w+ )?(?:as|like) (?:before|above|in|for|the other)\b|"
    r"\bas before\b|\bditto\b|\b(?:the|that|our|another|any|which) (?:other |previous |first |second |related |\w+ ){0,2}(?:metric|definition|kpi|measure)s?\b|"
    r"\b(?:other|previous|related) (?:metric|definition|kpi)s?\b|\b(?:true|false|answer(?:ed)?) (?:in|for|of) (?:the )?\w+_\w+|\bvice versa\b|"
    r"\bsame (?:conditions?|rules?|criteria|definition)\b",
    re.IGNORECASE,
)


def check(project: Project) -> Iterator[Hit]:
    keys = {subject.metric.key for subject in project.subjects if "_" in subject.metric.key}
    names = {subject.metric.name.lower() for subject in project.subjects if ":" in subject.metric.name}
    for subject in project.subjects:
        for loc, text in subject.prose:
            found = REFERS.search(text)
            rest = loc[0] == "labels" and re.search(r"\b(?:none|any|neither|one) of the above\b", text.lower())
            other = (set(re.findall(r"[a-z0-9]+(?:_[a-z0-9]+)+", text)) & keys) - {subject.metric.key}
            named = [name for name in names if name in text.lower() and name != subject.metric.name.lower()]
            if (found and not rest and not (loc == ("definition",) and len(text.split()) < 5)) or other or named:
                what = found.group() if found else (sorted(other) + named)[0]
                yield Hit(subject, loc, f"it refers to {what!r}, which the judge does not see.")


RULE = Rule(
    code="C501",
    title="It refers to something that the judge does not see",
    wrong="The text speaks of another metric, or of something above or before.",
    why="The judge reads one metric at a time, and guesses.",
    fix="Write the condition out.",
    bad=BAD,
    good=GOOD,
    check=check,
)
