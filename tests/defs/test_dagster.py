"""Dagster sees days, a metric as an asset, dbt's models and what is published; the real jobs do the whole job."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import dagster as dg
import duckdb
import pyarrow.parquet as pq
import pytest
from conversations_server import TOKEN, conversations_server
from exports import raw, write
from model_server import model_server
from pydantic import SecretStr
from small_project import DEFINITION

from metrics_pipeline.data_folder import DataFolder, open_data_folder
from metrics_pipeline.defs.assembly import build_definitions
from metrics_pipeline.defs.home import open_home
from metrics_pipeline.defs.in_process import QUIET, RANGE_END, RANGE_START, run_jobs
from metrics_pipeline.defs.nights import Stretch
from metrics_pipeline.defs.schedule import lake_run
from metrics_pipeline.errors import PipelineError
from metrics_pipeline.logs import log_to_stderr
from metrics_pipeline.metrics.catalog import load_catalog
from metrics_pipeline.pipeline import now
from metrics_pipeline.publishing.generation import publish, resolve_current
from metrics_pipeline.publishing.warehouse import build_marts
from metrics_pipeline.settings import Settings, load_settings
from metrics_pipeline.thresholds import THRESHOLDS

ROOT = Path(__file__).parents[2]
FIRST, LAST = date(2026, 9, 1), date(2026, 9, 5)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home of its own for Dagster, whatever the user has."""
    before = os.environ.pop("DAGSTER_HOME", None)
    yield
    os.environ.pop("DAGSTER_HOME", None)
    if before is not None:
        os.environ["DAGSTER_HOME"] = before


@pytest.fixture(scope="module")
def project(home, tmp_path_factory) -> Settings:
    """Two metrics and twenty conversations over five days, after both jobs have run."""
    root = tmp_path_factory.mktemp("dagster")
    definitions = root / "definitions"
    definitions.mkdir()
    (definitions / "answer_given.yaml").write_text(DEFINITION.format(name="Answer", what="an answer"))
    (definitions / "price_given.yaml").write_text(DEFINITION.format(name="Price", what="a price"))
    write(root / "data" / "landing" / "a.json", *(raw(number) for number in range(20)))
    settings = load_settings({"data": root / "data", "definitions": definitions, "first_day": FIRST}, {}, root)
    run_jobs(settings, FIRST, LAST)
    return settings


def metric_specs(settings: Settings) -> dict[str, dg.AssetSpec]:
    definitions = build_definitions(settings)
    specs = definitions.resolve_all_asset_specs()
    return {spec.key.path[-1]: spec for spec in specs if spec.key.path[0] == "metric"}


def test_the_jobs_land_judge_build_and_publish(project):
    generation = resolve_current(DataFolder(project.data))
    with duckdb.connect(str(generation / "metrics.duckdb"), read_only=True) as database:
        rows = database.execute(
            "select metric, sum(conversation_count), sum(unjudged_count) from trend_metric_daily group by 1 order by 1"
        ).fetchall()
    assert rows == [("answer_given", 20, 0), ("price_given", 20, 0)]


def test_every_day_of_every_metric_is_known_as_materialized(project):
    with open_home(project) as instance:
        for key in (["conversations"], ["metric", "answer_given"], ["metric", "price_given"]):
            days = instance.get_materialized_partitions(dg.AssetKey(key))
            assert days == {f"2026-09-0{number}" for number in range(1, 6)}


def test_a_metric_is_an_asset_whose_code_version_is_its_version(project):
    specs = metric_specs(project)
    versions = {metric.key: metric.version for metric in load_catalog(project.definitions).definitions}

    assert {key: spec.code_version for key, spec in specs.items()} == versions
    assert all(isinstance(spec.partitions_def, dg.DailyPartitionsDefinition) for spec in specs.values())
    assert "The agent gave an answer." in (specs["answer_given"].description or "")


def test_an_edited_file_changes_its_own_asset_alone_and_a_new_one_is_a_new_asset(project, tmp_path):
    definitions = tmp_path / "definitions"
    shutil.copytree(project.definitions, definitions)
    before = metric_specs(project)
    (definitions / "price_given.yaml").write_text(DEFINITION.format(name="Price", what="the full price"))
    (definitions / "new.yaml").write_text(DEFINITION.format(name="New", what="something new"))

    after = metric_specs(project.model_copy(update={"definitions": definitions}))

    assert set(after) == {"answer_given", "price_given", "new"}
    assert after["answer_given"].code_version == before["answer_given"].code_version
    assert after["price_given"].code_version != before["price_given"].code_version


