"""Models asked in batches: every answer is paid once, whatever the provider does, and whenever a run is killed."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from datetime import timedelta

import batch_runs
import pytest
from batch_runs import BATCHING, NOON
from batch_server import batch_server
from exports import raw, write
from worlds import DELIVERY, REFUND, conversation

from metrics_pipeline import pipeline
from metrics_pipeline.authoring.workbench import estimate_run
from metrics_pipeline.errors import SettingsError
from metrics_pipeline.evaluation.batch_lines import batch_dollars
from metrics_pipeline.evaluation.batches import HOPELESS_LOOKS
from metrics_pipeline.evaluation.bookkeeping.upkeep import verify
from metrics_pipeline.evaluation.budget import Allowance
from metrics_pipeline.evaluation.ledger import Cell, Intent, Ledger
from metrics_pipeline.evaluation.litellm_library import load_litellm
from metrics_pipeline.evaluation.prices import known_price
from metrics_pipeline.evaluation.settling import FENCE_SECRET
from metrics_pipeline.files import locked
from metrics_pipeline.settings import Settings


@pytest.fixture
def server():
    # It takes seconds to import, which are none of a call's.
    load_litellm()
    with batch_server() as found:
        yield found


@pytest.fixture
def shop(world):
    return stocked(world)


def stocked(world):
    world.define("refund_promised", REFUND)
    world.define("delivery_day", DELIVERY)
    world.land(*(conversation(number) for number in range(6)))
    with Ledger(world.folder.ledger) as ledger:
        ledger.secret(FENCE_SECRET, b"the same in every world of these")
    return world


def run(world, server, *arguments, **named):
    return batch_runs.run(world.folder.root, world.definitions, server.base, *arguments, **named)


def answered(world) -> list[str]:
    return [*world.answers("refund_promised").values(), *world.answers("delivery_day").values()]


OTHERS = [Cell(f"words {number}", "refund_promised", "v1", "another") for number in range(3)]
"""Another run's questions to another judge."""
ALL = ["true"] * 6 + ["agreed"] * 6


def told(world):
    return [{k: v for k, v in row.items() if k not in ("judged_at", "reply_id")} for row in world.verdicts()]


def as_sent(bodies) -> list[str]:
    return sorted(json.dumps(json.loads(body), sort_keys=True) for body in bodies)


def test_verdicts_from_a_batch_are_those_of_direct_calls_and_so_is_what_is_sent(shop, new_world, server):
    direct = stocked(new_world("direct"))
    run(direct, server, None)

    report = run(shop, server)

    assert told(shop) == told(direct)
    assert report.stopped is None
    assert server.steps == Counter(upload=1, create=1, retrieve=1, content=1)
    assert as_sent(server.paid) == as_sent(server.bodies)
    assert set(server.paid.values()) == {1}
    assert run(shop, server).tally.requests == 0
    with Ledger.to_read(shop.folder.ledger) as ledger:
        # Hours in a batch say nothing of how long a call takes.
        assert ledger.seen_calls("openai/some-model") is None


def first_time(spoil):
    """The first batch's results are spoiled, those of later ones are not."""
    seen = []

    def shape(lines):
        seen.append(lines)
        return spoil(lines) if len(seen) == 1 else (lines, [])

    return shape


def test_results_that_are_missing_or_failed_are_asked_again_and_of_two_the_first_counts(shop, server):
    def spoil(lines):
        kept, doubled, failed, _missing = lines[:3], lines[3], lines[4], lines[5]
        other = json.loads(json.dumps(doubled))
        other["response"]["body"]["choices"][0]["message"]["content"] = "{}"
        error = {"custom_id": failed["custom_id"], "response": None, "error": {"code": "server_error", "message": "x"}}
        return [*kept, doubled, {**kept[0], "custom_id": "another-batch-1"}], [error, other, "no line"]

    server.shape = first_time(spoil)
    report = run(shop, server)

    assert answered(shop) == ALL
    assert [len(server.files[batch["input_file_id"]].splitlines()) for batch in server.batches.values()] == [6, 2]
    assert set(server.paid.values()) == {1}
    assert report.notes == (
        "Batches: results that came twice, of which the first counts (1).",
        "Batches: lines of results that belong to no request (2).",
        "Batches: requests about which their batch says nothing: they may have been paid (1).",
    )
    assert report.tally.failures == Counter(server_error=1, batch_missing=1)


