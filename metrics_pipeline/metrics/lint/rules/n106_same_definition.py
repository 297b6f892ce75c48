"""Nearly the same definition."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from metrics_pipeline.metrics.lint.lexicon import senses
from metrics_pipeline.metrics.lint.project import Hit, Project, Rule
from metrics_pipeline.metrics.lint.rules.n102_synonym import PEOPLE, TRADES
from metrics_pipeline.metrics.lint.words import ACTORS, STOP, stem, words

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


ASKED, WHOLE = 0.7, 0.6
"""Shares of words that two definitions, and two with their conditions, have in common at least."""
NEARLY_ALL = 0.85
FEWEST_WORDS = 3
PHRASES = (
    (re.compile(r"\b(?:put|puts|putting|bring|brings|brought) (?:forward|to)\b"), "propose"),
    (re.compile(r"\b(?:turn|turns|turned|turning) down\b"), "decline"),
    (re.compile(r"\b(?:call|calls|called|calling) off\b"), "cancel"),
    (re.compile(r"\b(?:put|puts|putting) (?:off|back)\b"), "postpone"),
    (re.compile(r"\b(?:ask|asks|asked|asking) for\b"), "request"),
    (re.compile(r"\b(?:say|says|said|saying) yes\b"), "accept"),
    (re.compile(r"\b(?:say|says|said|saying) no\b"), "decline"),
    (re.compile(r"\b(?:read|reads|reading) (?:back|out)\b"), "repeat"),
    (re.compile(r"\b(?:find|finds|found|finding) out\b"), "learn"),
    (re.compile(r"\b(?:point|points|pointed|pointing) out\b"), "mention"),
    (re.compile(r"\b(?:hand|hands|handed) over\b"), "transfer"),
    (re.compile(r"\b(?:send|sends|sent) back\b"), "return"),
)
"""Verbs of two words, as one."""
ALIKE = (
    "say tell state mention name announce communicate quote inform",
    "propose suggest offer",
    "accept agree take",
    "decline refuse reject",
    "request want seek",
    "explain clarify describe",
    "resolve solve fix",
    "repeat restate",
    "postpone reschedule delay",
    "begin start commence",
    "end finish close",
    "transfer escalate forward route",
    "receive obtain",
    "purchase buy",
    "confirm verify",
    "price cost",
    "caller customer client consumer user",
    "agent assistant bot",
    "refund reimburse",
    "book reserve reservation",
    "cancel terminate",
    "person human",
)
FOLDED = {stem(word): stem(group.split()[0]) for group in ALIKE for word in group.split()}
PEOPLE_STEMS = frozenset(FOLDED.get(stem(word), stem(word)) for word in ACTORS.union(PEOPLE, TRADES))
CONTRASTS = frozenset(
    map(
        stem,
        "not no never none nobody nothing without neither before after first last from until again more less "
        "higher lower under over above below early earlier late later fail refuse decline".split(),
    )
)
SAYS_NOTHING = (
    frozenset(
        map(stem, "each every all behind also just only one more during while those these such will would".split())
    )
    - CONTRASTS
)


def check(project: Project) -> Iterator[Hit]:
    read: list[tuple[frozenset[str], frozenset[str], str]] = []
    for subject in project.subjects:
        asked = gist(subject.metric.definition)
        whole = asked.union(*map(gist, subject.conditions))
        for other_asked, other_whole, key in read:
            if _is_twin(asked, other_asked, whole, other_whole):
                yield Hit(subject, ("definition",), f"the definition is nearly that of {key!r}.")
                break
        read.append((asked, whole, subject.metric.key))


@lru_cache(maxsize=20_000)
def gist(text: str) -> frozenset[str]:
    """The stems that carry meaning, words for the same thing as one; active and passive, order and number fall together."""
    low = text.lower()
    for phrase, word in PHRASES:
        low = phrase.sub(word, low)
    kept = (word for word in words(low) if word not in STOP or word == "from")
    return frozenset(FOLDED.get(stem(word), stem(word)) for word in kept) - SAYS_NOTHING


def _is_twin(asked: frozenset[str], other: frozenset[str], whole: frozenset[str], other_whole: frozenset[str]) -> bool:
    if min(len(asked), len(other)) < FEWEST_WORDS or _share(asked, other) < ASKED or _share(whole, other_whole) < WHOLE:
        return False
    differ = asked ^ other
    if differ & CONTRASTS or any(map(str.isdigit, "".join(whole ^ other_whole))):
        return False
    # Two that each name a thing of their own ask about different things in the same words.
    has_own_things = all(any(_is_thing(word) for word in own) for own in (asked - other, other - asked))
    return not has_own_things or _share(whole, other_whole) >= NEARLY_ALL


def _share(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / max(len(one | other), 1)


def _is_thing(word: str) -> bool:
    """Whether a stem is a noun more than a verb; a word that the lexicon lacks is a trade's word for a thing."""
    known = next((found for base in (word, f"{word}e", f"{word}y") if (found := senses(base))), {})
    return not known or ("n" in known and ("v" not in known or known["n"].tagged_count > known["v"].tagged_count))


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
