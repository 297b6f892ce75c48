"""Values of a raw conversation, read leniently: one of an unexpected type counts as not given."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from metrics_pipeline.conversations.record import LoggedSource, LoggedValue

MAX_ID_CHARACTERS = 200
EARLIEST, LATEST = 2000, 2100
"""Years outside of which a clock is taken to be wrong."""
CHANNELS = {"voice": "voice", "phone": "voice", "tel": "voice", "webchat": "chat", "chat": "chat"}
MILLISECONDS_FROM = 1e11
"""A count of seconds since 1970 reaches this in the year 5138, one of milliseconds did in 1973."""

EVENT_TIMES = ("time", "timestamp", "logged_at", "at")
EVENT_KEYS = frozenset({"name", "value", "turn_index", *EVENT_TIMES})

ValueType = Literal["string", "number", "boolean", "json"]
Loose = str | int | float | bool | None | list[Any] | dict[str, Any]


class Unreadable(Exception):
    """Why one conversation cannot be read: the field and what is wrong with it, never its value."""


def as_object(raw: bytes | msgspec.Raw) -> dict[str, Any]:
    """A JSON object.

    Raises:
        Unreadable: It is none.
    """
    try:
        return msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Unreadable(reason(error)) from None


def reason(error: Exception) -> str:
    """What is wrong with a conversation's JSON, without a word of it."""
    # msgspec names the place and the types, and quotes nothing of the content.
    if isinstance(error, msgspec.DecodeError):
        return f"not readable as a conversation: {error}"
    return "nested too deep" if isinstance(error, RecursionError) else "bad UTF-8 text"


def identifier(value: Loose, field: str) -> str:
    """A conversation's id; a number is its digits.

    Raises:
        Unreadable: There is none, or it is too long.
    """
    found = str(value) if isinstance(value, int) and not isinstance(value, bool) else text(value)
    if found is None:
        raise Unreadable(f"{field} is missing or not text")
    if len(found) > MAX_ID_CHARACTERS:
        raise Unreadable(f"{field} is longer than {MAX_ID_CHARACTERS} characters")
    return found


def start(moment: datetime | None, field: str) -> datetime:
    """When a conversation began.

    Raises:
        Unreadable: That is not known, or the clock was wrong.
    """
    if moment is None:
        raise Unreadable(f"{field} is missing or not a time of the form 2026-06-01T09:30:00Z")
    if not EARLIEST <= moment.year < LATEST:
        raise Unreadable(f"{field} lies outside the years {EARLIEST} to {LATEST}")
    return moment


def text(value: Any) -> str | None:
    """Text without white space around it; None where there is no other."""
    return value.strip() or None if isinstance(value, str) else None


def said(value: Any) -> str | None:
    """Words as they were said, with their white space."""
    return value if isinstance(value, str) and value.strip() else None


def keypad(value: Any) -> str | None:
    """Keys that were pressed, as a turn says it."""
    digits = text(value)
    return f"(keypad) {digits}" if digits else None


