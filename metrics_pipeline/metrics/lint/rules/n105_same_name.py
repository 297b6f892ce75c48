"""Nearly the same name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metrics_pipeline.metrics.lint.project import Hit, Project, Rule, Subject
from metrics_pipeline.metrics.lint.rules.n102_synonym import is_served
from metrics_pipeline.metrics.lint.rules.n106_same_definition import gist
from metrics_pipeline.metrics.lint.words import stems, words

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


ENDING = re.compile(r"(?:ation|ition|ion|ment|al|ance|ence|ing|er|e)?$")
"""What an act and its noun differ in: `waived`, `waiver`."""
SHORTEST_ROOT = 4


def check(project: Project) -> Iterator[Hit]:
    twins: dict[str, str] = {}
    full: dict[frozenset[str], Subject] = {}
    bare: dict[frozenset[str], Subject] = {}
    spelt: dict[tuple[int, str], list[tuple[tuple[str, ...], Subject]]] = {}
    for subject in project.subjects:
        name = re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", subject.metric.name)
        said, meant = stems(name), _meant(name)
        without = _without_person(name, meant)
        alike = spelt.setdefault((len(said), said[0][:2] if said else ""), [])
        twin = full.get(meant) or bare.get(meant) or full.get(without)
        twin = twin or next((other for letters, other in alike if all(map(_is_alike, said, letters))), None)
        if twin is not None:
            twins.setdefault(twin.metric.key, subject.metric.name)
            twins[subject.metric.key] = twin.metric.name
        full.setdefault(meant, subject)
        bare.setdefault(without, subject)
        alike.append((said, subject))
    for subject in project.subjects:
        if subject.metric.key in twins:
            yield Hit(subject, ("name",), f"the name is nearly {twins[subject.metric.key]!r}.")


def _meant(name: str) -> frozenset[str]:
    """What a name says in any order, whether as a verb or as its noun."""
    return frozenset(map(_root, gist(name)))


def _without_person(name: str, meant: frozenset[str]) -> frozenset[str]:
    """The same without the one served, where the name has nobody else and enough is left of it."""
    people = frozenset(word for said in words(name) if is_served(said) for word in _meant(said))
    return meant - people if len(people) == 1 and len(meant) > 2 else meant


def _root(word: str) -> str:
    root = ENDING.sub("", word, count=1)
    return root if len(root) >= SHORTEST_ROOT else word


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
