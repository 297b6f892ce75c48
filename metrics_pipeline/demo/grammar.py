"""Wording by composition: a symbol has several forms, and a form may hold other symbols in braces."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence

SLOT = re.compile(r"\{(\w+)\}")
FILLERS = ("uh", "um", "well", "so", "okay so", "er")
TYPO_SHARE = 0.03


def phrase(rng: random.Random, grammar: Mapping[str, Sequence[str]], symbol: str, facts: Mapping[str, str]) -> str:
    """One wording of `symbol`, with `facts` in their places."""

    def fill(match: re.Match[str]) -> str:
        name = match.group(1)
        return facts[name] if name in facts else phrase(rng, grammar, name, facts)

    return SLOT.sub(fill, rng.choice(grammar[symbol]))


def spoken(rng: random.Random, text: str) -> str:
    """As a speech recogniser writes it: small letters, hardly a mark, now and then a filler or a false start."""
    words = re.sub(r"[,.!?;:]", "", text).lower().split()
    if words and rng.random() < 0.3:
        words.insert(0, rng.choice(FILLERS))
    if len(words) > 6 and rng.random() < 0.12:
        place = rng.randrange(2, len(words) - 2)
        words[place:place] = [*words[place - 1 : place], rng.choice(FILLERS)]
    return " ".join(words)


def typed(rng: random.Random, text: str) -> str:
    """As somebody types in a hurry: two letters swapped here and there, the last mark left out."""
    words = []
    for word in text.split():
        if len(word) > 4 and word.isalpha() and rng.random() < TYPO_SHARE:
            place = rng.randrange(1, len(word) - 2)
            word = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
        words.append(word)
    line = " ".join(words)
    return line.rstrip(".") if rng.random() < 0.5 else line