def test_a_completed_batch_without_any_file_is_asked_again(shop, server):
    server.shape = first_time(lambda lines: ([], []))
    assert "may have been paid (6)" in run(shop, server).notes[0]
    assert answered(shop) == ALL
    assert len(server.batches) == 2


@pytest.mark.parametrize("status", ["expired", "cancelled"])
def test_of_a_batch_that_ended_early_what_was_answered_counts_and_the_rest_is_asked_again(shop, server, status):
    def spoil(lines):
        server.status = "completed"
        gone = [
            {"custom_id": one["custom_id"], "response": None, "error": {"code": f"batch_{status}"}} for one in lines
        ]
        return lines[:2], gone[2:]

    server.status, server.shape = status, first_time(spoil)
    report = run(shop, server)

    assert answered(shop) == ALL
    assert set(server.paid.values()) == {1}
    assert report.tally.failures == {f"batch_{status}": 4}
    assert report.notes == ()


def test_a_batch_that_its_provider_refuses_every_time_is_given_up_after_the_last_try(shop, server):
    server.status = "failed"
    report = run(shop, server, retries=1)

    assert len(server.batches) == 2
    assert set(answered(shop)) == {("error", "provider_error")}
    assert report.notes == ("Batches: batches that the provider gave up (token_limit_exceeded) (2).",)
    server.status = "completed"
    run(shop, server)
    assert answered(shop) == ALL


@pytest.mark.parametrize("step", ["upload", "create", "list", "retrieve", "content"])
def test_no_fault_at_any_step_costs_anything_twice(shop, server, step):
    server.retry_after = "0"
    server.faults = {step: ["500", "429", "drop", "done then 500", "done drop"]}
    if step == "list":
        server.faults["create"] = ["done drop"]
    report = run(shop, server, retries=5)

    assert answered(shop) == ALL, report.stopped
    assert set(server.paid.values()) == {1}
    assert len(server.batches) == 1
    # What was created unheard is found, and asked for no more.
    assert server.faults[step] == (["done drop"] if step == "create" else [])


def test_a_batch_that_was_made_but_never_confirmed_is_found_on_a_later_page_of_the_list(shop, server):
    server.faults, server.page = {"create": ["done drop"]}, 2
    server.on_step = lambda moment: [server.create("file_1", {}) for _ in range(5) if moment == "after create"]
    run(shop, server)

    assert answered(shop) == ALL
    assert (server.steps["create"], server.steps["list"]) == (1, 3)


def test_a_batch_is_looked_for_from_the_end_of_the_call_that_may_have_made_it(shop, server):
    server.faults = {"create": ["drop"]}
    server.on_step = lambda moment: time.sleep(0.3 if moment == "before create" else 0)
    run(shop, server, BATCHING._replace(patience_seconds=0.25))

    assert answered(shop) == ALL
    assert server.steps["create"] == 2
    assert server.steps["list"] > 2


def test_of_a_batch_that_was_made_twice_one_is_stopped_and_its_price_is_said(shop, server):
    server.faults = {"create": ["twice then 500"]}
    server.looks = 3
    report = run(shop, server)

    assert answered(shop) == ALL
    assert sorted(batch["status"] for batch in server.batches.values()) == ["cancelled", "completed"]
    assert "made a batch twice: 6 requests may be paid twice" in report.notes[0]


