"""Labels overlap."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each
from metrics_pipeline.metrics.lint.words import content, stem

BAD = """\
name: "Contact: reason"
type: categorical
definition: What the caller first asked the shop about.
labels:
  - {name: delivery, when: The caller asked where a parcel is.}
  - {name: return, when: The caller asked where a parcel is.}
  - {name: other, when: The caller asked about something else.}
"""
GOOD = """\
name: "Contact: reason"
type: categorical
definition: What the caller first asked the shop about.
labels:
  - {name: delivery, when: The caller asked where a parcel is.}
  - {name: return, when: The caller asked to send an article back.}
  - {name: other, when: The caller asked about something else.}
"""


SAME = {
    word: group[0]
    for group in (
        ("resolv", "solv", "fix"),
        ("declin", "refuse", "reject", "refus"),
        ("accept", "agre", "approv"),
        ("bill", "invoic"),
        ("problem", "issu", "trouble"),
        ("caller", "customer", "user", "guest", "client"),
        ("ask", "inquir", "enquir", "request"),
        ("other", "misc", "miscellaneou", "els"),
    )
    for word in group
}
TELLS_APART = frozenset(
    map(stem, "not no never neither nor without only nothing none but nobody before instead".split())
)
RANGE = re.compile(r"\b(?:between |from )?(\d+) (?:to|and|through|-|–) (\d+)\b|\b(\d+)\s?[-–]\s?(\d+)\b")


def check(subject: Subject) -> Iterator[Hit]:
    described = [
        (index, label.name, _meaning(label.when)) for index, label in enumerate(subject.metric.labels) if label.when
    ]
    for (_, name, one), (index, twin, other) in combinations(described, 2):
        small, large = sorted((one, other), key=len)
        if (small and small <= large and not (large | small) & TELLS_APART) or one == other:
            yield Hit(subject, ("labels", index), f"the labels {name!r} and {twin!r} fit the same conversation.")
    for (_, first), (index, second) in combinations(enumerate(subject.metric.labels), 2):
        if _meaning(first.name.replace("_", " ")) == _meaning(second.name.replace("_", " ")):
            yield Hit(subject, ("labels", index), f"the labels {first.name!r} and {second.name!r} mean the same.")
        ranges = [RANGE.search(label.when or label.name) for label in (first, second)]
        ends = [[int(end) for end in found.groups() if end] for found in ranges if found]
        if len(ends) == 2 and ends[0][0] <= ends[1][1] and ends[1][0] <= ends[0][1]:
            yield Hit(subject, ("labels", index), f"the numbers of {first.name!r} and {second.name!r} overlap.")


def _meaning(text: str) -> frozenset[str]:
    return frozenset(SAME.get(word, word) for word in content(text))


RULE = Rule(
    code="S305",
    title="Labels overlap",
    wrong="Two labels fit the same conversation.",
    why="The judge picks one by chance, and both shares mean less.",
    fix="Say in each what sets it apart from the other.",
    bad=BAD,
    good=GOOD,
    check=judged_each(check),
)
