"""Nearly the same definition."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations
from math import log
from typing import NamedTuple

from metrics_pipeline.metrics.lint.grammar import tagged
from metrics_pipeline.metrics.lint.project import Hit, Project, Rule, Subject
from metrics_pipeline.metrics.lint.words import STOP, stem, stem_set, words

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


ALIKE, NEARLY_ALL = 0.6, 0.85
"""Shares of their words, weighted by rarity, that two definitions, and two that differ in a thing, have in common."""
FEWEST_WORDS = 3
SYNONYMS = (
    "say tell state mention name announce communicate quote inform",
    "propose suggest offer",
    "accept agree",
    "decline refuse reject",
    "request ask want seek demand",
    "explain clarify describe",
    "resolve solve fix",
    "repeat restate",
    "postpone reschedule delay",
    "begin start commence open",
    "end finish close",
    "switch turn",
    "transfer escalate route",
    "receive obtain",
    "purchase buy",
    "check verify examine",
    "price cost",
    "caller customer client consumer user",
    "agent assistant bot",
    "refund reimburse",
    "book reserve reservation",
    "cancel terminate",
    "person human",
)
FOLDED = {stem(word): stem(group.split()[0]) for group in SYNONYMS for word in group.split()}
CONTRASTS = stem_set(
    "not no never none nobody nothing without neither before after first last until again more less "
    "higher lower under over above below early earlier late later fail refuse decline reject next previous"
)
SAYS_NOTHING = (
    stem_set(
        "each every all behind also just only one during while still those these such will would can could may might must shall should"
    )
    - CONTRASTS
)
LIGHT = stem_set(
    "say give provide put make get go going bring have take set do be keep let to in out on off up down back forward away along through yet"
)
"""Verbs and particles that say little alone: `gave the day` and `named the day`, `put forward`, `is going to`."""


class Asked(NamedTuple):
    """What a metric asks: the stems of its definition, those of them that are verbs, and those of its conditions too."""

    subject: Subject
    words: frozenset[str]
    acts: frozenset[str]
    whole: frozenset[str]


def check(project: Project) -> Iterator[Hit]:
    read = [_asked(subject) for subject in project.subjects]
    counts = Counter(word for one in read for word in one.whole)
    twins: dict[int, str] = {}
    for (place, one), (other_place, other) in combinations(enumerate(read), 2):
        # Twins share half of their words at least, however those are weighted.
        if 2 * len(one.words & other.words) >= min(len(one.words), len(other.words)) and _is_twin(one, other, counts):
            twins.setdefault(place, other.subject.metric.key)
            twins.setdefault(other_place, one.subject.metric.key)
    for place, key in sorted(twins.items()):
        yield Hit(read[place].subject, ("definition",), f"the definition is nearly that of {key!r}.")


def _asked(subject: Subject) -> Asked:
    definition = subject.metric.definition
    said = gist(definition)
    acts = gist(" ".join(word.text for word in tagged(definition) if word.kind == "verb"))
    return Asked(subject, said, acts, said.union(*map(gist, subject.conditions)))


@lru_cache(maxsize=20_000)
def gist(text: str) -> frozenset[str]:
    """The stems that carry meaning, words for the same thing as one; order, voice and number fall together."""
    kept = (stem(word) for word in words(text) if word not in STOP)
    return frozenset(FOLDED.get(word, word) for word in kept) - SAYS_NOTHING


def _is_twin(one: Asked, other: Asked, counts: Counter[str]) -> bool:
    if min(len(one.words), len(other.words)) < FEWEST_WORDS or _share(one.words, other.words, counts) < ALIKE:
        return False
    if (one.words ^ other.words) & CONTRASTS or any(map(str.isdigit, "".join(one.whole ^ other.whole))):
        return False
    own, others = one.words - other.words, other.words - one.words
    is_other_act = _has_other_act(own & one.acts, others) or _has_other_act(others & other.acts, own)
    # Two that each say something of their own ask about different things in the same words.
    is_other_thing = bool(own - LIGHT and others - LIGHT)
    return not (is_other_act or is_other_thing) or _share(one.whole, other.whole, counts) >= NEARLY_ALL


def _has_other_act(acts: frozenset[str], opposite: frozenset[str]) -> bool:
    """Whether one of two has a verb more that is not one word for the two of a phrase: `propose`, `put forward`."""
    return bool(acts - LIGHT) and len(opposite) < 2


def _share(one: frozenset[str], other: frozenset[str], counts: Counter[str]) -> float:
    """The share of words in common, each weighted by how few of the other definitions have it."""
    rest = max(counts.values(), default=1)
    shared = sum(1 + log(rest / max(counts[word] - 2, 1)) for word in one & other)
    own = sum(1 + log(rest / max(counts[word] - 1, 1)) for word in one ^ other)
    return shared / max(shared + own, 1)


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