def test_a_late_batch_is_left_where_it_is_and_the_next_run_fetches_it_in_whichever_mode(shop, server):
    server.looks = 1_000_000
    report = run(shop, server, run_timeout_seconds=0.3)
    assert report.stopped == (
        "At the provider, and not asked again: 6 requests in 1 batch. The next run fetches the replies."
    )
    assert (report.at_provider, report.open_count) == ((1, 6), 12)
    assert batch_runs.planned_requests(shop.folder.root, shop.definitions, server.base) == 0

    report = run(shop, server, None)
    assert (server.request_count, report.at_provider, len(server.batches)) == (0, (1, 6), 1)
    assert ["At the provider" in note for note in report.notes] == [True]

    for batch in server.batches.values():
        batch["looks"] = 0
    report = run(shop, server, None)
    assert (server.request_count, report.at_provider, len(server.batches)) == (0, (0, 0), 1)
    assert answered(shop) == ALL


def off_list(body) -> str:
    """A first question is answered with what is on no list."""
    if len(body["messages"]) > 2:
        return ""
    part = {"evidence": [], "reason": "x", "answer": "perhaps", "applies": True, "applies_from_turn": None}
    return json.dumps({"refund_promised": part, "delivery_day": part})


@pytest.mark.parametrize(("directly", "batches", "calls"), [(False, [6, 6], 0), (True, [6], 6)])
def test_what_does_not_hold_is_asked_again_in_the_next_batch_or_directly(shop, server, directly, batches, calls):
    server.says = off_list
    run(shop, server, BATCHING._replace(corrects_directly=directly))

    assert answered(shop) == ALL
    found = [server.files[batch["input_file_id"]].splitlines() for batch in server.batches.values()]
    assert (list(map(len, found)), server.request_count) == (batches, calls)


@pytest.mark.parametrize("bounds", [{"most_requests": 2}, {"most_bytes": 2 * 6_000}], ids=["by requests", "by bytes"])
def test_batches_are_bounded_in_size(shop, server, bounds):
    run(shop, server, BATCHING._replace(**bounds))

    assert answered(shop) == ALL
    assert [server.files[one["input_file_id"]].count(b"\n") for one in server.batches.values()] == [2, 2, 2]
    assert max(len(server.files[one["input_file_id"]]) for one in server.batches.values()) < 12_000


def dollars(world) -> list[float | None]:
    with Ledger.to_read(world.folder.ledger) as ledger, ledger.connection.reading() as db:
        return [row[0] for row in db.execute("select cost_dollars from requests")]


def test_each_reply_costs_what_the_list_says_of_a_batch_and_nothing_is_known_where_it_says_nothing(shop, server):
    server.usage = {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100}
    report = run(shop, server, model="openai/gpt-4o-mini")
    assert dollars(shop) == [pytest.approx(1_000 * 7.5e-8 + 100 * 3e-7)] * 6
    assert report.tally.cost_dollars == pytest.approx(6 * 0.000105)

    assert known_price("openai/gpt-4-turbo", 1, 1) is not None
    assert batch_dollars("openai/gpt-4-turbo", 1_000, 100) is None


def test_an_estimate_in_batch_mode_is_by_the_prices_of_batches(tmp_path):
    write(tmp_path / "exports" / "a.json", raw(1))
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions" / "refund_promised.yaml").write_text(REFUND)
    folders = {name: tmp_path / name for name in ("data", "definitions")} | {"landing": tmp_path / "exports"}

    def dollars(mode):
        return estimate_run(Settings(mode=mode, model="openai/gpt-4o-mini", **folders), []).dollars

    assert dollars("batch") == pytest.approx(dollars("direct") / 2)


def test_a_budget_in_requests_is_held_before_a_batch_is_made(shop, server):
    report = run(shop, server, budget=Allowance(requests=4))
    assert [server.files[one["input_file_id"]].count(b"\n") for one in server.batches.values()] == [4]
    assert "budget of 4 requests is used up" in report.stopped
    assert {row["open_reason"] for row in report.rows} == {"budget"}

    run(shop, server)
    assert answered(shop) == ALL
    assert set(server.paid.values()) == {1}


