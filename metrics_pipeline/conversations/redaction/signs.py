"""What can be in a passage at all, by one pass over it: a recogniser is asked only where there is a sign of its kind."""

from __future__ import annotations

from collections.abc import Set

from metrics_pipeline.conversations.redaction import numbers, words
from metrics_pipeline.conversations.redaction.cues import CUE_SIGNS
from metrics_pipeline.conversations.redaction.passage import Passage
from metrics_pipeline.conversations.redaction.plain import in_one_pass, plain
from metrics_pipeline.conversations.redaction.spoken import NUMBER_SIGN, remembered

_SIGNS = {
    **CUE_SIGNS,
    "NUMBER": NUMBER_SIGN,
    "DATE": words.DATE_SIGN,
    "EMAIL": words.EMAIL_SIGN,
    "API_KEY": words.KEY_SIGN,
    "PASSWORD": words.PASSWORD_SIGN,
    "IBAN": numbers.IBAN_SIGN,
    "LETTERED": numbers.LETTERED_SIGN,
}
_ALL = frozenset(_SIGNS)
_NAMES = tuple(_SIGNS)
_NAMED_IN_QUESTIONS = frozenset({*CUE_SIGNS, "PASSWORD"})
_HOLD_SOMETHING = frozenset({"NUMBER", "EMAIL", "API_KEY", "PASSWORD"})
_NONE: frozenset[str] = frozenset()
_PASS = in_one_pass(list(_SIGNS.values()))


def signs(passage: Passage) -> Set[str]:
    """The signs in a passage, and what the questions before it name; all of them where RE2 may see others than `re`."""
    seen = _signs_again(passage.text)
    for asked in passage.asked:
        if asked:
            seen = seen | (_signs_again(asked) & _NAMED_IN_QUESTIONS)
    return seen


def may_hold(text: str, asked: str) -> bool:
    """False where nothing can be found in a turn, whatever was named before it; of `asked` only a password matters."""
    seen = _signs_again(text)
    return not seen.isdisjoint(_HOLD_SOMETHING) or (bool(asked) and "PASSWORD" in _signs_again(asked))


def _signs(text: str) -> Set[str]:
    content = plain(text)
    if content is None:
        return _ALL
    found = _PASS.Match(content)
    return {_NAMES[number] for number in found} if found else _NONE


_signs_again = remembered(_signs)
