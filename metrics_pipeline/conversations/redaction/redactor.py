"""A conversation without personal data: what was said becomes a token such as `⟦CARD_1⟧`, before anything is written.

The same value is the same token throughout a conversation, however it is written or said, and tokens count from 1 in
the order in which values appear; so the same conversation always becomes the same text, and a quote of it still holds.
Codes and passwords get a token without a number: not even that two are equal is kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from operator import attrgetter
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from metrics_pipeline.conversations.record import Conversation, InColumns, LoggedValue, Turn, fingerprint, in_columns
from metrics_pipeline.conversations.redaction.finding import Echoes, find
from metrics_pipeline.conversations.redaction.names import may_hold_name, name_finds
from metrics_pipeline.conversations.redaction.own import compile_own
from metrics_pipeline.conversations.redaction.passage import Find, Passage, apart
from metrics_pipeline.conversations.redaction.recogniser import Recogniser
from metrics_pipeline.conversations.redaction.speaking import asked_before, by_turn, passage_of, passages
from metrics_pipeline.conversations.redaction.trigger import Triggers
from metrics_pipeline.conversations.redaction.values import (
    Visit,
    leaves,
    replaced,
    spoken_name,
    visited_json,
    with_humps_apart,
)

RULES = 2
"""Raised whenever what is found, or how it is replaced, changes."""
PHONE_REGIONS = ("US", "GB")
UNNUMBERED = frozenset({"CODE", "PASSWORD"})
FIELDS = ("channel", "language", "variant", "environment", "agent_version")
_FIELD_NAMES = frozenset(map(spoken_name, FIELDS))
_FIELD_VALUES = attrgetter(*FIELDS)
_TOKEN = re.compile(r"⟦([A-Z0-9_]+?)_(\d+)⟧|⟦[A-Z_]+⟧")

OnFind = Callable[[str, str], None]


class Redacted(NamedTuple):
    """A conversation as it is kept."""

    conversation: Conversation
    counts: Mapping[str, int]
    """Replacements by kind."""


class _Slot(msgspec.Struct, frozen=True, gc=False):
    """One text of a conversation; `offset` characters before it only say what it is."""

    text: str
    offset: int
    finds: list[Find]


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
        return _replaced(_Slot(text, 0, []), finds, _Tokens(()), Counter(), self._on_find)

    def redact(self, conversation: Conversation) -> Redacted:
        """`conversation` without what is personal in it, marked with the version."""
        found, counts = self.redact_columns(in_columns(conversation))
        return Redacted(found.conversation(), counts)

    def redact_columns(self, found: InColumns) -> tuple[InColumns, Mapping[str, int]]:
        """A conversation in columns without what is personal in it, marked with the version; replacements by kind."""
        plain = replace(found, head=replace(found.head, redaction=self.version))
        lit = self._triggers.places_in_said(found.texts)
        data = _data(found)
        is_data = self._triggers.in_data("\n".join([f"{name}: {text}" if name else text for name, text in data]))
        if not self._recogniser and not lit and not is_data:
            return plain, {}
        said = [_Slot(text, 0, []) for text in found.texts]
        if lit:
            self._look_at_said(found, said, lit)
            is_data = is_data or self._may_be_said(data)
        if not self._recogniser and not is_data and not any(slot.finds for slot in said):
            return plain, {}
        names, values = _leaves(found)
        if is_data:
            for value in values:
                self._look_at(value, found.head.started_at.year)
        slots = [*said, *values]
        named = self._named(slots, names)
        if not any(slot.finds for slot in slots) and not any(named):
            return plain, {}
        return self._replaced(plain, slots, named)

    def _look_at_said(self, found: InColumns, said: Sequence[_Slot], lit: Set[int]) -> None:
        """Put what is found in each turn into its slot. `lit` are the turns that are to be looked at, in any case."""
        year = found.head.started_at.year
        for places in passages(found):
            first = places[0]
            if len(places) > 1 or first in lit or (first - 1 in lit and asked_before(found, first)):
                passage = passage_of(found, places, year)
                finds = find(passage, self._regions, self._own)
                for place, one in by_turn(finds, passage.starts, found.texts, places) if finds else ():
                    said[place].finds.append(one)

    def _may_be_said(self, data: Iterable[tuple[str, str]]) -> bool:
        """Whether a sentence within the data can hold anything personal."""
        sentences = [text for _, text in data if " " in text]
        # In JSON a text ends with a quotation mark, and begins a new line only behind a backslash.
        return any("\\" in text for text in sentences) or self._triggers.in_said(
            "\n".join([*sentences, ""]).replace('"', "\n")
        )

    def _named(self, slots: Sequence[_Slot], leaves: Sequence[str]) -> list[list[Find]]:
        """People's names in each slot; of the last ones, the leaves, `leaves` says what each is called."""
        if self._recogniser is None:
            return [[] for _ in slots]
        said = len(slots) - len(leaves)
        values = [slot.text[slot.offset :] for slot in slots]
        for place, name in enumerate(leaves, said):
            if name in _FIELD_NAMES:
                # What gates compare with stays as it is: a variant may bear the name of the agent's voice.
                values[place] = ""
        is_read = [True] * said + [
            may_hold_name(name, value) for name, value in zip(leaves, values[said:], strict=True)
        ]
        return name_finds(self._recogniser.find, [slot.text for slot in slots], values, is_read)

    def _look_at(self, leaf: _Slot, year: int) -> None:
        is_sentence = _is_sentence(leaf)
        if self._triggers.in_data(leaf.text) or (is_sentence and self._triggers.in_said(leaf.text + "\n")):
            passage = Passage(leaf.text, is_data=not is_sentence, year=year)
            leaf.finds.extend(one for one in find(passage, self._regions, self._own) if one.end > leaf.offset)

    def _replaced(
        self, plain: InColumns, slots: Sequence[_Slot], named: Sequence[Sequence[Find]]
    ) -> tuple[InColumns, Mapping[str, int]]:
        echoes = Echoes(_known(slots))
        counts: Counter[str] = Counter()
        given = _Tokens(slot.text for slot in slots)
        said_count = len(plain.texts)
        instead = []
        for slot, names_in in zip(slots, named, strict=True):
            finds = [*slot.finds, *echoes.of(slot.text), *names_in]
            instead.append(
                _replaced(slot, apart(finds), given, counts, self._on_find) if finds else slot.text[slot.offset :]
            )
        texts = instead[:said_count]
        calls = [replace(turn, text=text) for turn, text in zip(plain.calls, texts, strict=False)]
        return _with_data(replace(plain, texts=texts, calls=calls), replaced(iter(instead[said_count:]))), counts