def test_a_budget_in_dollars_holds_back_the_most_that_a_batch_can_cost_and_what_is_left_goes_in_the_next(shop, server):
    server.usage = {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 11}
    report = run(shop, server, budget=Allowance(dollars=0.002), model="openai/gpt-4o-mini")

    sizes = [server.files[one["input_file_id"]].count(b"\n") for one in server.batches.values()]
    assert len(sizes) > 1
    assert sum(sizes) == 6
    assert report.stopped is None
    assert report.tally.cost_dollars < 0.0001


def test_a_metric_whose_own_budget_is_used_up_is_left_out_and_the_others_are_asked(shop, server):
    report = run(shop, server, budget=Allowance(requests_by_metric={"delivery_day": 2}))

    assert list(shop.answers("refund_promised").values()) == ["true"] * 6
    assert list(shop.answers("delivery_day").values()).count("agreed") == 2
    assert "budget of delivery_day is used up" in report.stopped


def test_what_is_at_a_provider_counts_in_a_days_budget_at_the_most_it_can_cost(shop, server):
    server.looks = 1_000_000
    budget = Allowance(requests_per_day=6, dollars_per_day=1.0)
    run(shop, server, run_timeout_seconds=0.2, budget=budget, model="openai/gpt-4o-mini")

    with Ledger.to_read(shop.folder.ledger) as ledger:
        requests, held = ledger.spent_since(NOON - timedelta(hours=1))
        assert requests == 6
        assert 0.001 < held < 0.01
        assert ledger.request_counts() == {"in a batch at its provider": 6}


@pytest.mark.parametrize(
    ("allowance", "others", "sent"),
    [
        (Allowance(requests_per_day=6), [Intent((one,), 0) for one in OTHERS], 3),
        (Allowance(dollars_per_day=0.01), [Intent((OTHERS[0],), 0, most_dollars=0.0098)], 2),
    ],
    ids=["requests", "dollars"],
)
def test_a_batch_takes_from_the_days_budget_what_another_run_has_left_of_it(shop, server, allowance, others, sent):
    other = Ledger(shop.folder.ledger)

    def spend(moment):
        if moment == "before upload" and server.steps["upload"] == 1:
            other.remember_judge("another", "model", "openai/gpt-4o-mini", {})
            assert all(number > 0 for number in other.apply(others, NOON))

    server.on_step = spend
    report = run(shop, server, BATCHING._replace(most_requests=2), budget=allowance, model="openai/gpt-4o-mini")
    other.close()

    assert server.paid.total() == sent
    assert {row["stopped_by"] for row in report.rows} == {"budget"}
    assert "The day's budget of" in report.stopped


def test_a_run_says_what_is_left_at_the_provider_and_counts_each_call_in_the_run_that_fetches_it(shop, server):
    server.looks = 1_000_000
    (row, _) = run(shop, server, run_timeout_seconds=0.2).rows
    assert (row["stopped_by"], row["open_reason"], row["open_count"], row["call_count"]) == ("batch", "batch", 6, 0)

    for batch in server.batches.values():
        batch["looks"] = 0
    (row, _) = run(shop, server).rows
    assert (row["clients"], row["open_count"], row["call_count"], row["asked_count"]) == ("litellm in batches", 0, 6, 6)
    assert row["held_count"] == 0


def test_of_two_runs_at_once_one_is_at_the_batches_and_the_other_leaves_them_to_it(shop, server):
    with locked(shop.folder.batches_lock):
        report = run(shop, server)

    assert "Another run is at the batches" in report.stopped
    assert (server.steps.total(), server.request_count) == (0, 0)


def test_a_provider_that_refuses_the_key_ends_the_run_and_the_next_one_needs_no_second_upload(shop, server):
    server.faults = {"create": ["401"]}
    report = run(shop, server)
    assert "answers no request: the key was not accepted" in report.stopped
    assert report.is_unanswered

    run(shop, server)
    assert answered(shop) == ALL
    assert (server.steps["upload"], server.steps["create"], len(server.batches)) == (1, 2, 1)


def test_a_provider_that_answers_no_more_is_given_up_and_its_batches_are_kept(shop, server):
    server.faults = {"retrieve": ["500"] * HOPELESS_LOOKS}
    report = run(shop, server, BATCHING._replace(poll_seconds=0.001))
    assert "could not be looked at, 10 times in a row" in report.stopped
    assert report.at_provider == (1, 6)

    run(shop, server)
    assert answered(shop) == ALL
    assert set(server.paid.values()) == {1}


