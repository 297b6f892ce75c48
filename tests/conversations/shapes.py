"""The same conversations, written in each platform's shape: what an export would hold, had they taken place there."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from html import escape
from typing import Any

from metrics_pipeline.conversations.record import Conversation, LoggedValue, Turn
from metrics_pipeline.demo.scenario import Setting, converse

ODD_WORDS = (
    "  two  spaces, and a line\nof its own \n",
    "<b>no HTML</b> &amp; no entity: 3 < 4 > 2",
    "\"quoted\", 'twice'; semicolon;\ttab, \\ backslash, {brace}, [bracket",
    "Zimmer 🏨 für Grüße, e\u0301 and é, 東京, ٣ ليلة, \u202eright to left\u202c",
    "…",
    "0",
    "null",
    "=1+1",
    "line\r\nends \u2028 of \x85 every \x0b kind",
    "NUL \0 and bell \a",
    "long " * 400,
)
ODD_ARGUMENTS = (
    None,
    "",
    "{}",
    "nights=2",
    '{"nights": 2',
    "[1, null]",
    '{"note": "a \\"quote\\" é\\u00e9 \\ud83d\\ude00"}',
)
ODD_RESULTS = (None, "", "null", "Traceback: no such room", '{"rooms": []}', '<error code="5"/>', "0")


def conversations(count: int, seed: int = 11) -> list[Conversation]:
    """Of the demo's hotel, on whole seconds, with functions and odd words between the turns; some have none."""
    rng = random.Random(seed)
    return [_conversation(rng, number) for number in range(count)]


def _conversation(rng: random.Random, number: int) -> Conversation:
    channel, language = rng.choice(["voice", "chat"]), rng.choice(["en", "es"])
    variant = rng.choice(["classic", "concise"])
    setting = Setting(channel, language, variant, 0.7, False, 0.7, False)
    started_at = datetime(2026, 9, 1, 10, number % 60, tzinfo=UTC)
    turns: list[Turn] = []
    lines = converse(rng, setting, date(2026, 9, 1)).lines if rng.random() > 0.03 else []
    for line in lines:
        at = started_at + timedelta(seconds=4 * len(turns) + 2)
        turns.append(Turn(len(turns), line.speaker, line.text, at))
        if line.speaker == "user" and rng.random() < 0.4:
            at += timedelta(seconds=4)
            arguments, result = json.dumps({"nights": rng.randrange(9)}), rng.choice(["none", '{"rooms": 2}'])
            if rng.random() < 0.4:
                arguments, result = rng.choice(ODD_ARGUMENTS), rng.choice(ODD_RESULTS)
            turns.append(Turn(len(turns), "function", "", at, rng.choice(["find_room", "book"]), arguments, result))
        if rng.random() < 0.15:
            at = started_at + timedelta(seconds=4 * len(turns) + 2)
            turns.append(Turn(len(turns), rng.choice(["user", "agent"]), rng.choice(ODD_WORDS), at))
    handoff = rng.random() < 0.3
    if handoff:
        # By a function, since some platforms say it in no other way.
        at = started_at + timedelta(seconds=4 * len(turns) + 2)
        turns.append(Turn(len(turns), "function", "", at, "transfer_to_number", "{}", "done"))
    logged = (
        LoggedValue("auth_result", 0, "no_match"),
        LoggedValue("auth_result", 1, "verified"),
        LoggedValue("resolved", 0, rng.choice(["success", "failure"]), source="platform"),
    )
    return Conversation(
        f"same-{number}",
        started_at.date(),
        started_at,
        "",
        tuple(turns),
        logged,
        duration_seconds=float(4 * len(turns) + 4),
        channel=channel,
        language=language,
        variant=variant,
        environment="live",
        agent_version="14",
        handoff=handoff,
        attributes=json.dumps({"end_reason": "call_transfer" if handoff else "customer-ended-call"}),
    )


