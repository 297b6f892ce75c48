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


def turn_line(turn: Turn) -> str:
    """One turn as the judge reads it: a JSON object in one line."""
    said = {"turn_index": turn.turn_index, "speaker": turn.speaker, "text": visible(shown_text(turn))}
    return msgspec.json.encode(said).decode()


def fenced(turns: Sequence[Turn], mark: str) -> str:
    """The transcript as the judge reads it: one JSON object a turn, between two lines with `mark`."""
    return "\n".join([f"<transcript {mark}>", *map(turn_line, turns), f"</transcript {mark}>"])
