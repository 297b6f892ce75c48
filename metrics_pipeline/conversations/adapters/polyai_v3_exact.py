"""A conversation of PolyAI's API v3 that is exactly as the interface describes it, read at a third of the cost.

All types are exact here, and nothing may stand in the conversation that is not described, so that of each rule of
reading leniently one case is left. What is read is what `polyai_v3.convert` reads; what is in doubt is left to it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec import UNSET, UnsetType

from metrics_pipeline.conversations.adapters import lenient
from metrics_pipeline.conversations.adapters.lenient import Loose, as_json, in_utc, text
from metrics_pipeline.conversations.record import Conversation, Turn

Given = str | UnsetType | None
"""Kept as an attribute: one that is null is not one that is missing."""


class _Exchange(msgspec.Struct, gc=False):
    user_input: str | None = None
    user_input_dtmf: str | None = None
    user_input_datetime: datetime | None = None
    agent_response: str | None = None
    agent_response_datetime: datetime | None = None


class _Conversation(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    id: str
    started_at: datetime
    turns: list[_Exchange]
    in_progress: bool | None = None
    updated_at: datetime | None = None
    metrics: dict[str, Loose] | None = None
    state: dict[str, Any] | UnsetType | None = UNSET
    language: str | None = None
    variant_id: Given = UNSET
    variant_name: str | None = None
    environment: str | None = None
    channel: str | None = None
    num_turns: Annotated[int, msgspec.Meta(ge=0, lt=2**31)] | None = None
    total_duration: Annotated[float, msgspec.Meta(ge=0)] | None = None
    handoff: bool | None = None
    account_id: Given = UNSET
    project_id: Given = UNSET
    handoff_reason: Given = UNSET
    handoff_destination: Given = UNSET
    from_number: msgspec.Raw | UnsetType = UNSET
    to_number: msgspec.Raw | UnsetType = UNSET


class _Kept(NamedTuple):
    """What is kept as an attribute."""

    source_channel: Given
    account_id: Given
    project_id: Given
    variant_id: Given
    handoff_reason: Given
    handoff_destination: Given


MAX_SHARED_BYTES = 1 << 15
"""Of a conversation whose attributes are remembered: memory must not grow with what it holds."""
_DECODER = msgspec.json.Decoder(_Conversation)


def convert_exact(raw: bytes | msgspec.Raw, zone: ZoneInfo) -> Conversation | None:
    """What `polyai_v3.convert` says of it; None where that is to be asked, also while it is still in progress."""
    try:
        found = _DECODER.decode(raw)
        conversation_id = found.id.strip()
        started_at = in_utc(found.started_at)
        if (
            found.in_progress
            or not 0 < len(conversation_id) <= lenient.MAX_ID_CHARACTERS
            or not lenient.EARLIEST <= started_at.year < lenient.LATEST
        ):
            return None
        updated_at = None if found.updated_at is None else in_utc(found.updated_at)
        turns = _turns(found.turns)
        if turns is None:
            return None
    except (msgspec.DecodeError, UnicodeError, RecursionError, OverflowError):
        return None
    source_channel = text(found.channel)
    state = found.state or {}
    handoff = (found.handoff_reason, found.handoff_destination)
    kept = _Kept(
        UNSET if source_channel is None else source_channel,
        found.account_id,
        found.project_id,
        found.variant_id,
        *handoff,
    )
    return Conversation(
        conversation_id=conversation_id,
        conversation_date=lenient.day(started_at, zone),
        started_at=started_at,
        source="polyai_v3",
        updated_at=updated_at,
        turns=tuple(turns),
        logged_metrics=tuple(lenient.logged(found.metrics)) if found.metrics else (),
        duration_seconds=found.total_duration,
        reported_turn_count=found.num_turns,
        channel=lenient.channel(source_channel),
        language=text(found.language) or text(state.get("language")),
        variant=text(found.variant_name) or text(found.variant_id),
        environment=text(found.environment),
        handoff=found.handoff,
        carries_logged=found.metrics is not None,
        attributes=_shared_attributes(kept)
        if found.state is UNSET and len(memoryview(raw)) <= MAX_SHARED_BYTES
        else _attributes(kept, found.state),
    )


def _turns(exchanges: list[_Exchange]) -> list[Turn] | None:
    """None where one has no field for words, which is for the other reader to count."""
    # Written out, and nothing called for what nearly every turn is: this is most of what reading costs.
    turns: list[Turn] = []
    for exchange in exchanges:
        words = exchange.user_input
        if words is exchange.user_input_dtmf is exchange.agent_response is None:
            return None
        if not words or words.isspace():
            words = lenient.keypad(exchange.user_input_dtmf)
        if words:
            at = exchange.user_input_datetime
            turns.append(Turn(len(turns), "user", words, at if at is None or at.tzinfo is UTC else in_utc(at)))
        words = exchange.agent_response
        if words and not words.isspace():
            at = exchange.agent_response_datetime
            turns.append(Turn(len(turns), "agent", words, at if at is None or at.tzinfo is UTC else in_utc(at)))
    return turns


def _attributes(found: _Kept, state: dict[str, Any] | UnsetType | None = UNSET) -> str:
    kept = {**found._asdict(), "state": state}
    return as_json({name: value for name, value in kept.items() if value is not UNSET})


_shared_attributes = lru_cache(maxsize=128)(_attributes)
"""Of most conversations of an export they are the same."""
