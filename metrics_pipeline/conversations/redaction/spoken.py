"""Numbers as they are written, said and spelled become digits, each with the place where it stands in the text.

"four one one one", "forty-one eleven", "double four", "4 1 1 1" and "4111" read the same. English and Spanish words,
and the digits of German and French.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from typing import TypeVar

import msgspec
import re2

_UNITS = {
    "0": "zero oh o nought cero null zéro",
    "1": "one uno una eins",
    "2": "two dos zwei zwo deux",
    "3": "three tres drei trois",
    "4": "four cuatro vier quatre",
    "5": "five cinco fünf cinq",
    "6": "six seis sechs",
    "7": "seven siete sieben sept",
    "8": "eight ocho acht huit",
    "9": "nine nueve neun neuf",
}
_TEENS = (
    "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen",
    "diez once doce trece catorce quince dieciséis diecisiete dieciocho diecinueve",
)
_TENS = (
    "twenty thirty forty fifty sixty seventy eighty ninety",
    "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
)
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth"
)

UNITS = {word: digit for digit, words in _UNITS.items() for word in words.split()}
TEENS = {word: str(10 + place) for words in _TEENS for place, word in enumerate(words.split())}
TENS = {word: str(20 + 10 * place) for words in _TENS for place, word in enumerate(words.split())}
ORDINALS = {word: str(1 + place) for place, word in enumerate(_ORDINALS.split())} | {"thirtieth": "30"}
REPEATS = {"double": 2, "doble": 2, "triple": 3, "treble": 3}
FACTORS = {"hundred": "00", "thousand": "000"}
NUMBER_WORDS = UNITS | TEENS | TENS
FILLERS = frozenset("uh um er erm eh ah dash hyphen space slash minus then guion guión".split())
SIGHS = frozenset({"oh", "o"})
"""Zero between numbers, and a sigh elsewhere."""
LINKS = FILLERS | frozenset("and okay ok it s is yeah yes so y sí".split())
"""Words that may begin a turn in which a number goes on."""

SAID = frozenset({*NUMBER_WORDS, *REPEATS})

_MAY_LEAD = LINKS | SAID
_MAY_END = SAID | ORDINALS.keys() | FACTORS.keys()
DIGITS_OF_A_WORD = 2
"""At most, where neither another number nor a factor stands beside it."""
SHORT = 400
"""Characters of a text that is remembered: memory must not grow with what somebody says."""
_PIECE = re.compile(r"([^\W\d_]+|\d+)")
NUMBER_SIGN = rf"(?i)\pN|\b(?:{'|'.join(sorted(SAID))})\b"
_HINT = re2.compile(NUMBER_SIGN)
_WORDS = "|".join(sorted(SAID | ORDINALS.keys()))
_LEADING = "|".join(sorted(LINKS))
_LONG = (
    rf"(?:\pN|(?:\b|_)(?:{_WORDS}))(?:[^\pL\pN]+|[^\pL\pN]*(?:(?:{_LEADING})[^\pL\pN]*)+)(?:\pN|(?:{_WORDS})(?:\b|_))|"
    rf"(?:{_WORDS})[^\pL\pN]+(?:{'|'.join(sorted(FACTORS))})"
)
_BETWEEN = re.compile(r"[\s\-–—./(),:+#*…]*")


_Found = TypeVar("_Found")


def remembered(look: Callable[[str], _Found]) -> Callable[[str], _Found]:
    """`look`, which remembers what it said of the last short texts.

    A text is looked at from several sides, and an agent says the same in many conversations.
    """
    remembering = lru_cache(maxsize=2_048)(look)

    def of(text: str) -> _Found:
        return remembering(text) if len(text) <= SHORT else look(text)

    return of


class Token(msgspec.Struct, frozen=True, gc=False):
    """A number or a word."""

    chars: str
    """The digits that it stands for, or the word as written."""
    start: int
    end: int
    is_number: bool
    is_word: bool = True


class Run(msgspec.Struct, frozen=True, gc=False):
    """Numbers with nothing between them but marks and hesitation."""

    tokens: Sequence[Token]
    digits: str

    @property
    def start(self) -> int:
        return self.tokens[0].start

    @property
    def end(self) -> int:
        return self.tokens[-1].end


def may_begin_in_number(text: str) -> bool:
    """False where the first word is neither a number nor one that may lead on to one."""
    word = text[:SHORT].lstrip().partition(" ")[0].rstrip(".,?!")
    return not word.isalpha() or word.lower() in _MAY_LEAD


@cache
def number_of(digits: int) -> re2._Regexp:
    """What stands in every text with a run of so many digits or more, and in a few others."""
    return re2.compile(rf"(?i){_LONG}|\pN{{{digits},}}") if digits > DIGITS_OF_A_WORD else _HINT


def may_end_in_number(text: str) -> bool:
    """False where the last word is neither a number nor written in capitals."""
    said = text.rstrip(" .,?!")
    word = said.rpartition(" ")[2]
    return not said[-1:].islower() or not word.isalpha() or word.lower() in _MAY_END


@remembered
def may_hold_number(text: str) -> bool:
    """Whether there is a digit or a word for one, at little cost."""
    return _HINT.search(text.encode("utf-8", "replace")) is not None


@remembered
def tokens(text: str) -> Sequence[Token]:
    """The words and numbers of `text`, in order."""
    pieces = []
    end = 0
    between_and_piece = iter(_PIECE.split(text))
    for between, piece in zip(between_and_piece, between_and_piece, strict=False):
        start = end + len(between)
        end = start + len(piece)
        pieces.append((piece, start, end))
    found: list[Token] = []
    place = 0
    while place < len(pieces):
        raw, start, end = pieces[place]
        if raw.lower() in SAID or raw[0].isdecimal():
            token, place = _read(pieces, place)
            found.append(token)
        else:
            found.append(Token(raw, start, end, False))
            place += 1
    return found


def _read(pieces: Sequence[tuple[str, int, int]], place: int) -> tuple[Token, int]:
    raw, start, end = pieces[place]
    if raw[0].isdecimal():
        # Other scripts' digits are digits too.
        return Token(
            "".join(str(int(digit)) for digit in raw) if not raw.isascii() else raw, start, end, True, False
        ), place + 1
    word = raw.lower()
    if word not in SAID or _is_glued(pieces, place) or (word in SIGHS and not _is_beside_number(pieces, place)):
        return Token(raw, start, end, False), place + 1
    following = pieces[place + 1] if place + 1 < len(pieces) else ("", 0, 0)
    next_word = following[0].lower()
    if word in TENS:
        unit = UNITS.get(next_word) or (ORDINALS.get(next_word, "") if len(ORDINALS.get(next_word, "")) == 1 else None)
        if unit and unit != "0":
            return Token(TENS[word][0] + unit, start, following[2], True), place + 2
        return Token(TENS[word], start, end, True), place + 1
    if word in REPEATS:
        digit = UNITS.get(next_word) or (next_word if len(next_word) == 1 and next_word.isdecimal() else None)
        if digit:
            return Token(digit * REPEATS[word], start, following[2], True), place + 2
    digits = NUMBER_WORDS.get(word)
    if digits and next_word in FACTORS:
        return Token(digits + FACTORS[next_word], start, following[2], True), place + 2
    return Token(digits or raw, start, end, digits is not None), place + 1


def _is_beside_number(pieces: Sequence[tuple[str, int, int]], place: int) -> bool:
    _, start, end = pieces[place]
    before, after = pieces[place - 1 : place], pieces[place + 1 : place + 2]
    return any(
        (other[0].isdecimal() or other[0].lower() in SAID) and 0 < gap <= 1
        for other, gap in [*((one, start - one[2]) for one in before), *((one, one[1] - end) for one in after)]
    )


def _is_glued(pieces: Sequence[tuple[str, int, int]], place: int) -> bool:
    """Whether a digit touches the word: the letter O in a code is no zero."""
    _, start, end = pieces[place]
    return (place > 0 and pieces[place - 1][2] == start) or (place + 1 < len(pieces) and pieces[place + 1][1] == end)


@remembered
def runs(text: str) -> Sequence[Run]:
    """Each run of numbers in `text`; a line break within one may be followed by a word or two that only lead on."""
    return [Run(found, "".join([token.chars for token in found])) for found in _runs(text, tokens(text))]


def _runs(text: str, found: Sequence[Token]) -> Iterator[list[Token]]:
    current: list[Token] = []
    skipped_from: int | None = None
    for token in found:
        if not token.is_number:
            if not current:
                continue
            word = token.chars.lower()
            crosses = "\n" in text[current[-1].end : token.start]
            if word in FILLERS or (crosses and word in LINKS):
                skipped_from = token.end
                continue
            yield current
            current, skipped_from = [], None
            continue
        if current:
            begin = current[-1].end if skipped_from is None else skipped_from
            if not _BETWEEN.fullmatch(text, begin, token.start) or token.start - begin > 8:
                yield current
                current = []
        current.append(token)
        skipped_from = None
    if current:
        yield current
