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
from metrics_pipeline.conversations.record import Conversation, InColumns, Speaker

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


class _Labels(NamedTuple):
    """What is alike in most conversations of an export."""

    channel: str | None
    language: str | None
    variant_id: Given
    variant_name: str | None
    environment: str | None
    account_id: Given
    project_id: Given
    handoff_reason: Given
    handoff_destination: Given


class _Read(NamedTuple):
    """The same as a record has it."""

    channel: str | None
    language: str | None
    variant: str | None
    environment: str | None
    attributes: str


MAX_SHARED_BYTES = 1 << 15
"""Of a conversation whose labels are remembered: memory must not grow with what it holds."""
_DECODER = msgspec.json.Decoder(_Conversation)


def convert_exact(raw: bytes | msgspec.Raw, zone: ZoneInfo) -> InColumns | None:
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
    labels = _Labels(
        found.channel,
        found.language,
        found.variant_id,
        found.variant_name,
        found.environment,
        found.account_id,
        found.project_id,
        found.handoff_reason,
        found.handoff_destination,
    )
    is_shared = found.state is UNSET and len(memoryview(raw)) <= MAX_SHARED_BYTES
    read = _read_shared(labels) if is_shared else _read(labels, found.state)
    head = Conversation(
        conversation_id=conversation_id,
        conversation_date=lenient.day(started_at, zone),
        started_at=started_at,
        source="polyai_v3",
        logged_metrics=tuple(lenient.logged(found.metrics)) if found.metrics else (),
        updated_at=updated_at,
        duration_seconds=found.total_duration,
        reported_turn_count=found.num_turns,
        channel=read.channel,
        language=read.language,
        variant=read.variant,
        environment=read.environment,
        handoff=found.handoff,
        carries_logged=found.metrics is not None,
        attributes=read.attributes,
    )
    return InColumns(head, *turns)


def _turns(exchanges: list[_Exchange]) -> tuple[list[Speaker], list[str], list[datetime | None]] | None:
    """Speakers, texts and times; None where one has no field for words, which is for the other reader to count."""
    # Written out, and nothing called for what nearly every turn is: this is most of what reading costs.
    speakers: list[Speaker] = []
    texts: list[str] = []
    times: list[datetime | None] = []
    for exchange in exchanges:
        words = exchange.user_input
        if words is exchange.user_input_dtmf is exchange.agent_response is None:
            return None
        if not words or words.isspace():
            words = lenient.keypad(exchange.user_input_dtmf)
        if words:
            at = exchange.user_input_datetime
            speakers.append("user")
            texts.append(words)
            times.append(at if at is None or at.tzinfo is UTC else in_utc(at))
        words = exchange.agent_response
        if words and not words.isspace():
            at = exchange.agent_response_datetime
            speakers.append("agent")
            texts.append(words)
            times.append(at if at is None or at.tzinfo is UTC else in_utc(at))
    return speakers, texts, times


def _read(labels: _Labels, state: dict[str, Any] | UnsetType | None = UNSET) -> _Read:
    source_channel = text(labels.channel)
    kept = {
        "source_channel": UNSET if source_channel is None else source_channel,
        "account_id": labels.account_id,
        "project_id": labels.project_id,
        "variant_id": labels.variant_id,
        "handoff_reason": labels.handoff_reason,
        "handoff_destination": labels.handoff_destination,
        "state": state,
    }
    return _Read(
        lenient.channel(source_channel),
        text(labels.language) or text((state or {}).get("language")),
        text(labels.variant_name) or text(labels.variant_id),
        text(labels.environment),
        as_json({name: value for name, value in kept.items() if value is not UNSET}),
    )


_read_shared = lru_cache(maxsize=128)(_read)
