"""A fortnight of what goes wrong in one, and at its end nothing of it is left, and nothing was paid twice."""

from __future__ import annotations

import os
import shutil
import signal
import time
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from exports import raw, write
from model_server import model_server
from nights import Nights
from small_project import DEFINITION

from metrics_pipeline import pipeline
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.defs.home import open_home
from metrics_pipeline.defs.upkeep import end_dead_runs
from metrics_pipeline.publishing.generation import TABLES, resolve_current
from metrics_pipeline.settings import Settings, load_settings

HOLD_TIMES = {"evaluation_runs", "trend_cost_daily"}
REBUILT = ("conversations", "turns", "logged_metrics", "verdicts", "second_opinions", "metrics", "metric_versions")
METRICS = ("answer_given", "price_given", "name_given")
A_DAY = timedelta(days=1)
FIRST = date(2026, 9, 1)


def day(number: int) -> date:
    return FIRST + (number - 1) * A_DAY


def define(settings: Settings, key: str, what: str = "") -> None:
    text = DEFINITION.format(name=key, what=what or key.replace("_", " "))
    (settings.definitions / f"{key}.yaml").write_text(text)


def export(settings: Settings, number: int, *ids: int, name: str = "") -> None:
    conversations = (raw(one, started_at=f"{day(number)}T10:00:00.000Z") for one in ids)
    write(settings.data / "landing" / f"{name or number}.json", *conversations)


def published(folder: DataFolder) -> dict[str, bytes]:
    generation = resolve_current(folder)
    return {table: (generation / f"{table}.parquet").read_bytes() for table in TABLES if table not in HOLD_TIMES}


def rebuilt(settings: Settings, root: Path) -> dict[str, bytes]:
    """The tables as the plain command makes them in a new folder, from what landed, the definitions and the ledger."""
    anew = settings.model_copy(update={"data": root})
    shutil.copytree(settings.data / "landing", root / "landing")
    shutil.copytree(settings.data / "landed", root / "landed")
    shutil.copy(settings.data / "ledger.sqlite", root / "ledger.sqlite")
    pipeline.run(anew)
    return published(DataFolder(root))


@pytest.mark.slow
def test_a_fortnight_with_a_late_file_a_failed_metric_a_kill_a_missed_night_and_an_edit_ends_whole_and_paid_once(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.delenv("DAGSTER_HOME")
    (tmp_path / "definitions").mkdir()
    with model_server() as server:
        options = {
            "data": tmp_path / "data",
            "definitions": tmp_path / "definitions",
            "first_day": FIRST,
            "model": "openai/x",
            "api_base": server.base,
            "group_size": 1,
            "retries": 0,
            "concurrency": 2,
            "budget_requests": 10_000,
        }
        settings = load_settings(options, {}, tmp_path)
        for key in METRICS:
            define(settings, key)
        with open_home(settings) as instance:
            nights = Nights(settings, instance)
            for number in range(1, 15):
                export(settings, number, *range(10 * number, 10 * number + 3))
                if number == 11:
                    # Nothing runs: neither the schedule nor a sensor.
                    continue
                if number == 12:
                    define(settings, "price_given", "the full price")
                server.refuses = "price given" if number == 7 else ""
                if number == 9:
                    killed_night(nights, server, day(9))
                    continue
                asked = len(nights.asked)
                nights.night_after(day(number))
                assert [job for job, _, _ in nights.asked[asked:]].count("marts") == 1, number
                if number == 5:
                    export(settings, 2, 29, name="late")
                    asked = len(nights.asked)
                    nights.rest()
                    assert nights.asked[asked:] == [
                        ("landing", "", ""),
                        ("lake", *["2026-09-02"] * 2),
                        ("marts", "", ""),
                    ]
                if number == 7:
                    assert nights.materialized("metric", "price_given")[-1] == "2026-09-06"
                    assert nights.materialized("metric", "name_given")[-1] == "2026-09-07"

            days = [day(number).isoformat() for number in range(1, 15)]
            assert nights.materialized("conversations") == days
            for key in METRICS:
                assert nights.materialized("metric", key) == days
                assert sorted(nights.versions(key)) == days
            assert len(set(nights.versions("price_given").values())) == 2
            assert not instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))

        folder = DataFolder(settings.data)
        with duckdb.connect(str(resolve_current(folder) / "metrics.duckdb"), read_only=True) as database:
            states = database.execute(
                "select count(*), sum(conversation_count), sum(unjudged_count + error_count), "
                "count(*) filter (day_status = 'complete') from trend_metric_daily"
            ).fetchone()
        assert states == (3 * 14, 3 * 43, 0, 3 * 14)
        # A question is a conversation and a metric: each was answered once, whatever happened to its night.
        assert set(server.answered.values()) == {1}
        assert server.answered.total() == 3 * 43

        anew = rebuilt(settings, tmp_path / "anew")
        assert server.answered.total() == 3 * 43
        now = published(folder)
        assert [table for table in now if now[table] != anew[table]] == []


def killed_night(nights: Nights, server, last: date) -> None:
    """The run is killed when some of its questions have been answered, and others asked."""
    before = server.answered.total()
    server.answers_left = 4
    nights.execute = lambda definitions, request: kill_in_the_middle(nights, server, request, before + 4)
    nights.tick(last)
    nights.execute, server.answers_left = nights.here, None
    # As long as it counts as running, nothing else does.
    assert nights.look("after_lake") == 0
    assert len(end_dead_runs(nights.instance)) == 1
    nights.rest()


def kill_in_the_middle(nights: Nights, server, request: dg.RunRequest, answered: int) -> bool:
    child = nights.in_child(request)
    until = time.monotonic() + 300
    while server.answered.total() < answered or server.request_count < answered + 1:
        assert child.is_alive()
        assert time.monotonic() < until
        time.sleep(0.1)
    # What was answered is recorded; the questions in flight have no answer yet.
    time.sleep(3)
    assert child.pid is not None
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    return False
