"""Dagster sees days, a metric as an asset, dbt's models and what is published; the real jobs do the whole job."""

from __future__ import annotations

import os
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
from pydantic import SecretStr

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.defs.assembly import build_definitions
from metrics_pipeline.defs.home import open_home
from metrics_pipeline.defs.in_process import QUIET, RANGE_END, RANGE_START, run_jobs
from metrics_pipeline.errors import PipelineError
from metrics_pipeline.metrics.catalog import load_catalog
from metrics_pipeline.publishing.generation import resolve_current
from metrics_pipeline.settings import Settings, load_settings

ROOT = Path(__file__).parents[2]
FIRST, LAST = date(2026, 9, 1), date(2026, 9, 5)
DEFINITION = """\
name: {name}
type: boolean
definition: The agent gave {what}.
true_when: The agent said {what}.
false_when: The agent gave none.
"""


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
