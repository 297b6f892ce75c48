"""Small worlds for the tests of evaluation: conversations, definitions, and a judge that answers from a script."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from metrics_pipeline.conversations.record import Conversation, LoggedValue, Turn
from metrics_pipeline.errors import JudgeError
from metrics_pipeline.evaluation.judge import JudgeReply, JudgeRequest
from metrics_pipeline.evaluation.options import Limits
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.metrics.loading import parse_definition

DAY = date(2026, 9, 1)
NOON = datetime(2026, 9, 2, 12, tzinfo=UTC)
LIMITS = Limits(concurrency=4, call_timeout_seconds=5, run_timeout_seconds=60, retries=2)

REFUND = """\
name: "Refund: promised"
type: boolean
definition: The agent promised the caller a refund.
true_when: The agent said that the money will be paid back.
false_when: The agent refused a refund, or none was spoken of.
good: true
"""
DELIVERY = """\
name: "Delivery: day agreed"
type: categorical
definition: Whether a day for the delivery was agreed.
labels:
  - {name: agreed, when: Both sides named the same day., outcome: success}
  - {name: offered, when: The agent named a day and the caller did not accept it., outcome: partial}
  - {name: none, when: No day was named., outcome: failure}
"""


def metric(text: str, key: str = "refund_promised") -> MetricDefinition:
    found = parse_definition(text, Path(f"{key}.yaml"))
    assert isinstance(found, MetricDefinition), found
    return found


def conversation(
    number: int = 1, *texts: str, day: date = DAY, logged: Mapping[str, str] | None = None, **rest: Any
) -> Conversation:
    """Turns alternate, the agent first."""
    texts = texts or (f"Shop number {number}, hello?", "Where is my money?", "We will pay it back today.")
    turns = tuple(Turn(index, ("agent", "user")[index % 2], text) for index, text in enumerate(texts))
    values = tuple(LoggedValue(name, 0, value) for name, value in (logged or {}).items())
    started_at = datetime(day.year, day.month, day.day, 9, tzinfo=UTC) + timedelta(minutes=number)
    defaults: dict[str, Any] = {
        "source": "test",
        "reported_turn_count": len(turns),
        "channel": "voice",
        "carries_logged": True,
    }
    return Conversation(
        conversation_id=f"c{number}",
        conversation_date=day,
        started_at=started_at,
        turns=turns,
        logged_metrics=values,
        **(defaults | rest),
    )


def says(answer: str, quote: str = "", turn_index: int = 0, **rest: Any) -> dict[str, Any]:
    """What a judge says about one metric."""
    evidence = [{"turn_index": turn_index, "quote": quote}] if quote else []
    return {"evidence": evidence, "reason": "seen", "answer": answer} | rest


Script = Callable[[JudgeRequest], dict[str, Any] | JudgeReply | JudgeError]


class FakeJudge:
    """Answers from a script and remembers what it was asked."""

    kind = "model"
    reads_prompt = True

    def __init__(self, script: Script, name: str = "fake/judge") -> None:
        self.script, self.name = script, name
        self.requests: list[JudgeRequest] = []

    @property
    def settings(self) -> Mapping[str, Any]:
        return {}

    async def ask(self, request: JudgeRequest) -> JudgeReply:
        self.requests.append(request)
        said = self.script(request)
        if isinstance(said, JudgeError):
            raise said
        if isinstance(said, JudgeReply):
            return said
        return JudgeReply(text=json.dumps(said), model_served=self.name, prompt_tokens=10, reply_tokens=5)


def agreeable(request: JudgeRequest) -> dict[str, Any]:
    """Gives every metric its first answer and quotes the first turn."""
    first = request.turns[0]
    return {
        asked.key: says(asked.answers[0], first.text, first.turn_index, applies=True, applies_from_turn=None)
        for asked in request.metrics
    }


def asked_keys(requests: Sequence[JudgeRequest]) -> list[list[str]]:
    return [[asked.key for asked in request.metrics] for request in requests]
