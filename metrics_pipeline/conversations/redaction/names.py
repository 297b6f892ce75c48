"""People's names: where a recogniser sees them, where they are said again or spelled, and which of them are one.

`Maria Garcia`, `Ms. Garcia` and `maria` are one person where the conversation names no other Garcia or Maria: each is
then the same token. A title is no part of a name, and stays.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence, Set

from msgspec.structs import replace

from metrics_pipeline.conversations.redaction.passage import Find

KIND = "NAME"
Spans = Sequence[tuple[int, int]]
FindNames = Callable[[Sequence[str]], Sequence[Spans]]
"""The texts of one conversation in their order become, for each, where names stand in it as (start, end)."""
Words = tuple[str, ...]
"""A name without accents, in lower case."""
Place = tuple[int, int, Words]
"""Start, end, and the name that stands there."""

TITLES = frozenset(
    "mr mrs ms miss mx dr prof professor sir madam señor señora señorita sr sra srta don doña herr frau monsieur madame".split()
)
NEVER = frozenset(
    "hello hi hey goodbye bye thanks thank okay ok yes yeah no please sorry sure welcome "
    "monday tuesday wednesday thursday friday saturday sunday".split()
)
"""Greetings and days: at the end of "Thank you and goodbye" a model likes to see a name."""
MANY = 20
"""Fuller names that are compared; one that is a part of more is nobody's."""
SHORTEST_AGAIN = 3
"""Letters of a name that is looked for where the recogniser did not see it."""
REACH = 80
"""Characters before spelled letters in which it says that they are a name's."""
DATA_CUES = frozenset(
    "name surname forename firstname lastname fullname first last given family guest customer caller contact person "
    "holder passenger patient member client owner driver tenant nombre apellido nom prenom vorname nachname".split()
)
_LETTERS = re.compile(r"[^\W\d_]+")
_TOKEN = re.compile(r"⟦[A-Z0-9_]+⟧")
_INITIALS = re.compile(r"(?<![^\W_])(?:[^\W\d_]\.\s?)+$")
_SPELLED = re.compile(r"(?<![^\W_])[^\W\d_](?:[\s.,-]{1,3}[^\W\d_]){2,}(?![^\W_])")
_SPELL = re.compile(r"\bspell|\bletter by letter|\bdeletre", re.IGNORECASE)
_NAME = re.compile(r"\b(?:sur|last ?|first ?|full ?)?name\b|\bapellido|\bnombre", re.IGNORECASE)


def may_hold_name(name: str, text: str) -> bool:
    """Whether a value of a structure is worth a look: a sentence, or one whose name says that it is a person."""
    if not _LETTERS.search(text):
        return False
    return " " in text.strip() or not DATA_CUES.isdisjoint(name.lower().split())


def name_finds(
    find: FindNames, texts: Sequence[str], values: Sequence[str], is_read: Sequence[bool]
) -> list[list[Find]]:
    """Every name in each of `texts`, whose values are equal where they are one person.

    Args:
        find: The recogniser.
        texts: Of one conversation, in the order in which they were said.
        values: The end of each text in which names are to be found; before it stands only what it is called.
        is_read: Which texts the recogniser is shown; in the others names are found that are known from these.
    """
    # A lone surrogate is no text to anybody else; a mark in its place keeps every other where it is.
    shown = [text.encode(errors="replace").decode() for text, read in zip(texts, is_read, strict=True) if read]
    seen = iter(find(shown))
    offsets = [len(text) - len(value) for text, value in zip(texts, values, strict=True)]
    places = []
    for value, offset, read in zip(values, offsets, is_read, strict=True):
        spans = [(max(0, start - offset), end - offset) for start, end in next(seen) if end > offset] if read else []
        places.append(_trimmed(value, spans))
    found = _known_finds(values, places)
    return [
        [replace(one, start=one.start + offset, end=one.end + offset) for one in finds]
        for offset, finds in zip(offsets, found, strict=True)
    ]


def _known_finds(texts: Sequence[str], places: Sequence[Sequence[Place]]) -> list[list[Find]]:
    said = {words for found in places for _, _, words in found}
    spelled = [list(_spelled(text, before, said)) for before, text in zip(["", *texts], texts, strict=False)]
    sure = {words for found in spelled for _, _, words in found}
    persons = _persons(said | sure)
    known = _parts(persons) | persons
    again = _Again(known, sure)
    found = []
    for text, saw, letters in zip(texts, places, spelled, strict=True):
        every = [Find(KIND, start, end, known[words]) for start, end, words in (*saw, *letters, *again.places(text))]
        # Of what overlaps the longest counts: a recogniser may have seen a part of what is known in full.
        found.append(sorted(every, key=lambda find: find.start - find.end))
    return found


