"""Several processes work in one data folder at once: nothing is asked twice, and nobody waits for another's calls."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import batch_runs
import pyarrow.parquet as pq
import pytest
from model_server import model_server
from worlds import DAY, DELIVERY, NOON, REFUND, FakeJudge, agreeable, conversation, metric, says

from metrics_pipeline.evaluation.judge import JudgeReply
from metrics_pipeline.evaluation.ledger import ELSEWHERE, Cell, Intent, Ledger, Outcome
from metrics_pipeline.evaluation.standing import judge_fingerprint

CELL = Cell("hash", "m", "v", "judge")


class SlowJudge(FakeJudge):
    """Takes its time, and says which process asked it."""

    async def ask(self, request):
        await asyncio.sleep(0.002)
        return await super().ask(request)


@pytest.fixture
def shop(world):
    world.define("refund_promised", REFUND)
    world.define("delivery_day", DELIVERY)
    world.land(*(conversation(number) for number in range(60)))
    return world


def test_two_runs_of_one_day_ask_nothing_twice_and_both_see_it_whole(shop):
    judges = [SlowJudge(agreeable), SlowJudge(agreeable)]
    with ThreadPoolExecutor(2) as threads:
        reports = list(threads.map(shop.run, judges))

    asked = Counter(request.turns[0].text for judge in judges for request in judge.requests)
    assert len(asked) == 60
    assert set(asked.values()) == {1}
    assert min(len(judge.requests) for judge in judges) > 5
    assert sum(report.tally.requests for report in reports) == 60
    assert set(shop.answers("refund_promised").values()) == {"true"}
    assert min(report.open_count for report in reports) == 0


@pytest.mark.slow
def test_two_processes_over_one_day_ask_nothing_twice(shop):
    context = multiprocessing.get_context("spawn")
    with model_server(latency_seconds=0.3) as server:
        arguments = (shop.folder.root, shop.definitions, server.base, None)
        processes = [context.Process(target=batch_runs.run, args=arguments) for _ in range(2)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(120)

    assert [process.exitcode for process in processes] == [0, 0]
    assert len(server.bodies) == 60
    assert set(server.bodies.values()) == {1}
    rows = [
        pq.read_table(file, partitioning=None).to_pylist()[0]
        for file in shop.folder.table("evaluation_runs").glob("run=*.parquet")
    ]
    # Both were at it.
    assert len(rows) == 2
    assert min(row["run_call_count"] for row in rows) > 0
    assert set(shop.answers("refund_promised").values()) == {"true"}


def test_what_another_run_asks_is_left_to_it_and_the_rest_goes_on(shop):
    hold, held = threading.Event(), threading.Event()

    class HeldJudge(FakeJudge):
        async def ask(self, request):
            held.set()
            await asyncio.to_thread(hold.wait)
            return await super().ask(request)

    holding, other_judge = HeldJudge(agreeable), FakeJudge(agreeable)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(shop.run, holding)
        held.wait(5)
        report = shop.run(other_judge)
        hold.set()
        running.result()

    # As many as the concurrency were in flight, or ready to be; the other run judged all but those, and did not wait.
    assert 4 <= len(holding.requests) <= 6
    assert len(other_judge.requests) == 60 - len(holding.requests)
    assert report.open_count == 2 * len(holding.requests)
    assert f"Another run is asking {report.open_count} questions" in report.notes[0]
    assert {row["open_reason"] for row in report.rows} == {"elsewhere"}
    assert set(shop.answers("refund_promised").values()) == {"true"}


def test_a_cell_is_asked_by_one_process_at_a_time_and_answered_once(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with Ledger(path) as one, Ledger(path) as other:
        (mine,) = one.apply([Intent((CELL,), 0)], NOON)
        assert other.apply([Intent((CELL, CELL._replace(metric="n")), 0)], NOON) == [ELSEWHERE]
        assert other.apply([Intent((CELL._replace(judge_fingerprint="another"),), 0)], NOON) != [ELSEWHERE]
        assert other.in_flight_elsewhere([CELL]) == {CELL}

        one.apply([Outcome(mine, (CELL,), JudgeReply(text="{}"))], NOON)
        assert other.in_flight_elsewhere([CELL]) == set()
        assert other.apply([Intent((CELL,), 0)], NOON) == [ELSEWHERE]


def test_a_failed_try_lets_go_of_its_cell(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with Ledger(path) as one, Ledger(path) as other:
        (mine,) = one.apply([Intent((CELL,), 0)], NOON)
        one.apply([Outcome(mine, (CELL,), None, "server_error")], NOON)

        assert other.apply([Intent((CELL,), 0)], NOON) != [ELSEWHERE]


def test_a_killed_process_holds_nothing_from_that_moment_on(tmp_path):
    path = tmp_path / "ledger.sqlite"
    script = f"""
        import time
        from datetime import datetime, timezone
        from pathlib import Path
        from metrics_pipeline.evaluation.ledger import Cell, Intent, Ledger
        ledger = Ledger(Path({str(path)!r}))
        ledger.apply([Intent((Cell("hash", "m", "v", "judge"),), 0)], datetime(2026, 9, 1, tzinfo=timezone.utc))
        print("sent", flush=True)
        time.sleep(60)
    """
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "sent\n"
    with Ledger(path) as ledger:
        assert ledger.apply([Intent((CELL,), 0)], NOON) == [ELSEWHERE]

        os.kill(process.pid, signal.SIGKILL)
        process.wait()

        assert ledger.apply([Intent((CELL,), 0)], NOON) != [ELSEWHERE]
        assert ledger.request_counts() == {"in flight or lost": 2}
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.sqlite"]


@pytest.mark.parametrize("answers", [True, False])
def test_what_was_left_to_another_run_is_picked_up_at_the_end_and_asked_if_that_has_ended(world, answers):
    world.define("refund_promised", REFUND)
    # The newest day is done with, all but this one, before the other days are begun.
    words = [conversation(number, day=DAY - timedelta(days=number)) for number in range(3)]
    world.land(*words)
    other = Ledger(world.folder.ledger)

    def script(request):
        reply = agreeable(request)
        if answers:
            said = JudgeReply(text=json.dumps({"refund_promised": says("false", words[0].turns[0].text)}))
            other.apply([Outcome(theirs, (cell,), said)], NOON)
        else:
            other.close()
        return reply

    judge = FakeJudge(script)
    cell = Cell(words[0].judged_hash, "refund_promised", metric(REFUND).version, judge_fingerprint(judge))
    (theirs,) = other.apply([Intent((cell,), 0)], NOON)
    report = world.run(judge, concurrency=1)

    assert len(judge.requests) == (2 if answers else 3)
    assert report.open_count == 0
    assert report.notes == ()
    assert world.answers("refund_promised") == {"c0": "false" if answers else "true", "c1": "true", "c2": "true"}
    other.close()
