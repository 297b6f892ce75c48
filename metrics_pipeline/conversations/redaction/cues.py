"""Words that say what a number, a date or a word after them is."""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec
import re2

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
_CUE = re.compile("|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _CUES.items()), re.IGNORECASE)
_BY_KIND = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in _CUES.items()}
_BUSINESS = (
    r"order|invoice|tracking|reference|confirmation|reservation|ticket|case|serial|member(?:ship)?|loyalty|meter|"
    r"flight|rooms?|zip|post ?code|product|item|model|version|booking|isbn|sku|part|policy|customer|pedido|reserva|"
    r"factura|bestell\w*|rechnung\w*|commande"
)
# A superset of all of them, in a tenth of the time.
_NAMED = re2.compile("(?i)" + "|".join(_CUES.values()).replace(r"\b", ""))
_OTHER = re.compile(
    rf"(?:{_BUSINESS})"
    r"(?:\W+(?:number|no|nr|num|id|code|card|reads|numero|número))*(?:\W+(?:is|was|es|ist|est))?\W*$",
    re.IGNORECASE,
)
LONGEST_MONEY = 9
"""Characters of the longest word for it, with the one before it."""
_MONEY_BEFORE = re.compile(r"(?:[$€£¥]|\b(?:usd|eur|gbp|dollars?|euros?|pounds?))\s*$", re.IGNORECASE)
_MONEY_AFTER = re.compile(
    r"(?:[.,]\d\d)?\s*(?:[$€£¥%]|(?:usd|eur|gbp|dollars?|euros?|pounds?|percent|nights?|people|guests?|credits?|points?|stars?|minutes?|hours?|days?|times|miles?|ml|kg|km)\b)",
    re.IGNORECASE,
)
# A superset of both, in a tenth of the time: of most values the words before them say nothing.
_SAYS_SOMETHING = re2.compile("(?i)" + "|".join([*_CUES.values(), _BUSINESS]).replace(r"\b", ""))
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
    kind = None
    says_something = _SAYS_SOMETHING.search(near.encode("utf-8", "replace")) is not None
    for match in _CUE.finditer(near) if says_something else ():
        kind = match.lastgroup
    if kind is None and (leads := _AFTERWARDS.match(after)):
        named = _CUE.match(after, leads.end())
        kind = named.lastgroup if named else None
    is_amount = bool(_MONEY_BEFORE.search(near.rstrip()[-LONGEST_MONEY:]) or _MONEY_AFTER.match(after))
    return Said(kind, says_something and bool(_OTHER.search(near)), is_amount)


def names(text: str, kind: str) -> str | None:
    """The first word of `text` that names a value of `kind`; None where none does."""
    if not _NAMED.search(text.encode("utf-8", "replace")):
        return None
    match = _BY_KIND[kind].search(text)
    return match.group() if match else None
