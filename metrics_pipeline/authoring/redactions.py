"""What redaction takes out of the exports in the landing folder: counts by kind, and masked examples."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from metrics_pipeline.conversations.adapters.lenient import Unreadable
from metrics_pipeline.conversations.adapters.registry import convert
from metrics_pipeline.conversations.reading import is_export, read_export
from metrics_pipeline.conversations.record import Conversation
from metrics_pipeline.conversations.redaction.recogniser import open_recogniser
from metrics_pipeline.conversations.redaction.redactor import Redactor
from metrics_pipeline.errors import SettingsError
from metrics_pipeline.files import everything_below
from metrics_pipeline.settings import Settings

EXAMPLES = 5
MAX_FORM_CHARACTERS = 60
OnFile = Callable[[int, int], None]
_LETTERS, _DIGIT = re.compile(r"[^\W\d_]+"), re.compile(r"\d")


class Form(NamedTuple):
    """What several finds look like, and where the first of them stands."""

    form: str
    replaced_count: int
    file: str
    """Below the landing folder; what is personal in its name is taken out."""
    conversation_id: str


class Kind(NamedTuple):
    """One kind of what was found."""

    kind: str
    replaced_count: int
    conversation_count: int
    form_count: int
    examples: list[Form]
    """The forms that occur most."""


class Redactions(NamedTuple):
    """What would be taken out."""

    redaction: str
    file_count: int
    conversation_count: int
    changed_count: int
    unreadable_count: int
    """Places that are no finished conversation, and were not looked at."""
    kinds: list[Kind]
    """By name; a team's own patterns, and names where they are looked for, also where none was found."""


class _Seen:
    """The forms of one kind."""

    def __init__(self) -> None:
        self.forms: Counter[str] = Counter()
        self.first: dict[str, tuple[str, str]] = {}
        self.conversation_count = 0


def look(settings: Settings, on_file: OnFile = lambda done, total: None) -> Redactions:
    """Redact every finished conversation of the landing folder, keep only forms and counts, and write nothing.

    Args:
        on_file: Told how many files have been read, of how many.

    Raises:
        SettingsError: There is no such folder; a pattern of the team's own or the recogniser cannot be used.
    """
    landing = settings.landing_folder
    if not landing.is_dir():
        raise SettingsError(f"{landing}: is not a folder. Point --landing at the folder of export files.")
    found: list[tuple[str, str]] = []
    redactor = Redactor(
        settings.redact_phone_regions,
        settings.redact_patterns,
        open_recogniser(settings.redact_names),
        on_find=lambda kind, text: found.append((kind, masked(text))),
    )
    asked_for = [*settings.redact_patterns, *(["NAME"] if settings.redact_names else [])]
    seen: defaultdict[str, _Seen] = defaultdict(_Seen, {kind: _Seen() for kind in asked_for})
    conversation_count = changed_count = unreadable_count = 0
    paths = [path for path in everything_below(landing) if is_export(path) and not path.name.startswith(".")]
    for done, path in enumerate(paths, 1):
        name = redactor.text(str(path.relative_to(landing)))
        for conversation in _conversations(path, settings):
            found.clear()
            if conversation is None or not _is_redacted(redactor, conversation):
                unreadable_count += 1
                continue
            conversation_count += 1
            changed_count += bool(found)
            for kind, form in found:
                seen[kind].forms[form] += 1
                seen[kind].first.setdefault(form, (name, conversation.conversation_id))
            for kind in {kind for kind, _ in found}:
                seen[kind].conversation_count += 1
        on_file(done, len(paths))
    kinds = [_kind(kind, one) for kind, one in sorted(seen.items())]
    return Redactions(redactor.version, len(paths), conversation_count, changed_count, unreadable_count, kinds)


def _is_redacted(redactor: Redactor, conversation: Conversation) -> bool:
    """Whether what is left can be kept: text that is not valid Unicode goes to the quarantine."""
    try:
        msgspec.json.encode(redactor.redact(conversation).conversation)
    except UnicodeError:
        return False
    return True


def _kind(kind: str, seen: _Seen) -> Kind:
    most = sorted(seen.forms.items(), key=lambda item: (-item[1], item[0]))[:EXAMPLES]
    examples = [Form(form, count, *seen.first[form]) for form, count in most]
    return Kind(kind, seen.forms.total(), seen.conversation_count, len(seen.forms), examples)


def masked(text: str) -> str:
    """The form of `text`: every word a, aa or aaa, every digit 9, and the marks between them."""
    return _DIGIT.sub("9", _LETTERS.sub(lambda word: "a" * min(len(word[0]), 3), text))[:MAX_FORM_CHARACTERS]


def _conversations(path: Path, settings: Settings) -> Iterator[Conversation | None]:
    """Each place of a file: None where it is no finished conversation."""
    for place in read_export(path):
        try:
            yield convert(place.raw, settings.zone)[1] if place.raw is not None else None
        except (Unreadable, UnicodeError):
            yield None
