"""What the ledger is told and what it answers, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from metrics_pipeline.evaluation.judge import JudgeKind, JudgeReply

VERDICT_ASKING = "0"
CORRECTION_ASKING = "1"
REVIEW_ASKING = "2"
"""What a model thinks of a definition; its cells stand beside no conversation."""


class Question(NamedTuple):
    """What is asked about whichever words: this version of a metric, by this judge, for this purpose."""

    metric: str
    metric_version: str
    judge_fingerprint: str
    asking: str = VERDICT_ASKING


class Cell(NamedTuple):
    """What is asked: these turns, this version of a metric, this judge, for this purpose."""

    judged_hash: str
    metric: str
    metric_version: str
    judge_fingerprint: str
    asking: str = VERDICT_ASKING


class Intent(NamedTuple):
    """A request that is about to be sent."""

    cells: tuple[Cell, ...]
    """Of one conversation, one judge and one asking."""
    attempt: int
    redaction: str = ""
    """The version of the rules under which what is personal was taken out of what is asked about."""
    conversation: str = ""
    """The mark of the conversation's id: it finds what was asked about words that are no longer here as they were."""
    most_dollars: float = 0.0
    """What it costs at most; 0 where nobody counts dollars, or no price is known."""


class Outcome(NamedTuple):
    """How a request ended: with a reply, or with the kind of failure."""

    request_id: int
    cells: tuple[Cell, ...]
    reply: JudgeReply | None
    failure: str | None = None
    gives_up: bool = False
    """No further try in this run: its cells become `provider_error`, and the next run asks again."""
    is_priced: bool = True
    """Whether it is known what it cost; where not, it goes on counting at the most that it may have cost."""


class Recorded(NamedTuple):
    """A reply as the ledger holds it; or, where every try failed, the kind of the last failure."""

    reply_id: int
    recorded_at: datetime
    reply: JudgeReply | None
    failure: str | None


class MetricDay(NamedTuple):
    """A version and judge that was put to work on one day of one metric."""

    metric: str
    day: date
    metric_version: str
    judge_fingerprint: str
    turn: int
    """Grows with each decision to judge the day: of two, the greater is the newer."""
    completed: str | None
    """Fingerprint of the day's conversations when every one of them had its verdict; None: never so far."""


class SeenCalls(NamedTuple):
    """What calls to a judge took."""

    seconds: float
    """At the median: the first calls of a process also wait for its client to load."""
    reply_tokens_a_metric: float | None
    """On average; None where it does not say how many tokens it took."""
    corrections_a_question: float
    """How many first questions were asked once more because their answer did not hold, 0 to 1."""


class JudgeRecord(NamedTuple):
    """A judge as it was when it judged."""

    kind: JudgeKind
    name: str
    settings: Mapping[str, Any]


def in_force(days: Sequence[MetricDay]) -> MetricDay | None:
    """Of one metric and day: the newest that has judged the whole day, or where none has, the newest there is."""
    return max(days, key=lambda day: (day.completed is not None, day.turn), default=None)
