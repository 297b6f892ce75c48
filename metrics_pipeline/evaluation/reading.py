"""A recorded reply becomes what it says about each metric: an answer that holds, or why there is none.

Pure: the same reply, definition and turns always read the same. Every judge's replies go through here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from metrics_pipeline.conversations.record import Turn
from metrics_pipeline.evaluation.evidence import Quote, check_quotes, turn_at
from metrics_pipeline.evaluation.judge import JudgeReply
from metrics_pipeline.evaluation.verdict import Evidence, State
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.metrics.parts import UNDECIDED

MAX_QUOTES = 10
MAX_REASON_CHARACTERS = 500

Detail = Literal[
    "evidence_failed", "off_list", "refused", "filtered", "truncated", "too_long", "not_recorded", "unreadable"
]


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What one reply says about one metric."""

    state: State
    answer: str | None = None
    detail: Detail | None = None
    reason: str | None = None
    evidence: tuple[Evidence, ...] = ()
    applies_from_turn: int | None = None

    @property
    def problem(self) -> str | None:
        """What to tell the judge if asking once more may help; None where it would not."""
        if self.detail == "evidence_failed":
            return (
                "a quote must stand, letter by letter, in the text of the turn it names, at or after the turn from "
                "which the metric applies, by whoever's words the metric asks for, and this answer needs one."
            )
        if self.detail == "off_list":
            return "the answer must be one of the metric's own list, letter by letter."
        return None


def read_reply(reply: JudgeReply, metric: MetricDefinition, turns: Sequence[Turn]) -> Reading:
    """What `reply` says about `metric`. Never raises: whatever cannot be read is a state."""
    # A cut or filtered reply may still hold JSON that parses: how it ended comes first.
    if reply.finish != "complete":
        return Reading(state="error", detail=reply.finish)
    said = _part_about(metric.key, reply.text)
    if said is None:
        return Reading(state="error", detail="unreadable")
    if reply.left_out is not None:
        first, last = reply.left_out
        turns = [turn for turn in turns if not first <= turn.turn_index <= last]
    applies_from_turn = _turn(said.get("applies_from_turn"), turns) if metric.applies_when else None
    checked = check_quotes(_quotes(said.get("evidence")), turns, applies_from_turn, metric.evidence_from)
    reason, answer = said.get("reason"), _answer_text(said.get("answer"))
    found = Reading(
        state="undecided",
        reason=reason[:MAX_REASON_CHARACTERS] if isinstance(reason, str) else None,
        evidence=checked.evidence,
        applies_from_turn=applies_from_turn,
    )
    if metric.applies_when and said.get("applies") is False:
        return replace(found, state="not_applicable", applies_from_turn=None)
    if answer == UNDECIDED:
        return found
    if answer not in metric.answers:
        return replace(found, state="error", detail="off_list", evidence=())
    if not checked.evidence and (checked.failed_count or metric.needs_evidence(answer)):
        return replace(found, detail="evidence_failed")
    return replace(found, state="answered", answer=answer)


def _answer_text(found: object) -> str:
    if isinstance(found, bool):
        return str(found).lower()
    return found if isinstance(found, str) else ""


def _turn(found: object, turns: Sequence[Turn]) -> int | None:
    """A turn index that the conversation has; None for anything else."""
    if isinstance(found, int) and not isinstance(found, bool) and turn_at(found, turns) is not None:
        return found
    return None


def _part_about(key: str, text: str) -> dict[str, Any] | None:
    whole = decoded(text)
    part = whole.get(key) if isinstance(whole, dict) else None
    return part if isinstance(part, dict) else None


@lru_cache(maxsize=64)  # several metrics are read from one reply, one after the other
def decoded(text: str) -> object:
    """The JSON that a reply's text holds, a code fence around it or not; None where it holds none."""
    try:
        return msgspec.json.decode(_without_code_fence(text))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _without_code_fence(text: str) -> str:
    # Models without structured output like to wrap JSON in a Markdown fence.
    text = text.strip()
    if text.startswith("```") and text.endswith("```"):
        text = text[3:-3].removeprefix("json")
    return text


def _quotes(found: object) -> list[Quote]:
    if not isinstance(found, list):
        return []
    quotes = []
    for item in found[:MAX_QUOTES]:
        index = item.get("turn_index") if isinstance(item, dict) else None
        quote = item.get("quote") if isinstance(item, dict) else None
        if isinstance(index, int) and not isinstance(index, bool) and isinstance(quote, str):
            quotes.append(Quote(index, quote))
        else:
            quotes.append(Quote(-1, ""))
    return quotes
