"""Words of definitions and of turns, made comparable: light stems, what is negated, what is only asked.

What was taken out of a conversation left a token, such as ⟦BIRTH_DATE_1⟧. It is read as the words of its kind: that a
birth date stands there is all that is known of it.

English first. In another language stems and cues find less, and so the baseline judge says `undecided` more often.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
MAX_CHARACTERS = 4_000
"""Of one turn: enough for anything said, and a bound on what a hostile one costs."""

TOKEN = re.compile("⟦([A-Z_0-9]*?)(?:_[0-9]+)?⟧")

STOP_WORDS = frozenset(
    """a about after again all also am an and any are as at be because been before being both but by can could did do
    does doing during each else for from further had has have having he her here him his how i if in into is it its
    just least like me more most my no nor not of off on once one only or other our out over own please so some such
    than that the their them then there these they this those through to too under until up us very was we were what
    when where whether which while who whom why will with would yes you your something anything nothing either neither
    metric transcript conversation call chat time turn say said says tell told ask asked asks speak spoken word
    agent assistant caller customer user person people somebody someone guest client""".split()
)
NEGATIONS = frozenset(
    """no not never none nor nothing neither cannot without fail failed fails failing failure unable unavailable
    impossible sorry unfortunately refused refuse declined decline denied deny rejected reject wrong incorrect
    invalid error problem missing apologize apologies apologise""".split()
)
AGENT_WORDS = frozenset(("agent", "assistant", "representative", "bot"))
USER_WORDS = frozenset(("caller", "customer", "user", "guest", "client", "patient", "passenger", "member"))
# Longest first: `ations` must not be taken for `s`.
SUFFIXES = tuple("ations ation ments ment ings ing ions ion ies ied ers ed er es ly s e y".split())
SHORTEST_STEM = 3


class Phrase(NamedTuple):
    """What is left of a text when words are compared."""

    stems: frozenset[str]
    is_negated: bool
    is_question: bool
    speaks_of: str | None
    """`agent` or `user` where only one of them is named."""


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """A light English stem: booked, booking and bookings are one. It only has to treat both sides alike."""
    for suffix in SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= SHORTEST_STEM:
            word = word[: -len(suffix)]
            break
    # stopped, cancelled: the doubled consonant is not part of the word. Of call it is, but so on both sides.
    if len(word) > SHORTEST_STEM and word[-1] == word[-2] and word[-1] not in "aeiou":
        word = word[:-1]
    return word


def read_phrase(text: str) -> Phrase:
    """`text` as stems and cues."""
    words = list(_words(text[:MAX_CHARACTERS]))
    named = {"agent" for word in words if word in AGENT_WORDS} | {"user" for word in words if word in USER_WORDS}
    return Phrase(
        stems=frozenset(stem(word) for word in words if word not in STOP_WORDS),
        is_negated=any(word in NEGATIONS or word.endswith("n't") for word in words),
        is_question=text.rstrip().endswith("?"),
        speaks_of=named.pop() if len(named) == 1 else None,
    )


def _words(text: str) -> Iterator[str]:
    if "⟦" in text:
        text = TOKEN.sub(lambda token: f" {token[1].replace('_', ' ')} ", text)
    for match in WORD.finditer(text.lower()):
        yield match.group().replace("’", "'")