def _trimmed(text: str, spans: Spans) -> list[Place]:
    """The spans with initials before them, without titles and marks; those without a name, or on a token, are none."""
    tokens = [token.span() for token in _TOKEN.finditer(text)] if spans and "⟦" in text else []
    found = []
    for start, end in spans:
        words = list(_LETTERS.finditer(text, start, end))
        while words and words[0].group().lower() in TITLES:
            words.pop(0)
        is_token = any(opened < end and start < closed for opened, closed in tokens)
        if is_token or all(word.group().lower() in NEVER for word in words):
            continue
        first, last = words[0].start(), words[-1].end()
        initials = _INITIALS.search(text, max(0, first - REACH), first)
        found.append((initials.start() if initials else first, last, _words(text[first:last])))
    return found


def _words(text: str) -> Words:
    if not text.isascii():
        plain = unicodedata.normalize("NFKD", text)
        text = "".join(one for one in plain if unicodedata.category(one) != "Mn")
    return tuple(word.casefold() for word in _LETTERS.findall(text))


def _spelled(text: str, before: str, said: Set[Words]) -> Iterator[Place]:
    """Letters one by one that make a name that was said, or that are announced as a name's."""
    known = {word for words in said for word in words}
    for run in _SPELLED.finditer(text):
        word = "".join(_words(run.group()))
        around = f"{before[-REACH:]} {text[max(0, run.start() - REACH) : run.start()]}"
        if word in known or (_SPELL.search(around) and _NAME.search(around)):
            yield run.start(), run.end(), (word,)


def _persons(said: Set[Words]) -> dict[Words, str]:
    """For each name the fullest one that it is a part of, where there is only one."""
    bearers: dict[str, set[Words]] = {}
    for words in said:
        for word in words:
            bearers.setdefault(word, set()).add(words)
    found = {}
    for words in said:
        fuller = set.intersection(*(bearers[word] for word in words)) - {words}
        fullest = max(fuller, key=lambda name: (len(name), name), default=words)
        is_one = len(fuller) <= MANY and all(set(name) <= set(fullest) for name in fuller)
        found[words] = " ".join(fullest if is_one else words)
    return found


def _parts(persons: Mapping[Words, str]) -> dict[Words, str]:
    """The words of full names that only one person bears."""
    bearers: dict[Words, set[str]] = {}
    for words, person in persons.items():
        for word in words if len(words) > 1 else ():
            bearers.setdefault((word,), set()).add(person)
    return {word: min(named) for word, named in bearers.items() if len(named) == 1}


class _Again:
    """Finds names that are known where they are said again."""

    def __init__(self, known: Mapping[Words, str], sure: Set[Words]) -> None:
        self._known, self._sure = known, sure
        self._lengths = sorted({len(words) for words in known} - {1})

    def places(self, text: str) -> Iterator[Place]:
        """In full or after they were spelled however written, one word of them with a capital or by itself."""
        if not self._known:
            return
        words = [(match, _words(match.group())) for match in _LETTERS.finditer(text)]
        folded = [word for _, parts in words for word in parts]
        if len(folded) != len(words):
            return  # A sign that stands for several words: no place in the text is that of one of them.
        if tuple(folded) in self._known:
            yield words[0][0].start(), words[-1][0].end(), tuple(folded)
            return
        for place, (match, one) in enumerate(words):
            for length in self._lengths:
                name = tuple(folded[place : place + length])
                if name in self._known and len(name) == length:
                    yield match.start(), words[place + length - 1][0].end(), name
            is_written_so = one in self._sure or _is_capital_within(text, match.start())
            if one in self._known and is_written_so and len(match.group()) >= SHORTEST_AGAIN:
                yield match.start(), match.end(), one


def _is_capital_within(text: str, start: int) -> bool:
    """A capital that is not there because a sentence begins."""
    before = text[max(0, start - 3) : start].rstrip()
    return text[start].isupper() and bool(before) and before[-1] not in ".!?:\n\"“'‘("