@pytest.mark.parametrize(
    "said", ["tags: ['a:b', 返金, plain one]", "owner: team@nowhere", "owner: two@example.com, one@example.com"]
)
def test_a_tag_or_owner_that_dagster_cannot_hold_takes_no_asset_down(project, tmp_path, said):
    definitions = tmp_path / "definitions"
    shutil.copytree(project.definitions, definitions)
    with (definitions / "price_given.yaml").open("a") as file:
        file.write(f"{said}\n")

    spec = metric_specs(project.model_copy(update={"definitions": definitions}))["price_given"]

    assert set(spec.tags) & {"plain_one"} == ({"plain_one"} if "plain" in said else set())
    assert list(spec.owners) == []


def test_a_broken_file_does_not_take_the_others_down_and_keeps_its_trend(project, tmp_path):
    definitions, data = tmp_path / "definitions", tmp_path / "data"
    shutil.copytree(project.definitions, definitions)
    shutil.copytree(project.data, data, symlinks=True)
    (definitions / "price_given.yaml").write_text("name: [broken\n")
    settings = project.model_copy(update={"definitions": definitions, "data": data})
    assert set(metric_specs(settings)) == {"answer_given"}

    run_jobs(settings, FIRST, LAST)

    with duckdb.connect(str(resolve_current(DataFolder(data)) / "metrics.duckdb"), read_only=True) as database:
        rows = database.execute("select metric, count(*) from trend_metric_daily group by 1 order by 1").fetchall()
    assert rows == [("answer_given", 5), ("price_given", 5)]


