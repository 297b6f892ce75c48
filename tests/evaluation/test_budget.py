"""A budget is never passed, whatever is in flight, and what it leaves waits for the next run."""

from __future__ import annotations

import asyncio
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from worlds import DELIVERY, NOON, REFUND, FakeJudge, agreeable, asked_keys, conversation

from metrics_pipeline.errors import JudgeBusyError
from metrics_pipeline.evaluation import prompt
from metrics_pipeline.evaluation.budget import Allowance
from metrics_pipeline.evaluation.judge import JudgeReply
from metrics_pipeline.evaluation.ledger import Cell, Intent, Ledger, Outcome
from metrics_pipeline.evaluation.prices import known_price
from metrics_pipeline.evaluation.standing import judge_fingerprint

PRICED = "openai/gpt-4o-mini"


class Paid(FakeJudge):
    """Costs a fifth of what a request can cost at most."""

    def __init__(self, share: float = 0.2) -> None:
        super().__init__(agreeable, PRICED)
        self.share, self.paid, self.most = share, 0.0, 0.0

    async def ask(self, request):
        reply = await super().ask(request)
        size = sum(len(message["content"].encode()) for message in request.messages)
        price = known_price(PRICED, size + 600, request.max_reply_tokens)
        assert price is not None
        self.most = max(self.most, sum(price))
        self.paid += self.share * sum(price)
        return JudgeReply(text=reply.text, cost_dollars=self.share * sum(price), prompt_tokens=10, reply_tokens=5)


@pytest.fixture
def shop(world):
    """Forty conversations, one metric."""
    world.define("refund_promised", REFUND)
    world.land(*(conversation(number) for number in range(40)))
    return world


@pytest.mark.parametrize("share", [0.2, 1.0])
@pytest.mark.parametrize("concurrency", [1, 16])
def test_a_budget_in_dollars_is_not_passed_and_mostly_used(shop, share, concurrency):
    judge = Paid(share)

    report = shop.run(judge, concurrency=concurrency, budget=Allowance(dollars=0.003))

    assert judge.paid <= 0.003
    assert judge.paid > 0.003 - 1.1 * judge.most
    assert "budget of 0.003 dollars is used up (METRICS_BUDGET_DOLLARS)" in (report.stopped or "")
    assert report.open_count == 40 - len(judge.requests) > 0
    assert report.states["refund_promised"]["unjudged"] == report.open_count

    shop.run(judge)
    assert len(judge.requests) == 40


def test_what_may_have_been_paid_counts_as_paid(shop):
    judge = FakeJudge(lambda request: JudgeBusyError("no reply in time", kind="timeout"), PRICED)

    report = shop.run(judge, retries=0, concurrency=1, budget=Allowance(dollars=0.003))

    size = prompt.max_reply_tokens(judge.requests[0].metrics)
    assert known_price(PRICED, 0, size) is not None
    assert "METRICS_BUDGET_DOLLARS" in (report.stopped or "")
    assert len(judge.requests) <= 0.003 / known_price(PRICED, 0, size)[1]


def test_a_model_without_a_price_is_stopped_by_requests_alone_and_the_run_says_so(shop):
    judge = FakeJudge(agreeable)

    report = shop.run(judge, budget=Allowance(dollars=0.000001, requests=7))

    assert len(judge.requests) == 7
    assert "price of fake/judge is not known" in report.notes[0]


def test_the_runs_of_one_day_share_the_days_budget_and_the_next_day_has_its_own(shop):
    judge, allowance = FakeJudge(agreeable), Allowance(requests_per_day=15)

    shop.run(judge, budget=allowance._replace(requests=10))
    report = shop.run(judge, budget=allowance)
    assert len(judge.requests) == 15
    assert "METRICS_BUDGET_REQUESTS_PER_DAY); 10 requests went to runs before this one" in (report.stopped or "")

    shop.now = NOON + timedelta(days=1)
    shop.run(judge, budget=allowance)
    assert len(judge.requests) == 30


def test_dollars_of_earlier_runs_of_the_day_count(shop):
    judge, allowance = Paid(), Allowance(dollars_per_day=0.003)

    shop.run(judge, budget=Allowance(requests=8))
    before = judge.paid
    shop.run(judge, budget=allowance)

    assert 0 < before < judge.paid <= 0.003


class SlowlyPaid(Paid):
    async def ask(self, request):
        await asyncio.sleep(0.002)
        return await super().ask(request)


