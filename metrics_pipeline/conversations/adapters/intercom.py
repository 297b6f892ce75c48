"""Intercom: a conversation as it is retrieved by its id, with its parts. Bodies are HTML, and become text."""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from metrics_pipeline.conversations.adapters import lenient
from metrics_pipeline.conversations.adapters.lenient import clock, mapping, text
from metrics_pipeline.conversations.adapters.shape import Adapter, Transcript, conversation
from metrics_pipeline.conversations.record import Conversation, LoggedValue, Speaker

NAME = "intercom"
AUTHORS: dict[str, Speaker] = {
    **dict.fromkeys(("user", "lead", "contact"), "user"),
    **dict.fromkeys(("admin", "bot", "team", "teammate"), "agent"),
}
INTERNAL = ("note", "note_and_reopen")
"""Types of parts that the customer never sees."""
CHANNELS = {"conversation": "chat", "phone_call": "voice", "phone_switch": "voice"}
BLOCKS = {"p", "div", "br", "li", "ul", "ol", "tr", "h1", "h2", "h3", "h4", "blockquote", "pre"}
UNSAID = {"style", "script", "head"}


def recognises(keys: frozenset[str]) -> bool:
    """Whether an object with these keys is one of this platform's conversations."""
    return {"id", "created_at", "source", "state"} <= keys


def convert(raw: bytes | msgspec.Raw, zone: ZoneInfo) -> Conversation | None:
    """One conversation; None while it is open or snoozed.

    Raises:
        Unreadable: It has no parts, as in a list of conversations, or its id or time of beginning is missing.
    """
    found = lenient.as_object(raw)
    conversation_id = lenient.identifier(found.get("id"), "id")
    if found.get("state") in ("open", "snoozed"):
        return None
    parts = mapping(found.get("conversation_parts")).get("conversation_parts")
    if not isinstance(parts, list):
        raise lenient.Unreadable("no conversation_parts: export each conversation by its id, not the list of them")
    transcript = Transcript()
    source = transcript.named(found.get("source"), "source")
    agent = transcript.named(found.get("ai_agent"), "AI agent")
    _collect(source, found.get("created_at"), parts, transcript)
    kind = text(source.get("type"))
    return conversation(
        NAME,
        zone,
        transcript,
        conversation_id=conversation_id,
        started_at=lenient.start(clock(found.get("created_at")), "created_at"),
        logged=_verdicts(found, agent, transcript),
        attributes={
            "title": html_text(found.get("title")),
            "subject": html_text(source.get("subject")),
            "source_type": kind,
            "delivered_as": text(source.get("delivered_as")),
            "ai_agent_source": text(agent.get("source_title")),
            "reopened_count": lenient.number(mapping(found.get("statistics")).get("count_reopens")),
        },
        updated_at=clock(found.get("updated_at")),
        channel=CHANNELS.get(kind or "", kind),
        handoff=_handoff(found, agent),
        carries_functions=True,
        carries_logged=True,
    )


def html_text(body: Any) -> str | None:
    """The text of an HTML body, a line for each of its blocks; None where nothing is said."""
    if not isinstance(body, str):
        return None
    reader = _Text()
    reader.feed(body)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.said).split("\n"))
    return "\n".join(line for line in lines if line) or None


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self._unsaid = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._unsaid += tag in UNSAID
        if tag in BLOCKS:
            self.said.append("\n")
        elif tag == "img":
            self.said.append(dict(attrs).get("alt") or "(image)")

    def handle_endtag(self, tag: str) -> None:
        self._unsaid -= tag in UNSAID and self._unsaid > 0
        if tag in BLOCKS:
            self.said.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unsaid:
            # A line break in HTML is white space like any other.
            self.said.append(data.replace("\n", " "))


def _collect(source: Mapping[str, Any], created_at: Any, parts: list[Any], transcript: Transcript) -> None:
    first = {**source, "part_type": "source", "created_at": created_at}
    for part in [first, *transcript.listed(parts, "parts")]:
        kind, at = part.get("part_type"), clock(part.get("created_at"))
        action = mapping(mapping(part.get("event_details")).get("action"))
        if not isinstance(kind, str):
            transcript.skip("part without a type")
        elif kind == "custom_action_started":
            transcript.call(None, action.get("name"), None, at)
        elif kind == "custom_action_finished":
            transcript.result(None, action.get("name"), action.get("result"), at)
        elif kind not in INTERNAL and (words := _words(part.get("body"))) is not None:
            speaker = AUTHORS.get(str(mapping(part.get("author")).get("type")))
            if speaker is None:
                transcript.skip("part of an unknown author")
            else:
                transcript.say(speaker, words, at)


def _words(body: Any) -> Any:
    """The text of a body; what is none, as it is, to be counted."""
    return html_text(body) if isinstance(body, str) else body


def _verdicts(found: Mapping[str, Any], agent: Mapping[str, Any], transcript: Transcript) -> list[LoggedValue]:
    """How the AI agent's part ended, both ratings, and the attributes that were set on the conversation."""
    rating = transcript.named(found.get("conversation_rating"), "rating")
    groups = [
        {"ai_agent_resolution_state": agent.get("resolution_state"), "ai_agent_rating": agent.get("rating")},
        {"ai_agent_rating_remark": text(agent.get("rating_remark"))},
        {"conversation_rating": rating.get("rating"), "conversation_rating_remark": text(rating.get("remark"))},
        transcript.named(found.get("custom_attributes"), "custom attributes"),
    ]
    return [value for group in groups for value in lenient.logged(group, "platform")]


def _handoff(found: Mapping[str, Any], agent: Mapping[str, Any]) -> bool | None:
    """Whether the AI agent gave it to the team; None where none took part."""
    if found.get("ai_agent_participated") is not True:
        return None
    return agent.get("resolution_state") == "routed_to_team"


ADAPTER = Adapter(
    NAME,
    "Intercom conversations",
    "`id`, `created_at`, `source` and `state`",
    frozenset({"times of turns", "functions", "verdicts", "channel", "handoff"}),
    recognises,
    convert,
)
