"""English sentences as clauses of tagged words: enough grammar to tell who is said to have done what.

A shallow reading: closed classes by list (they are complete), open ones by the lexicon, and what is left open by the
words beside it. It knows no ambiguity beyond that and is not meant to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

from metrics_pipeline.metrics.lint.closed import (
    ADVERBS,
    AUXILIARIES,
    BE,
    CLOSED,
    COORDINATORS,
    COUNTS,
    DETERMINERS,
    MODALS,
    NEGATIONS,
    NUMBERS,
    PREPOSITIONS,
    PRONOUNS,
    SENTENCE_ENDS,
    SUBORDINATORS,
)
from metrics_pipeline.metrics.lint.lexicon import IRREGULAR_VERBS, noun_base, senses, verb_base
from metrics_pipeline.metrics.lint.words import ACTORS

Kind = Literal[
    "verb", "auxiliary", "noun", "adjective", "adverb", "pronoun", "determiner", "preposition", "conjunction", "mark"
]
TOKEN = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|[.;:!?,()]|—|–")


class Word(NamedTuple):
    """A word of a sentence. `base` is its dictionary form, in small letters."""

    text: str
    kind: Kind
    base: str

    @property
    def meaning(self) -> str:
        """The lexicographer class of its commonest sense in this part of speech; empty where unknown."""
        part = {"verb": "v", "noun": "n", "adjective": "a", "adverb": "r"}.get(self.kind)
        found = senses(self.base).get(part) if part else None  # type: ignore[call-overload]
        return found.meaning if found else ""


class Clause(NamedTuple):
    """Words up to the next conjunction or mark; a stretch without a verb belongs to the clause before it."""

    opener: str
    """The conjunction or mark before it; empty at the start of the text."""
    words: tuple[Word, ...]
    is_set_off: bool = False
    """Whether a comma stands before its conjunction: what is said by the way."""

    @property
    def verbs(self) -> tuple[int, ...]:
        """Where its verbs stand, auxiliaries left out."""
        return tuple(index for index, word in enumerate(self.words) if word.kind == "verb")

    @property
    def is_negated(self) -> bool:
        return any(word.base in NEGATIONS or word.base.endswith("n't") for word in self.words)

    def __str__(self) -> str:
        return " ".join(word.text for word in self.words)


@lru_cache(maxsize=20_000)
def tagged(text: str) -> tuple[Word, ...]:
    """Every word and mark of `text` with its part of speech."""
    tokens = [token.replace("’", "'") for token in TOKEN.findall(text)]
    found: list[Word] = []
    for index, token in enumerate(tokens):
        found.append(_word(token, found, [other.lower() for other in tokens[index + 1 : index + 3]]))
    return tuple(found)


def _word(token: str, before: Sequence[Word], after: Sequence[str]) -> Word:
    low = token.lower()
    last = before[-1] if before else None
    if not low[0].isalnum():
        return Word(token, "mark", low)
    # E-mailed, re-booked.
    plain = low if verb_base(low) else low.replace("-", "")
    verb = verb_base(plain)
    if low in AUXILIARIES:
        return Word(token, "auxiliary", low) if _is_auxiliary(low, after) else Word(token, "verb", verb or low)
    if low == "so" and last is not None and last.kind == "verb" and (not after or not after[0][0].isalnum()):
        # The rider said so.
        return Word(token, "pronoun", low)
    if low in COORDINATORS or (low in SUBORDINATORS and not _is_plain_determiner(low, last, after)):
        return Word(token, "conjunction", low)
    if low in ("all", "both", "each") and last is not None and last.kind == "auxiliary":
        return Word(token, "adverb", low)
    if low in ("first", "last", "next") and last is not None and _is_adverb_between(last, after):
        return Word(token, "adverb", low)
    if low in DETERMINERS | NUMBERS or low.isdigit():
        is_alone = low in PRONOUNS and (not after or not _can_follow_determiner(after[0]))
        return Word(token, "pronoun" if is_alone else "determiner", low)
    for kind, closed in (("pronoun", PRONOUNS), ("preposition", PREPOSITIONS), ("adverb", ADVERBS)):
        if low in closed:
            return Word(token, kind, low)  # type: ignore[arg-type]
    noun = noun_base(low)
    if low in ACTORS or low.removesuffix("s") in ACTORS:
        return Word(token, "noun", noun or low)
    if verb is not None and _is_verb(plain, verb, noun, last, after, before):
        return Word(token, "verb", verb)
    is_participle = verb is not None and low != verb and not low.endswith("s")
    known = senses(low)
    if low.endswith("ly") and "n" not in known:
        return Word(token, "adverb", low)
    if noun is not None and last is not None and last.kind in ("determiner", "adjective") and not _opens_noun(after):
        return Word(token, "noun", noun)
    if "a" in known and (
        noun is None or known["a"].tagged_count > senses(noun)["n"].tagged_count or _opens_noun(after)
    ):
        return Word(token, "adjective", low)
    if "r" in known and noun is None:
        return Word(token, "adverb", low)
    if is_participle and noun is None:
        return Word(token, "adjective", verb or low)
    return Word(token, "noun", noun or low)


def _is_adverb_between(last: Word, after: Sequence[str]) -> bool:
    """Whether `first` stands before a verb: `what the caller first asks`."""
    is_verb = bool(after) and (_is_past(after[0]) or (after[0].endswith("s") and verb_base(after[0]) is not None))
    return last.kind in ("noun", "pronoun", "auxiliary") and is_verb


def _is_auxiliary(low: str, after: Sequence[str]) -> bool:
    """Whether be, have, do or get stands before another verb, or links to what is no verb at all."""
    if low in BE or low in MODALS:
        return low not in ("do", "does", "did") or any(verb_base(word) is not None for word in after)
    following = [word for word in after if word not in ADVERBS]
    return bool(following) and (following[0] in BE or _is_past(following[0]))


def _is_plain_determiner(low: str, last: Word | None, after: Sequence[str]) -> bool:
    """Whether `that`, `which` or `what` stands before its noun, as in `that day`, `which branch`."""
    if low not in ("that", "what", "which", "whose") or not after:
        return False
    follows_noun = last is not None and last.kind in ("noun", "pronoun", "mark")
    is_noun = noun_base(after[0]) is not None and after[0] not in AUXILIARIES | PRONOUNS | DETERMINERS
    return low == "that" and not follows_noun and is_noun and (last is None or last.kind == "preposition")


def _can_follow_determiner(word: str) -> bool:
    word = word.removesuffix("'s").removesuffix("'")
    known = senses(word)
    return noun_base(word) is not None or "a" in known or word in NUMBERS or _is_past(word)


def _opens_noun(after: Sequence[str]) -> bool:
    noun = noun_base(after[0]) if after else None
    return noun is not None and after[0] not in CLOSED and not _is_rather_verb(after[0], noun)


def _is_rather_verb(low: str, noun: str) -> bool:
    """Whether a form is hardly ever a noun: put, went, said."""
    base = verb_base(low)
    return (
        base is not None
        and senses(base)["v"].tagged_count > 9 * senses(noun)["n"].tagged_count
        and low in IRREGULAR_VERBS
    )


def _is_past(low: str) -> bool:
    base = verb_base(low)
    return base is not None and (low in IRREGULAR_VERBS or (low.endswith("ed") and base != low))


def _is_verb(
    low: str, verb: str, noun: str | None, last: Word | None, after: Sequence[str], before: Sequence[Word]
) -> bool:
    previous = next((word for word in reversed(before) if word.kind != "adverb"), None)
    if last is not None and (last.kind == "determiner" or last.text.endswith(("'s", "s'"))):
        return False
    if previous is not None and previous.kind == "auxiliary":
        return _is_past(low) or low.endswith("ing") if previous.base in BE else low == verb or _is_past(low)
    if low.endswith("ing") and low != verb:
        return last is None or last.kind not in ("adjective", "determiner")
    if _is_past(low):
        if low == verb and noun is not None:
            is_used = _has_object(after) or _is_rather_verb(low, noun)
            return is_used and previous is not None and previous.kind in ("noun", "pronoun", "conjunction")
        is_attribute = last is not None and last.kind in ("adjective", "preposition") and _opens_noun(after)
        return not is_attribute and not (last is not None and last.kind == "adjective" and noun is not None)
    if previous is not None and previous.base == "to" and low == verb:
        return True
    is_finite = previous is not None and previous.kind in ("noun", "pronoun", "conjunction")
    if low != verb and low.endswith("s"):
        if last is not None and last.text.lower() in ACTORS:
            return True
        if _is_of_several(before):
            return False
        known = senses(verb)["v"].tagged_count, senses(noun)["n"].tagged_count if noun else 0
        is_mostly = previous is not None and previous.kind == "adjective" and known[0] > 9 * known[1]
        return (
            noun is None
            or (is_mostly and _has_object(after))
            or (is_finite and (_has_object(after) or not after or known[0] > 9 * known[1]))
        )
    if noun is None and "a" not in senses(low):
        return True
    return is_finite and _has_object(after) and after[0][0].isalnum() and previous.text.endswith("s")  # type: ignore[union-attr]


def _is_of_several(before: Sequence[Word]) -> bool:
    """Whether a singular noun that is counted stands right before: `two clock times`."""
    counted = len(before) > 1 and before[-1].kind == "noun" and not before[-1].text.endswith("s")
    return counted and (before[-2].base in NUMBERS - {"one", "first", "second", "third", "last", "next"} | COUNTS)


def _has_object(after: Sequence[str]) -> bool:
    return bool(after) and (
        after[0] in DETERMINERS | PRONOUNS | PREPOSITIONS | NUMBERS | ADVERBS | SUBORDINATORS
        or after[0].isdigit()
        or not after[0][0].isalnum()
        or "a" in senses(after[0])
    )


@lru_cache(maxsize=20_000)
def clauses(text: str) -> tuple[Clause, ...]:
    """The clauses of `text` in their order."""
    found: list[Clause] = []
    opener, mark, held = "", "", list[Word]()
    read = tagged(text)
    for index, word in enumerate((*read, None)):
        is_bare = word is not None and bool(held) and _opens_bare_relative(held, read[index : index + 6])
        if word is not None and word.kind not in ("mark", "conjunction") and not is_bare:
            held.append(word)
            continue
        if held:
            has_verb = any(one.kind in ("verb", "auxiliary") for one in held)
            if found and not has_verb and opener not in SENTENCE_ENDS | SUBORDINATORS:
                found[-1] = found[-1]._replace(words=(*found[-1].words, *held))
            else:
                found.append(Clause(opener, tuple(held), mark == ","))
            opener, mark = "", ""
        if word is not None and is_bare:
            opener, held = "that", [word]
        elif word is not None:
            # Of a comma and the conjunction after it the conjunction says more.
            mark = opener if word.kind == "conjunction" and opener in (",", "—", "–") else ""
            opener, held = word.base, []
    return tuple(found)


def _opens_bare_relative(held: Sequence[Word], ahead: Sequence[Word]) -> bool:
    """Whether somebody and what they did follow a thing without a `that`: `the plan the agent proposed`."""
    last = held[-1]
    is_setting = held[0].kind == "preposition" and not any(word.kind == "verb" for word in held)
    if is_setting or last.kind != "noun" or last.base in ACTORS or last.meaning in ("person", "time"):
        return False
    start = 1 if ahead[0].kind == "determiner" else 0
    doer = ahead[start : start + 1]
    is_doer = any(
        word.base in ACTORS or word.meaning in ("person", "group") if start else word.base in ("they", "he", "she")
        for word in doer
    )
    following = [word for word in ahead[start + 1 :] if word.kind != "adverb"]
    return is_doer and bool(following) and following[0].kind in ("verb", "auxiliary")


def verb_groups(clause: Clause) -> list[int]:
    """Where each finite verb begins with what belongs to it: two in `the reading they gave was accepted`."""
    verbal = [place for place, word in enumerate(clause.words) if word.kind in ("verb", "auxiliary")]
    return [
        place
        for index, place in enumerate(verbal)
        if index == 0
        or clause.words[place].base in BE
        or any(word.kind != "adverb" for word in clause.words[verbal[index - 1] + 1 : place])
    ]


def sentences(text: str) -> list[str]:
    """The sentences of `text`; what follows a semicolon is one of its own."""
    return [part.strip() for part in re.split(r"(?<=[.;!?])\s+", text) if part.strip()]
