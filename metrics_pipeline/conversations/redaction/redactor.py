"""A conversation without personal data: what was said becomes a token such as `⟦CARD_1⟧`, before anything is written.

The same value is the same token throughout a conversation, however it is written or said, and tokens count from 1 in
the order in which values appear; so the same conversation always becomes the same text, and a quote of it still holds.
Codes and passwords get a token without a number: not even that two are equal is kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import NamedTuple

from msgspec.structs import replace

from metrics_pipeline.conversations.record import Conversation, InColumns, fingerprint, in_columns
from metrics_pipeline.conversations.redaction.finding import Echoes, find
from metrics_pipeline.conversations.redaction.held import (
    FIELD_NAMES,
    as_it_is_read,
    held_as_it_stands,
    held_texts,
    with_held,
)
from metrics_pipeline.conversations.redaction.lines import Lines
from metrics_pipeline.conversations.redaction.names import may_hold_name, name_finds
from metrics_pipeline.conversations.redaction.own import compile_own
from metrics_pipeline.conversations.redaction.passage import Find, Passage, apart
from metrics_pipeline.conversations.redaction.recogniser import Recogniser
from metrics_pipeline.conversations.redaction.signs import may_hold
from metrics_pipeline.conversations.redaction.speaking import asked_before, by_turn, passage_of, passages
from metrics_pipeline.conversations.redaction.spoken import SHORT
from metrics_pipeline.conversations.redaction.trigger import Triggers
from metrics_pipeline.conversations.redaction.values import replaced

RULES = 2
"""Raised whenever what is found, or how it is replaced, changes."""
PHONE_REGIONS = ("US", "GB")
REMEMBERED = 4_096
"""Short texts, other than what was said, of which it is known that they hold nothing."""
UNNUMBERED = frozenset({"CODE", "PASSWORD"})
_TOKEN = re.compile(r"⟦([A-Z0-9_]+?)_(\d+)⟧|⟦[A-Z_]+⟧")

OnFind = Callable[[str, str], None]
_Finds = dict[int, list[Find]]
"""By the place of the text."""


class Redacted(NamedTuple):
    """A conversation as it is kept."""

    conversation: Conversation
    counts: Mapping[str, int]
    """Replacements by kind."""


class _Slots:
    """The texts of a conversation, those that were said first.

    Args:
        said: What was said.
        held: Names and texts of everything else; where there is a name, it stands before the text and says what it is.
    """

    def __init__(self, said: Sequence[str], held: Sequence[tuple[str, str]]) -> None:
        self.said_count = len(said)
        self.names = [name for name, _ in held]
        self.texts = [*said, *[f"{name}: {text}" if name else text for name, text in held]]

    def offset(self, place: int) -> int:
        """Where the text itself begins, behind its name."""
        name = self.names[place - self.said_count] if place >= self.said_count else ""
        return len(name) + 2 if name else 0

    def own(self, place: int) -> str:
        """The text without its name."""
        return self.texts[place][self.offset(place) :]


class Redactor:
    """Redacts under one set of settings.

    Args:
        regions: Countries whose national telephone numbers are found without a word that says what they are.
        own: The team's own patterns, by name.
        recogniser: Finds people's names; None: they are not looked for.
        on_find: Told the kind and the text of everything that is replaced; what it is told must not be kept.
    """

    def __init__(
        self,
        regions: Sequence[str] = PHONE_REGIONS,
        own: Mapping[str, str] | None = None,
        recogniser: Recogniser | None = None,
        on_find: OnFind = lambda kind, text: None,
    ) -> None:
        own = dict(own or {})
        self._regions = tuple(regions)
        self._own = compile_own(own)
        self._triggers = Triggers(list(own.values()))
        self._harmless: set[tuple[str, str | None]] = set()
        self._recogniser = recogniser
        self._on_find = on_find
        settings = [self._regions, sorted(own.items()), *([recogniser.version] if recogniser else [])]
        self.version = f"{RULES}-{fingerprint(settings)[:8]}"
        """Of the rules and the settings: another one may replace something else."""

    def text(self, text: str) -> str:
        """One text by itself, such as a file's name."""
        if not self._triggers.in_data(text):
            return text
        finds = find(Passage(text, is_data=True), self._regions, self._own)
        return _replaced(text, 0, finds, _Tokens(()), Counter(), self._on_find)

    def redact(self, conversation: Conversation) -> Redacted:
        """`conversation` without what is personal in it, marked with the version."""
        found, counts = self.redact_columns(in_columns(conversation))
        return Redacted(found.conversation(), counts)

    def redact_columns(self, found: InColumns) -> tuple[InColumns, Mapping[str, int]]:
        """A conversation in columns without what is personal in it, marked with the version; replacements by kind."""
        plain = replace(found, head=replace(found.head, redaction=self.version))
        lines = Lines(found.texts)
        lit = self._triggers.places_in_said(lines)
        held = held_as_it_stands(found)
        is_held = not self._harmless.issuperset(held) and self._may_be_held(held)
        if not self._recogniser and not lit and not is_held:
            return plain, {}
        finds = self._finds_in_said(found, lines, lit) if lit else {}
        is_held = is_held or (bool(lit) and self._may_be_said(held))
        if not self._recogniser and not is_held and not finds:
            return plain, {}
        slots = _Slots(found.texts, held_texts(found))
        if is_held:
            finds |= self._finds_in_held(slots, found.head.started_at.year)
        named = self._named(slots)
        if not finds and not named:
            return plain, {}
        return self._without(plain, slots, finds, named)

    def _finds_in_said(self, found: InColumns, lines: Lines, lit: Set[int]) -> _Finds:
        """What is found in each turn. `lit` are the turns that are to be looked at, in any case."""
        year = found.head.started_at.year
        finds: _Finds = {}
        for places in passages(found, lines, lit):
            if (
                len(places) == 1
                and not self._own
                and not may_hold(found.texts[places[0]], asked_before(found, places[0]))
            ):
                continue
            passage = passage_of(found, places, year)
            if here := find(passage, self._regions, self._own):
                for place, one in by_turn(here, passage.starts, found.texts, places):
                    finds.setdefault(place, []).append(one)
        return finds

    def _may_be_held(self, held: Iterable[tuple[str, str | None]]) -> bool:
        """Whether anything that is held may be personal. What is not is remembered: most comes again and again."""
        unknown = [pair for pair in held if pair not in self._harmless]
        read = as_it_is_read(unknown)
        if self._triggers.in_data("\n".join([f"{name}: {text}" if name else text for name, text in read])):
            return True
        if len(self._harmless) > REMEMBERED:
            self._harmless.clear()
        self._harmless.update([pair for pair in unknown if len(pair[0]) + len(pair[1] or "") <= SHORT])
        return False

    def _may_be_said(self, held: Iterable[tuple[str, str | None]]) -> bool:
        """Whether a sentence within what is held can hold anything personal."""
        sentences = [text for _, text in as_it_is_read(held) if " " in text]
        # In JSON a text ends with a quotation mark, and begins a new line only behind a backslash.
        return bool(sentences) and (
            any("\\" in text for text in sentences)
            or self._triggers.in_said("\n".join([*sentences, ""]).replace('"', "\n"))
        )

    def _finds_in_held(self, slots: _Slots, year: int) -> _Finds:
        finds: _Finds = {}
        lines = Lines(slots.texts[slots.said_count :])
        for place in self._triggers.places_in_data(lines):
            here = self._finds_in_leaf(slots, slots.said_count + place, year)
            if here:
                finds[slots.said_count + place] = here
        return finds

    def _finds_in_leaf(self, slots: _Slots, place: int, year: int) -> list[Find]:
        text, offset = slots.texts[place], slots.offset(place)
        is_sentence = " " in text[offset:].strip()
        if not self._triggers.in_data(text) and not (is_sentence and self._triggers.in_said(text + "\n")):
            return []
        passage = Passage(text, is_data=not is_sentence, year=year)
        return [one for one in find(passage, self._regions, self._own) if one.end > offset]

    def _named(self, slots: _Slots) -> _Finds:
        """People's names in each text."""
        if self._recogniser is None:
            return {}
        is_own = [name not in FIELD_NAMES for name in slots.names]
        # What gates compare with stays as it is: a variant may bear the name of the agent's voice.
        values = [
            slots.own(place) if place < slots.said_count or is_own[place - slots.said_count] else ""
            for place in range(len(slots.texts))
        ]
        is_read = [True] * slots.said_count
        is_read += [
            may_hold_name(name, value) for name, value in zip(slots.names, values[slots.said_count :], strict=True)
        ]
        named = name_finds(self._recogniser.find, slots.texts, values, is_read)
        return {place: finds for place, finds in enumerate(named) if finds}

    def _without(
        self, plain: InColumns, slots: _Slots, finds: _Finds, named: _Finds
    ) -> tuple[InColumns, Mapping[str, int]]:
        lines = Lines(slots.texts)
        echoes = Echoes(_known(slots.texts, finds))
        counts: Counter[str] = Counter()
        given = _Tokens(slots.texts if lines.holds("⟦") else ())
        instead: dict[int, str] = {}
        for place in sorted({*finds, *named, *echoes.places(lines)}):
            text = slots.texts[place]
            here = [*finds.get(place, ()), *echoes.of(text), *named.get(place, ())]
            if here:
                instead[place] = _replaced(text, slots.offset(place), apart(here), given, counts, self._on_find)
        texts = [instead.get(place, text) for place, text in enumerate(plain.texts)]
        calls = [replace(turn, text=text) for turn, text in zip(plain.calls, texts, strict=False)]
        changed = replace(plain, texts=texts, calls=calls)
        if max(instead, default=0) >= slots.said_count:
            every = [
                instead[place] if place in instead else slots.own(place)
                for place in range(slots.said_count, len(slots.texts))
            ]
            changed = with_held(changed, replaced(iter(every)))
        return changed, counts


