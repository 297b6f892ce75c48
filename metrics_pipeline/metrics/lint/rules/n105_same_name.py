"""Nearly the same name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metrics_pipeline.metrics.lint.project import Hit, Project, Rule
from metrics_pipeline.metrics.lint.rules.n106_same_definition import PEOPLE_STEMS, gist
from metrics_pipeline.metrics.lint.words import stems

BAD = """\
name: "Issued: refunds"
type: boolean
definition: The agent refunded an order that the caller had returned.
true_when: The agent said that the money goes back to the card the order was paid with.
false_when: The agent refused the refund, or the conversation ended without one.
good: true
"""
GOOD = """\
name: "Refund: asked for"
type: boolean
definition: The agent refunded an order that the caller had returned.
true_when: The agent said that the money goes back to the card the order was paid with.
false_when: The agent refused the refund, or the conversation ended without one.
good: true
"""


def check(project: Project) -> Iterator[Hit]:
    bare: dict[frozenset[str], str] = {}
    by_length: dict[tuple[int, str], list[tuple[tuple[str, ...], str]]] = {}
    for subject in project.subjects:
        name = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", subject.metric.name)
        said = stems(name)
        meant = gist(name)
        near = by_length.setdefault((len(said), said[0][:2] if said else ""), [])
        twin = (
            bare.get(meant)
            or bare.get(meant - PEOPLE_STEMS)
            or next((twin for other, twin in near if all(map(_is_alike, said, other))), None)
        )
        if twin is not None:
            yield Hit(subject, ("name",), f"the name is nearly {twin!r}.")
        for form in (meant, meant - PEOPLE_STEMS if len(meant & PEOPLE_STEMS) == 1 and len(meant) > 2 else meant):
            bare.setdefault(form, subject.metric.name)
        near.append((said, subject.metric.name))


def _is_alike(one: str, other: str) -> bool:
    return one == other or _is_typo(one, other)


def _is_typo(one: str, two: str) -> bool:
    """Whether two long words differ by a single letter, and not at their beginning."""
    short, long = sorted((one, two), key=len)
    if len(short) < 6 or short[:2] != long[:2] or len(long) - len(short) > 1 or any(map(str.isdigit, one + two)):
        return False
    start = next((index for index, pair in enumerate(zip(short, long, strict=False)) if pair[0] != pair[1]), len(short))
    return long[start + 1 :] in (short[start + 1 :], short[start:])


RULE = Rule(
    code="N105",
    title="Nearly the same name",
    wrong="Another metric has almost this name.",
    why="Who picks one from a list takes the wrong one.",
    fix="Rename one so that the names say what sets them apart.",
    bad=BAD,
    good=GOOD,
    check=check,
    beside=(
        (
            "a_refund_other",
            GOOD.replace("Refund: asked for", "Refund: issued").replace(
                "refunded an order", "named the day of delivery for an order"
            ),
        ),
    ),
)
