"""Words that say what a number, a date or a word after them is."""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec
import re2

from metrics_pipeline.conversations.redaction.plain import in_one_pass, plain

REACH = 60
"""Characters before a value in which a word that names it counts."""

_CUES = {
    "PHONE": (
        r"\b(?:tele)?phone|\bmobile|\bcell(?:phone)?\b|\b(?:call|reach|text|ring|contact) (?:me|you|us|her|him|back)\b|"
        r"\bmy number\b|\bbest number|\bcontact number|\bcall(?:er|back)?[ _-]?(?:back|number|id)\b|\bwhats ?app|\bfax\b|"
        r"tel[eé]fono|m[oó]vil|ll[aá]m|telefon|\bhandy|t[eé]l[eé]phone|\bportable\b|\btel\b|msisdn"
    ),
    "CARD": r"\bcard\b|\bvisa\b|mastercard|\bamex\b|tarjeta|\bkarte|\bcarte\b|card[ _-]?number|\bpan\b",
    "CODE": (
        r"\bcvv2?\b|\bcvc2?\b|\bcsc\b|\bcv2\b|security[ _]code|verification code|one[- ]time|\botp\b|\bpin\b|\bpasscode|"
        r"\b(?:digits|number|code) on the back|c[oó]digo de (?:seguridad|verificaci[oó]n)|pr[uü]fnummer|cryptogramme"
    ),
    "NATIONAL_ID": (
        r"social[ _]security|\bssn\b|\bmy social\b|national insurance|\bni number|\bnino\b|passport|pasaporte|passeport|"
        r"reisepass|\bdni\b|\bnie\b|\bidentity|\bnational[ _]id|\bid card|licen[cs]e number|driv\w+ licen[cs]e|tax[ _-]?(?:payer )?"
        r"(?:id|number|identification)|steuer|personalausweis|s[eé]curit[eé] sociale|\bbsn\b|\bnhs\b|codice fiscale|"
        r"\b(?:french|spanish|german|italian) (?:id|number)"
    ),
    "BIRTH_DATE": (
        r"\bbirth|\bborn\b|\bdob\b|\bd\.o\.b|nacimiento|\bnac[ií]|cumplea[nñ]os|geburt|geboren|naissance|\bn[eé]e? le\b"
    ),
}
KINDS = tuple(_CUES)
_ANY_CUE = "|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _CUES.items())
_CUE = re.compile(_ANY_CUE, re.IGNORECASE)
_PLAIN_CUE = re2.compile(f"(?i){_ANY_CUE}")
CUE_SIGNS = {kind: f"(?i){pattern}".replace(r"\b", "") for kind, pattern in _CUES.items()}
"""What stands in every text of which a part is a cue."""
_BY_KIND = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _CUES.items()}
_BUSINESS = (
    r"order|invoice|tracking|reference|confirmation|reservation|ticket|case|serial|member(?:ship)?|loyalty|meter|"
    r"flight|rooms?|zip|post ?code|product|item|model|version|booking|isbn|sku|part|policy|customer|pedido|reserva|"
    r"factura|bestell\w*|rechnung\w*|commande"
)
# A superset of all of them, in a tenth of the time.
_NAMED = re2.compile("(?i)" + "|".join(_CUES.values()).replace(r"\b", ""))
_NAMED_OTHER = (
    rf"(?:{_BUSINESS})"
    r"(?:\W+(?:number|no|nr|num|id|code|card|reads|numero|número))*(?:\W+(?:is|was|es|ist|est))?\W*$"
)
_OTHER = re.compile(_NAMED_OTHER, re.IGNORECASE)
LONGEST_MONEY = 9
"""Characters of the longest word for it, with the one before it."""
_MONEY = r"(?:[$€£¥]|\b(?:usd|eur|gbp|dollars?|euros?|pounds?))\s*$"
_MONEY_BEFORE = re.compile(_MONEY, re.IGNORECASE)
_MONEY_AFTER = re.compile(
    r"(?:[.,]\d\d)?\s*(?:[$€£¥%]|(?:usd|eur|gbp|dollars?|euros?|pounds?|percent|nights?|people|guests?|credits?|points?|stars?|minutes?|hours?|days?|times|miles?|ml|kg|km)\b)",
    re.IGNORECASE,
)
# A superset of both, in a tenth of the time: of most values the words before them say nothing.
_SAYS_SOMETHING = re2.compile("(?i)" + "|".join([*_CUES.values(), _BUSINESS]).replace(r"\b", ""))
_PLAIN_BEFORE = in_one_pass([f"(?i){pattern}" for pattern in (*_CUES.values(), _NAMED_OTHER, _MONEY)])
_IS_OTHER, _IS_AMOUNT = len(KINDS), len(KINDS) + 1
_AFTERWARDS = re.compile(r"\W*(?:is|as|for|was)?\s*(?:my|our|the|her|his|a)\s+(?:\w+ )?", re.IGNORECASE)


class Said(msgspec.Struct, frozen=True, gc=False):
    """What the words around a value say about it."""

    kind: str | None
    """The kind that the last word before it names."""
    is_other: bool
    """An order, a room, a flight: a number of the business and not of a person."""
    is_amount: bool
    is_asked: bool = False
    """Only the question before it names it."""


# Each kind of number asks it of the same places.
@lru_cache(maxsize=256)
def said_about(before: str, after: str) -> Said:
    """What a value is, by the words on both sides of it.

    Args:
        before: What stands before it, the question that it answers first.
        after: What stands after it.
    """
    near = before[-REACH:]
    content = plain(near)
    kind, is_other, is_amount = _said_before(near) if content is None else _said_before_plainly(content)
    if after:
        if kind is None and (leads := _AFTERWARDS.match(after)):
            named = _CUE.match(after, leads.end())
            kind = named.lastgroup if named else None
        is_amount = is_amount or _MONEY_AFTER.match(after) is not None
    return Said(kind, is_other, is_amount)


@lru_cache(maxsize=256)
def asked_for(near: str) -> str | None:
    """The kind that the end of a question, `near`, names last."""
    content = plain(near)
    return (_said_before(near) if content is None else _said_before_plainly(content))[0]


def _said_before(near: str) -> tuple[str | None, bool, bool]:
    """The last kind that is named; whether it is a number of the business; whether it is an amount."""
    kind = None
    says_something = _SAYS_SOMETHING.search(near.encode("utf-8", "replace")) is not None
    for match in _CUE.finditer(near) if says_something else ():
        kind = match.lastgroup
    is_amount = _MONEY_BEFORE.search(near.rstrip()[-LONGEST_MONEY:]) is not None
    return kind, says_something and _OTHER.search(near) is not None, is_amount


def _said_before_plainly(content: bytes) -> tuple[str | None, bool, bool]:
    found = _PLAIN_BEFORE.Match(content) if content else None
    if not found:
        return None, False, False
    kinds = [number for number in found if number < len(KINDS)]
    kind = KINDS[kinds[0]] if kinds else None
    for match in _PLAIN_CUE.finditer(content) if len(kinds) > 1 else ():
        kind = match.lastgroup
    return kind, _IS_OTHER in found, _IS_AMOUNT in found


def names(text: str, kind: str) -> str | None:
    """The first word of `text` that names a value of `kind`; None where none does."""
    if not _NAMED.search(text.encode("utf-8", "replace")):
        return None
    match = _BY_KIND[kind].search(text)
    return match.group() if match else None
