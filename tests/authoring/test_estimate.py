"""Tokens, dollars and time before anything is sent: what is expected, and what it can never pass."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from metrics_pipeline.authoring.estimate import RULE_OF_THUMB, estimate
from metrics_pipeline.conversations.record import Conversation, Turn
from metrics_pipeline.evaluation import prompt
from metrics_pipeline.evaluation.judge import JudgeReply
from metrics_pipeline.evaluation.ledger import CORRECTION_ASKING, Cell, Intent, Ledger, Outcome
from metrics_pipeline.evaluation.litellm_judge import LitellmJudge
from metrics_pipeline.evaluation.open_cells import PlannedRequest
from metrics_pipeline.evaluation.standing import subject
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.settings import Settings

METRIC = MetricDefinition(
    key="asked", name="Asked", type="boolean", definition="Asked?", true_when="It was.", false_when="It was not."
)
WORDS = "¿Cuánto cuesta la habitación? 部屋はいくらですか 🙂"


def planned(model: str = "openai/x", words: str = WORDS) -> PlannedRequest:
    day = date(2026, 9, 1)
    turns = (Turn(0, "user", words),)
    made = Conversation("c", day, datetime(2026, 9, 1, tzinfo=UTC), "test", turns=turns, reported_turn_count=1)
    return PlannedRequest(subject(made), (METRIC,), LitellmJudge(model))


def flat(model: str, prompt_tokens: int, reply_tokens: int) -> tuple[float, float]:
    return prompt_tokens / 1_000_000, 10 * reply_tokens / 1_000_000


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as found:
        yield found


def test_the_most_holds_a_corrected_reply_of_every_try_with_a_token_for_every_byte(ledger):
    found = estimate([planned()] * 3, 0, ledger, Settings(retries=2), flat)

    sent = "".join(
        message["content"] for message in prompt.render(planned().subject.conversation.turns, (METRIC,), "h", b"")
    )
    assert found.requests == 3
    assert found.most_requests == 3 * 2 * (1 + 2)
    assert found.most_tokens > found.most_requests * (len(sent.encode()) + prompt.max_reply_tokens((METRIC,)))
    assert found.dollars < found.most_dollars
    assert found.prompt_tokens + found.reply_tokens < found.most_tokens


def test_a_price_that_rises_with_the_length_of_a_call_is_asked_for_one_call(ledger):
    def tiered(model: str, prompt_tokens: int, reply_tokens: int) -> tuple[float, float]:
        return prompt_tokens * (2 if prompt_tokens > 100_000 else 1), 0.0

    many = estimate([planned()] * 1_000, 0, ledger, Settings(), tiered)

    assert many.prompt_tokens > 100_000
    assert many.dollars == pytest.approx(many.prompt_tokens, rel=0.01)


def test_what_earlier_calls_took_takes_the_place_of_the_rule_of_thumb(ledger):
    assert not estimate([planned()], 0, ledger, Settings(), flat).is_measured
    ledger.remember_judge("f", "model", "openai/x", {})
    for number in range(10):
        for asking in ("0", CORRECTION_ASKING) if number < 5 else ("0",):
            cells = (Cell(f"h{number}", "asked", "v", "f", asking),)
            (request,) = ledger.apply([Intent(cells, 0)], datetime(2026, 9, 1, tzinfo=UTC))
            reply = JudgeReply("{}", reply_tokens=40)
            ledger.apply([Outcome(request, cells, reply)], datetime(2026, 9, 1, 0, 0, 8, tzinfo=UTC))

    found = estimate([planned()] * 100, 0, ledger, Settings(concurrency=10), flat)

    assert found.is_measured
    assert found.expected_requests == 150
    assert found.reply_tokens == 150 * 40
    assert found.seconds == pytest.approx(150 * 8 / 10)


def test_a_model_without_a_price_costs_an_unknown_sum_and_not_nothing(ledger):
    found = estimate([planned()], 0, ledger, Settings(), lambda *_: None)

    assert (found.dollars, found.most_dollars) == (None, None)
    assert found.seconds == RULE_OF_THUMB.seconds


def test_a_day_is_the_mean_of_days_rounded_up():
    found = estimate([planned()] * 7, 0, _Empty(), Settings(), flat)

    day = found.a_day(2)
    assert (day.requests, found.a_day(0)) == (4, found)
    assert day.dollars == pytest.approx(found.dollars / 2)


class _Empty:
    def seen_calls(self, judge: str) -> None:
        return None
