"""After a night those who are to know are told what is new: once, in one message, and nothing where nothing is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import duckdb
import pytest
from nightly_project import FIRST, night, project
from pydantic import SecretStr
from receivers import mail_server, web_hook
from typer.testing import CliRunner

from metrics_pipeline.cli import cli
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.defs.notified import notifying_sensors
from metrics_pipeline.health.finding import Finding
from metrics_pipeline.health.kept_findings import keep_findings
from metrics_pipeline.health.status import status
from metrics_pipeline.health.told import read_told
from metrics_pipeline.notifying.telling import tell
from metrics_pipeline.settings import Settings, load_settings, origins

NOW = datetime.now(UTC)
WARNING = Finding("coverage", "warn", "Of answer_given 12 % are undecided.", "Read ten of them.", "answer_given", FIRST)


@pytest.fixture
def hook():
    with web_hook() as server:
        yield server


@pytest.fixture
def settings(tmp_path, hook) -> Settings:
    return project(tmp_path, notify_urls=hook.address, link_base="http://dagster.example:3000/")


def publish_step(settings: Settings, after: int) -> None:
    """A published trend: 8 of 40 a day, and in the last 28 days `after` of 40."""
    folder = settings.data / "published" / "current"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.duckdb").unlink(missing_ok=True)
    with duckdb.connect(str(folder / "metrics.duckdb")) as database:
        database.execute(
            "create table dim_metrics as select 'auth' as metric, 'Auth: done' as name, 'active' as status"
        )
        database.execute(
            """
            create table trend_metric_daily as select
                'auth' as metric, (date '2026-10-30' - day * interval 1 day)::date as conversation_date,
                'up' as good_direction, 'complete' as day_status, 'true' as rate_of,
                case when day < 28 then $after else 8 end as rate_numerator, 40 as rate_denominator, false as is_break
            from range(56) as days(day)
            """,
            {"after": after},
        )


def test_nothing_is_sent_where_nothing_moved_and_nothing_broke(settings, hook):
    night(settings)
    publish_step(settings, 8)
    assert tell(settings, NOW).message is None
    assert hook.received == []


def test_what_moved_is_told_with_its_interval_the_cost_and_links_and_only_once(settings, hook):
    night(settings)
    publish_step(settings, 16)
    for later in (timedelta(0), timedelta(hours=1), timedelta(days=1), timedelta(days=9)):
        assert tell(settings, NOW + later).problems == ()
    (received,) = hook.received
    assert received["title"] == f"Metrics, {NOW.date()}: 1 moved"
    assert received["message"].splitlines() == [
        "Moved, 28 days to 2026-10-30 against the 28 before",
        "  Auth: done: 20.0% to 40.0% (+20.0 points, +16.3 to +23.7), better",
        "    http://dagster.example:3000/assets/metric/auth",
        "",
        "Cost: 10 calls, 0 tokens, 0.00 dollars",
        "",
        "Days and runs: http://dagster.example:3000/",
    ]


def test_a_rate_that_moves_back_and_again_is_told_again_but_on_another_day(settings, hook):
    for day, after in enumerate((16, 8, 16, 2)):
        publish_step(settings, after)
        tell(settings, NOW + timedelta(days=day))
    publish_step(settings, 16)
    tell(settings, NOW + timedelta(days=3, minutes=1))
    assert len(hook.received) == 3
    tell(settings, NOW + timedelta(days=4))
    assert len(hook.received) == 4


def test_a_finding_and_a_run_that_left_cells_open_are_told_once_each(settings, hook):
    gone = settings.model_copy(update={"model": "openai/x", "api_base": "http://127.0.0.1:9/v1", "retries": 0})
    night(gone)
    keep_findings(DataFolder(settings.data), NOW, [WARNING, WARNING._replace(severity="info", metric="price_given")])
    for _ in range(2):
        tell(gone, NOW)
    keep_findings(DataFolder(settings.data), NOW, [WARNING._replace(severity="block")])
    tell(gone, NOW)

    first, second = (one["message"].split("\n\n")[0].splitlines() for one in hook.received)
    assert first == [
        "Broke",
        "  Of answer_given 12 % are undecided. Read ten of them.",
        "    http://dagster.example:3000/assets/metric/answer_given",
        "  Judging was stopped (circuit).",
        "  answer_given: 10 cells left to the next run.",
        "    http://dagster.example:3000/assets/metric/answer_given",
        "  price_given: 10 cells left to the next run.",
        "    http://dagster.example:3000/assets/metric/price_given",
    ]
    assert second[1] == "  Nothing new is published. Of answer_given 12 % are undecided. Read ten of them."


def test_a_finding_that_was_gone_and_comes_again_is_told_again(settings, hook):
    folder = DataFolder(settings.data)
    for found in ([WARNING], [WARNING], [], [WARNING]):
        keep_findings(folder, NOW, found)
        tell(settings, NOW)
    assert len(hook.received) == 2


def test_no_message_holds_a_word_of_a_conversation(settings, hook):
    gone = settings.model_copy(update={"model": "openai/x", "api_base": "http://127.0.0.1:9/v1", "retries": 0})
    night(gone)
    publish_step(settings, 16)
    tell(gone, NOW)
    assert "question 0 of" in (settings.landing_folder / "a.json").read_text()
    assert [word for word in ("question", "answer 0") if word in str(hook.received)] == []


def test_what_reached_nobody_is_said_kept_and_sent_again_and_holds_no_secret(settings, hook, tmp_path):
    publish_step(settings, 16)
    hook.status = 500
    told = tell(settings, NOW)
    assert told.problems[0].startswith("notify_urls, number 1 (json): Failed to send JSON POST notification")
    found = status(settings, origins(None, {}, tmp_path), lambda metrics: None, NOW)
    assert f"The last message did not reach everybody: {told.problems[0]}." in found.wrong
    assert "very-secret" not in f"{told}{found}{(settings.data / 'notified.json').read_text()}"
    hook.status = 200
    assert tell(settings, NOW + timedelta(minutes=5)).problems == ()
    assert (len(hook.received), read_told(DataFolder(settings.data)).failure) == (1, None)


def test_a_mail_arrives_and_an_address_that_fails_keeps_no_other_from_being_told(settings, hook, capfd, caplog):
    publish_step(settings, 16)
    with mail_server() as (server, address):
        both = settings.model_copy(
            update={"notify_urls": (SecretStr("nothing://very-secret"), SecretStr(address), SecretStr(hook.address))}
        )
        told = tell(both, NOW)
    assert told.problems == ("notify_urls, number 1 (nothing): is no address that apprise understands",)
    assert [subject for subject, _ in server.received] == [f"Metrics, {NOW.date()}: 1 moved"]
    assert "Auth: done: 20.0% to 40.0%" in server.received[0][1]
    assert len(hook.received) == 1
    assert "very-secret" not in caplog.text + "".join(capfd.readouterr())


def test_what_a_service_says_of_a_failure_is_told_without_any_part_of_its_address(settings):
    publish_step(settings, 16)
    told = tell(settings.model_copy(update={"notify_urls": (SecretStr("json://localhost:9/very-secret"),)}), NOW)
    (problem,) = told.problems
    assert problem.startswith("notify_urls, number 1 (json): A Connection error occurred")
    assert "localhost" not in problem


def test_a_dry_run_prints_the_message_and_sends_and_remembers_nothing(settings, hook):
    publish_step(settings, 16)
    environment = {"METRICS_DATA": str(settings.data), "METRICS_NOTIFY_URLS": hook.address}
    done = CliRunner().invoke(cli, ["notify", "--dry-run"], env=environment)
    assert (done.exit_code, "Auth: done: 20.0% to 40.0%" in done.output) == (0, True)
    assert (hook.received, (settings.data / "notified.json").exists()) == ([], False)
    done = CliRunner().invoke(cli, ["notify"], env=environment)
    assert (done.exit_code, len(hook.received)) == (0, 1)
    done = CliRunner().invoke(cli, ["notify"], env=environment | {"METRICS_NOTIFY_URLS": ""})
    assert "Set METRICS_NOTIFY_URLS" in str(done.exception)


def test_addresses_stand_in_the_environment_with_spaces_between_them(tmp_path):
    settings = load_settings(
        environment={"METRICS_NOTIFY_URLS": "json://one\n mailto://two?to=a@b.c,d@e.f"}, folder=tmp_path
    )
    assert [one.get_secret_value() for one in settings.notify_urls] == ["json://one", "mailto://two?to=a@b.c,d@e.f"]
    assert "one" not in str(settings.notify_urls)


@dg.op(config_schema={"fails": bool})
def nothing(context) -> None:
    if context.op_config["fails"]:
        raise ValueError("question 0 of the conversation")


@pytest.mark.parametrize(("job", "fails", "sent"), [("marts", True, 1), ("marts", False, 1), ("lake", True, 0)])
def test_dagster_tells_after_the_tables_whether_they_were_built_or_failed_to_be(settings, hook, job, fails, sent):
    publish_step(settings, 16)
    instance = dg.DagsterInstance.ephemeral()

    @dg.job(name=job, config={"ops": {"nothing": {"config": {"fails": fails}}}})
    def ended() -> None:
        nothing()

    result = ended.execute_in_process(instance=instance, raise_on_error=False)
    sensor = next(one for one in notifying_sensors(settings) if one.name.endswith("failure" if fails else "success"))
    event = result.all_events[-1]
    context = dg.build_run_status_sensor_context(
        sensor_name=sensor.name, dagster_instance=instance, dagster_run=result.dagster_run, dagster_event=event
    )
    sensor(context)

    assert len(hook.received) == sent
    if sent and fails:
        broke = hook.received[0]["message"].splitlines()[1:3]
        link = f"    http://dagster.example:3000/runs/{result.run_id}"
        assert broke == ["  The job marts failed: see its run in Dagster.", link]


def test_a_message_that_cannot_be_sent_fails_no_sensor_and_without_an_address_there_is_none(settings, tmp_path):
    assert notifying_sensors(settings.model_copy(update={"notify_urls": ()})) == []
    (settings.data / "notified.json").write_text("damaged")
    sensor = notifying_sensors(settings)[0]

    @dg.job(name="marts")
    def marts() -> None:
        pass

    instance = dg.DagsterInstance.ephemeral()
    result = marts.execute_in_process(instance=instance)
    context = dg.build_run_status_sensor_context(
        sensor_name=sensor.name,
        dagster_instance=instance,
        dagster_run=result.dagster_run,
        dagster_event=result.all_events[-1],
    )
    assert "nobody was told" in sensor(context).skip_message


def test_the_day_is_that_of_the_projects_time_zone(settings, hook):
    publish_step(settings, 16)
    at = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)
    tell(settings.model_copy(update={"timezone": "Europe/Berlin"}), at)
    assert hook.received[0]["title"] == f"Metrics, {date(2026, 11, 1)}: 1 moved"
    assert Path(settings.data / "notified.json").exists()