class _Tokens:
    """Which token stands for which value, in the order in which they are asked for."""

    def __init__(self, texts: Iterator[str] | tuple[str, ...]) -> None:
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


def _replaced(slot: _Slot, finds: Sequence[Find], given: _Tokens, counts: Counter[str], on_find: OnFind) -> str:
    parts, position = [], slot.offset
    for found in finds:
        start = max(found.start, position)
        if found.end <= start:
            continue
        parts += [slot.text[position:start], given.of(found)]
        on_find(found.kind, slot.text[start : found.end])
        counts[found.kind] += 1
        position = found.end
    return "".join([*parts, slot.text[position:]])


def _known(slots: Sequence[_Slot]) -> dict[str, Find]:
    known: dict[str, Find] = {}
    for slot in slots:
        for found in slot.finds:
            known.setdefault(found.value, found)
            known.setdefault(slot.text[found.start : found.end], found)
    return known


def _is_sentence(leaf: _Slot) -> bool:
    return " " in leaf.text[leaf.offset :].strip()


def _leaves(found: InColumns) -> tuple[list[str], list[_Slot]]:
    """What everything but what was said is called, and its texts, in the order in which `_with_data` visits them."""
    held: list[tuple[str, str]] = []
    for turn in found.calls:
        if turn.speaker == "function":
            held += [("", turn.function_name)] if turn.function_name else []
            held += leaves(turn.function_arguments) if turn.function_arguments else []
            held += leaves(turn.function_result) if turn.function_result else []
    head = found.head
    for value in head.logged_metrics:
        held.append(("", value.metric))
        held += leaves(value.value, spoken_name(value.metric))
    held += [(spoken_name(name), text) for name in FIELDS if (text := getattr(head, name))]
    held += leaves(head.attributes)
    slots = [_Slot(f"{name}: {text}", len(name) + 2, []) if name else _Slot(text, 0, []) for name, text in held]
    return [name for name, _ in held], slots


def _data(found: InColumns) -> list[tuple[str, str]]:
    """Everything but what was said, with its name, and JSON as it stands: to be searched in one pass."""
    head = found.head
    held = [("", text) for text in _with_names_apart(head.attributes)]
    held += [(name, text) for name, text in zip(FIELDS, _FIELD_VALUES(head), strict=True) if text]
    for value in head.logged_metrics:
        held += [(spoken_name(value.metric), text) for text in _with_names_apart(value.value)]
    for turn in found.calls:
        if turn.speaker == "function":
            parts = (turn.function_name, turn.function_arguments, turn.function_result)
            held += [("", text) for part in parts if part for text in _with_names_apart(part)]
    return held


def _with_names_apart(text: str) -> tuple[str, ...]:
    """`text`; of JSON also with the words of its names apart, as each leaf is read."""
    if not text.lstrip().startswith(("{", "[")) or (apart := with_humps_apart(text)) == text:
        return (text,)
    return text, apart


def _with_data(found: InColumns, visit: Visit) -> InColumns:
    """`found` with everything but what was said visited: always the same texts in the same order."""
    calls = [_function_turn(turn, visit) if turn.speaker == "function" else turn for turn in found.calls]
    head = found.head
    logged = tuple([_logged(value, visit) for value in head.logged_metrics])
    fields = {name: visit(spoken_name(name), value) for name in FIELDS if (value := getattr(head, name))}
    attributes = visited_json(head.attributes, visit)
    changed = replace(head, logged_metrics=logged, attributes=attributes, **fields)
    return replace(found, head=changed, calls=calls)


def _function_turn(turn: Turn, visit: Visit) -> Turn:
    name = visit("", turn.function_name) if turn.function_name else turn.function_name
    arguments = visited_json(turn.function_arguments, visit) if turn.function_arguments else turn.function_arguments
    result = visited_json(turn.function_result, visit) if turn.function_result else turn.function_result
    return replace(turn, function_name=name, function_arguments=arguments, function_result=result)


def _logged(value: LoggedValue, visit: Visit) -> LoggedValue:
    name = visit("", value.metric)
    text = visited_json(value.value, visit, spoken_name(value.metric))
    if name == value.metric and text == value.value:
        return value
    value_type = value.value_type if value.value_type == "json" else "string"
    return replace(value, metric=name, value=text, value_type=value_type)
