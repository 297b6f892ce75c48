"""Message lists in the way of OpenAI's interfaces: chat messages with tool calls, or the items of a conversation.

A list says neither who it is nor when it began. Both stand beside it, or in its `metadata`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from metrics_pipeline.conversations.adapters import lenient
from metrics_pipeline.conversations.adapters.lenient import clock, mapping, text
from metrics_pipeline.conversations.adapters.shape import DROPPED, Adapter, Transcript, conversation
from metrics_pipeline.conversations.record import Conversation, fingerprint

NAME = "openai"
IDS = ("conversation_id", "id", "thread_id", "session_id")
BEGINNINGS = ("started_at", "created_at", "created", "timestamp")
BESIDE = ("messages", "metadata", "tools", "functions", "in_progress", "channel", "language", "variant", "environment")
READ = frozenset({*IDS, *BEGINNINGS, *BESIDE, "updated_at"})
SILENT = ("system", "developer")


def recognises(keys: frozenset[str]) -> bool:
    """Whether an object with these keys is a message list."""
    return "messages" in keys and not keys & {"orgId", "turns", "artifact"}


def convert(raw: bytes | msgspec.Raw, zone: ZoneInfo) -> Conversation | None:
    """One message list; None while its owner says that it is in progress. Without an id its content is its id.

    Raises:
        Unreadable: There is no list, or no time of beginning, neither beside it nor in its first message.
    """
    found = lenient.as_object(raw)
    messages = found["messages"]
    if not isinstance(messages, list):
        raise lenient.Unreadable("messages is not a list")
    if found.get("in_progress") is True:
        return None
    transcript = _transcript(messages)
    beside = {
        **transcript.named(found.get("metadata"), "metadata"),
        **{key: value for key, value in found.items() if value is not None},
    }
    given_id = next((beside[key] for key in IDS if beside.get(key) is not None), None)
    began = [beside.get(key) for key in BEGINNINGS] + [_at(mapping(message)) for message in messages[:1]]
    started_at = next((at for at in map(_clock, began) if at is not None), None)
    return conversation(
        NAME,
        zone,
        transcript,
        conversation_id=lenient.identifier(given_id if given_id is not None else f"list-{fingerprint(found)}", "id"),
        started_at=lenient.start(started_at, "started_at, which must stand beside messages,"),
        attributes={key: value for key, value in beside.items() if key not in READ | DROPPED},
        updated_at=_clock(beside.get("updated_at")),
        channel=beside.get("channel"),
        language=text(beside.get("language")),
        variant=text(beside.get("variant")),
        environment=text(beside.get("environment")),
        carries_functions=True,
    )


def _clock(value: Any) -> Any:
    # In OpenAI's metadata, every value is text.
    return clock(int(value)) if isinstance(value, str) and value.isascii() and value.isdigit() else clock(value)


def _at(message: Mapping[str, Any]) -> Any:
    return next((message[key] for key in ("created_at", "timestamp") if message.get(key) is not None), None)


def _transcript(messages: list[Any]) -> Transcript:
    transcript = Transcript()
    for message in transcript.listed(messages, "messages"):
        at, role, kind = _clock(_at(message)), message.get("role"), message.get("type")
        if kind == "function_call":
            transcript.call(message.get("call_id"), message.get("name"), message.get("arguments"), at)
        elif kind == "function_call_output":
            transcript.result(message.get("call_id"), None, message.get("output"), at)
        elif role == "user":
            transcript.say("user", _words(message.get("content"), transcript), at)
        elif role == "assistant":
            words = _words(message.get("content"), transcript)
            transcript.say("agent", lenient.said(words) or message.get("refusal") or words, at)
            _calls(message, transcript, at)
        elif role in ("tool", "function"):
            content = message.get("content")
            written = _words(content, transcript) if isinstance(content, list) else content
            transcript.result(message.get("tool_call_id"), message.get("name"), written, at)
        elif role not in SILENT:
            transcript.skip("message of an unknown role")
    return transcript


def _calls(message: Mapping[str, Any], transcript: Transcript, at: Any) -> None:
    legacy = transcript.named(message.get("function_call"), "function call")
    if legacy:
        transcript.call(None, legacy.get("name"), legacy.get("arguments"), at)
    for call in transcript.listed(message.get("tool_calls"), "tool calls"):
        called = mapping(call.get("function")) or mapping(call.get("custom"))
        arguments = called["input"] if "input" in called else called.get("arguments")
        transcript.call(call.get("id"), called.get("name"), arguments, at)


def _words(content: Any, transcript: Transcript) -> Any:
    """Of a message's content: text, or a list of parts, of which what is no text is named in parentheses."""
    if not isinstance(content, list):
        return content
    words = []
    for part in content:
        if isinstance(part, str):
            words.append(part)
            continue
        fields = mapping(part)
        found = next((fields[key] for key in ("text", "transcript", "refusal") if lenient.said(fields.get(key))), None)
        if found is not None:
            words.append(found)
        elif "image" in str(fields.get("type")):
            words.append("(image)")
        elif fields.get("text", "?") is not None and not _is_blank(fields.get("text")):
            transcript.skip("part of an unknown type")
    return "\n".join(words)


def _is_blank(value: Any) -> bool:
    return isinstance(value, str) and not value.strip()


ADAPTER = Adapter(
    NAME,
    "message lists in the way of OpenAI",
    "`messages`, without `orgId`, `turns` or `artifact`",
    frozenset({"times of turns", "functions", "arguments", "channel", "language", "variant", "environment"}),
    recognises,
    convert,
)
