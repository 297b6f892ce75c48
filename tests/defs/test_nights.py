"""Nights take up what needs it, once, in few runs; what comes late is judged again, and nothing is paid twice."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.events import DagsterEvent, EngineEventData
from dagster._core.loader import LoadingContextForTest
from exports import raw, write
from model_server import model_server
from nights import Nights
from small_project import DEFINITION

from metrics_pipeline.data_folder import open_data_folder
from metrics_pipeline.defs.assembly import build_definitions
from metrics_pipeline.defs.backfilling import backfill
from metrics_pipeline.defs.following import BACKFILL_TAG, is_between_runs, is_busy
from metrics_pipeline.defs.home import open_home
from metrics_pipeline.defs.in_process import run_here
from metrics_pipeline.defs.nights import Stretch, days_of_a_night, stretches
from metrics_pipeline.defs.upkeep import SPACE_TAG, end_dead_runs, remove_old_run_files
from metrics_pipeline.evaluation.ledger import MetricDay
from metrics_pipeline.evaluation.options import Progress
from metrics_pipeline.evaluation.waiting import Waiting, waiting
from metrics_pipeline.publishing.generation import resolve_current
from metrics_pipeline.publishing.warehouse import manifest_path
from metrics_pipeline.settings import Settings, load_settings

DAY = date(2026, 9, 10)
BOTH = frozenset({"conversations", "metric/a"})


def day(number: int) -> date:
    return date(2026, 9, number)


def test_days_without_a_gap_that_need_the_same_are_one_run_newest_first():
    needed = {day(1): BOTH, day(2): BOTH, day(3): frozenset({"metric/b"}), day(5): BOTH}
    assert stretches(needed) == [
        Stretch(day(5), day(5), ("conversations", "metric/a")),
        Stretch(day(3), day(3), ("metric/b",)),
        Stretch(day(1), day(2), ("conversations", "metric/a")),
    ]


def test_many_gaps_still_make_three_runs():
    needed = {day(number): frozenset({f"metric/m{number}"}) for number in (1, 4, 7, 10, 13)}
    found = stretches(needed)
    assert [(one.first, one.last) for one in found] == [(day(13), day(13)), (day(10), day(10)), (day(1), day(7))]
    assert found[-1].assets == ("metric/m1", "metric/m4", "metric/m7")


def test_a_night_takes_up_yesterday_missed_nights_within_bounds_and_what_waits_at_any_age():
    waits = [
        Waiting("a", day(1), "reopened"),
        Waiting("a", day(2), "new"),
        Waiting("a", day(8), "left_open"),
        Waiting("a", day(11), "new"),
    ]
    found = days_of_a_night(DAY, date(2026, 8, 1), 4, {day(7), day(8)}, waits, BOTH)
    assert found == {
        day(1): frozenset({"metric/a"}),
        day(8): frozenset({"metric/a"}),
        day(9): BOTH,
        day(10): BOTH,
    }


def test_what_waits_is_told_with_its_reason_and_a_new_metrics_old_days_do_not_wait():
    marks = {day(number): f"m{number}" for number in range(1, 6)}
    history = [
        MetricDay("a", day(1), "v", "j", 1, "m1"),
        MetricDay("a", day(2), "v", "j", 1, "as it was"),
        MetricDay("a", day(3), "v", "j", 1, None),
        MetricDay("a", day(4), "v", "j", 1, "m4"),
    ]
    found = waiting(["a", "b"], marks, history, lambda metric, at: at != day(4))
    assert found == [
        Waiting("a", day(2), "reopened"),
        Waiting("a", day(3), "left_open"),
        Waiting("a", day(4), "lost"),
        Waiting("a", day(5), "new"),
        Waiting("b", day(5), "new"),
    ]


@pytest.fixture(scope="module")
def parsed(tmp_path_factory):
    """What dbt made of its project: every project's is the same, and parsing takes seconds."""
    root = tmp_path_factory.mktemp("parsed")
    return manifest_path(open_data_folder(root)).parent


@pytest.fixture
def project(parsed, tmp_path, monkeypatch) -> Settings:
    # Set and taken away again, so that what is set meanwhile goes with the test.
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.delenv("DAGSTER_HOME")
    (tmp_path / "definitions").mkdir()
    shutil.copytree(parsed, tmp_path / "data" / "warehouse" / "target")
    for key in ("answer_given", "price_given"):
        define(tmp_path / "definitions", key)
    options = {"data": tmp_path / "data", "definitions": tmp_path / "definitions", "first_day": day(1)}
    return load_settings(options | {"retries": 0, "budget_requests": 10_000}, {}, tmp_path)


def define(folder, key, what=""):
    (folder / f"{key}.yaml").write_text(DEFINITION.format(name=key, what=what or key.replace("_", " ")))


