"""What an export becomes: one conversation with its turns and what the agent's functions logged."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal

import msgspec

Speaker = Literal["user", "agent", "function"]
LoggedSource = Literal["function", "platform"]


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
        return fingerprint(shown_turns(self.turns))

    @property
    def content_hash(self) -> str:
        """Fingerprint of the whole record: says whether a row changed."""
        return self.hashes()[0]

    def hashes(self) -> tuple[str, str]:
        """`content_hash` and `judged_hash`, at the price of one."""
        judged_hash = self.judged_hash
        # What was said stands in the judged hash already.
        times = [turn.said_at for turn in self.turns]
        speakers = [turn.speaker for turn in self.turns]
        calls = [turn for turn in self.turns if turn.speaker == "function"] if "function" in speakers else []
        rest = msgspec.structs.replace(self, turns=())
        return fingerprint((judged_hash, times, calls, rest)), judged_hash


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
    return hashlib.blake2b(msgspec.json.encode(value), digest_size=16).hexdigest()
