"""LiveKit: the report of an agent session, as the agent framework writes it in Python or in JavaScript."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from metrics_pipeline.conversations.adapters import lenient
from metrics_pipeline.conversations.adapters.lenient import clock, mapping, sequence, text
from metrics_pipeline.conversations.adapters.shape import Adapter, Transcript, conversation
from metrics_pipeline.conversations.record import Conversation

NAME = "livekit"
NOT_SAID = ("agent_handoff", "agent_config_update")
"""Items that pass the session to another agent, or change one: no person is reached."""
SILENT = ("system", "developer")


def recognises(keys: frozenset[str]) -> bool:
    """Whether an object with these keys is one of this platform's session reports."""
    return bool(keys & {"chat_history", "chatHistory"}) and bool(keys & {"room_id", "roomId", "job_id", "jobId"})


def convert(raw: bytes | msgspec.Raw, zone: ZoneInfo) -> Conversation | None:
    """One session; a report is written when it has ended.

    Raises:
        Unreadable: The ids of the room and the job are missing, or every time is.
    """
    found = lenient.as_object(raw)
    transcript = Transcript()
    history = transcript.named(_either(found, "chat_history", "chatHistory"), "chat history")
    items = transcript.listed(history.get("items"), "items")
    _collect(items, transcript)
    room_id, job_id = text(_either(found, "room_id", "roomId")), text(_either(found, "job_id", "jobId"))
    reported_at = clock(found.get("timestamp"))
    began = [_either(found, "started_at", "startedAt"), found.get("audio_recording_started_at")]
    began += [_either(item, "created_at", "createdAt") for item in items[:1]] + [found.get("timestamp")]
    started_at = lenient.start(next((at for at in map(clock, began) if at is not None), None), "started_at")
    return conversation(
        NAME,
        zone,
        transcript,
        conversation_id=lenient.identifier(room_id or job_id, "room_id"),
        started_at=started_at,
        attributes={
            "end_reason": _end_reason(found),
            "job_id": job_id,
            "room": text(found.get("room")),
            "agent_handoff_count": sum(item.get("type") == "agent_handoff" for item in items) or None,
            "interrupted_count": sum(item.get("interrupted") is True for item in items) or None,
            "latency": _latency(items),
            "model_usage": _either(found, "model_usage", "modelUsage") or found.get("usage"),
        },
        duration_seconds=_duration(found, started_at, reported_at),
        carries_functions=True,
    )


def _either(found: Mapping[str, Any], python: str, javascript: str) -> Any:
    return found.get(python) if found.get(python) is not None else found.get(javascript)


def _collect(items: list[dict[str, Any]], transcript: Transcript) -> None:
    for item in items:
        kind, role, at = item.get("type"), item.get("role"), clock(_either(item, "created_at", "createdAt"))
        call_id = _either(item, "call_id", "callId")
        if kind == "function_call":
            transcript.call(call_id, item.get("name"), _either(item, "arguments", "args"), at)
        elif kind == "function_call_output":
            transcript.result(call_id, item.get("name"), item.get("output"), at)
        elif kind == "message" and role in ("user", "assistant"):
            transcript.say("user" if role == "user" else "agent", _words(item.get("content"), transcript), at)
        elif kind not in NOT_SAID and not (kind == "message" and role in SILENT):
            transcript.skip("item of an unknown type or role")


def _words(content: Any, transcript: Transcript) -> str | None:
    """Text, the transcript of what was heard, and images by name."""
    words = []
    for part in content if isinstance(content, list) else [content]:
        fields = mapping(part)
        found = lenient.said(part) or lenient.said(fields.get("transcript")) or lenient.said(fields.get("text"))
        if found is not None:
            words.append(found)
        elif fields.get("type") == "image_content":
            words.append("(image)")
        elif part is not None and not isinstance(part, str) and fields.get("type") != "audio_content":
            transcript.skip("part of an unknown type")
    return "\n".join(words) or None


def _duration(found: Mapping[str, Any], started_at: datetime, reported_at: datetime | None) -> float | None:
    """As the report says; or until it was written, which is when the session ended."""
    said = lenient.number(found.get("duration"))
    has_beginning = _either(found, "started_at", "startedAt") is not None
    if said is not None or reported_at is None or not has_beginning:
        return said
    return lenient.number((reported_at - started_at).total_seconds())


def _end_reason(found: Mapping[str, Any]) -> str | None:
    closings = [event for event in map(mapping, sequence(found.get("events"))) if event.get("type") == "close"]
    return text(closings[-1].get("reason")) if closings else None


def _latency(items: list[dict[str, Any]]) -> list[float]:
    """Seconds from the end of the user's turn to the agent's first word, of each answer that says it."""
    measured = (lenient.number(mapping(item.get("metrics")).get("e2e_latency")) for item in items)
    return [seconds for seconds in measured if seconds is not None]


ADAPTER = Adapter(
    NAME,
    "LiveKit session reports",
    "`chat_history` and `room_id` or `job_id`, or the same in JavaScript's spelling",
    frozenset({"times of turns", "functions", "arguments", "duration", "end reason"}),
    recognises,
    convert,
)
