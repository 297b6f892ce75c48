"""A model server that does everything wrong: each cell has a state, each run an end, and nothing is paid twice."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest
from model_server import model_server
from simulator import simulated
from worlds import DELIVERY, REFUND, FakeJudge, agreeable, conversation

from metrics_pipeline import pipeline
from metrics_pipeline.errors import JudgeBusyError
from metrics_pipeline.evaluation.containment import fence
from metrics_pipeline.evaluation.judge import JudgeRequest
from metrics_pipeline.evaluation.judges import open_judges
from metrics_pipeline.evaluation.ledger import Cell, Ledger
from metrics_pipeline.evaluation.litellm_judge import LitellmJudge
from metrics_pipeline.evaluation.settling import FENCE_SECRET
from metrics_pipeline.evaluation.standing import judge_fingerprint
from metrics_pipeline.metrics.catalog import load_catalog
from metrics_pipeline.settings import Settings

WAYS = ["litellm", "openai"]
each_way = pytest.mark.parametrize("client", WAYS)
SIMULATED = ("429", "500", "503", "hang", "drop", "garbage", "truncated", "badenum", "refusal", "empty", "slow", "html")
FINAL = {"truncated": "truncated", "refusal": "refused", "garbage": "unreadable", "empty": "unreadable"}
"""What is paid and no answer, by the simulator's name and by ours."""


@pytest.fixture
def shop(world):
    world.define("refund_promised", REFUND)
    world.land(*(conversation(number) for number in range(40)))
    return world


def run(world, base, client="openai", **settings):
    chosen = {"concurrency": 16, "retries": 3, "call_timeout_seconds": 5.0, "budget_requests": 100_000} | settings
    found = Settings(data=world.folder.root, model="openai/own", api_base=base, client=client, **chosen)
    return pipeline.judge(world.folder, load_catalog(world.definitions), found)


class Heavy(FakeJudge):
    """Takes longer to load than a call may."""

    client, is_loaded = "heavy", False

    def load(self):
        time.sleep(0.3)
        self.is_loaded = True

    async def ask(self, request):
        if not self.is_loaded:
            await asyncio.to_thread(self.load)
        return await super().ask(request)

    async def close(self):
        pass


def test_what_a_client_takes_to_load_is_no_time_of_the_first_calls(shop):
    judge = Heavy(agreeable)
    report = shop.run(judge, call_timeout_seconds=0.2, retries=0)

    assert report.tally.failures == {}
    assert set(shop.answers("refund_promised").values()) == {"true"}


def test_both_ways_give_the_same_verdicts_and_find_what_the_other_has_paid(shop, tmp_path):
    with model_server() as server:
        first = run(shop, server.base, "litellm")
        after, bytes_before = server.request_count, shop.bytes()
        second = run(shop, server.base, "openai", retries=0)
        third = run(shop, server.base, "openai")

    assert first.clients == ("litellm",)
    assert after == 40
    assert (second.tally.requests, third.tally.requests) == (0, 0)
    assert shop.bytes() == bytes_before


@each_way
@pytest.mark.parametrize("fault", ["drip", "hang"])
def test_a_server_that_drips_or_hangs_is_given_up_at_the_calls_deadline_and_the_run_at_its_own(shop, client, fault):
    with model_server(fault) as server:
        started = time.monotonic()
        report = run(shop, server.base, client, call_timeout_seconds=0.5, retries=0, concurrency=40)
        calls_took = time.monotonic() - started
        started = time.monotonic()
        run(shop, server.base, client, call_timeout_seconds=60, run_timeout_seconds=0.5, concurrency=40)
        run_took = time.monotonic() - started

    assert report.tally.failures["timeout"] >= 20
    assert calls_took < 10
    assert run_took < 5


def test_while_a_judge_asks_to_wait_nobody_calls_it(shop):
    with model_server("429") as server:
        server.retry_after = "2"
        threading.Timer(1.0, lambda: setattr(server, "fault", "")).start()
        report = run(shop, server.base)

    first = server.called_at[0]
    refused = report.tally.failures["rate_limited"]
    assert refused <= 16 + 8
    assert sum(moment < first + 1.9 for moment in server.called_at) == refused
    assert report.states["refund_promised"] == Counter(answered=40)


def test_a_judge_that_asks_for_hours_ends_the_run_at_once(shop):
    with model_server("429") as server:
        server.retry_after = "7200"
        started = time.monotonic()
        report = run(shop, server.base)

    assert time.monotonic() - started < 5
    assert "asks to wait 120 minutes" in (report.stopped or "")
    assert report.states["refund_promised"] == Counter(unjudged=40)


def check_states(world, report, told: Counter[str], cells: int, retries: int) -> None:
    details = Counter(row["detail"] for row in world.verdicts())
    states = sum(report.states.values(), Counter())
    assert states.total() == cells
    for fault, detail in {"truncated": "truncated", "refusal": "refused"}.items():
        assert details[detail] == told[f"200-{fault}"]
    assert details["unreadable"] == told["200-garbage"] + told["200-empty"]
    assert states["error"] == sum(details[name] for name in {*FINAL.values(), "off_list", "provider_error"})
    # A question without an answer is open for the next run, and no other is.
    assert report.open_count == details["provider_error"] + states["unjudged"]


