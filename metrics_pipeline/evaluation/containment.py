"""Transcripts are hostile text: how they travel to a judge without ever speaking to it.

Turns travel as JSON, one object a line, between two marks that nobody who speaks in the conversation can know.
Characters that hide or reorder text are made visible. What looks like an order to the judge is flagged, not removed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Sequence

import msgspec
import re2

from metrics_pipeline.conversations.record import Turn, shown_text

# Cc control, Cf format (bidi, zero width, tags), Co private use, Cs surrogates, Zl and Zp line separators.
HIDDEN_CATEGORIES = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
PLAIN = {"\n", "\t"}
_SUSPECT_CHARACTERS = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\ufff9-\ufffb\ue000-\uf8ff\U000e0000-\U000e0fff\U000f0000-\U0010ffff\ud800-\udfff]"
)

_ORDER = "|".join(
    (
        r"\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instruction|rule|prompt|above|previous|guideline)s?\b",
        r"\b(?:system|developer)\s*(?:prompt|message|note|override)\b",
        r"\b(?:you\s+are|as)\s+(?:an?|the)\s+(?:ai|judge|evaluator|grader|language\s+model)\b",
        r"\b(?:mark|rate|score|grade|label|classify|judge)\s+(?:this|it|the)\b.{0,40}\b(?:as|with)\b",
        r"""\b(?:answer|respond|reply|output)\s+(?:only\s+)?(?:with\s+)?["'{]""",
        r""""(?:turn_index|speaker|applies|answer|evidence)"\s*:""",
        r"<\s*/?\s*(?:transcript|system|assistant|user|instructions?)\b",
        r"^\s*(?:system|assistant|judge)\s*:",
    )
)
_IS_ORDER = re.compile(_ORDER, re.IGNORECASE | re.MULTILINE)
# RE2 is many times as fast. Its words and spaces are ASCII's: without word boundaries, and with all spaces there are,
# it finds every order and a few more.
_MAY_BE_ORDER = re2.compile("(?im)" + _ORDER.replace(r"\b", "").replace(r"\s", r"[\s\x0b\x1c-\x1f\x85\pZ]"))
_REORDERING = re.compile("[\u202a-\u202e\U000e0000-\U000e007f]")
_BETWEEN = "\n\0\n"
"""Nothing that is looked for reaches over it: one search of everything finds what a search of each turn would."""


def visible(text: str) -> str:
    """`text` with each character that hides or reorders written out, as in ⟨U+202E⟩."""
    if not _SUSPECT_CHARACTERS.search(text):
        return text
    return "".join(_written_out(character) for character in text)


def _written_out(character: str) -> str:
    if character in PLAIN:
        return character
    # Variation selectors are marks, not format characters, and hide text as well.
    hidden = unicodedata.category(character) in HIDDEN_CATEGORIES or "\ufe00" <= character <= "\ufe0f"
    hidden = hidden or "\U000e0000" <= character <= "\U000e0fff"
    return f"⟨U+{ord(character):04X}⟩" if hidden else character


def fence(secret: bytes, judged_hash: str) -> str:
    """The mark around one conversation: known to nobody without the project's secret, and the same every time."""
    return hmac.new(secret, judged_hash.encode(), hashlib.sha256).hexdigest()[:24]


def fenced(turns: Sequence[Turn], mark: str) -> str:
    """The transcript as the judge reads it: one JSON object a turn, between two lines with `mark`."""
    lines = [
        msgspec.json.encode(
            {"turn_index": turn.turn_index, "speaker": turn.speaker, "text": visible(shown_text(turn))}
        ).decode()
        for turn in turns
    ]
    return "\n".join([f"<transcript {mark}>", *lines, f"</transcript {mark}>"])


def looks_like_an_order(turns: Sequence[Turn]) -> bool:
    """Whether anything said looks as if it were meant for the judge and not for the other side."""
    texts = [(turn.speaker, shown_text(turn)) for turn in turns]
    spoken = _BETWEEN.join(text for speaker, text in texts if speaker != "function")
    if _REORDERING.search("".join(text for _, text in texts)):
        return True
    # Half a surrogate pair does not travel as UTF-8, and stands for no letter.
    return bool(_MAY_BE_ORDER.search(spoken.encode("utf-8", "replace").decode()) and _IS_ORDER.search(spoken))
