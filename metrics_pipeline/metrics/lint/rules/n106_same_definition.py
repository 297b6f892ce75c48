"""Nearly the same definition."""

from __future__ import annotations

from collections.abc import Iterator

from metrics_pipeline.metrics.lint.project import Hit, Project, Rule
from metrics_pipeline.metrics.lint.words import content

BAD = """\
name: "Money: returned"
type: boolean
definition: The agent refunded an order that the caller had returned.
true_when: The agent said that the money goes back to the card the order was paid with.
false_when: The agent refused the refund, or the conversation ended without one.
good: true
"""
GOOD = """\
name: "Money: returned"
type: boolean
definition: The agent paid money out in cash.
true_when: The agent said that the money can be fetched at the desk.
false_when: The agent refused the refund, or the conversation ended without one.
good: true
"""


NEARLY_ALL = 0.85
FEWEST_WORDS = 3


def check(project: Project) -> Iterator[Hit]:
    read: list[tuple[frozenset[str], frozenset[str], str]] = []
    for subject in project.subjects:
        asked = content(subject.metric.definition)
        whole = asked.union(*map(content, subject.conditions))
        for other_asked, other_whole, key in read:
            if _share(asked, other_asked) >= NEARLY_ALL or _share(whole, other_whole) >= NEARLY_ALL:
                yield Hit(subject, ("definition",), f"the definition is nearly that of {key!r}.")
                break
        read.append((asked, whole, subject.metric.key))


def _share(one: frozenset[str], other: frozenset[str]) -> float:
    if min(len(one), len(other)) < max(FEWEST_WORDS, NEARLY_ALL * max(len(one), len(other))):
        return 0
    return len(one & other) / len(one | other)


RULE = Rule(
    code="N106",
    title="Nearly the same definition",
    wrong="Another metric asks almost the same.",
    why="Every conversation is judged twice for one answer, and the two disagree.",
    fix="Remove one, or say what sets them apart.",
    bad=BAD,
    good=GOOD,
    check=check,
    beside=(
        (
            "a_money_back",
            GOOD.replace("Money: returned", "Refund: issued")
            .replace("paid money out in cash", "refunded an order that the caller had returned")
            .replace("can be fetched at the desk", "goes back to the card the order was paid with"),
        ),
    ),
)