class _Tokens:
    """Which token stands for which value, in the order in which they are asked for."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._given: dict[tuple[str, str], str] = {}
        self._highest: Counter[str] = Counter()
        for text in texts:
            # Redacted before, under other rules: what stands there keeps its number.
            for match in _TOKEN.finditer(text) if "⟦" in text else ():
                if match[1]:
                    self._highest[match[1]] = max(self._highest[match[1]], int(match[2]))

    def of(self, found: Find) -> str:
        if found.kind in UNNUMBERED:
            return f"⟦{found.kind}⟧"
        key = (found.kind, found.value)
        if key not in self._given:
            self._highest[found.kind] += 1
            self._given[key] = f"⟦{found.kind}_{self._highest[found.kind]}⟧"
        return self._given[key]


def _replaced(
    text: str, offset: int, finds: Sequence[Find], given: _Tokens, counts: Counter[str], on_find: OnFind
) -> str:
    """`text` from `offset` on, with tokens for `finds`."""
    parts, position = [], offset
    for found in finds:
        start = max(found.start, position)
        if found.end <= start:
            continue
        parts += [text[position:start], given.of(found)]
        on_find(found.kind, text[start : found.end])
        counts[found.kind] += 1
        position = found.end
    return "".join([*parts, text[position:]])


def _known(texts: Sequence[str], finds: _Finds) -> dict[str, Find]:
    known: dict[str, Find] = {}
    for place in sorted(finds):
        for found in finds[place]:
            known.setdefault(found.value, found)
            known.setdefault(texts[place][found.start : found.end], found)
    return known
