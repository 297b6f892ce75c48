"""Retell: a call or a chat with its analysis, or the webhook that brings one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from metrics_pipeline.conversations.adapters import lenient
from metrics_pipeline.conversations.adapters.lenient import clock, mapping, sequence, text
from metrics_pipeline.conversations.adapters.shape import ONE_TEXT, Adapter, Transcript, conversation
from metrics_pipeline.conversations.record import Conversation, LoggedValue

NAME = "retell"
UNFINISHED = ("registered", "ongoing")
LISTS = ("transcript_with_tool_calls", "message_with_tool_calls", "transcript_object")
"""Where turns may stand, the fullest first."""
AGENTS = ("agent", "transfer_target", "injected")
"""A person to whom a call is transferred speaks for the same house."""
NOT_SAID = ("node_transition", "state_transition", "sms")
VERDICTS = ("call_successful", "chat_successful", "user_sentiment", "in_voicemail")


def recognises(keys: frozenset[str]) -> bool:
    """Whether an object with these keys is one of this platform's conversations."""
    return {"call_id", "call_status"} <= keys or {"chat_id", "chat_status"} <= keys or {"event", "call"} <= keys


def convert(raw: bytes | msgspec.Raw, zone: ZoneInfo) -> Conversation | None:
    """One call or chat; None while it has not ended.

    Raises:
        Unreadable: Its id or time of beginning is missing.
    """
    found = lenient.as_object(raw)
    call = mapping(found["call"]) if "call" in found and "call_id" not in found else found
    kind = "chat" if "chat_id" in call else "call"
    call_id = lenient.identifier(call.get(f"{kind}_id"), f"{kind}_id")
    if call.get(f"{kind}_status") in UNFINISHED:
        return None
    started_at = lenient.start(clock(call.get("start_timestamp")), "start_timestamp")
    ended_at, end_reason = clock(call.get("end_timestamp")), text(call.get("disconnection_reason"))
    milliseconds = lenient.number(call.get("duration_ms"))
    if milliseconds is None and ended_at is not None:
        milliseconds = lenient.number((ended_at - started_at).total_seconds() * 1000)
    transcript = _transcript(lenient.fullest(*map(call.get, LISTS)), started_at)
    if not transcript.turns and text(call.get("transcript")):
        transcript.skip(ONE_TEXT)
    analysis = transcript.named(call.get(f"{kind}_analysis"), "analysis")
    return conversation(
        NAME,
        zone,
        transcript,
        conversation_id=call_id,
        started_at=started_at,
        logged=_verdicts(analysis, transcript),
        attributes={
            "end_reason": end_reason,
            "status": text(call.get(f"{kind}_status")),
            "agent_id": text(call.get("agent_id")),
            "direction": text(call.get("direction")),
            "summary": text(analysis.get(f"{kind}_summary")),
            "latency": mapping(call.get("latency")),
        },
        channel="chat" if kind == "chat" else "voice",
        duration_seconds=None if milliseconds is None else milliseconds / 1000,
        agent_version=lenient.as_written(call.get("agent_version")),
        handoff=None if end_reason is None else end_reason in ("call_transfer", "transfer_bridged"),
        carries_functions="transcript_with_tool_calls" in call or "message_with_tool_calls" in call,
        carries_logged=bool(analysis),
    )


def _transcript(entries: Any, started_at: datetime) -> Transcript:
    transcript = Transcript()
    for entry in transcript.listed(entries, "entries"):
        role, at = entry.get("role"), _at(entry, started_at)
        if role == "user":
            transcript.say("user", entry.get("content"), at)
        elif role in AGENTS:
            transcript.say("agent", entry.get("content"), at)
        elif role == "dtmf":
            transcript.say("user", lenient.keypad(entry.get("digit")), at)
        elif role == "tool_call_invocation":
            transcript.call(entry.get("tool_call_id"), entry.get("name"), entry.get("arguments"), at)
        elif role == "tool_call_result":
            transcript.result(entry.get("tool_call_id"), None, entry.get("content"), at)
        elif role not in NOT_SAID:
            transcript.skip("entry of an unknown role")
    return transcript


def _at(entry: Mapping[str, Any], started_at: datetime) -> datetime | None:
    """From the first word's offset, or the entry's own."""
    words = sequence(entry.get("words"))
    seconds = lenient.number(mapping(words[0]).get("start") if words else entry.get("time_sec"))
    if seconds is not None and seconds < 10**7:
        return started_at + timedelta(seconds=seconds)
    return clock(entry.get("created_timestamp"))


def _verdicts(analysis: Mapping[str, Any], transcript: Transcript) -> list[LoggedValue]:
    custom = transcript.named(analysis.get("custom_analysis_data"), "custom analysis data")
    groups = [{name: analysis.get(name) for name in VERDICTS}, custom]
    return [value for group in groups for value in lenient.logged(group, "platform")]


ADAPTER = Adapter(
    NAME,
    "Retell calls, chats and webhooks",
    "`call_id` and `call_status`, `chat_id` and `chat_status`, or `event` and `call`",
    frozenset(
        {
            "times of turns",
            "functions",
            "arguments",
            "verdicts",
            "duration",
            "channel",
            "agent version",
            "handoff",
            "end reason",
        }
    ),
    recognises,
    convert,
)
