"""The prefix of a flow is missing or written otherwise."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from metrics_pipeline.metrics.lint.project import Hit, Project, Rule

BAD = """\
name: "refund - Issued"
type: boolean
definition: The agent refunded an order that the caller had returned.
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


PREFIX = re.compile(r"^\W*(\w[\w &-]*?)\s*(:|\s[-–|]|/|\]|>)\s*\w")


def check(project: Project) -> Iterator[Hit]:
    written = [PREFIX.match(subject.metric.name) for subject in project.subjects]
    styles = [f"{found[1]}{found[2]}" if found else None for found in written]
    counts = Counter(style for style in styles if style)
    common_of: dict[str, str] = {}
    for common, _ in counts.most_common():
        common_of.setdefault(_folded(common), common)
    flows: dict[str, Counter[str]] = {}
    for subject, style in zip(project.subjects, styles, strict=True):
        if style:
            flows.setdefault(subject.metric.key.split("_")[0], Counter())[style] += 1
            if subject.metric.tags:
                flows.setdefault(subject.metric.tags[0].lower(), Counter())[style] += 1
    for subject, style in zip(project.subjects, styles, strict=True):
        if style is None:
            metric = subject.metric
            shared = flows.get(metric.tags[0].lower() if metric.tags else metric.key.split("_")[0])
            if shared and shared.most_common(1)[0][1] >= 2:
                prefix = shared.most_common(1)[0][0]
                yield Hit(subject, ("name",), f"others of its flow begin with {prefix!r}.", severity="info")
        elif common_of[_folded(style)] != style:
            yield Hit(subject, ("name",), f"the prefix is {style!r}; others write {common_of[_folded(style)]!r}.")


def _folded(prefix: str) -> str:
    letters = "".join(character for character in prefix.lower() if character.isalnum())
    return "auth" if letters in ("authentication", "authenticate", "authorisation") else letters.removesuffix("s")


RULE = Rule(
    code="N104",
    title="The prefix of a flow is missing or written otherwise",
    wrong="Metrics of one flow do not share the prefix of their names.",
    why="They stand apart in every sorted list.",
    fix="Begin the names of one flow with the same word and a colon.",
    bad=BAD,
    good=GOOD,
    check=check,
    beside=(
        (
            "refund_dated",
            GOOD.replace("Refund: issued", "Refund: dated").replace(
                "refunded an order", "named the day of delivery for an order"
            ),
        ),
        (
            "refund_traced",
            GOOD.replace("Refund: issued", "Refund: traced").replace(
                "refunded an order", "opened a search for a lost parcel"
            ),
        ),
    ),
)