def test_a_batch_that_its_provider_does_not_know_holds_nothing_up_and_is_given_up_after_two_days(shop, server):
    server.looks = 1_000_000
    run(shop, server, run_timeout_seconds=0.2)
    server.batches.clear()
    server.looks = 0
    shop.land(conversation(7))
    report = run(shop, server)
    assert answered(shop).count("true") == 1
    assert "does not know; the next run looks again (1)" in report.notes[0]
    assert report.at_provider == (1, 6)

    server.batches |= {"batch_9": server.batches.pop("batch_1")}
    report = run(shop, server, later=timedelta(hours=49))
    assert "they may have been paid (6)" in " ".join(report.notes)
    assert answered(shop).count("true") == 7


def test_a_server_without_batches_is_said_to_have_none(shop, server):
    server.faults = {"upload": ["404"]}
    assert "nothing at http://127.0.0.1:" in run(shop, server).stopped


def test_what_was_erased_while_it_was_at_a_provider_is_not_recorded(shop, server):
    server.looks = 1_000_000
    run(shop, server, run_timeout_seconds=0.2)
    with Ledger(shop.folder.ledger) as ledger:
        assert ledger.forget([conversation(0).judged_hash]) == 1
    for batch in server.batches.values():
        batch["looks"] = 0
    run(shop, server, None, metrics=[])

    with Ledger(shop.folder.ledger) as ledger:
        assert ledger.request_counts() == {"reply": 5}
        assert verify(ledger.connection).problems == ()


def test_what_a_judge_was_not_shown_is_still_known_when_its_reply_comes_from_a_batch(world, server):
    world.define("refund_promised", REFUND + "long_conversations: window\n")
    world.land(conversation(1, *(f"turn {number} " + "word " * 40 for number in range(60))))
    run(world, server, context_tokens=2_500)

    with Ledger.to_read(world.folder.ledger) as ledger:
        (recorded,) = ledger.replies([1]).values()
    assert recorded.reply.left_out is not None
    assert world.answers("refund_promised") == {"c1": "true"}


def test_a_ledger_of_the_version_before_batches_is_brought_up_to_date(shop, server):
    with sqlite3.connect(shop.folder.ledger) as database:
        for table in ("batches", "batch_requests"):
            database.execute(f"drop table {table}")
        database.execute("pragma user_version = 4")
    run(shop, server)
    assert answered(shop) == ALL


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"model": "ollama/llama3"}, "METRICS_MODE=batch does not reach ollama/llama3: it is for openai/NAME"),
        ({"model": "openai/x", "record": "a.recording"}, "METRICS_RECORD keeps direct calls"),
    ],
)
def test_a_mode_that_cannot_work_is_refused_before_anything_is_landed(tmp_path, changed, said):
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions" / "refund_promised.yaml").write_text(REFUND)
    settings = Settings(
        mode="batch", data=tmp_path / "data", landing=tmp_path / "none", definitions=tmp_path / "definitions", **changed
    )
    with pytest.raises(SettingsError, match=said):
        pipeline.run(settings)
    assert not (tmp_path / "data").exists()


KILLS = [
    (f"{moment} {step}", "") for step in ("upload", "create", "retrieve", "content") for moment in ("before", "after")
]


@pytest.mark.slow
@pytest.mark.parametrize(("moment", "fault"), [*KILLS, ("before create", "drop")])
def test_a_run_that_is_killed_at_any_step_has_nothing_paid_twice(shop, server, moment, fault):
    server.faults = {"create": [fault]}
    batch_runs.killed_run(shop.folder.root, shop.definitions, server, moment)

    report = run(shop, server, later=timedelta(hours=1))

    assert answered(shop) == ALL, report.stopped
    assert set(server.paid.values()) == {1}
    assert server.steps["create"] == (2 if fault else 1)
