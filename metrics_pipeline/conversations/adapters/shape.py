"""What every adapter is made of: its declaration, the turns as they are collected, and the record at the end."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

import msgspec

from metrics_pipeline.conversations.adapters import lenient
from metrics_pipeline.conversations.record import Conversation, InColumns, LoggedValue, Speaker, Turn

Part = Literal[
    "times of turns",
    "functions",
    "arguments",
    "logged",
    "verdicts",
    "duration",
    "channel",
    "language",
    "variant",
    "environment",
    "agent version",
    "handoff",
    "end reason",
]
"""What a shape may or may not carry besides the turns. `logged`: by the agent; `verdicts`: of the platform itself."""
PARTS: tuple[Part, ...] = get_args(Part)
NO_TEXT = "words that are not text"
ONE_TEXT = "transcript in one text, without turns"
NO_WORDS = "turn without a field for words"
NAMELESS = "logged value without a name"
NOT_UNDERSTOOD = "not_understood"
"""The attribute that counts what no rule knows, by what it is."""
DROPPED = frozenset({"from_number", "to_number", NOT_UNDERSTOOD})
"""Keys of an export that are not kept: nothing here needs a caller's telephone number, and the last is our own."""


class Adapter(NamedTuple):
    """One platform's shape."""

    name: str
    platform: str
    """Whose conversations, in words."""
    recognised_by: str
    """In words, what `recognises` looks for."""
    carries: frozenset[Part]
    recognises: Callable[[frozenset[str]], bool]
    """Whether an object with these keys is one of this platform's conversations."""
    convert: Callable[[bytes | msgspec.Raw, ZoneInfo], Conversation | None]
    """One conversation, with its days cut in that zone; None while it is in progress. Raises `Unreadable`."""
    convert_exact: Callable[[bytes | msgspec.Raw, ZoneInfo], InColumns | None] | None = None
    """For speed alone: what `convert` says of a conversation that is exactly as its platform describes it. None where
    it is not, or where another adapter could know the object too."""


class Transcript:
    """A conversation's turns, collected in their order. What is not understood is counted, by what it is."""

    def __init__(self) -> None:
        self._turns: list[Turn] = []
        self._open: dict[str, list[int]] = defaultdict(list)
        self.not_understood: Counter[str] = Counter()

    @property
    def turns(self) -> tuple[Turn, ...]:
        return tuple(self._turns)

    def listed(self, found: Any, what: str) -> list[dict[str, Any]]:
        """The objects of a list of `what`; one that is no list, and each item that is no object, is counted."""
        if not isinstance(found, list):
            if found is not None:
                self.skip(f"{what} that are not a list")
            return []
        objects = [one for one in found if isinstance(one, dict)]
        if len(objects) < len(found):
            self.not_understood[f"one of the {what} that is not an object"] += len(found) - len(objects)
        return objects

    def named(self, found: Any, what: str) -> dict[str, Any]:
        """An object that is called `what`; anything else is counted, and an empty one."""
        if found is not None and not isinstance(found, dict):
            self.skip(f"{what} that is not an object")
        return lenient.mapping(found)

    def count_nameless(self, *logged: Any) -> None:
        """Logged values that no name says what they are of."""
        for found in logged:
            if count := lenient.nameless_count(found):
                self.not_understood[NAMELESS] += count

    def say(self, speaker: Speaker, words: Any, at: datetime | None = None) -> None:
        """Words of the user or the agent; where there are none, there is no turn."""
        if (found := lenient.said(words)) is not None:
            self._turns.append(Turn(len(self._turns), speaker, found, at))
        elif words is not None and not isinstance(words, str):
            self.skip(NO_TEXT)

    def call(self, call_id: Any, name: Any, arguments: Any, at: datetime | None = None) -> None:
        """A function is called; its result may follow later."""
        function = lenient.text(name)
        if function is None:
            self.skip("function without a name")
            if arguments is None:
                return
        key = lenient.text(call_id) or function or ""
        self._open[key].append(len(self._turns))
        self._turns.append(Turn(len(self._turns), "function", "", at, function, lenient.as_written(arguments)))

    def result(self, call_id: Any, name: Any, found: Any, at: datetime | None = None) -> None:
        """What a function gave back; without its call, it is a turn of its own."""
        function = lenient.text(name)
        waiting = self._open[lenient.text(call_id) or function or ""]
        written = lenient.as_written(found)
        if not waiting and function is None and written is None:
            self.skip("result of no function")
            return
        if waiting:
            index = waiting.pop(0)
            self._turns[index] = msgspec.structs.replace(self._turns[index], function_result=written)
        else:
            self._turns.append(Turn(len(self._turns), "function", "", at, function, None, written))

    def skip(self, what: str) -> None:
        """Something that no rule knows; `what` names its kind and never its content."""
        self.not_understood[what] += 1


def conversation(
    source: str,
    zone: ZoneInfo,
    transcript: Transcript,
    *,
    conversation_id: str,
    started_at: datetime,
    logged: Iterable[LoggedValue] = (),
    attributes: Mapping[str, Any] | None = None,
    channel: Any = None,
    **fields: Any,
) -> Conversation:
    """The record of what was collected; attributes without a value are left out."""
    source_channel = lenient.text(channel)
    kept = {key: value for key, value in (attributes or {}).items() if value not in (None, "", [], {})}
    if source_channel is not None:
        kept["source_channel"] = source_channel
    if transcript.not_understood:
        kept[NOT_UNDERSTOOD] = dict(transcript.not_understood)
    return Conversation(
        conversation_id=conversation_id,
        conversation_date=lenient.day(started_at, zone),
        started_at=started_at,
        source=source,
        turns=transcript.turns,
        logged_metrics=_in_order(logged),
        channel=lenient.channel(source_channel),
        attributes=lenient.as_json(kept),
        **fields,
    )


def not_understood(found: Conversation) -> Mapping[str, int]:
    """How often something in it followed no rule, by what it is."""
    if f'"{NOT_UNDERSTOOD}"' not in found.attributes:
        return {}
    counted: Mapping[str, int] = msgspec.json.decode(found.attributes).get(NOT_UNDERSTOOD, {})
    return counted


def _in_order(logged: Iterable[LoggedValue]) -> tuple[LoggedValue, ...]:
    """By name, each name's values counted anew: several sources may have used one name."""
    seen: Counter[str] = Counter()
    found = []
    for value in sorted(logged, key=lambda one: one.metric):
        found.append(msgspec.structs.replace(value, position=seen[value.metric]))
        seen[value.metric] += 1
    return tuple(found)
