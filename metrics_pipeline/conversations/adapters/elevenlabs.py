"""ElevenLabs: a conversation with its details, or the webhook that brings one when it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from metrics_pipeline.conversations.adapters import lenient
from metrics_pipeline.conversations.adapters.lenient import mapping, sequence, text
from metrics_pipeline.conversations.adapters.shape import Adapter, Transcript, conversation
from metrics_pipeline.conversations.record import Conversation, LoggedValue

NAME = "elevenlabs"
UNFINISHED = ("initiated", "in-progress", "processing")
TRANSFER = "transfer_to_number"
"""The system tool that puts a caller through to a person; `transfer_to_agent` reaches another agent."""


def recognises(keys: frozenset[str]) -> bool:
    """Whether an object with these keys is one of this platform's conversations."""
    return {"agent_id", "conversation_id", "status"} <= keys or {"type", "event_timestamp", "data"} <= keys


def convert(raw: bytes | msgspec.Raw, zone: ZoneInfo) -> Conversation | None:
    """One conversation; None while it has not ended, or is still being processed.

    Raises:
        Unreadable: It is a summary without a transcript, or its id or time of beginning is missing.
    """
    found = lenient.as_object(raw)
    whole = mapping(found["data"]) if "data" in found and "conversation_id" not in found else found
    conversation_id = lenient.identifier(whole.get("conversation_id"), "conversation_id")
    if whole.get("status") in UNFINISHED:
        return None
    if not isinstance(whole.get("transcript"), list):
        raise lenient.Unreadable("no transcript: export each conversation with its details, not the list of them")
    metadata = mapping(whole.get("metadata"))
    started_at = lenient.start(lenient.clock(metadata.get("start_time_unix_secs")), "metadata.start_time_unix_secs")
    transcript = _transcript(whole["transcript"], started_at)
    analysis = transcript.named(whole.get("analysis"), "analysis")
    return conversation(
        NAME,
        zone,
        transcript,
        conversation_id=conversation_id,
        started_at=started_at,
        logged=_verdicts(analysis, metadata, transcript),
        attributes={
            "end_reason": text(metadata.get("termination_reason")),
            "status": text(whole.get("status")),
            "agent_id": text(whole.get("agent_id")),
            "summary": text(analysis.get("transcript_summary")),
            "rationales": _rationales(analysis),
            "cost_credits": lenient.number(metadata.get("cost")),
        },
        channel=_channel(metadata),
        duration_seconds=lenient.number(metadata.get("call_duration_secs")),
        language=text(metadata.get("main_language")) or _wanted_language(whole),
        handoff=_handoff(whole["transcript"]),
        carries_functions=True,
        carries_logged=bool(analysis),
    )


def _transcript(entries: list[Any], started_at: datetime) -> Transcript:
    transcript = Transcript()
    for entry in transcript.listed(entries, "entries"):
        seconds = lenient.number(entry.get("time_in_call_secs"))
        at = started_at + timedelta(seconds=seconds) if seconds is not None and seconds < 10**7 else None
        role = entry.get("role")
        if role == "user":
            transcript.say("user", entry.get("message"), at)
        elif role == "agent":
            transcript.say("agent", entry.get("message"), at)
        else:
            transcript.skip("entry of an unknown role")
        for call in transcript.listed(entry.get("tool_calls"), "tool calls"):
            transcript.call(call.get("request_id"), call.get("tool_name"), call.get("params_as_json"), at)
        for result in transcript.listed(entry.get("tool_results"), "tool results"):
            value = result.get("result_value") if result.get("result_value") is not None else result.get("result")
            transcript.result(result.get("request_id"), result.get("tool_name"), value, at)
    return transcript


def _verdicts(analysis: Mapping[str, Any], metadata: Mapping[str, Any], transcript: Transcript) -> list[LoggedValue]:
    """The overall verdict, each criterion, what data collection found, and the user's own score, by their names."""
    feedback = transcript.named(metadata.get("feedback"), "feedback")
    groups = [
        {"call_successful": analysis.get("call_successful")},
        {"feedback_score": feedback.get("overall_score")},
        {f"feedback_{name}": feedback.get(name) or None for name in ("likes", "dislikes")},
        _each(analysis, "evaluation_criteria_results", "result", transcript),
        _each(analysis, "data_collection_results", "value", transcript),
    ]
    return [value for group in groups for value in lenient.logged(group, "platform")]


def _each(analysis: Mapping[str, Any], part: str, field: str, transcript: Transcript) -> dict[str, Any]:
    found = transcript.named(analysis.get(part), part)
    return {name: transcript.named(one, f"one of {part}").get(field) for name, one in found.items()}


def _rationales(analysis: Mapping[str, Any]) -> dict[str, Any]:
    parts = ("evaluation_criteria_results", "data_collection_results")
    found = {name: why for part in parts for name, why in mapping(analysis.get(part)).items()}
    return {name: mapping(why)["rationale"] for name, why in found.items() if text(mapping(why).get("rationale"))}


def _channel(metadata: Mapping[str, Any]) -> str | None:
    text_only = lenient.flag(metadata.get("text_only"))
    if text_only is None:
        return "voice" if metadata.get("phone_call") else None
    return "chat" if text_only else "voice"


def _wanted_language(whole: Mapping[str, Any]) -> str | None:
    client = mapping(whole.get("conversation_initiation_client_data"))
    return text(mapping(mapping(client.get("conversation_config_override")).get("agent")).get("language"))


def _handoff(entries: list[Any]) -> bool:
    results = [mapping(result) for entry in entries for result in sequence(mapping(entry).get("tool_results"))]
    return any(one.get("tool_name") == TRANSFER and one.get("is_error") is not True for one in results)


ADAPTER = Adapter(
    NAME,
    "ElevenLabs conversations and post-call webhooks",
    "`agent_id`, `conversation_id` and `status`, or `type`, `event_timestamp` and `data`",
    frozenset(
        {
            "times of turns",
            "functions",
            "arguments",
            "verdicts",
            "duration",
            "channel",
            "language",
            "handoff",
            "end reason",
        }
    ),
    recognises,
    convert,
)