def time(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else ""


def verdict(conversation: Conversation) -> str:
    return next(value.value for value in conversation.logged_metrics if value.source == "platform")


def logged(conversation: Conversation) -> dict[str, list[str]]:
    return {"auth_result": [one.value for one in conversation.logged_metrics if one.source == "function"]}


def end_reason(conversation: Conversation) -> str:
    return json.loads(conversation.attributes)["end_reason"]


def ended_at(conversation: Conversation) -> datetime:
    return conversation.started_at + timedelta(seconds=conversation.duration_seconds or 0)


def seconds(one: Conversation, turn: Turn) -> int:
    """Since the conversation began."""
    return int(((turn.said_at or one.started_at) - one.started_at).total_seconds())


def plain(one: Conversation) -> dict[str, Any]:
    fields = ("duration_seconds", "channel", "language", "variant", "environment", "agent_version", "handoff")
    turns = [
        {"speaker": turn.speaker, "text": turn.text, "said_at": time(turn.said_at)}
        | {name: getattr(turn, name) for name in ("function_name", "function_arguments", "function_result")}
        for turn in one.turns
    ]
    return {
        "conversation_id": one.conversation_id,
        "started_at": time(one.started_at),
        **{name: getattr(one, name) for name in fields},
        **json.loads(one.attributes),
        "logged": logged(one),
        "verdicts": {"resolved": verdict(one)},
        "turns": turns,
    }


def plain_csv(found: list[Conversation]) -> str:
    """A whole file, since a conversation is several rows."""
    rows = []
    for one in found:
        whole = plain(one)
        turns, values = whole.pop("turns"), whole.pop("logged")["auth_result"]
        whole["verdict.resolved"] = whole.pop("verdicts")["resolved"]
        # The second value stands in a row of its own, which says nothing else.
        first = {**whole, "handoff": str(one.handoff).lower(), "logged.auth_result": values[0]}
        for index, turn in enumerate(turns or [{}]):
            rows.append({"conversation_id": one.conversation_id, **(first if not index else {}), **turn})
        rows.append({"conversation_id": one.conversation_id, "logged.auth_result": values[1]})
    file = io.StringIO()
    writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def exchanges(one: Conversation) -> list[dict[str, Any]]:
    """Each turn of PolyAI's is what the user said and what the agent answered."""
    found: list[dict[str, Any]] = []
    for turn in one.turns:
        if turn.speaker == "user":
            found.append({"user_input": turn.text, "user_input_datetime": time(turn.said_at)})
        elif turn.speaker == "agent":
            if not found or "agent_response" in found[-1]:
                found.append({"user_input": ""})
            found[-1] |= {"agent_response": turn.text, "agent_response_datetime": time(turn.said_at)}
    return found


def polyai_v3(one: Conversation) -> dict[str, Any]:
    return {
        "id": one.conversation_id,
        "started_at": time(one.started_at),
        "channel": {"voice": "VOICE-SIP", "chat": "WEBCHAT"}[one.channel or ""],
        "total_duration": int(one.duration_seconds or 0),
        "handoff": one.handoff,
        "variant_name": one.variant,
        "environment": one.environment,
        "state": {"language": one.language},
        "metrics": logged(one),
        "turns": exchanges(one),
    }


def vapi(one: Conversation) -> dict[str, Any]:
    messages: list[dict[str, Any]] = [{"role": "system", "message": "You are the front desk."}]
    for turn in one.turns:
        at = int(turn.said_at.timestamp() * 1000) if turn.said_at else None
        if turn.speaker == "function":
            call_id = f"call_{turn.turn_index}"
            function = {"name": turn.function_name, "arguments": turn.function_arguments}
            messages.append({"role": "tool_calls", "toolCalls": [{"id": call_id, "function": function}], "time": at})
            messages.append({"role": "tool_call_result", "toolCallId": call_id, "result": turn.function_result})
        else:
            role = {"user": "user", "agent": "bot"}[turn.speaker]
            messages.append({"role": role, "message": turn.text, "time": at})
    return {
        "id": one.conversation_id,
        "orgId": "org-1",
        "createdAt": time(one.started_at),
        "startedAt": time(one.started_at),
        "endedAt": time(ended_at(one)),
        "status": "ended",
        "type": "inboundPhoneCall",
        "endedReason": end_reason(one),
        "destination": {"type": "number", "number": "1"} if one.handoff else None,
        "assistantVersion": one.agent_version,
        "assistant": {"transcriber": {"language": one.language}},
        "artifact": {"messages": messages, "structuredOutputs": {"1": {"name": "resolved", "result": verdict(one)}}},
    }


def elevenlabs(one: Conversation) -> dict[str, Any]:
    entries: list[dict[str, Any]] = []
    for turn in one.turns:
        entry = {"role": "agent", "message": None, "time_in_call_secs": seconds(one, turn)}
        if turn.speaker == "function":
            call = {"request_id": f"r-{turn.turn_index}", "tool_name": turn.function_name}
            entries.append(entry | {"tool_calls": [call | {"params_as_json": turn.function_arguments}]})
            entries.append(entry | {"tool_results": [call | {"result_value": turn.function_result, "is_error": False}]})
        else:
            entries.append(entry | {"role": turn.speaker, "message": turn.text})
    return {
        "agent_id": "ag-1",
        "conversation_id": one.conversation_id,
        "status": "done",
        "transcript": entries,
        "metadata": {
            "start_time_unix_secs": int(one.started_at.timestamp()),
            "call_duration_secs": int(one.duration_seconds or 0),
            "termination_reason": end_reason(one),
            "main_language": one.language,
            "text_only": one.channel == "chat",
        },
        "analysis": {"evaluation_criteria_results": {"resolved": {"result": verdict(one), "rationale": ""}}},
    }


def openai(one: Conversation) -> dict[str, Any]:
    messages: list[dict[str, Any]] = [{"role": "developer", "content": "You are the front desk."}]
    for turn in one.turns:
        at = {"created_at": time(turn.said_at)}
        if turn.speaker == "function":
            call_id = f"call_{turn.turn_index}"
            function = {"name": turn.function_name, "arguments": turn.function_arguments}
            calls = [{"id": call_id, "type": "function", "function": function}]
            messages.append({"role": "assistant", "content": None, "tool_calls": calls} | at)
            messages.append({"role": "tool", "tool_call_id": call_id, "content": turn.function_result} | at)
        else:
            # Words may be given as they are, or as a list of parts.
            words = turn.text if turn.turn_index % 2 else [{"type": "text", "text": turn.text}]
            messages.append({"role": {"user": "user", "agent": "assistant"}[turn.speaker], "content": words} | at)
    metadata = {name: getattr(one, name) for name in ("channel", "language", "variant", "environment")}
    began = int(one.started_at.timestamp())
    return {"id": one.conversation_id, "created_at": began, "messages": messages, "metadata": metadata}


def retell(one: Conversation) -> dict[str, Any]:
    entries: list[dict[str, Any]] = []
    for turn in one.turns:
        at = {"time_sec": seconds(one, turn)}
        if turn.speaker == "function":
            call = {"tool_call_id": f"t-{turn.turn_index}"} | at
            written = {"name": turn.function_name, "arguments": turn.function_arguments}
            entries.append({"role": "tool_call_invocation"} | call | written)
            entries.append({"role": "tool_call_result", "content": turn.function_result} | call)
        elif one.channel == "voice":
            words = [{"word": turn.text.split()[0], "start": at["time_sec"]}]
            entries.append({"role": turn.speaker, "content": turn.text, "words": words})
        else:
            sent = {"created_timestamp": int(turn.said_at.timestamp() * 1000)} if turn.said_at else {}
            entries.append({"role": turn.speaker, "content": turn.text} | sent)
    kind, name = {"voice": ("call", "transcript"), "chat": ("chat", "message")}[one.channel or ""]
    return {
        f"{kind}_id": one.conversation_id,
        f"{kind}_status": "ended",
        "agent_version": int(one.agent_version or 0),
        "start_timestamp": int(one.started_at.timestamp() * 1000),
        "end_timestamp": int(ended_at(one).timestamp() * 1000),
        "disconnection_reason": end_reason(one),
        f"{name}_with_tool_calls": entries,
        f"{kind}_analysis": {"custom_analysis_data": {"resolved": verdict(one)}},
    }


def twilio(one: Conversation) -> dict[str, Any]:
    spoken = [turn for turn in one.turns if turn.speaker != "function"]
    sentences = [
        {
            "media_channel": {"agent": 1, "user": 2}[turn.speaker],
            "sentence_index": index,
            "start_time": f"{seconds(one, turn)}.00",
            "transcript": turn.text,
        }
        for index, turn in enumerate(spoken)
    ]
    participants = [{"channel_participant": 1, "role": "Agent"}, {"channel_participant": 2, "role": "Customer"}]
    transcript = {
        "sid": one.conversation_id,
        "status": "completed",
        "language_code": one.language,
        "media_start_time": time(one.started_at),
        "duration": int(one.duration_seconds or 0),
        "channel": {"participants": participants},
    }
    results = [{"name": "resolved", "predicted_label": verdict(one)}]
    # The last sentence first: what counts is the index.
    return {"transcript": transcript, "sentences": {"sentences": sentences[::-1]}, "operator_results": results}


def intercom(one: Conversation) -> dict[str, Any]:
    parts: list[dict[str, Any]] = []
    for turn in one.turns:
        part = {"created_at": int(turn.said_at.timestamp()) if turn.said_at else None}
        if turn.speaker == "function":
            for kind in ("started", "finished"):
                result = {"result": turn.function_result} if kind == "finished" else {}
                action = {"action": {"name": turn.function_name} | result}
                parts.append({"part_type": f"custom_action_{kind}", "event_details": action} | part)
        else:
            author = {"type": {"user": "user", "agent": "bot"}[turn.speaker]}
            parts.append(
                {
                    "part_type": "comment",
                    "body": f"<p>{escape(turn.text).replace(chr(10), '<br>')}</p>",
                    "author": author,
                }
                | part
            )
    return {
        "type": "conversation",
        "id": one.conversation_id,
        "created_at": int(one.started_at.timestamp()),
        "state": "closed",
        "source": {"type": {"voice": "phone_call", "chat": "conversation"}[one.channel or ""], "body": None},
        "ai_agent_participated": True,
        "ai_agent": {"resolution_state": "routed_to_team" if one.handoff else "assumed_resolution"},
        "custom_attributes": {"resolved": verdict(one)},
        "conversation_parts": {"conversation_parts": parts},
    }


def livekit(one: Conversation) -> dict[str, Any]:
    items: list[dict[str, Any]] = []
    for turn in one.turns:
        at = {"created_at": turn.said_at.timestamp() if turn.said_at else None}
        if turn.speaker == "function":
            call = {"call_id": f"c{turn.turn_index}", "name": turn.function_name} | at
            items.append({"type": "function_call", "arguments": turn.function_arguments} | call)
            items.append({"type": "function_call_output", "output": turn.function_result} | call)
        else:
            role = {"user": "user", "agent": "assistant"}[turn.speaker]
            items.append({"type": "message", "role": role, "content": [turn.text]} | at)
    return {
        "room_id": one.conversation_id,
        "job_id": "AJ_1",
        "started_at": one.started_at.timestamp(),
        "duration": one.duration_seconds,
        "events": [{"type": "close", "reason": end_reason(one)}],
        "chat_history": {"items": items},
    }


def polyai_v1(one: Conversation) -> dict[str, Any]:
    return {
        "conversationId": one.conversation_id,
        "projectId": "p",
        "startedAt": time(one.started_at),
        "channel": {"voice": "VOICE-SIP", "chat": "WEBCHAT"}[one.channel or ""],
        "language": one.language,
        "variantId": one.variant,
        "clientEnv": one.environment,
        "deploymentId": one.agent_version,
        "totalDuration": int(one.duration_seconds or 0),
        "handoff": one.handoff,
        "polyScore": verdict(one),
        "metrics": logged(one),
        "turns": exchanges(one),
    }


WRITERS: dict[str, Callable[[Conversation], dict[str, Any]]] = {
    **{"plain": plain, "polyai_v1": polyai_v1, "polyai_v3": polyai_v3, "openai": openai, "livekit": livekit},
    **{"vapi": vapi, "elevenlabs": elevenlabs, "retell": retell, "twilio": twilio, "intercom": intercom},
}