@pytest.mark.parametrize("allowance", [Allowance(requests_per_day=15), Allowance(dollars_per_day=0.003)])
def test_runs_side_by_side_do_not_pass_the_days_budget_together(shop, allowance):
    judges = [SlowlyPaid(), SlowlyPaid()]
    with ThreadPoolExecutor(2) as threads:
        reports = list(threads.map(lambda judge: shop.run(judge, concurrency=4, budget=allowance), judges))

    sent, paid = sum(len(judge.requests) for judge in judges), sum(judge.paid for judge in judges)
    assert all("_PER_DAY" in (report.stopped or "") for report in reports)
    # What one has under way when the other begins counts there at its most: some of it may be left.
    assert 8 <= sent <= (allowance.requests_per_day or 40)
    assert paid <= (allowance.dollars_per_day or 1)


def test_what_another_run_has_under_way_counts_at_the_most_that_it_may_cost_until_its_price_is_known(shop):
    judge = Paid()
    with Ledger(shop.folder.ledger) as other:
        fingerprint = judge_fingerprint(judge)
        other.remember_judge(fingerprint, "model", judge.name, {})
        cell = Cell("hash", "refund_promised", "v", fingerprint)
        (number,) = other.apply([Intent((cell,), 0, most_dollars=0.003)], NOON)

        report = shop.run(judge, budget=Allowance(dollars_per_day=0.003))
        assert not judge.requests
        assert "METRICS_BUDGET_DOLLARS_PER_DAY" in (report.stopped or "")

        other.apply([Outcome(number, (cell,), None, "timeout", is_priced=False)], NOON)
        shop.run(judge, budget=Allowance(dollars_per_day=0.003))
        assert not judge.requests

        (number,) = other.apply([Intent((cell,), 1, most_dollars=1.0)], NOON)
        other.apply([Outcome(number, (cell,), None, "server_error")], NOON)
        shop.run(judge, budget=Allowance(dollars_per_day=0.006))
        assert 0 < judge.paid <= 0.003


def test_what_has_ended_is_added_up_once_and_gives_the_same_as_adding_up_everything(shop):
    judge = Paid()
    with Ledger(shop.folder.ledger) as ledger, Ledger(shop.folder.ledger) as other:
        for one in (judge, fake := FakeJudge(agreeable)):
            ledger.remember_judge(judge_fingerprint(one), "model" if one is judge else "baseline", one.name, {})
        today, draw = ledger.spending(NOON, 1_000, 1_000.0), random.Random(3)
        under_way: list[tuple[Ledger, int, Cell]] = []
        for number in range(60):
            sender = draw.choice([ledger, other])
            cell = Cell(f"{number:032x}", "m", "v", judge_fingerprint(draw.choice([judge, judge, fake])))
            moment = NOON + timedelta(seconds=draw.choice([-1, 1, 2]))
            (sent,) = sender.apply([Intent((cell,), 0, most_dollars=draw.random())], moment, today)
            under_way.append((sender, sent, cell))
            while len(under_way) > 5:
                sender, sent, cell = under_way.pop(draw.randrange(5))
                reply = JudgeReply(text="", cost_dollars=draw.random())
                failed = Outcome(sent, (cell,), None, draw.choice(["not_connected", "http_500"]))
                sender.apply([draw.choice([failed, Outcome(sent, (cell,), reply)])], moment)
            with ledger.connection.reading() as db:
                today.count(db)
            assert (today.requests, pytest.approx(today.dollars)) == ledger.spent_since(NOON)


def test_a_metric_whose_budget_is_used_up_is_left_out_and_the_others_go_on(shop):
    shop.define("delivery_day", DELIVERY)
    judge = FakeJudge(agreeable)

    report = shop.run(judge, budget=Allowance(requests_by_metric={"delivery_day": 12}))

    assert sum("delivery_day" in keys for keys in asked_keys(judge.requests)) == 12
    assert sum("refund_promised" in keys for keys in asked_keys(judge.requests)) == 40
    assert report.states["delivery_day"] == {"answered": 12, "unjudged": 28}
    assert report.states["refund_promised"]["answered"] == 40
    assert "budget of delivery_day is used up" in (report.stopped or "")


def test_a_metrics_budget_in_dollars_is_its_share_of_each_request(shop):
    shop.define("delivery_day", DELIVERY)
    judge = Paid()

    report = shop.run(judge, budget=Allowance(dollars_by_metric={"delivery_day": 0.001}))

    paid = sum("delivery_day" in keys for keys in asked_keys(judge.requests)) * judge.share * judge.most / 2
    assert 0 < paid <= 0.001
    assert report.states["refund_promised"]["answered"] == 40
