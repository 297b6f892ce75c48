"""What a run came to is kept by metric and judge, and adds up to what the ledger holds."""

from __future__ import annotations

import json
import signal
from collections import Counter
from decimal import Decimal
from itertools import cycle
from typing import Any, NamedTuple
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
from worlds import DAY, DELIVERY, LIMITS, NOON, REFUND, FakeJudge, agreeable, conversation

from metrics_pipeline.errors import JudgeBusyError, JudgeClosedError
from metrics_pipeline.evaluation.asking import NOT_SENT
from metrics_pipeline.evaluation.bookkeeping.exchange import write_copy
from metrics_pipeline.evaluation.budget import Allowance
from metrics_pipeline.evaluation.figures import shares
from metrics_pipeline.evaluation.judge import NEVER_SENT, NOT_CONNECTED, JudgeReply
from metrics_pipeline.evaluation.ledger import CORRECTION_ASKING, VERDICT_ASKING, Ledger
from metrics_pipeline.evaluation.options import Judges, Options
from metrics_pipeline.evaluation.run_record import add_second_judges
from metrics_pipeline.evaluation.second_opinion import Second, ask_second_judges
from metrics_pipeline.metrics.catalog import load_catalog

KEYS = ("delivery_day", "refund_promised", "refund_twice")


def runs(world):
    """The rows of each run, by metric, the oldest run first."""
    files = sorted(world.folder.table("evaluation_runs").glob("run=*.parquet"), key=lambda file: file.stat().st_mtime)
    return [{row["metric"]: row for row in pq.read_table(file, partitioning=None).to_pylist()} for file in files]


class Call(NamedTuple):
    metrics: list[str]
    judged_hash: str
    asking: str
    outcome: str
    reply: dict[str, Any]


def ledger_calls(world):
    """Each request that reached a judge, and each that did not, read from a copy of the ledger."""
    copy = world.folder.root / "copies" / uuid4().hex
    with Ledger(world.folder.ledger) as ledger:
        write_copy(ledger.connection, ledger.names, copy)
    for row in pq.read_table(copy / "requests.parquet").to_pylist():
        metrics = [key for key, _ in json.loads(row["metrics"])]
        yield Call(metrics, row["judged_hash"], row["asking"], row["outcome"], row if row["text"] is not None else {})


@pytest.fixture
def shop(world):
    for key, text in zip(KEYS, (DELIVERY, REFUND, REFUND.replace("Refund: promised", "Refund: twice")), strict=True):
        world.define(key, text)
    world.land(*(conversation(number) for number in range(1, 41)))
    return world


def priced(request):
    """Answers what asks, with tokens and a price that do not divide evenly."""
    text = json.dumps(agreeable(request))
    return JudgeReply(text, "complete", "served", 1_001, 53, 500, 0.00012345678901)


def unsteady():
    """Of seven calls one is limited, one is not connected, one breaks, one gives an answer that is not on the list."""
    turn = cycle(range(7))

    def script(request):
        place = next(turn)
        if place in (1, 3, 5):
            kind = {1: "rate_limited", 3: NOT_CONNECTED, 5: "server_error"}[place]
            return JudgeBusyError("no", kind=kind)
        reply = priced(request)
        return (
            JudgeReply(text=reply.text.replace('"answer": "true"', '"answer": "maybe"'), **_rest(reply))
            if (place == 6)
            else reply
        )

    return script


def _rest(reply):
    return {
        name: getattr(reply, name)
        for name in ("finish", "model_served", "prompt_tokens", "reply_tokens", "cached_tokens", "cost_dollars")
    }


def test_the_figures_of_a_run_add_up_to_the_ledger_to_the_last_token_and_part_of_a_dollar(shop, monkeypatch):
    monkeypatch.setattr("metrics_pipeline.evaluation.pacing.FIRST_PAUSE_SECONDS", 0.001)
    shop.run(FakeJudge(unsteady()), group_size=3)

    (rows,) = runs(shop)
    every = list(ledger_calls(shop))
    calls = [call for call in every if call.outcome not in (NOT_SENT, *NEVER_SENT)]
    assert {row["run_call_count"] for row in rows.values()} == {len(calls)}
    for key, row in rows.items():
        mine = [call for call in calls if key in call.metrics]
        failures = Counter(call.outcome for call in every if key in call.metrics and call.outcome != "reply")
        assert row["call_count"] == len(mine)
        assert row["reply_count"] == sum(call.outcome == "reply" for call in mine)
        assert json.loads(row["failures_by_kind"]) == failures
        assert row["unsent_count"] == failures[NOT_CONNECTED] > 0
        assert row["asked_count"] == len({call.judged_hash for call in mine if call.asking == VERDICT_ASKING})
        corrected = {call.judged_hash for call in mine if call.asking == CORRECTION_ASKING}
        assert row["correction_count"] == len(corrected)
        assert row["retry_count"] == row["call_count"] - row["asked_count"] - row["correction_count"] > 0
    for column in ("prompt_tokens", "reply_tokens", "cached_tokens"):
        assert sum(row[column] for row in rows.values()) == sum(call.reply.get(column, 0) for call in calls)
    prices = [Decimal(repr(call.reply["cost_dollars"])) for call in calls if call.reply]
    assert sum(row["dollars"] for row in rows.values()) == sum(price.quantize(Decimal(10) ** -12) for price in prices)
    assert prices
    assert rows["refund_twice"]["correction_count"] > 0