async def load_all_of_litellm():
    """Ask where nobody answers. Half a second of the first call of a process is loading: all calls that are under way
    then would pass a deadline of half a second before they are sent, and be counted as sent."""
    with pytest.raises(JudgeBusyError):
        await LitellmJudge("openai/own", "http://127.0.0.1:9/v1").ask(
            JudgeRequest((), (), ({"role": "user", "content": ""},), {}, 1)
        )


@pytest.mark.parametrize("client", ["openai", pytest.param("litellm", marks=pytest.mark.slow)])
@pytest.mark.parametrize("share", [0.2, pytest.param(0.9, marks=pytest.mark.slow)])
def test_every_fault_at_once_ends_with_a_state_for_every_cell(world, client, share):
    world.define("refund_promised", REFUND)
    world.land(*(conversation(number) for number in range(300)))
    faults = {fault: share / len(SIMULATED) for fault in SIMULATED}
    if client == "litellm":
        asyncio.run(load_all_of_litellm())

    with simulated(faults, latency_ms=5) as server:
        report = run(world, server.base, client, call_timeout_seconds=0.5)
        sent = server.stats()

    told = Counter(sent["statuses"])
    assert min(told[name] for name in told if name.startswith("200-")) > 0
    check_states(world, report, told, 300, 3)
    assert sent["requests"] <= 300 * (1 + 3)
    assert sent["requests"] == report.tally.requests


@pytest.mark.slow
@pytest.mark.parametrize("fault", SIMULATED)
def test_a_fifth_of_calls_with_one_fault_leaves_every_cell_in_the_state_that_it_asks_for(world, fault):
    world.define("refund_promised", REFUND)
    world.land(*(conversation(number) for number in range(200)))

    with simulated({fault: 0.2}, latency_ms=5) as server:
        report = run(world, server.base, call_timeout_seconds=0.5)
        sent = server.stats()

    check_states(world, report, Counter(sent["statuses"]), 200, 3)
    assert sent["requests"] <= 200 * (1 + 3)


KILLS = 25
IN_FLIGHT = 16
JUDGE = """
import sys
from pathlib import Path
from metrics_pipeline import pipeline
from metrics_pipeline.metrics.catalog import load_catalog
from metrics_pipeline.settings import Settings
from metrics_pipeline.data_folder import open_data_folder
root, definitions, base = sys.argv[1:]
settings = Settings(data=root, model="openai/own", api_base=base, concurrency=16, budget_requests=100_000)
pipeline.judge(open_data_folder(Path(root)), load_catalog(Path(definitions)), settings)
"""


@pytest.mark.slow
def test_of_25_runs_killed_at_any_moment_no_call_lacks_its_intent_and_no_recorded_reply_is_asked_for_again(
    world, tmp_path
):
    """500 conversations of four metrics: 2,000 cells."""
    for number, text in enumerate((REFUND, DELIVERY)):
        for twin in ("a", "b"):
            world.define(f"metric_{number}{twin}", text.replace('name: "', f'name: "{twin} '))
    conversations = [conversation(number) for number in range(500)]
    world.land(*conversations)
    metric = load_catalog(world.definitions).active[0]
    judge = judge_fingerprint(open_judges(Settings(model="openai/own", api_base="http://x/v1")).current)
    cells = [Cell(one.judged_hash, metric.key, metric.version, judge) for one in conversations]
    draw, recorded_before = random.Random(11), []
    command = [sys.executable, "-c", JUDGE, str(world.folder.root), str(world.definitions)]

    with simulated({}, latency_ms=60, record=tmp_path / "asked.jsonl") as server:
        for _ in range(KILLS):
            before = server.stats()["requests"]
            process = subprocess.Popen([*command, server.base], stderr=subprocess.DEVNULL)
            while server.stats()["requests"] == before and process.poll() is None:
                time.sleep(0.01)
            time.sleep(draw.uniform(0, 0.12))
            process.kill()
            process.wait()
            asked_count = len(server.recorded())
            with Ledger(world.folder.ledger) as ledger:
                found = ledger.find(cells)
                intents = sum(ledger.request_counts().values())
            assert intents >= server.stats()["requests"]
            recorded_before.append((asked_count, {cell.judged_hash for cell in found}))
        assert len(recorded_before[-1][1]) < 500, "the kills came too late"
        subprocess.run([*command, server.base], check=True)
        time.sleep(0.2)
        asked, sent = server.recorded(), server.stats()

    with Ledger(world.folder.ledger) as ledger:
        secret = ledger.secret(FENCE_SECRET, b"")
        counts = ledger.request_counts()
    by_mark = {fence(secret, one.judged_hash): one.judged_hash for one in conversations}
    hashes = [by_mark[line["request"]["messages"][1]["content"].split(">")[0].split()[-1]] for line in asked]
    assert set(hashes) == set(by_mark.values())
    for count, recorded in recorded_before:
        assert recorded.isdisjoint(hashes[count:])
    assert counts["reply"] == 500
    assert sent["requests"] - 500 <= KILLS * IN_FLIGHT
    assert len(world.verdicts()) == 2_000