def export(settings, number, *ids, name=""):
    """Conversations of a September day, in a file of their own."""
    started_at = f"{day(number)}T10:00:00.000Z"
    write(settings.data / "landing" / f"{name or number}.json", *(raw(one, started_at=started_at) for one in ids))


def test_nights_with_a_missed_one_a_failed_one_a_late_file_a_new_metric_and_an_edit_judge_each_thing_once(project):
    with model_server() as server, dg.instance_for_test() as instance:
        settings = project.model_copy(update={"model": "openai/x", "api_base": server.base})
        nights = Nights(settings, instance, builds=False)
        export(settings, 1, 1, 2)
        nights.night_after(day(1))
        assert nights.asked == [("lake", "2026-09-01", "2026-09-01"), ("marts", "", "")]
        assert server.request_count == 2

        # Two nights were missed; the first after them makes up for both, in one run.
        nights.asked.clear()
        export(settings, 2, 3)
        export(settings, 3, 4)
        nights.night_after(day(4))
        assert nights.asked == [("lake", "2026-09-02", "2026-09-04"), ("marts", "", "")]
        assert server.request_count == 4
        assert nights.materialized("metric", "price_given") == [f"2026-09-0{number}" for number in range(1, 5)]

        # One conversation of the first day comes late: it alone is asked about, by the sensors alone.
        nights.asked.clear()
        export(settings, 1, 9, name="late")
        nights.rest()
        assert nights.asked == [("landing", "", ""), ("lake", "2026-09-01", "2026-09-01"), ("marts", "", "")]
        assert server.request_count == 5

        # The server is down for a night: the next repeats that day, beside its own.
        nights.asked.clear()
        export(settings, 5, 5)
        server.fault = "400"
        nights.night_after(day(5))
        assert nights.materialized("metric", "price_given") == [f"2026-09-0{number}" for number in range(1, 5)]
        server.fault, failed = "", server.request_count
        export(settings, 6, 6)
        define(settings.definitions, "price_given", "the full price")
        define(settings.definitions, "new_one")
        nights.night_after(day(6))
        assert server.request_count == failed + 2
        assert nights.materialized("metric", "answer_given") == [f"2026-09-0{number}" for number in range(1, 7)]

        # An edit and a new metric begin with the night they are there, and older days keep what judged them.
        assert len(set(nights.versions("price_given").values())) == 2
        assert set(nights.versions("new_one")) == {"2026-09-06"}
        assert nights.materialized("metric", "new_one") == ["2026-09-06"]

        # What comes late after an edit is judged by what is in force on its day.
        standing, before = nights.versions("price_given"), server.request_count
        export(settings, 2, 8, name="later")
        nights.rest()
        assert nights.versions("price_given") == standing
        assert server.request_count == before + 1

        nights.asked.clear()
        before = server.request_count
        nights.rest()
        assert nights.asked == []
        nights.night_after(day(6))
        assert server.request_count == before
        assert max(server.bodies.values()) == 1


def test_the_tick_of_a_night_that_is_long_past_leaves_its_days_to_a_later_one(project):
    with dg.instance_for_test() as instance:
        nights = Nights(project, instance)
        definitions = build_definitions(project, now=lambda: nights.moment + timedelta(days=3))
        with dg.build_schedule_context(instance=instance, scheduled_execution_time=nights.moment) as context:
            found = definitions.resolve_schedule_def("nightly").evaluate_tick(context)
    assert (found.run_requests or [], found.skip_message) == ([], "A later night makes up for this one.")


def test_a_new_file_is_an_asset_with_sixty_missing_days_and_their_backfill_is_two_runs_judges_it_alone_and_resumes(
    project,
):
    with model_server() as server, open_home(project) as instance:
        first = day(5) - timedelta(days=59)
        settings = project.model_copy(update={"model": "openai/x", "api_base": server.base, "first_day": first})
        nights = Nights(settings, instance, builds=False)
        for number in range(1, 6):
            export(settings, number, number)
        nights.night_after(day(5))
        define(settings.definitions, "new_one")
        days = build_definitions(settings).resolve_asset_graph().get(dg.AssetKey(["metric", "new_one"])).partitions_def
        keys = {(first + timedelta(days=number)).isoformat() for number in range(60)}
        assert keys <= set(days.get_partition_keys())
        assert nights.materialized("metric", "new_one") == []
        asked, runs = server.request_count, instance.get_runs_count()

        done = backfill(settings, "new_one", day(1), day(3), lambda progress: None)
        assert (done.complete_count, done.day_count, done.failure) == (3, 3, None)
        again = backfill(settings, "new_one", first, day(5), lambda progress: None)

        assert (again.complete_count, again.tally.requests) == (5, 2)
        assert server.request_count == asked + 5
        assert instance.get_runs_count() == runs + 4
        assert nights.materialized("metric", "new_one") == sorted(keys)
        assert nights.look("after_lake") == 0

        # An edited file makes its own days stale, a late conversation the day that it belongs to.
        assert stale(settings, instance) == set()
        define(settings.definitions, "new_one", "another one")
        assert stale(settings, instance) == {("new_one", key) for key in keys}
        define(settings.definitions, "new_one")
        export(settings, 2, 9, name="late")
        nights.look("new_exports")
        assert {at for _, at in stale(settings, instance)} == {"2026-09-02"}

        # Whoever ends it is told so, and what was published stays.
        define(settings.definitions, "new_one", "a third one")
        published = resolve_current(open_data_folder(settings.data))
        with pytest.raises(KeyboardInterrupt):
            backfill(settings, "new_one", day(1), day(5), ended_by_hand)
        assert resolve_current(open_data_folder(settings.data)) == published


