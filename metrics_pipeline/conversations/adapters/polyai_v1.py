"""PolyAI's Conversations API v1: one conversation with its details. Its turns are those of v3, its names are not.

What its functions did is an object that the interface does not describe: it is kept as an attribute, not as turns.
"""

from __future__ import annotations

from zoneinfo import ZoneInfo

import msgspec

from metrics_pipeline.conversations.adapters import lenient
from metrics_pipeline.conversations.adapters.lenient import text
from metrics_pipeline.conversations.adapters.shape import NO_WORDS, Adapter, Transcript, conversation
from metrics_pipeline.conversations.record import Conversation

NAME = "polyai_v1"
KEPT = (
    *("accountId", "projectId", "createdAt", "finishedAt", "polyaiDuration", "handoffReason", "direction", "tags"),
    *("shortSummary", "note", "functionEvents"),
)


def recognises(keys: frozenset[str]) -> bool:
    """Whether an object with these keys is one of this platform's conversations."""
    return {"conversationId", "projectId"} <= keys


def convert(raw: bytes | msgspec.Raw, zone: ZoneInfo) -> Conversation | None:
    """One conversation; None while it is still in progress.

    Raises:
        Unreadable: Its id or time of beginning is missing.
    """
    found = lenient.as_object(raw)
    conversation_id = lenient.identifier(found["conversationId"], "conversationId")
    if found.get("inProgress") is True:
        return None
    began = lenient.moment(found.get("startedAt")) or lenient.moment(found.get("createdAt"))
    transcript = _transcript(found.get("turns"))
    transcript.count_nameless(found.get("metrics"))
    durations = (lenient.number(found.get(name)) for name in ("totalDuration", "duration"))
    return conversation(
        NAME,
        zone,
        transcript,
        conversation_id=conversation_id,
        started_at=lenient.start(began, "startedAt"),
        logged=[
            *lenient.logged(found.get("metrics")),
            *lenient.logged({"polyScore": found.get("polyScore")}, "platform"),
        ],
        attributes={name: found.get(name) for name in KEPT},
        channel=found.get("channel"),
        duration_seconds=next((seconds for seconds in durations if seconds is not None), None),
        language=text(found.get("language")),
        variant=text(found.get("variantId")),
        environment=text(found.get("clientEnv")),
        agent_version=text(found.get("deploymentId")),
        handoff=lenient.flag(found.get("handoff")),
        carries_logged=isinstance(found.get("metrics"), dict | list),
    )


def _transcript(turns: object) -> Transcript:
    transcript = Transcript()
    for turn in transcript.listed(turns, "turns"):
        if all(turn.get(name) is None for name in ("user_input", "user_input_dtmf", "agent_response")):
            transcript.skip(NO_WORDS)
        said = lenient.said(turn.get("user_input")) or lenient.keypad(turn.get("user_input_dtmf"))
        if said is None:
            said = lenient.fullest(turn.get("user_input"), turn.get("user_input_dtmf"))
        transcript.say("user", said, lenient.moment(turn.get("user_input_datetime")))
        transcript.say("agent", turn.get("agent_response"), lenient.moment(turn.get("agent_response_datetime")))
    return transcript


ADAPTER = Adapter(
    NAME,
    "PolyAI Conversations API v1",
    "`conversationId` and `projectId`",
    frozenset(
        {
            *("times of turns", "logged", "verdicts", "duration", "channel"),
            *("language", "variant", "environment", "agent version", "handoff"),
        }
    ),
    recognises,
    convert,
)
