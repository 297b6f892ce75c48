"""Patterns of a team's own: names and regular expressions in RE2's language, which match in linear time whatever they say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import re2

from metrics_pipeline.conversations.redaction.passage import Find, Passage
from metrics_pipeline.errors import SettingsError

BUILT_IN = frozenset("CARD CODE IBAN EMAIL PHONE NATIONAL_ID BIRTH_DATE API_KEY PASSWORD NAME".split())
MAX_PATTERN_CHARACTERS = 1_000
_NAME = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]*[A-Z][A-Z0-9]*)*")

Own = tuple[tuple[str, re2._Regexp], ...]


def compile_own(patterns: Mapping[str, str]) -> Own:
    """The patterns by name, compiled.

    Raises:
        SettingsError: A name or a pattern cannot be used.
    """
    options = re2.Options()
    options.log_errors = False
    found = []
    for name, pattern in patterns.items():
        where = f"redact_patterns, {name!r}"
        if not _NAME.fullmatch(name) or len(name) > 40:
            raise SettingsError(f"{where}: is not a name. Write it in capitals, such as MEMBER or BOOKING_CODE.")
        if name in BUILT_IN:
            raise SettingsError(f"{where}: is a kind that is built in. Take another name.")
        if not pattern or len(pattern) > MAX_PATTERN_CHARACTERS:
            raise SettingsError(f"{where}: is empty, or longer than {MAX_PATTERN_CHARACTERS} characters. Shorten it.")
        try:
            compiled = re2.compile(pattern, options)
        except re2.error as error:
            reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
            raise SettingsError(
                f"{where}: is not a pattern that can be matched in linear time ({reason}). Patterns are RE2's: no "
                "backreferences and no look-around."
            ) from None
        if compiled.search("") is not None:
            raise SettingsError(f"{where}: matches where nothing stands. Make it need at least one character.")
        found.append((name, compiled))
    return tuple(found)


def own_finds(passage: Passage, own: Own) -> Iterator[Find]:
    """What the team's own patterns match."""
    for name, pattern in own:
        for match in pattern.finditer(passage.text):
            if match.end() > match.start():
                yield Find(name, match.start(), match.end(), match.group())