def test_what_second_judges_took_stands_beside_what_the_first_did_and_adds_up_to_the_ledger_as_well(shop):
    first, second, catalog = FakeJudge(priced, "first"), FakeJudge(priced, "second"), load_catalog(shop.definitions)
    shop.run(first)
    report = shop.run(first, days=[DAY])

    def ask(keys, **limits):
        options = Options(LIMITS._replace(**limits), 6, lambda: NOON)
        with Ledger(shop.folder.ledger) as ledger:
            named = {key: Second(second, 0.5 if key == KEYS[2] else 1.0) for key in keys}
            judges, places = Judges(first, lambda record: first), [(key, DAY) for key in keys]
            return ask_second_judges(shop.folder, catalog.active, places, judges, named, ledger, options)

    ask(KEYS[:1], budget=Allowance(requests=10))
    found = ask(KEYS, budget=Allowance(requests=30))
    add_second_judges(shop.folder, report.rows, found, NOON, 2.0)

    file = shop.folder.table("evaluation_runs") / f"run={report.rows[0]['run_id']}.parquet"
    rows = pq.read_table(file, partitioning=None).to_pylist()
    theirs = {row["metric"]: row for row in rows if row["judge"] == "second"}
    assert Counter(row["judge"] for row in rows) == {"first": 3, "second": 3}
    assert {row["run_call_count"] for row in rows} == {30}
    assert {(row["judge"], row["judge_call_count"]) for row in rows} == {("first", 0), ("second", 30)}
    assert {row["stopped_by"] for row in rows} == {"budget"}
    assert (theirs["delivery_day"]["planned_count"], theirs["delivery_day"]["held_count"]) == (40, 10)
    for row in theirs.values():
        assert row["answered_count"] + row["unjudged_count"] == row["planned_count"]
        assert (row["open_count"], row["open_reason"]) == (
            row["unjudged_count"],
            "budget" if row["open_count"] else None,
        )
    calls = [call for call in ledger_calls(shop) if call.reply][-30:]
    for column in ("prompt_tokens", "reply_tokens", "cached_tokens"):
        assert sum(row[column] for row in rows) == sum(call.reply[column] for call in calls)
    prices = [Decimal(repr(call.reply["cost_dollars"])).quantize(Decimal(10) ** -12) for call in calls]
    assert sum(row["dollars"] for row in rows) == sum(prices) > 0


def test_what_a_run_did_is_told_apart_from_what_it_found_in_the_ledger(shop):
    shop.run(FakeJudge(priced), metrics=KEYS[:1])
    shop.run(FakeJudge(priced), days=[DAY])
    shop.run(FakeJudge(priced))

    first, second, third = runs(shop)
    assert (first["delivery_day"]["asked_count"], first["delivery_day"]["held_count"]) == (40, 0)
    assert (second["delivery_day"]["asked_count"], second["delivery_day"]["held_count"]) == (0, 40)
    assert (second["delivery_day"]["mode"], second["refund_promised"]["asked_count"]) == ("days", 40)
    # A run that found nothing to do says so.
    assert {(row["planned_count"], row["call_count"], row["open_count"]) for row in third.values()} == {(0, 0, 0)}
    assert third.keys() == set(KEYS)


def test_the_states_and_what_is_left_add_up_to_what_was_planned_and_say_why(shop):
    shop.run(FakeJudge(priced), group_size=1, budget=Allowance(requests=30))
    closed = JudgeClosedError("The model fake/judge answers no request: no.", kind="http_401")
    shop.run(FakeJudge(lambda request: closed), group_size=1)
    shop.run(FakeJudge(priced), group_size=1, budget=Allowance(requests_by_metric={"refund_promised": 3}))

    for rows, reason in zip(runs(shop), ("budget", "circuit", "budget"), strict=True):
        assert {row["stopped_by"] for row in rows.values()} == {reason}
        for row in rows.values():
            states = ("answered", "not_applicable", "undecided", "error", "unjudged")
            assert sum(row[f"{state}_count"] for state in states) == row["planned_count"] == 40
            assert row["open_count"] == row["unjudged_count"]
            assert row["open_reason"] == (reason if row["open_count"] else None)
    first, _, third = runs(shop)
    assert sum(row["asked_count"] for row in first.values()) == 30
    assert third["refund_promised"]["open_count"] > 0
    assert third["delivery_day"]["open_count"] == 0


def test_a_price_that_is_not_known_is_no_sum_and_the_built_in_judge_costs_nothing(shop):
    replies = cycle((priced, lambda request: JudgeReply(json.dumps(agreeable(request)), prompt_tokens=9)))
    shop.run(FakeJudge(lambda request: next(replies)(request)))
    free = FakeJudge(agreeable, "free")
    free.kind = "baseline"
    shop.run(free, days=[DAY])

    first, second = runs(shop)
    assert {(row["dollars"], row["unpriced_count"]) for row in first.values()} == {(None, 20)}
    assert {(row["dollars"], row["unpriced_count"]) for row in second.values()} == {(Decimal(0), 0)}


@pytest.fixture
def ctrl_c():
    """Ctrl-C as at a terminal, also where the tests were started in the background and ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_a_run_that_its_user_ends_is_kept_with_what_it_paid(shop):
    asked = cycle(range(100))

    def ended(request):
        if next(asked) == 12:
            signal.raise_signal(signal.SIGINT)
        return priced(request)

    with pytest.raises(KeyboardInterrupt):
        shop.run(FakeJudge(ended))

    (rows,) = runs(shop)
    for row in rows.values():
        assert (row["stopped_by"], row["open_reason"], row["open_count"]) == ("interrupted", "interrupted", 40)
        assert 0 < row["reply_count"] < 40


def test_a_call_is_divided_in_whole_parts_that_add_up_to_it():
    assert [shares(10, 3), shares(2, 3), shares(0, 2)] == [[4, 3, 3], [1, 1, 0], [0, 0]]
