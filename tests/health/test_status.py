"""`metrics status` says how the project is, and its exit code whether somebody has to look."""

from __future__ import annotations

import json
import re
import resource
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, ScheduleInstigatorData
from exports import raw, write
from nightly_project import FIRST, LAST, night, project, publish_manifest
from typer.testing import CliRunner

from metrics_pipeline.cli import cli
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.defs.home import open_home
from metrics_pipeline.defs.nights_seen import nights_seen
from metrics_pipeline.errors import DataFolderError, SettingsError
from metrics_pipeline.health.finding import Finding
from metrics_pipeline.health.kept_findings import keep_findings
from metrics_pipeline.health.status import Status, status
from metrics_pipeline.settings import Settings, origins

NOW = datetime.now(UTC)
DAYS = tuple(date(2026, 9, number) for number in range(1, 6))


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    return project(tmp_path)


@pytest.fixture
def judged(settings) -> Settings:
    night(settings, list(DAYS))
    publish_manifest(settings, NOW)
    return settings


def look(settings: Settings, now: datetime = NOW) -> Status:
    return status(settings, origins(None, {}, settings.data), lambda metrics: nights_seen(settings, metrics, now), now)


def test_nothing_is_wrong_with_a_project_that_was_judged_and_published(judged):
    found = look(judged)
    assert found.wrong == []
    assert [(one.metric, one.judged, one.missing) for one in found.metrics] == [
        ("answer_given", DAYS, ()),
        ("price_given", DAYS, ()),
    ]
    assert (found.day_count, found.nights, found.published.generation) == (5, None, "g1")
    assert found.newest_conversation == datetime(2026, 9, 5, 10, 9, tzinfo=UTC)
    assert 0 < found.storage.ledger < found.storage.total


def test_what_is_missing_late_open_or_of_an_older_version_is_told_by_metric(settings):
    night(settings, list(DAYS[1:]))
    file = settings.definitions / "price_given.yaml"
    file.write_text(file.read_text().replace("said the price", "said the full price"))
    write(settings.landing_folder / "b.json", raw(101))
    gone = settings.model_copy(update={"model": "openai/x", "api_base": "http://127.0.0.1:9/v1", "retries": 0})
    night(gone, [LAST])

    answer, price = look(settings).metrics

    assert (answer.judged, answer.late, answer.missing, answer.older_version) == (DAYS[2:], (DAYS[1],), (FIRST,), ())
    assert price.older_version == DAYS[1:]
    # The newest that has judged the whole of the day stays in force: a model that is gone opens no day again.
    assert answer.open == ()


def test_days_that_a_model_left_open_are_wrong(settings):
    gone = settings.model_copy(update={"model": "openai/x", "api_base": "http://127.0.0.1:9/v1", "retries": 0})
    night(gone, list(DAYS))
    publish_manifest(settings, NOW + timedelta(minutes=1))

    found = look(settings)

    assert [one.open for one in found.metrics] == [DAYS, DAYS]
    assert found.wrong == [
        f"The last run, of {found.last_run.started_at:%Y-%m-%d %H:%M} UTC, was stopped (circuit): "
        "`metrics run` goes on from there.",
        "Days are judged in part, and wait for the next run: answer_given 5 days, price_given 5 days.",
    ]


def test_what_is_not_published_though_it_was_judged_hours_ago_is_wrong(judged):
    manifest = judged.data / "published" / "current" / "manifest.json"
    manifest.write_text(json.dumps({"generation": "g1", "published_at": "2026-09-01T00:00:00+00:00"}))
    assert look(judged).wrong == []
    assert len(look(judged, NOW + timedelta(hours=3)).wrong) == 1


def test_a_finding_that_blocks_is_wrong_and_a_warning_is_only_said(judged):
    block = Finding("coverage", "block", "Of answer_given 40 % are unjudged.", "Look at the last run.", "answer_given")
    keep_findings(DataFolder(judged.data), NOW, [block, block._replace(severity="warn", metric="price_given")])

    found = look(judged)

    assert [one.severity for one in found.checked.findings] == ["block", "warn"]
    assert found.wrong == ["Of answer_given 40 % are unjudged. Look at the last run."]


def test_a_file_that_is_damaged_is_said_beside_all_else(judged):
    (judged.data / "ledger.sqlite").write_bytes(b"no ledger at all" * 100)
    (judged.definitions / "price_given.yaml").write_text("name: [broken\n")

    found = look(judged)

    assert found.day_count == 5
    assert ["is damaged" in found.wrong[1], "does not load" in found.wrong[0]] == [True, True]


def turn(instance: dg.DagsterInstance, status: str) -> None:
    """The schedule, turned on or off as the web server does it."""
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("x"), "r"), "nightly")
    data = ScheduleInstigatorData("0 2 * * *", NOW.timestamp())
    state = InstigatorState(origin, InstigatorType.SCHEDULE, InstigatorStatus[status], data)
    known = instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE)
    (instance.update_instigator_state if known else instance.add_instigator_state)(state)


