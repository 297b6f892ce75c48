"""What redaction takes out of the exports in the landing folder: counts by kind, and masked examples."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from metrics_pipeline.conversations.adapters.lenient import Unreadable
from metrics_pipeline.conversations.adapters.registry import choose
from metrics_pipeline.conversations.reading import is_export, read_export
from metrics_pipeline.conversations.record import Conversation
from metrics_pipeline.conversations.redaction.recogniser import open_recogniser
from metrics_pipeline.conversations.redaction.redactor import Redactor
from metrics_pipeline.errors import SettingsError
from metrics_pipeline.settings import Settings

EXAMPLES = 5
MAX_FORM_CHARACTERS = 60
_LETTER, _DIGIT = re.compile(r"[^\W\d_]"), re.compile(r"\d")


class Kind(NamedTuple):
    """One kind of what was found."""

    kind: str
    replaced_count: int
    conversation_count: int
    examples: list[dict[str, Any]]
    """The forms that occur most, each with its `form` and `count`."""


class Redactions(NamedTuple):
    """What would be taken out."""

    redaction: str
    conversation_count: int
    changed_count: int
    kinds: list[Kind]


def look(settings: Settings) -> Redactions:
    """Redact every finished conversation of the landing folder, keep only forms and counts, and write nothing.

    Raises:
        SettingsError: There is no such folder.
    """
    landing = settings.landing_folder
    if not landing.is_dir():
        raise SettingsError(f"{landing}: is not a folder. Point --landing at the folder of export files.")
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    redactor = Redactor(
        settings.redact_phone_regions,
        settings.redact_patterns,
        open_recogniser(settings.redact_names),
        on_find=lambda kind, text: forms[kind].update([masked(text)]),
    )
    held: Counter[str] = Counter()
    conversation_count = changed_count = 0
    for conversation in _conversations(landing, settings):
        counts = redactor.redact(conversation).counts
        conversation_count += 1
        changed_count += bool(counts)
        held.update(counts.keys())
    kinds = [
        Kind(kind, found.total(), held[kind], [{"form": form, "count": count} for form, count in _most(found)])
        for kind, found in sorted(forms.items())
    ]
    return Redactions(redactor.version, conversation_count, changed_count, kinds)


def masked(text: str) -> str:
    """The form of `text`: every letter a, every digit 9, and the marks between them."""
    return _DIGIT.sub("9", _LETTER.sub("a", text))[:MAX_FORM_CHARACTERS]


def _most(found: Counter[str]) -> list[tuple[str, int]]:
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))[:EXAMPLES]


def _conversations(landing: Path, settings: Settings) -> Iterator[Conversation]:
    for path in sorted(landing.rglob("*")):
        if not is_export(path) or path.name.startswith("."):
            continue
        for place in read_export(path):
            if place.raw is None:
                continue
            try:
                conversation = choose(place.raw).convert(place.raw, settings.zone)
            except (Unreadable, UnicodeError):
                continue
            if conversation is not None:
                yield conversation
