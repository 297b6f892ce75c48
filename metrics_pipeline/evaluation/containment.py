"""Transcripts are hostile text: how they travel to a judge without ever speaking to it.

Turns travel as JSON, one object a line, between two marks that nobody who speaks in the conversation can know.
Characters that hide or reorder text are made visible. What looks like an order to the judge is flagged
(see orders), not removed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Sequence

import msgspec

from metrics_pipeline.conversations.record import Turn, shown_text

# Cc control, Cf format (bidi, zero width, tags), Co private use, Cs surrogates, Zl and Zp line separators.
HIDDEN_CATEGORIES = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}
PLAIN = {"\n", "\t"}
_SUSPECT_CHARACTERS = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\ufff9-\ufffb\ue000-\uf8ff\U000e0000-\U000e0fff\U000f0000-\U0010ffff\ud800-\udfff]"
)


class _Said(msgspec.Struct, gc=False):
    """One turn as it travels."""

    turn_index: int
    speaker: str
    text: str


_encoder = msgspec.json.Encoder()


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


def turn_lines(turns: Sequence[Turn]) -> str:
    """The turns as the judge reads them: a JSON object a turn, each on a line that ends."""
    texts = [shown_text(turn) for turn in turns]
    # One look at all of it: nearly always nothing hides.
    if _SUSPECT_CHARACTERS.search("\n".join(texts)):
        texts = [visible(text) for text in texts]
    said = [_Said(turn.turn_index, turn.speaker, text) for turn, text in zip(turns, texts, strict=True)]
    return _encoder.encode_lines(said).decode()


def fenced(turns: Sequence[Turn], mark: str) -> str:
    """The transcript as the judge reads it: its lines between two with `mark`."""
    return f"<transcript {mark}>\n{turn_lines(turns)}</transcript {mark}>"
