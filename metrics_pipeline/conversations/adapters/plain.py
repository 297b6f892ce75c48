"""Our own shape, for everything that has no adapter: one JSON object a conversation, or one CSV row a turn.

docs/adapters.md describes it. A CSV file becomes these objects in `conversations/rows.py`.
"""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from metrics_pipeline.conversations.adapters import lenient
from metrics_pipeline.conversations.adapters.lenient import text
from metrics_pipeline.conversations.adapters.shape import DROPPED, PARTS, Adapter, Transcript, conversation
from metrics_pipeline.conversations.record import Conversation, Speaker

NAME = "plain"
SPEAKERS: dict[str, Speaker] = {
    **dict.fromkeys(("user", "customer", "caller", "human", "client"), "user"),
    **dict.fromkeys(("agent", "assistant", "bot", "ai"), "agent"),
    **dict.fromkeys(("function", "tool"), "function"),
}
READ = frozenset(
    "conversation_id started_at updated_at in_progress turns logged verdicts duration_seconds channel language variant "
    "environment agent_version handoff carries_functions".split()
)


def recognises(keys: frozenset[str]) -> bool:
    """Whether an object with these keys is a conversation of our own shape."""
    return {"conversation_id", "turns"} <= keys


def convert(raw: bytes | msgspec.Raw, zone: ZoneInfo) -> Conversation | None:
    """One conversation; None while it is still in progress.

    Raises:
        Unreadable: `conversation_id` or `started_at` is missing or no good.
    """
    found = lenient.as_object(raw)
    conversation_id = lenient.identifier(found["conversation_id"], "conversation_id")
    if found.get("in_progress") is True:
        return None
    transcript = _transcript(found["turns"])
    transcript.count_nameless(found.get("logged"), found.get("verdicts"))
    return conversation(
        NAME,
        zone,
        transcript,
        conversation_id=conversation_id,
        started_at=lenient.start(lenient.clock(found.get("started_at")), "started_at"),
        logged=[*lenient.logged(found.get("logged")), *lenient.logged(found.get("verdicts"), "platform")],
        attributes={key: value for key, value in found.items() if key not in READ | DROPPED},
        channel=found.get("channel"),
        updated_at=lenient.clock(found.get("updated_at")),
        duration_seconds=lenient.number(found.get("duration_seconds")),
        language=text(found.get("language")),
        variant=text(found.get("variant")),
        environment=text(found.get("environment")),
        agent_version=lenient.as_written(found.get("agent_version")),
        handoff=lenient.flag(found.get("handoff")),
        carries_functions=found.get("carries_functions") is True
        or any(turn.speaker == "function" for turn in transcript.turns),
        carries_logged="logged" in found or "verdicts" in found,
    )


def _transcript(found: Any) -> Transcript:
    transcript = Transcript()
    for turn in transcript.listed(found, "turns"):
        speaker = SPEAKERS.get((text(turn.get("speaker")) or "").lower())
        if speaker is None:
            transcript.skip("turn of an unknown speaker")
        elif speaker == "function":
            at, name = lenient.clock(turn.get("said_at")), turn.get("function_name")
            transcript.call(None, name, turn.get("function_arguments"), at)
            transcript.result(None, name, turn.get("function_result"))
        else:
            transcript.say(speaker, turn.get("text"), lenient.clock(turn.get("said_at")))
    return transcript


ADAPTER = Adapter(
    NAME,
    "our own shape, JSON or CSV",
    "`conversation_id` and `turns`; in a CSV file, the column `conversation_id`",
    frozenset(PARTS),
    recognises,
    convert,
)
