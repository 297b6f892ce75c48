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
FEWEST = 3
SMALL = frozenset(
    "a an the and or but nor of to in on at by for with from as before after per via into onto over under within without "
    "than if vs".split()
)
LONGEST_ACRONYM = 5
WHOLE = {
    "snake": re.compile(r"[a-z0-9]+(_[a-z0-9]+)*"),
    "kebab": re.compile(r"[a-z0-9]+(-[a-z0-9]+)*"),
    "camel": re.compile(r"[a-z0-9]+([A-Z][a-z0-9]*)*"),
    "Pascal": re.compile(r"([A-Z][a-z0-9]+)+"),
}
"""The styles of names without spaces."""


def check(project: Project) -> Iterator[Hit]:
    fitting = [_styles(subject.metric.name) for subject in project.subjects]
    known = [styles for styles in fitting if styles]
    counts = Counter(style for styles in known for style in styles)
    if len(known) < FEWEST or not counts:
        return
    common, count = counts.most_common(1)[0]
    if count < SHARE * len(known):
        return
    has_colon = sum(":" in subject.metric.name for subject in project.subjects) > len(project.subjects) / 2
    for subject, styles in zip(project.subjects, fitting, strict=True):
        # Where the prefix is written otherwise altogether, its small first letter is a part of that.
        is_prefix_only = common == "sentence" and "lower" in styles and has_colon and ":" not in subject.metric.name
        if styles and common not in styles and not is_prefix_only:
            yield Hit(subject, ("name",), f"the name is in {styles[0]} case; most are in {common} case.")


def _styles(name: str) -> tuple[str, ...]:
    """Every style that a name can be read as, the likeliest first; none where nothing can be told."""
    if not re.search(r"[\s:]", name):
        found = tuple(style for style, pattern in WHOLE.items() if pattern.fullmatch(name))
        if "_" in name or "-" in name or re.search(r"[a-z][A-Z]", name):
            return found or ("upper" if name.isupper() else "mixed",)
        return (*_spaced(name), *found)
    return _spaced(name)


def _spaced(name: str) -> tuple[str, ...]:
    every = re.findall(r"[^\W_]+(?:['’][^\W_]+)*", name)
    listed = [word for word in every if word not in SMALL and not _is_open(word)]
    if name.isupper() and (len(every) > 2 or any(len(word) > LONGEST_ACRONYM for word in every)):
        return ("upper",)
    if not listed:
        return ()
    capital = [word[0].isupper() for word in listed]
    is_first_open = _is_open(every[0])
    rest = re.search(r":\s*([^\W_]+)", name)
    found = {
        "sentence": (capital[0] or is_first_open) and (len(listed) == 1 or not all(capital)),
        "title": all(capital),
        "headed": capital[0] and rest is not None and (rest[1][0].isupper() or _is_open(rest[1])),
        "lower": not any(capital[:1]) and not all(capital),
    }
    return tuple(style for style, fits in found.items() if fits)


def _is_open(word: str) -> bool:
    """Whether the letters of a word are its own, as in an acronym, a brand or a number."""
    is_acronym = word.isupper() and len(word) <= LONGEST_ACRONYM
    return is_acronym or not word[0].isalpha() or re.search(r"[a-z][A-Z]", word) is not None


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
