"""Whether a text can hold anything personal at all: one pass in linear time, since most hold nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

import re2

from metrics_pipeline.conversations.redaction.lines import Lines
from metrics_pipeline.conversations.redaction.spoken import NUMBER_WORDS, REPEATS

_WORDS = "|".join(sorted({*NUMBER_WORDS, *REPEATS}, key=len, reverse=True))
_DIGIT = rf"(?:\d|\b(?:{_WORDS})\b)"
_GAP = r"[\s.,\-–/()]{0,3}(?:(?:uh|um|er|dash|space|slash)[\s,.]{1,2})?"
_NAMED = (
    r"\b(?:birth|born|dob\b|d\.o\.b|nacimiento|nac[ií]|cumplea|geburt|geboren|naissance|n[eé]e? le\b)|"
    r"\b(?:cvv|cvc|csc\b|cv2|security[ _]code|verification[ _]code|one[- _]time|otp\b|pin\b|passcode|on the back|"
    r"c[oó]digo|pr[uü]fnummer|cryptogramme)|"
    r"\b(?:ssn|social security|national insurance|passport|pasaporte|passeport|reisepass|dni|nie|national id)\b|"
    r"pass ?word|passwd|\bpwd|pass ?phrase|contraseña|mot de passe|kennwort|passwort|"
    r"(?:api|access|secret|auth|private|client)[ _-]?(?:key|token)|\btoken\b|\bsecret\b|\bbearer\s|"
    r"\b[spr]k[-_]\w|akia|asia[a-z0-9]{16}|\bgh[pousr]_|github_pat|glpat|\bxox|aiza|ya29|\bhf_|\beyj|\bsg\.|private key"
)
_MAIL = (
    r"\S\s?@\s?[\w-]+\s?[.(\[]|\barroba\b|\[\s?at\s?\]|\(\s?at\s?\)|\bat\s+[\w-]+(?:\s+[\w-]+){0,4}\s+(?:dot|punto)\s|"
    r"\bat\s+[\w-]+(?:\.[\w-]+)*\.[a-z]"
)
_LETTERED = r"\b[a-z]{2} ?\d\d ?\d\d ?\d\d ?[a-d]\b|\b[a-z]{2}\d\d[ -]?[a-z0-9]{4}\b|\biban\b"
_SPOKEN = rf"(?:{_DIGIT}{_GAP}){{6}}{_DIGIT}|(?:{_DIGIT}{_GAP}){{4,}}\s*\n"
# In data a bare number is an id or a clock far more often than a telephone.
_DATA = (
    r"(?:\d[ -]?){13}|\+ ?\d(?:[ .()-]{0,2}\d){6}|\s\(?\d(?:[ .()-]{0,2}\d){6}|\d{1,5}[ .()-]{1,2}\d{2,5}[ .()-]{1,2}\d{2,5}|"
    r"\b[0-9xyz]\d{7}[ -]?[a-z]\b|phone|mobile|\bcell|\btel\b|whats ?app|msisdn|caller|card|tarjeta|tax[ _-]?id|steuer|licen[cs]e|"
    rf"identity|national|(?:\b(?:{_WORDS})\b{_GAP}){{6}}"
)


class Triggers:
    """What a text must match to be looked at. `own` are patterns of the team's own."""

    def __init__(self, own: Sequence[str]) -> None:
        own = [_within_a_text(pattern) for pattern in own]
        self._said = _compiled([rf"(?i:{_SPOKEN}|{_MAIL}|{_NAMED}|{_LETTERED})", *own])
        self._data = _compiled([rf"(?i:{_DATA}|{_MAIL}|{_NAMED.replace(_BOUND, _NO_LETTER)}|{_LETTERED})", *own])

    def in_said(self, text: str) -> bool:
        """Of what was said: turns, each with a line break at its end."""
        return self._said.search(text.encode("utf-8", "replace")) is not None

    def places_in_said(self, lines: Lines) -> set[int]:
        """Of what was said, a line each: those that something to look at stands in, in part or in whole."""
        return lines.places(self._said)

    def places_in_data(self, lines: Lines) -> set[int]:
        """Of names and values, and sentences among them, a line each."""
        return lines.places(self._data) | lines.places(self._said)

    def in_data(self, text: str) -> bool:
        """Of data: JSON, or a name and a value."""
        return self._data.search(text.encode("utf-8", "replace")) is not None


_BOUND = r"\b(?:"
_NO_LETTER = r"(?:\b|_)(?:"
"""Names in data hold words between underscores."""


def _within_a_text(pattern: str) -> str:
    """Matches wherever `pattern` matches one of several texts that stand a line each in another."""
    return "" if re.search(r"\\[Az]", pattern) else f"(?m:{pattern})"


def _compiled(parts: Sequence[str]) -> re2._Regexp:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 64 << 20
    return re2.compile("|".join(parts), options)