def test_a_run_that_its_user_ends_before_its_first_step_holds_up_nobody_and_no_daemon_starts_it_again():
    # The plan is made, and the first thing that is opened takes so long that somebody ends it.
    @dg.logger
    def slow(context):
        raise KeyboardInterrupt

    @dg.job(logger_defs={"slow": slow})
    def nothing():
        pass

    with dg.instance_for_test() as instance:
        with pytest.raises(KeyboardInterrupt):
            run_here(nothing, instance, {}, {"loggers": {"slow": {"config": {}}}})
        (run,) = instance.get_runs()
        assert (run.status, run.tags["dagster/max_retries"]) == (dg.DagsterRunStatus.CANCELED, "0")
        assert not is_busy(instance)


def test_the_sensor_leaves_the_tables_to_a_backfill_that_has_just_judged_and_takes_them_up_if_that_never_builds():
    @dg.job(name="lake")
    def lake():
        pass

    with dg.instance_for_test() as instance:
        lake.execute_in_process(instance=instance)
        assert not is_between_runs(instance, datetime.now(UTC))
        lake.execute_in_process(instance=instance, tags={BACKFILL_TAG: "answer_given"})
        assert is_between_runs(instance, datetime.now(UTC))
        assert not is_between_runs(instance, datetime.now(UTC) + timedelta(minutes=2))


def ended_by_hand(progress: Progress) -> None:
    raise KeyboardInterrupt


def stale(settings: Settings, instance: dg.DagsterInstance) -> set[tuple[str, str]]:
    """The metrics and days that the web server shows as stale."""
    graph = build_definitions(settings).resolve_asset_graph()
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    return {
        (key.path[-1], day)
        for key in graph.executable_asset_keys
        if key.path[0] == "metric"
        for day in instance.get_materialized_partitions(key)
        if resolver.get_stale_causes(key, day)
    }


def test_a_run_whose_process_is_gone_is_ended_and_one_that_lives_or_is_another_machines_is_left_alone():
    gone = subprocess.Popen(["true"])
    gone.wait()

    @dg.job
    def nothing():
        pass

    with dg.instance_for_test() as instance:
        runs = {}
        elsewhere = {SPACE_TAG: "another machine"}
        for process_id, tags in ((gone.pid, {}), (os.getpid(), {}), (-gone.pid, elsewhere)):
            run = runs[process_id] = instance.create_run_for_job(nothing, tags=tags)
            started = DagsterEvent(dg.DagsterEventType.RUN_START.value, "nothing", message="started")
            instance.report_dagster_event(started, run.run_id)
            instance.report_engine_event("steps", run, EngineEventData.in_process(abs(process_id)))
        # A command that sees other processes than the daemon leaves its runs alone; so does the daemon a command's.
        assert end_dead_runs(instance, launched=False) == []
        assert end_dead_runs(instance) == [runs[gone.pid].run_id]
        statuses = [instance.get_run_by_id(run.run_id).status.value for run in runs.values()]
    assert statuses == ["FAILURE", "STARTED", "STARTED"]


def test_files_of_old_runs_go_and_what_they_materialized_stays():
    @dg.asset(partitions_def=dg.DailyPartitionsDefinition("2026-09-01"))
    def table() -> None:
        pass

    with dg.instance_for_test() as instance:
        run = dg.materialize([table], instance=instance, partition_key="2026-09-01").run_id
        now = datetime.now(UTC)
        assert remove_old_run_files(instance, 30, now + timedelta(days=29)) == 0
        assert remove_old_run_files(instance, 30, now + timedelta(days=31)) == 1
        assert remove_old_run_files(instance, 30, now + timedelta(days=31)) == 0
        assert instance.get_materialized_partitions(dg.AssetKey("table")) == {"2026-09-01"}
        assert instance.get_run_by_id(run).is_success
        # As the web server sees it when it is started next.
        with dg.DagsterInstance.from_ref(instance.get_ref()) as later:
            assert list(later.all_logs(run)) == []