def number(value: Any) -> float | None:
    """A measurement, not below zero."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # JSON has no largest number: an integer past what a float holds is no measurement.
    return float(value) if 0 <= value <= sys.float_info.max else None


def count(value: Any) -> int | None:
    """A whole number that a table holds."""
    found = number(value)
    return int(found) if found is not None and found < 2**31 else None


def flag(value: Any) -> bool | None:
    """True or false."""
    return value if isinstance(value, bool) else None


def mapping(value: Any) -> dict[str, Any]:
    """An object; an empty one where there is none."""
    return value if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    """A list; an empty one where there is none."""
    return value if isinstance(value, list) else []


def fullest(*candidates: Any) -> Any:
    """The first list with something in it; where there is none, the first value that is none, to be counted."""
    lists = (value for value in candidates if isinstance(value, list) and value)
    return next(lists, next((value for value in candidates if value), None))


def moment(value: Any) -> datetime | None:
    """A time written in ISO 8601, in UTC; one that names no zone is taken to be in UTC."""
    if not isinstance(value, str):
        return None
    try:
        return in_utc(_iso(value))
    except (ValueError, OverflowError):
        return None


def _iso(value: str) -> datetime:
    # The first reads what the typed structures of an adapter read, in the same way; the other reads more.
    try:
        return msgspec.convert(value, datetime)
    except msgspec.ValidationError:
        return datetime.fromisoformat(value)


def in_utc(found: datetime) -> datetime:
    """A time in UTC; one that names no zone is taken to be in UTC.

    Raises:
        OverflowError: It lies within a day of the beginning or the end of time.
    """
    if found.tzinfo is UTC:
        return found
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def clock(value: Any) -> datetime | None:
    """A time written in ISO 8601, or as seconds or milliseconds since 1970."""
    seconds = number(value)
    if seconds is None:
        return moment(value)
    try:
        return datetime.fromtimestamp(seconds / 1000 if seconds >= MILLISECONDS_FROM else seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def day(found: datetime, zone: ZoneInfo) -> date:
    """The day of `zone` on which a time lies."""
    return found.date() if zone.key == "UTC" else found.astimezone(zone).date()


def channel(raw: str | None) -> str | None:
    """`voice`, `chat`, or the source's own word in lower case."""
    if raw is None:
        return None
    word = raw.lower()
    for start, name in CHANNELS.items():
        if word.startswith(start):
            return name
    return word


def as_json(value: object) -> str:
    """JSON with sorted keys."""
    return msgspec.json.encode(value, order="sorted").decode()


def as_written(value: Any) -> str | None:
    """A function's arguments or result: text as it is, anything else as JSON."""
    return value if value is None or isinstance(value, str) else as_json(value)


def logged(found: Any, source: LoggedSource = "function") -> Iterator[LoggedValue]:
    """What was logged, in the order in which the table keeps it.

    Args:
        found: What was logged under each name, once or as a list; or a list of events, each with its name.
    """
    if isinstance(found, list):
        found = _by_name(found)
    # By name, as the table keeps them: the same record must have the same hash when it is read back.
    for name, value in sorted(mapping(found).items()):
        # What nearly every one is: this is a quarter of what reading costs.
        if isinstance(value, str):
            yield LoggedValue(name, 0, value, "string", "value", source)
            continue
        items = [item for item in (value if isinstance(value, list) else [value]) if item is not None]
        for position, item in enumerate(items):
            if isinstance(item, str):
                yield LoggedValue(name, position, item, source=source)
            else:
                yield _event(name, position, item, source) or LoggedValue(
                    name, position, *_written(item), source=source
                )


def nameless_count(found: Any) -> int:
    """Values of a list that no name says what they are of; anything but a list or an object is one."""
    if isinstance(found, list):
        return sum(text(mapping(item).get("name")) is None for item in found)
    return int(found is not None and not isinstance(found, dict))


def _by_name(events: list[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for event in events:
        if (name := text(mapping(event).get("name"))) is not None:
            found.setdefault(name, []).append(event)
    return found


def _event(name: str, position: int, item: Any, source: LoggedSource) -> LoggedValue | None:
    """An object that says when, or under which name, a value was logged, and nothing else; None for any other."""
    if not isinstance(item, dict) or not item.keys() <= EVENT_KEYS or item.get("name", name) != name:
        return None
    times = [clock(item[key]) for key in EVENT_TIMES if key in item]
    turn_index = count(item.get("turn_index"))
    is_told = len(times) == 1 if times else "name" in item and "value" in item
    if not is_told or None in times or (turn_index is None and item.get("turn_index") is not None):
        return None
    value, value_type = _written(item.get("value"))
    return LoggedValue(name, position, value, value_type, "event", source, times[0] if times else None, turn_index)


def _written(item: Any) -> tuple[str, ValueType]:
    if isinstance(item, str):
        return item, "string"
    if isinstance(item, bool):
        return str(item).lower(), "boolean"
    if isinstance(item, int | float):
        return as_json(item), "number"
    # An event without a value says that something happened, and no more.
    return ("", "string") if item is None else (as_json(item), "json")