@dg.op
def fail() -> None:
    raise ValueError


@dg.job(name="lake")
def failing_job() -> None:
    fail()


def test_dagsters_home_says_whether_nights_come_and_how_the_last_one_ended(judged):
    now = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
    with open_home(judged) as instance:
        failing_job.execute_in_process(instance=instance, raise_on_error=False)
        assert look(judged, now).nights.schedule_is_on is None
        turn(instance, "RUNNING")
        on = look(judged.model_copy(update={"timezone": "Europe/Berlin"}), now)
        turn(instance, "STOPPED")
        off = look(judged, now)

    assert on.nights.next_run_at == datetime(2026, 11, 26, 1, 0, tzinfo=UTC)
    assert [(run.job, run.status) for run in on.nights.last] == [("lake", "failure")]
    assert "daemon was not heard of at all" in on.wrong[0]
    assert "The last run of lake ended with failure" in on.wrong[1]
    assert (off.nights.schedule_is_on, off.nights.next_run_at) == (False, None)
    assert "The schedule nightly was turned off" in off.wrong[0]


def command(settings: Settings, *arguments: str, **more: str):
    environment = {
        "METRICS_DATA": str(settings.data),
        "METRICS_DEFINITIONS": str(settings.definitions),
        "METRICS_API_KEY": "sk-very-secret",
        "METRICS_API_BASE": "http://me:very-secret@localhost/v1?key=very-secret",
        **more,
    }
    return CliRunner().invoke(cli, ["status", *arguments], env=environment)


@pytest.mark.parametrize("arguments", [[], ["--all"], ["--json"]])
def test_the_command_shows_each_setting_with_where_it_came_from_and_no_secret(judged, arguments):
    done = command(judged, *arguments)
    assert done.exit_code == 0, done.output
    assert "very-secret" not in done.output
    shown = {"--json": '"name": "api_key",\n      "value": "********",\n      "origin": "environment"'}
    assert shown.get("".join(arguments), "api_key = ******** (environment)") in done.output


def test_exit_codes_are_0_1_and_2(judged):
    assert command(judged, "--json").exit_code == 0
    (judged.data / "published" / "current").unlink()
    done = command(judged, "--json")
    assert (done.exit_code, json.loads(done.output)["wrong"]) == (
        1,
        ["Nothing is published yet: `metrics run` does it."],
    )
    assert command(judged, METRICS_RETRIES="many").exception.exit_code == 2


def test_the_command_writes_nothing(judged):
    before = {path: path.stat().st_mtime_ns for path in judged.data.rglob("*")}
    assert command(judged).exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in judged.data.rglob("*")} == before


def test_every_line_of_the_table_of_days_names_a_metric_and_its_days(judged):
    lines = command(judged).output.splitlines()
    assert [line for line in lines if re.match(r" {11}(answer|price)_given: 5 judged$", line)] != []


def test_days_that_the_grid_does_not_show_are_counted_one_by_one_whatever_else_it_shows(judged):
    key = dg.AssetKey(["metric", "answer_given"])
    with open_home(judged) as instance:
        # Two days that nobody has judged stand in the grid; they make up for none that it lacks.
        for marked in (DAYS[0], DAYS[1], DAYS[2], date(2026, 8, 1), date(2026, 8, 2)):
            instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=marked.isoformat()))
    assert "answer_given: 5 judged, 2 not marked in Dagster (2026-09-04 to 2026-09-05)" in command(judged).output


@pytest.mark.parametrize(
    ("home", "said"),
    [
        ("relative", "Dagster takes only a whole path"),
        ("{root}/nowhere", "there is no folder"),
        ("{root}/a file", "there is no folder"),
    ],
)
def test_a_home_that_dagster_does_not_take_is_one_sentence(settings, tmp_path, monkeypatch, home, said):
    (tmp_path / "a file").touch()
    monkeypatch.setenv("DAGSTER_HOME", home.format(root=tmp_path))
    with pytest.raises(SettingsError, match=said), open_home(settings):
        pass


def test_a_home_variable_that_is_set_to_nothing_is_not_set(settings, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", "")
    with open_home(settings) as instance:
        assert instance.root_directory == str(settings.data / "dagster_home")


def test_a_home_on_a_disk_that_is_full_is_one_sentence(settings):
    with open_home(settings) as instance:
        assert instance.get_runs_count() == 0
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        # Every file of a disk without room: none may grow.
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, limits[1]))
        with pytest.raises(DataFolderError, match="disk is full"), open_home(settings) as instance:
            failing_job.execute_in_process(instance=instance, raise_on_error=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
