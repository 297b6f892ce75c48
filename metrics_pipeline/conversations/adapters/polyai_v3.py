"""PolyAI's Conversations API v3: one conversation of a list response.

Read leniently: the interface description and real exports differ in which optional fields they carry. What is needed
(`id`, `started_at`) must be there; an optional field of an unexpected type counts as not given. `from_number` and
`to_number` are dropped: nothing here needs a caller's telephone number.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from metrics_pipeline.conversations.record import Conversation, LoggedValue, Turn

NAME = "polyai_v3"
MAX_ID_CHARACTERS = 200
EARLIEST, LATEST = 2000, 2100
"""Years outside of which a clock is taken to be wrong."""
CHANNELS = {"voice": "voice", "phone": "voice", "tel": "voice", "webchat": "chat", "chat": "chat"}
DROPPED = frozenset({"from_number", "to_number"})

Loose = str | int | float | bool | None | list[Any] | dict[str, Any]


class Unreadable(Exception):
    """Why one conversation cannot be read: the field and what is wrong with it, never its value."""


class _Turn(msgspec.Struct):
    user_input: Loose = None
    user_input_dtmf: Loose = None
    user_input_datetime: Loose = None
    agent_response: Loose = None
    agent_response_datetime: Loose = None


class _Conversation(msgspec.Struct):
    id: Loose = None
    started_at: Loose = None
    in_progress: Loose = None
    turns: list[_Turn] | None = None
    metrics: Loose = None
    state: Loose = None
    language: Loose = None
    variant_id: Loose = None
    variant_name: Loose = None
    environment: Loose = None
    channel: Loose = None
    num_turns: Loose = None
    total_duration: Loose = None
    handoff: Loose = None


_DECODER = msgspec.json.Decoder(_Conversation)
_EVERYTHING = msgspec.json.Decoder(dict[str, msgspec.Raw])
_READ = frozenset(_Conversation.__struct_fields__) - {"state", "variant_id"}


def recognises(keys: frozenset[str]) -> bool:
    """Whether an object with these keys is one of this platform's conversations."""
    return "id" in keys and "started_at" in keys


def convert(raw: bytes | msgspec.Raw, zone: ZoneInfo) -> Conversation | None:
    """One conversation; None while it is still in progress.

    Args:
        raw: One JSON object.
        zone: Where the conversation's day begins and ends.

    Raises:
        Unreadable: What is needed is not there, or the JSON is not of this shape.
    """
    try:
        found = _DECODER.decode(raw)
        rest = _EVERYTHING.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Unreadable(_reason(error)) from None
    conversation_id = _identifier(found.id)
    if found.in_progress is True:
        return None
    started_at = _moment(found.started_at)
    if started_at is None:
        raise Unreadable("started_at is missing or not a time of the form 2026-06-01T09:30:00Z")
    if not EARLIEST <= started_at.year < LATEST:
        raise Unreadable(f"started_at lies outside the years {EARLIEST} to {LATEST}")
    channel = _text(found.channel)
    state = found.state if isinstance(found.state, dict) else {}
    return Conversation(
        conversation_id=conversation_id,
        conversation_date=_day(started_at, zone),
        started_at=started_at,
        source=NAME,
        turns=tuple(_turns(found.turns or ())),
        logged_metrics=tuple(_logged(found.metrics)),
        duration_seconds=_number(found.total_duration),
        reported_turn_count=_count(found.num_turns),
        channel=_channel(channel),
        language=_text(found.language) or _text(state.get("language")),
        variant=_text(found.variant_name) or _text(found.variant_id),
        environment=_text(found.environment),
        handoff=found.handoff if isinstance(found.handoff, bool) else None,
        carries_logged=isinstance(found.metrics, dict),
        attributes=_attributes(rest, channel),
    )


def _reason(error: Exception) -> str:
    # msgspec names the place and the types, and quotes nothing of the content.
    if isinstance(error, msgspec.DecodeError):
        return f"not readable as a conversation: {error}"
    return "nested too deep" if isinstance(error, RecursionError) else "bad UTF-8 text"


def _identifier(value: Loose) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(value)
    if text is None:
        raise Unreadable("id is missing or not text")
    if len(text) > MAX_ID_CHARACTERS:
        raise Unreadable(f"id is longer than {MAX_ID_CHARACTERS} characters")
    return text


def _turns(found: list[_Turn] | tuple[()]) -> Iterator[Turn]:
    index = 0
    for turn in found:
        said = _said(turn.user_input) or _keypad(turn.user_input_dtmf)
        if said is not None:
            yield Turn(index, "user", said, _moment(turn.user_input_datetime))
            index += 1
        answered = _said(turn.agent_response)
        if answered is not None:
            yield Turn(index, "agent", answered, _moment(turn.agent_response_datetime))
            index += 1


def _said(value: Loose) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _keypad(value: Loose) -> str | None:
    digits = _text(value)
    return f"(keypad) {digits}" if digits else None


def _logged(found: Loose) -> Iterator[LoggedValue]:
    if not isinstance(found, dict):
        return
    # By name, as the table keeps them: the same record must have the same hash when it is read back.
    for name, value in sorted(found.items()):
        for position, item in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(item, str):
                yield LoggedValue(name, position, item)
            elif isinstance(item, bool):
                yield LoggedValue(name, position, str(item).lower(), "boolean")
            elif isinstance(item, int | float):
                yield LoggedValue(name, position, _json(item), "number")
            elif item is not None:
                yield LoggedValue(name, position, _json(item), "json")


def _attributes(rest: dict[str, msgspec.Raw], channel: str | None) -> str:
    kept: dict[str, Any] = {key: value for key, value in rest.items() if key not in _READ and key not in DROPPED}
    if channel is not None:
        kept["source_channel"] = channel
    # Decoded once more, so that the same content written with other white space is the same attribute.
    try:
        decoded = {
            key: msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value for key, value in kept.items()
        }
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Unreadable(_reason(error)) from None
    return _json(decoded)


def _channel(raw: str | None) -> str | None:
    if raw is None:
        return None
    word = raw.lower()
    return next((channel for start, channel in CHANNELS.items() if word.startswith(start)), word)


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _number(value: Loose) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # JSON has no largest number: an integer past what a float holds is no measurement.
    return float(value) if 0 <= value <= sys.float_info.max else None


def _count(value: Loose) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number < 2**31 else None


def _moment(value: Loose) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _day(moment: datetime, zone: ZoneInfo) -> date:
    return moment.date() if zone.key == "UTC" else moment.astimezone(zone).date()


def _json(value: object) -> str:
    return msgspec.json.encode(value, order="sorted").decode()
