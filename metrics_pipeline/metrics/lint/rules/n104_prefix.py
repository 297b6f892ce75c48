"""The prefix of a flow is missing or written otherwise."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from metrics_pipeline.metrics.lint.lexicon import noun_base, senses
from metrics_pipeline.metrics.lint.project import Hit, Project, Rule, Subject
from metrics_pipeline.metrics.lint.words import stem, words

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


SEPARATOR = re.compile(r"\s*(::?|\||\]|>)\s*|\s+([-–—/·])\s+|\s*([–—])\s*|(?<=[a-z])([-–—])\s+")
ENDINGS = re.compile(r"(?<!e)(?:ification|ization|ation|ition|ion|ment|al|ance|ence|ing|y|e)$")
OF_ANY_FLOW = frozenset("flow process journey stage step phase metric".split())
SHARE = 0.6
FEWEST = 3


class Prefix(NamedTuple):
    words: str
    separator: str

    def __str__(self) -> str:
        return f"{self.words}{self.separator}"


def check(project: Project) -> Iterator[Hit]:
    written = [_prefix(subject.metric.name) for subject in project.subjects]
    known = [prefix for prefix in written if prefix]
    if not known:
        return
    separator, count = Counter(prefix.separator for prefix in known).most_common(1)[0]
    is_custom = count >= FEWEST and count >= SHARE * len(known)
    counts = Counter(known)
    forms: dict[str, Prefix] = {}
    for often in sorted(counts, key=counts.__getitem__, reverse=True):
        twin = next((flow for flow, form in forms.items() if _is_same(form.words, often.words)), often.words)
        forms.setdefault(twin, often)
    shared = {form for form in forms.values() if counts[form] >= 2}
    flows = _flows(project, written)
    for subject, prefix in zip(project.subjects, written, strict=True):
        if prefix is None:
            named = (form for form in forms.values() if form in shared and _names(subject.metric.name, form, is_custom))
            form = next(named, None) or _form_of_flow(subject, flows, shared)
            if form is not None:
                yield Hit(subject, ("name",), f"others of its flow begin with {str(form)!r}.")
            continue
        common = next(form for form in forms.values() if _is_same(form.words, prefix.words))
        if common != prefix:
            yield Hit(subject, ("name",), f"the prefix is {str(prefix)!r}; others write {str(common)!r}.")
        elif is_custom and prefix.separator != separator:
            yield Hit(subject, ("name",), f"the prefix ends in {prefix.separator!r}; others end in {separator!r}.")


def _prefix(name: str) -> Prefix | None:
    found = SEPARATOR.search(name)
    if found is None or found.end() == len(name) or found.start() == 0:
        return None
    return Prefix(name[: found.start()].strip(" ["), next(filter(None, found.groups())))


def _flows(project: Project, written: list[Prefix | None]) -> dict[str, Counter[Prefix]]:
    """By the first word of a key, and by the first tag, the prefixes in use."""
    flows: dict[str, Counter[Prefix]] = {}
    for subject, prefix in zip(project.subjects, written, strict=True):
        for mark in _marks(subject) if prefix else ():
            flows.setdefault(mark, Counter())[prefix] += 1  # type: ignore[index]
    return flows


def _marks(subject: Subject) -> list[str]:
    return [f"key {subject.metric.key.split('_')[0]}", *(f"tag {tag.lower()}" for tag in subject.metric.tags[:1])]


def _form_of_flow(subject: Subject, flows: dict[str, Counter[Prefix]], shared: set[Prefix]) -> Prefix | None:
    """The prefix that most others have whose key begins alike, or whose first tag is the same."""
    for mark in _marks(subject):
        common = flows.get(mark, Counter()).most_common(1)
        if common and common[0][1] >= 2 and common[0][0] in shared:
            return common[0][0]
    return None


def _names(name: str, form: Prefix, anywhere: bool) -> bool:
    """Whether a name without a prefix has the words of this one, at its beginning or anywhere."""
    said, length = words(name.replace("_", " ")), len(words(form.words))
    starts = range(len(said) - length + 1) if anywhere else range(1)
    return len(said) > length and any(_is_same(" ".join(said[at : at + length]), form.words) for at in starts)


def _is_same(one: str, other: str) -> bool:
    """Whether two prefixes are one in another number, spelling or form, or short for one another."""
    if _folded(one) == _folded(other):
        return True
    short, long = sorted(("".join(words(one)), "".join(words(other))), key=len)
    if len(words(one)) > 1 or len(words(other)) > 1 or len(short) < 3 or senses(short):
        return False
    is_cut = long.startswith(short) and ENDINGS.search(long) is not None and not long.endswith("y")
    letters = iter(long)
    is_squeezed = short[-1] == long[-1] and short[0] == long[0] and all(letter in letters for letter in short)
    return is_cut or is_squeezed


@lru_cache(maxsize=5_000)
def _folded(prefix: str) -> str:
    said = [word for word in words(prefix) if noun_base(word) not in OF_ANY_FLOW] or words(prefix)
    return "".join(
        ENDINGS.sub("", stem(word)) if len(word) > 4 and not word.endswith("ee") else stem(word) for word in said
    )


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
