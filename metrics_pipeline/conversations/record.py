"""What an export becomes: one conversation with its turns and what the agent's functions logged."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal

import msgspec

Speaker = Literal["user", "agent", "function"]
LoggedSource = Literal["function", "platform"]
WRITTEN_BYTES = 1 << 11
"""That a conversation's JSON seldom exceeds by much."""
_ENCODER = msgspec.json.Encoder()


class Turn(msgspec.Struct, frozen=True, gc=False):
    """One utterance by `user` or `agent`, or one `function` call with its result."""

    turn_index: int
    """Counts from 0 without gaps."""
    speaker: Speaker
    text: str
    said_at: datetime | None = None
    function_name: str | None = None
    function_arguments: str | None = None
    """JSON as the source gave it."""
    function_result: str | None = None


class LoggedValue(msgspec.Struct, frozen=True, gc=False):
    """One value that the agent's own code logged under a name."""

    metric: str
    position: int
    """Counts from 0 for each name: a name written several times keeps its order."""
    value: str
    value_type: Literal["string", "number", "boolean", "json"] = "string"
    kind: Literal["value", "event"] = "value"
    source: LoggedSource = "function"
    """The agent's own functions, or a verdict of the platform it runs on."""
    logged_at: datetime | None = None
    turn_index: int | None = None


class Conversation(msgspec.Struct, frozen=True, gc=False):
    """One finished call or chat."""

    conversation_id: str
    conversation_date: date
    """The day it started, in the project's time zone."""
    started_at: datetime
    """In UTC."""
    source: str
    """The adapter that read it, for example `polyai_v3`."""
    turns: tuple[Turn, ...] = ()
    logged_metrics: tuple[LoggedValue, ...] = ()
    updated_at: datetime | None = None
    """When the source last changed it, by the source's own clock; None where it does not say."""
    duration_seconds: float | None = None
    reported_turn_count: int | None = None
    """How many turns the source says there were, in its own unit; None when it does not say."""
    channel: str | None = None
    """`voice`, `chat`, or the source's own word in lower case."""
    language: str | None = None
    variant: str | None = None
    environment: str | None = None
    agent_version: str | None = None
    handoff: bool | None = None
    carries_functions: bool = False
    """Whether this source reports function calls at all: without it, none seen says nothing."""
    carries_logged: bool = False
    """Whether this source reports logged metrics at all."""
    attributes: str = "{}"
    """Everything else that was kept, as a JSON object with sorted keys."""
    redaction: str = ""
    """The version of the rules under which personal data was taken out; empty where none were applied."""

    @property
    def utterance_count(self) -> int:
        return len(self.turns) - [turn.speaker for turn in self.turns].count("function")

    @property
    def judged_hash(self) -> str:
        """Fingerprint of what a judge is shown: the turns, and nothing that the prompt does not show."""
        return in_columns(self).hashes()[1]

    @property
    def content_hash(self) -> str:
        """Fingerprint of the whole record: says whether a row changed."""
        return in_columns(self).hashes()[0]


class InColumns(msgspec.Struct, frozen=True, gc=False):
    """A conversation as it is written: everything but its turns, and of these a column for each field.

    Most conversations are read, looked through, hashed and written in this form, without a record for each turn.
    """

    head: Conversation
    """Without turns."""
    speakers: Sequence[Speaker]
    texts: Sequence[str]
    times: Sequence[datetime | None]
    calls: Sequence[Turn] = ()
    """All turns, where some of them are function calls; none where none is."""

    def conversation(self) -> Conversation:
        """The same with its turns as records."""
        turns = self.calls or map(Turn, range(len(self.texts)), self.speakers, self.texts, self.times)
        return msgspec.structs.replace(self.head, turns=tuple(turns))

    def hashes(self) -> tuple[str, str]:
        """`content_hash` and `judged_hash` of the conversation."""
        calls = [turn for turn in self.calls if turn.speaker == "function"]
        shown = shown_turns(self.calls) if calls else _shown(self)
        judged_hash = fingerprint(shown)
        # What was said stands in the judged hash already.
        return fingerprint((judged_hash, self.times, calls, self.head)), judged_hash


def _shown(found: InColumns) -> list[tuple[int, str, str]]:
    return list(zip(range(len(found.texts)), found.speakers, found.texts, strict=True))


def in_columns(conversation: Conversation) -> InColumns:
    """`conversation` in columns."""
    turns = conversation.turns
    speakers = [turn.speaker for turn in turns]
    return InColumns(
        msgspec.structs.replace(conversation, turns=()),
        speakers,
        [turn.text for turn in turns],
        [turn.said_at for turn in turns],
        turns if "function" in speakers else (),
    )


def shown_text(turn: Turn) -> str:
    """A turn as a judge reads it; a function call is its name, arguments and result in one line."""
    if turn.speaker != "function":
        return turn.text
    parts = [turn.function_name or "function", "(", turn.function_arguments or "", ")"]
    if turn.function_result is not None:
        parts += [" -> ", turn.function_result]
    return "".join(parts)


def shown_turns(turns: Sequence[Turn]) -> list[tuple[int, str, str]]:
    """(turn_index, speaker, text) of each turn, in order, as the prompt shows them."""
    return [
        (turn.turn_index, turn.speaker, shown_text(turn) if turn.speaker == "function" else turn.text) for turn in turns
    ]


def fingerprint(value: object) -> str:
    """32 hexadecimal digits of BLAKE2b over the value's JSON."""
    # Into room that is there already: a growing one is copied each time that it has grown.
    written = bytearray(WRITTEN_BYTES)
    _ENCODER.encode_into(value, written)
    return hashlib.blake2b(written, digest_size=16).hexdigest()
