"""PolyAI's Conversations API v3: one conversation of a list response.

Read leniently: the interface description and real exports differ in which optional fields they carry. What is needed
(`id`, `started_at`) must be there; an optional field of an unexpected type counts as not given. `from_number` and
`to_number` are dropped: nothing here needs a caller's telephone number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from metrics_pipeline.conversations.adapters.lenient import (
    Loose,
    Unreadable,
    as_json,
    channel,
    count,
    day,
    flag,
    identifier,
    keypad,
    logged,
    moment,
    nameless_count,
    number,
    reason,
    said,
    start,
    text,
)
from metrics_pipeline.conversations.adapters.polyai_v3_exact import convert_exact
from metrics_pipeline.conversations.adapters.shape import DROPPED, NAMELESS, NO_TEXT, NO_WORDS, NOT_UNDERSTOOD, Adapter
from metrics_pipeline.conversations.record import Conversation, Turn

NAME = "polyai_v3"


class Exchange(msgspec.Struct):
    """What the user said and the agent answered, as PolyAI's interfaces write it."""

    user_input: Loose = None
    user_input_dtmf: Loose = None
    user_input_datetime: Loose = None
    agent_response: Loose = None
    agent_response_datetime: Loose = None


class _Conversation(msgspec.Struct):
    id: Loose = None
    started_at: Loose = None
    in_progress: Loose = None
    updated_at: Loose = None
    turns: list[Exchange] | None = None
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
    return "id" in keys and "started_at" in keys and "messages" not in keys


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
        raise Unreadable(reason(error)) from None
    conversation_id = identifier(found.id, "id")
    if found.in_progress is True:
        return None
    started_at = start(moment(found.started_at), "started_at")
    source_channel = text(found.channel)
    state = found.state if isinstance(found.state, dict) else {}
    not_understood: Counter[str] = Counter()
    turns = tuple(exchanged(found.turns or (), not_understood))
    not_understood[NAMELESS] += nameless_count(found.metrics)
    return Conversation(
        conversation_id=conversation_id,
        conversation_date=day(started_at, zone),
        started_at=started_at,
        source=NAME,
        updated_at=moment(found.updated_at),
        turns=turns,
        logged_metrics=tuple(logged(found.metrics)),
        duration_seconds=number(found.total_duration),
        reported_turn_count=count(found.num_turns),
        channel=channel(source_channel),
        language=text(found.language) or text(state.get("language")),
        variant=text(found.variant_name) or text(found.variant_id),
        environment=text(found.environment),
        handoff=flag(found.handoff),
        carries_logged=isinstance(found.metrics, dict | list),
        attributes=_attributes(rest, source_channel, +not_understood),
    )


def exchanged(found: Iterable[Exchange], not_understood: Counter[str]) -> Iterator[Turn]:
    """The turns of both sides, in order; words that are not text are counted."""
    index = 0
    for turn in found:
        if turn.user_input is turn.user_input_dtmf is turn.agent_response is None:
            not_understood[NO_WORDS] += 1
        words = said(turn.user_input) or keypad(turn.user_input_dtmf)
        if words is not None:
            yield Turn(index, "user", words, moment(turn.user_input_datetime))
            index += 1
        else:
            not_understood[NO_TEXT] += _is_no_text(turn.user_input) or _is_no_text(turn.user_input_dtmf)
        answered = said(turn.agent_response)
        if answered is not None:
            yield Turn(index, "agent", answered, moment(turn.agent_response_datetime))
            index += 1
        else:
            not_understood[NO_TEXT] += _is_no_text(turn.agent_response)


def _is_no_text(value: Loose) -> bool:
    return value is not None and not isinstance(value, str)


def _attributes(rest: dict[str, msgspec.Raw], source_channel: str | None, not_understood: Counter[str]) -> str:
    kept: dict[str, Any] = {key: value for key, value in rest.items() if key not in _READ and key not in DROPPED}
    if source_channel is not None:
        kept["source_channel"] = source_channel
    if not_understood:
        kept[NOT_UNDERSTOOD] = dict(not_understood)
    # Decoded once more, so that the same content written with other white space is the same attribute.
    try:
        decoded = {
            key: msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value for key, value in kept.items()
        }
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Unreadable(reason(error)) from None
    return as_json(decoded)


ADAPTER = Adapter(
    NAME,
    "PolyAI Conversations API v3",
    "`id` and `started_at`",
    frozenset({"times of turns", "logged", "duration", "channel", "language", "variant", "environment", "handoff"}),
    recognises,
    convert,
    convert_exact,
)
