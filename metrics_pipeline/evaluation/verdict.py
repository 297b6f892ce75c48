"""One answer to one metric about one conversation, in every way it can end (DESIGN: what a verdict may say)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from metrics_pipeline.evaluation.judge import JudgeKind

Source = Literal["judged", "logged", "rule"]
State = Literal["answered", "not_applicable", "undecided", "error"]
Tier = Literal["exact", "folded"]


class Evidence(msgspec.Struct, frozen=True):
    """A verbatim quote and the turn it stands in, checked by code."""

    turn_index: int
    quote: str
    tier: Tier = "exact"
    """`exact`: it stands there letter by letter; `folded`: after folding NFKC, case, quote marks and white space."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One answer to one metric about one conversation, from one source."""

    conversation_id: str
    metric: str
    metric_version: str
    source: Source
    state: State
    answer: str | None = None
    """One of the metric's answers; None in every state but `answered`."""
    answer_number: float | None = None
    """Of a numeric metric: the number; `answer` is then None."""
    detail: str | None = None
    """Why there is no answer: gated, no_utterance, evidence_failed, or the kind of an error."""
    reason: str | None = None
    """The judge's own words, for a person to read."""
    evidence: tuple[Evidence, ...] = ()
    applies_from_turn: int | None = None
    gate_unknown: bool = False
    """The source does not carry what `applies_if` asks about, so the judge decided."""
    injection_suspect: bool = False
    judge_role: Literal["first", "second"] | None = None
    judge_kind: JudgeKind | None = None
    judge: str | None = None
    """The model that was asked for."""
    judge_served: str | None = None
    """The model that says it answered."""
    judge_fingerprint: str | None = None
    reply_id: int | None = None
    judged_at: datetime | None = None
    """When the reply was recorded, UTC; None for gates, rules and logged values."""
