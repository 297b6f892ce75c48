"""Nearly the same name."""

from __future__ import annotations

from collections.abc import Iterator

from metrics_pipeline.metrics.lint.project import Hit, Project, Rule
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
    first: dict[frozenset[str], str] = {}
    names: dict[tuple[int, str], list[tuple[tuple[str, ...], str]]] = {}
    for subject in project.subjects:
        name = subject.metric.name
        said = stems(name.replace("_", " "))
        if frozenset(said) in first:
            yield Hit(subject, ("name",), f"the name is nearly {first[frozenset(said)]!r}.")
            continue
        first[frozenset(said)] = name
        near = names.setdefault((len(said), said[0][:2] if said else ""), [])
        for other, twin in near:
            if all(one == two or _is_typo(one, two) for one, two in zip(said, other, strict=True)):
                yield Hit(subject, ("name",), f"the name is nearly {twin!r}.")
                break
        near.append((said, name))


def _is_typo(one: str, two: str) -> bool:
    """Whether two long words differ by a single letter, and not at their beginning."""
    if (
        min(len(one), len(two)) < 6
        or one[:2] != two[:2]
        or abs(len(one) - len(two)) > 1
        or any(map(str.isdigit, one + two))
    ):
        return False
    start = next((index for index, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    return any(one[start + skip_one :] == two[start + skip_two :] for skip_one, skip_two in ((1, 1), (1, 0), (0, 1)))


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
