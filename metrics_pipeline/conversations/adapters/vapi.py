"""Vapi: a call object, or the end-of-call report that its server messages carry.

A call's messages stand in `artifact.messages`; older exports have them in `messages`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from metrics_pipeline.conversations.adapters import lenient
from metrics_pipeline.conversations.adapters.lenient import clock, mapping, sequence, text
from metrics_pipeline.conversations.adapters.shape import ONE_TEXT, Adapter, Transcript, conversation
from metrics_pipeline.conversations.record import Conversation, LoggedValue

NAME = "vapi"
UNFINISHED = ("scheduled", "queued", "ringing", "in-progress", "forwarding")
REPORT = "end-of-call-report"


def recognises(keys: frozenset[str]) -> bool:
    """Whether an object with these keys is one of this platform's conversations."""
    return {"id", "orgId", "createdAt"} <= keys or keys == {"message"}


def convert(raw: bytes | msgspec.Raw, zone: ZoneInfo) -> Conversation | None:
    """One call; None while it has not ended.

    Raises:
        Unreadable: It is another kind of message, or its id or time of beginning is missing.
    """
    found = lenient.as_object(raw)
    call = _reported(mapping(found["message"])) if "message" in found and "orgId" not in found else found
    call_id = lenient.identifier(call.get("id"), "id")
    if call.get("status") in UNFINISHED and not call.get("endedAt"):
        return None
    started_at = lenient.start(clock(call.get("startedAt")) or clock(call.get("createdAt")), "startedAt")
    transcript = Transcript()
    artifact = transcript.named(call.get("artifact"), "artifact")
    analysis = transcript.named(call.get("analysis"), "analysis")
    _collect(lenient.fullest(artifact.get("messages"), call.get("messages")), transcript)
    if not transcript.turns and (text(artifact.get("transcript")) or artifact.get("messagesOpenAIFormatted")):
        transcript.skip(ONE_TEXT)
    ended_at, end_reason = clock(call.get("endedAt")), text(call.get("endedReason"))
    verdicts = _verdicts(analysis, artifact, transcript)
    return conversation(
        NAME,
        zone,
        transcript,
        conversation_id=call_id,
        started_at=started_at,
        logged=verdicts,
        attributes={
            "end_reason": end_reason,
            "assistant_id": text(call.get("assistantId")),
            "squad_id": text(call.get("squadId")),
            "call_type": text(call.get("type")),
            "summary": text(analysis.get("summary")),
            "latency": mapping(artifact.get("performanceMetrics")),
            "cost_dollars": lenient.number(call.get("cost")),
            "ended_at": text(call.get("endedAt")),
        },
        channel="voice",
        updated_at=clock(call.get("updatedAt")),
        duration_seconds=lenient.number((ended_at - started_at).total_seconds()) if ended_at else None,
        language=text(mapping(mapping(call.get("assistant")).get("transcriber")).get("language")),
        agent_version=text(call.get("assistantVersion")),
        handoff=_handoff(call, artifact, end_reason),
        carries_functions=True,
        carries_logged=bool(analysis or verdicts),
    )


def _reported(message: Mapping[str, Any]) -> dict[str, Any]:
    """The call that a report is about; what the report says of it is newer."""
    if message.get("type") != REPORT:
        raise lenient.Unreadable(f"a message and nothing else, and not one of Vapi's type {REPORT}")
    report = {key: value for key, value in message.items() if key not in ("type", "call") and value is not None}
    return {**mapping(message.get("call")), "status": "ended", **report}


def _collect(messages: Any, transcript: Transcript) -> None:
    for message in transcript.listed(messages, "messages"):
        role, at = message.get("role"), clock(message.get("time"))
        if role == "user":
            transcript.say("user", message.get("message"), at)
        elif role in ("bot", "assistant"):
            transcript.say("agent", message.get("message"), at)
        elif role == "tool_calls":
            for call in transcript.listed(message.get("toolCalls"), "tool calls"):
                function = mapping(call.get("function"))
                transcript.call(call.get("id"), function.get("name"), function.get("arguments"), at)
        elif role == "tool_call_result":
            transcript.result(message.get("toolCallId"), message.get("name"), message.get("result"), at)
        elif role != "system":
            transcript.skip("message of an unknown role")


def _verdicts(analysis: Mapping[str, Any], artifact: Mapping[str, Any], transcript: Transcript) -> list[LoggedValue]:
    """Success evaluation, structured data, structured outputs and scorecards, by their own names."""
    found = [{name: analysis.get(name) for name in ("successEvaluation", "structuredDataMulti")}]
    found.append(transcript.named(analysis.get("structuredData"), "structured data"))
    for part, value in (("structuredOutputs", "result"), ("scorecards", "score")):
        for key, each in transcript.named(artifact.get(part), part).items():
            output = transcript.named(each, f"one of {part}")
            found.append({text(output.get("name")) or key: output.get(value)})
    return [value for group in found for value in lenient.logged(group, "platform")]


def _handoff(call: Mapping[str, Any], artifact: Mapping[str, Any], end_reason: str | None) -> bool | None:
    if call.get("destination") or sequence(artifact.get("transfers")) or end_reason == "assistant-forwarded-call":
        return True
    return None if end_reason is None else False


ADAPTER = Adapter(
    NAME,
    "Vapi calls and end-of-call reports",
    "`id`, `orgId` and `createdAt`, or `message` alone",
    frozenset(
        {
            *("times of turns", "functions", "arguments", "verdicts", "duration", "channel", "language"),
            *("agent version", "handoff", "end reason"),
        }
    ),
    recognises,
    convert,
)