def test_a_model_that_is_gone_fails_the_metrics_and_names_what_is_left_to_judge(project, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(project.data, data, symlinks=True)
    before = (data / "published" / "current").readlink()
    settings = project.model_copy(
        update={"data": data, "model": "openai/x", "api_base": "http://127.0.0.1:9/v1", "retries": 0}
    )

    with pytest.raises(PipelineError, match=r"answer_given: \d of 5 days; price_given: \d of 5 days have cells left"):
        run_jobs(settings, FIRST, LAST)
    assert (data / "published" / "current").readlink() == before


def test_a_metric_whose_judge_fails_on_one_day_fails_there_alone_and_the_next_run_asks_only_what_is_missing(
    project, tmp_path
):
    folder = open_data_folder(tmp_path / "data")
    write(tmp_path / "data" / "landing" / "a.json", *(raw(number) for number in range(20)))
    days = {f"2026-09-0{number}" for number in range(1, 6)}
    tags = {RANGE_START: FIRST.isoformat(), RANGE_END: LAST.isoformat()}
    with model_server() as server, dg.DagsterInstance.ephemeral() as instance:
        # A metric a request; what is asked about the prices of the third day's four conversations fails.
        server.refuses = r"question 0 of (2|7|12|17)\b.*price_given"
        update = {"data": folder.root, "model": "openai/x", "api_base": server.base, "group_size": 1, "retries": 0}
        lake = build_definitions(project.model_copy(update=update)).resolve_job_def("lake")

        def run() -> dg.ExecuteInProcessResult:
            return lake.execute_in_process(instance=instance, tags=tags, run_config=QUIET, raise_on_error=False)

        def marked(metric: str) -> set[str]:
            return instance.get_materialized_partitions(dg.AssetKey(["metric", metric]))

        failed = run()
        assert not failed.success
        failure = next(
            event.step_failure_data.user_failure_data for event in failed.all_events if event.is_step_failure
        )
        assert str(failure.description).startswith("price_given: 1 of 5 days have cells left to judge")
        assert (marked("answer_given"), marked("price_given")) == (days, days - {"2026-09-03"})
        asked = server.request_count
        assert asked == 40

        build_marts(folder)
        generation = publish(folder, now(), 3).path
        with duckdb.connect(str(generation / "metrics.duckdb"), read_only=True) as database:
            without = database.execute(
                "select metric, conversation_date::varchar, error_count from trend_metric_daily"
                " where error_count + unjudged_count > 0"
            ).fetchall()
        assert without == [("price_given", "2026-09-03", 4)]

        server.refuses = ""
        assert run().success
        assert server.request_count - asked == 4
        assert marked("price_given") == days


def test_a_run_says_of_each_day_what_it_came_to_and_names_no_conversation(project):
    with open_home(project) as instance:
        key = dg.AssetKey(["metric", "answer_given"])
        records = instance.fetch_materializations(key, limit=20).records
    told = {record.asset_materialization.partition: record.asset_materialization.metadata for record in records}
    assert set(told) == {f"2026-09-0{number}" for number in range(1, 6)}
    for metadata in told.values():
        states = ("answered", "not_applicable", "undecided", "error", "unjudged")
        assert sum(metadata[f"{state}_count"].value for state in states) == 4
        assert {"calls", "tokens", "dollars", "from_ledger", "left_open"} <= set(metadata)
        if metadata["answered_count"].value:
            assert 0 <= metadata["rate_low"].value <= metadata["rate"].value <= metadata["rate_high"].value <= 1
        table = metadata["days_judged"].value
        assert [line.split(" ")[1] for line in table.splitlines()[2:]] == sorted(told, reverse=True)
    said = "".join(str(one.value) for metadata in told.values() for one in metadata.values())
    assert not re.search(r"\bc\d+\b|question|answer \d", said)


def test_an_asset_has_its_columns_and_a_retired_metric_keeps_its_days_without_being_asked(project, tmp_path):
    definitions = tmp_path / "definitions"
    shutil.copytree(project.definitions, definitions)
    with (definitions / "price_given.yaml").open("a") as file:
        file.write("status: retired\n")
    built = build_definitions(project.model_copy(update={"definitions": definitions}))

    specs = {spec.key.path[-1]: spec for spec in built.resolve_all_asset_specs()}
    assert specs["price_given"].group_name == "retired"
    assert "- true when: The agent said a price." in (specs["price_given"].description or "")
    graph = built.resolve_asset_graph()
    assert not graph.get(dg.AssetKey(["metric", "price_given"])).is_executable
    assert graph.get(dg.AssetKey(["stg_verdicts"])).parent_keys == {dg.AssetKey(["metric", "answer_given"])}
    for key, column in (("conversations", "started_at"), ("answer_given", "judged_at"), ("dim_metrics", "rate_of")):
        schema = specs[key].metadata["dagster/column_schema"]
        assert column in {one.name for one in (schema.value if hasattr(schema, "value") else schema).columns}


def test_with_json_logs_every_line_of_a_job_is_one_object(project, capsys):
    settings = project.model_copy(update={"log_format": "json"})
    definitions = build_definitions(settings)
    asked = lake_run(Stretch(FIRST, LAST, ()), LAST, settings)
    capsys.readouterr()
    try:
        definitions.resolve_job_def("lake").execute_in_process(
            asked.run_config, dg.DagsterInstance.ephemeral(), tags=dict(asked.tags)
        )
    finally:
        log_to_stderr("text")
    err = capsys.readouterr().err
    assert [line for line in err.splitlines() if not line.startswith("{")] == []
    told = [json.loads(line) for line in err.splitlines()]
    assert {"run_success", "landed", "judged", "step_success"} <= {one["event"] for one in told}


def test_staging_follows_the_lake_and_what_is_published_follows_every_table(project):
    graph = build_definitions(project).resolve_asset_graph()

    verdicts = graph.get(dg.AssetKey(["stg_verdicts"]))
    assert verdicts.parent_keys == {dg.AssetKey(["metric", "answer_given"]), dg.AssetKey(["metric", "price_given"])}
    assert graph.get(dg.AssetKey(["stg_conversations"])).parent_keys == {dg.AssetKey(["conversations"])}
    tables = {"trend_metric_daily", "trend_label_daily", "export_conversations", "export_verdicts", "dim_metrics"}
    assert {dg.AssetKey([name]) for name in tables} <= graph.get(dg.AssetKey(["published"])).parent_keys


def test_the_tests_of_dbt_are_checks_of_their_assets(project):
    checks = build_definitions(project).resolve_asset_graph().asset_check_keys
    assert {"parts_add_up_to_conversations", "keys_are_unique"} <= {check.name for check in checks}


def test_each_metric_and_the_conversations_have_checks_of_their_newest_days_in_marts_alone(project):
    definitions = build_definitions(project.model_copy(update={"checks": {"undecided": "off", "volume": "block"}}))
    found = {
        job: {(key.asset_key.path[-1], key.name) for key in of_job(definitions, job) if key.asset_key.path[0] in LAKE}
        for job in ("lake", "marts")
    }

    assert found["lake"] == set()
    of_metrics = {"coverage", "errors", "evidence", "classes", "agreement"}
    assert found["marts"] == {
        *((metric, check) for metric in ("answer_given", "price_given") for check in of_metrics),
        *(("conversations", check) for check in ("volume", "freshness", "quarantine")),
    }
    off = build_definitions(project.model_copy(update={"checks": dict.fromkeys(THRESHOLDS, "off")}))
    assert not {key for key in of_job(off, "marts") if key.asset_key.path[0] in LAKE}


LAKE = ("metric", "conversations")


def of_job(definitions: dg.Definitions, job: str) -> set[dg.AssetCheckKey]:
    return set(definitions.resolve_job_def(job).asset_layer.asset_graph.asset_check_keys)


def test_a_check_warns_in_dagster_and_where_it_blocks_nothing_new_is_published(project, tmp_path):
    data = tmp_path / "data"
    shutil.copytree(project.data, data, symlinks=True)
    before = (data / "published" / "current").readlink()

    def run(**checks: str) -> dg.ExecuteInProcessResult:
        settings = project.model_copy(update={"data": data, "checks": checks})
        return (
            build_definitions(settings)
            .resolve_job_def("marts")
            .get_subset(op_selection=["newest_days", "published"])
            .execute_in_process(instance=dg.DagsterInstance.ephemeral(), run_config=QUIET, raise_on_error=False)
        )

    blocked = run(freshness="block")
    assert not blocked.success
    failure = next(event.step_failure_data.error for event in blocked.all_events if event.is_step_failure)
    assert "Nothing new is published: The newest conversation began 2026-09-05" in str(failure.cause)
    assert (data / "published" / "current").readlink() == before
    results = {(one.asset_key.path[-1], one.check_name): one for one in blocked.get_asset_check_evaluations()}
    assert [key for key, one in results.items() if not one.passed] == [("conversations", "freshness")]
    assert results["conversations", "freshness"].severity == dg.AssetCheckSeverity.ERROR
    coverage = results["answer_given", "coverage"].metadata
    assert (coverage["count"].value, coverage["of"].value) == (0, 4)
    assert "| 2026-09-03 | 0 | 4 |" in coverage["seen"].value

    warned = run()
    assert warned.success
    assert (data / "published" / "current").readlink() != before
    (stale,) = (one for one in warned.get_asset_check_evaluations() if not one.passed)
    assert (stale.check_name, stale.severity) == ("freshness", dg.AssetCheckSeverity.WARN)


def test_a_schedule_runs_every_night_in_the_projects_time_zone_and_sensors_stand_beside_it(project):
    definitions = build_definitions(project.model_copy(update={"timezone": "Europe/Berlin"}))
    nightly = definitions.resolve_schedule_def("nightly")
    assert (nightly.cron_schedule, nightly.execution_timezone) == ("0 2 * * *", "Europe/Berlin")
    assert nightly.job_name == "lake"
    graph = definitions.resolve_asset_graph()
    for key in (["conversations"], ["metric", "price_given"], ["published"]):
        policy = graph.get(dg.AssetKey(key)).freshness_policy
        assert (policy.deadline_cron, policy.timezone) == ("0 8 * * *", "Europe/Berlin")
    sensors = {sensor.name for sensor in definitions.sensors or ()}
    assert sensors == {"new_exports", "after_lake", "dead_runs"}


@pytest.mark.parametrize("fault", ["", "418"])
def test_with_a_platform_set_the_night_pulls_before_it_lands_and_a_platform_that_is_down_stops_nothing(
    project, tmp_path, fault
):
    # The day of a conversation from the platform, which is not among those of the exports.
    days = {"data": tmp_path / "data", "first_day": date(2026, 8, 31)}
    write(tmp_path / "data" / "landing" / "a.json", raw(1))
    with conversations_server([raw(99, started_at="2026-09-02T10:00:00.000Z")]) as server:
        server.always = fault
        pulls = {"pull_url": server.url, "pull_account": "acme", "pull_project": "hotel one"}
        settings = project.model_copy(update=days | pulls | {"pull_token": SecretStr(TOKEN), "retries": 0})
        definitions = build_definitions(settings)
        graph = definitions.resolve_asset_graph()
        tags = {RANGE_START: FIRST.isoformat(), RANGE_END: LAST.isoformat()}
        result = definitions.resolve_job_def("lake").execute_in_process(
            instance=dg.DagsterInstance.ephemeral(), tags=tags, run_config=QUIET
        )

    assert graph.get(dg.AssetKey(["conversations"])).parent_keys == {dg.AssetKey(["pulled"])}
    assert dg.AssetKey(["pulled"]) not in definitions.resolve_job_def("marts").asset_layer.executable_asset_keys
    assert [one.passed for one in result.get_asset_check_evaluations()] == [not fault]
    held = {row for file in (tmp_path / "data" / "conversations").glob("day=*") for row in _ids(file)}
    assert held == {"c1"} | (set() if fault else {"c99"})


def _ids(file: Path) -> list[str]:
    return pq.read_table(file)["conversation_id"].to_pylist()


@pytest.mark.parametrize("command", [["dagster", "definitions", "validate"], ["dg", "check", "defs"]])
def test_dagsters_own_checks_pass(project, tmp_path, command):
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"} | {
        "METRICS_DATA": str(project.data),
        "METRICS_DEFINITIONS": str(project.definitions),
        "DAGSTER_HOME": str(tmp_path),
    }
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run([program, *command[1:]], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
