"""A name in another style."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from metrics_pipeline.metrics.lint.project import Hit, Project, Rule

BAD = """\
name: "REFUND_ISSUED"
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


SHARE = 0.6
SMALL = frozenset("a an the of to in on at by for with from as and or before after".split())


def check(project: Project) -> Iterator[Hit]:
    styles = [_style(subject.metric.name) for subject in project.subjects]
    known = [style for style in styles if style]
    if len(known) < 3:
        return
    common, count = Counter(known).most_common(1)[0]
    if count < SHARE * len(known):
        return
    for subject, style in zip(project.subjects, styles, strict=True):
        if style and style != common:
            yield Hit(subject, ("name",), f"the name is in {style} case; most are in {common} case.")


def _style(name: str) -> str | None:
    """How a name is cased; None where one word leaves it open."""
    if "_" in name:
        return "snake"
    if re.fullmatch(r"[a-z]+(?:-[a-z]+)+", name):
        return "kebab"
    listed = [word for word in re.findall(r"[^\W\d_]+", name) if word not in SMALL]
    if len(listed) == 1:
        return "camel" if re.search(r"[a-z][A-Z]", listed[0]) else None
    if name.isupper():
        return "upper"
    listed = [word for word in listed if not (word.isupper() and len(word) <= 5)]
    if len(listed) < 2:
        return None
    if all(word[0].isupper() for word in listed):
        return "title"
    return "sentence" if listed[0][0].isupper() else "lower"


RULE = Rule(
    code="N101",
    title="A name in another style",
    wrong="The name is cased otherwise than most names of the project.",
    why="A list of mixed styles is hard to scan, and sorts apart what belongs together.",
    fix="Write the name as the others are written.",
    bad=BAD,
    good=GOOD,
    check=check,
    beside=(
        (
            "delivery_dated",
            GOOD.replace("Refund: issued", "Delivery: dated").replace(
                "refunded an order", "named the day of delivery for an order"
            ),
        ),
        (
            "parcel_traced",
            GOOD.replace("Refund: issued", "Parcel: traced").replace(
                "refunded an order", "opened a search for a lost parcel"
            ),
        ),
        (
            "voucher_given",
            GOOD.replace("Refund: issued", "Voucher: given").replace(
                "refunded an order", "gave a voucher worth ten euros"
            ),
        ),
    ),
)
