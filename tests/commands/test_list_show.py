"""`metrics list` and `metrics show`, before anything ran and after two versions were judged."""

from __future__ import annotations

import json
import shutil
import subprocess

import duckdb
import pytest
from command_line import metrics
from test_cli import DEFINITION, Project

from metrics_pipeline.serving.summary import summaries

EMPTY = {"judged_day_count": None, "day_count": None, "last_day": None, "since": None, "rate": None}


def ask(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    return metrics([*arguments, "--definitions", str(project.definitions)], project.root, project.environment())


def entries(project: Project) -> dict[str, dict]:
    done = ask(project, "list", "--json")
    assert done.returncode == 0, done.stderr
    return {entry["metric"]: entry for entry in json.loads(done.stdout)}


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project whose one metric was judged, edited, and judged again; a draft and a retired beside."""
    project = Project(tmp_path_factory.mktemp("project"))
    file = project.definitions / "result_given.yaml"
    (project.definitions / "turns.yaml").write_text(
        "name: Turns\ntype: numeric\ndefinition: How many.\nsource: rule\nrule: {number: turn_count}\nunit: turns\n"
    )
    for key, status in (("drafted", "draft"), ("gone", "retired")):
        text = DEFINITION.replace("Result: given", key).replace("type:", f"status: {status}\ntype:")
        (project.definitions / f"{key}.yaml").write_text(text)
    logged = DEFINITION + 'logged: {metric: result, values: {"ok": "true"}}\n'
    for text in (logged, logged.replace("said an answer", "said the answer")):
        file.write_text(text)
        done = project.run()
        assert done.returncode == 0, done.stderr
    file.write_text(file.read_text() + "owner: me@example.com\n")
    return project


def test_every_metric_is_listed_whatever_its_status(project):
    assert {key: entry["status"] for key, entry in entries(project).items()} == {
        "drafted": "draft",
        "gone": "retired",
        "result_given": "active",
        "turns": "active",
    }


def test_a_judged_metric_is_listed_with_the_rate_that_is_published(project):
    entry = entries(project)["result_given"]
    published = next(one for one in summaries(project.data / "published" / "current") if one.metric == "result_given")

    assert entry["rate"] is not None
    assert (entry["rate"], entry["rate_low"], entry["rate_high"]) == (
        published.rate,
        published.rate_low,
        published.rate_high,
    )
    assert entry["judged_day_count"] == entry["day_count"] > 0
    assert entry["owner"] == "me@example.com"
    assert entry["since"] < entry["last_judged_at"]


def test_a_metric_that_is_also_logged_is_listed_with_how_often_judge_and_log_agree(project):
    with duckdb.connect(str(project.data / "published" / "current" / "metrics.duckdb"), read_only=True) as database:
        pairs = database.execute(
            "select judged.answer, logged.answer from fct_verdicts as judged inner join fct_verdicts as logged "
            "using (conversation_id, metric) where judged.source = 'judged' and logged.source = 'logged' "
            "and judged.state = 'answered' and logged.state = 'answered'"
        ).fetchall()
    entry = entries(project)["result_given"]
    share = sum(one == other for one, other in pairs) / len(pairs)

    assert (entry["compared_count"], entry["agreement_share"]) == (len(pairs), share)
    row = next(line for line in ask(project, "list").stdout.splitlines() if line.startswith("result_given"))
    assert f"{share:.0%} of {len(pairs)}" in row
    assert entries(project)["turns"]["agreement_share"] is None


def test_a_draft_was_judged_on_none_of_the_days(project):
    drafted = entries(project)["drafted"]

    assert (drafted["judged_day_count"], drafted["last_day"], drafted["rate"]) == (0, None, None)
    assert drafted["day_count"] > 0


def test_a_number_is_listed_with_its_mean_and_unit(project):
    turns = entries(project)["turns"]
    assert turns["mean"] > 0

    row = next(line for line in ask(project, "list").stdout.splitlines() if line.startswith("turns"))
    assert row.endswith("turns")
    assert f"mean {turns['mean']:,.4g}" in row


def test_a_metric_is_shown_with_its_definition_and_what_changed_from_version_to_version(project):
    done = ask(project, "show", "result_given")

    assert done.returncode == 0, done.stderr
    assert (project.definitions / "result_given.yaml").read_text() in done.stdout
    assert "-true_when: The agent said an answer." in done.stdout
    assert "+true_when: The agent said the answer." in done.stdout
    assert "the file as it is now" in done.stdout
    assert "+owner: me@example.com" in done.stdout


def test_the_same_is_there_as_json(project):
    shown = json.loads(ask(project, "show", "result_given", "--json").stdout)

    assert [step["first_seen_at"] is None for step in shown["versions"]] == [False, False, True]
    assert sum(step["day_count"] for step in shown["versions"][:2]) == shown["entry"]["day_count"]
    assert shown["definition"].endswith("owner: me@example.com\n")


def test_a_metric_that_is_not_there_ends_with_those_that_are_close(project):
    done = ask(project, "show", "result_gven")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "metrics: there is no metric 'result_gven'. Did you mean result_given?\n"


def test_of_a_metric_whose_file_is_gone_the_recorded_versions_are_shown(project, tmp_path):
    copy = Project(tmp_path / "copy")
    shutil.copytree(project.data, copy.data, symlinks=True)
    shutil.copy(project.definitions / "turns.yaml", copy.definitions)
    (copy.definitions / "result_given.yaml").unlink()

    done = ask(copy, "show", "result_given")

    assert done.returncode == 0, done.stderr
    assert "no file defines it now" in done.stdout
    assert "+true_when: The agent said the answer." in done.stdout
    assert "\ntrue_when: The agent said the answer." in done.stdout
    removed = entries(copy)["result_given"]
    assert (removed["status"], removed["name"], removed["type"]) == ("removed", "Result: given", "boolean")
    assert removed["since"] is not None


def test_before_anything_ran_there_are_definitions_and_nothing_is_created(tmp_path):
    project = Project(tmp_path / "project")

    entry = entries(project)["result_given"]
    done = ask(project, "show", "result_given")

    assert {name: entry[name] for name in EMPTY} == EMPTY
    assert done.returncode == 0, done.stderr
    assert "The agent said an answer." in done.stdout
    assert not project.data.exists()


def test_a_generation_that_cannot_be_read_leaves_its_columns_empty_and_says_so(project, tmp_path):
    copy = Project(tmp_path / "copy")
    shutil.copytree(project.data, copy.data, symlinks=True)
    (copy.data / "published" / "current" / "metrics.duckdb").write_bytes(b"not a database")

    done = ask(copy, "list", "--json")

    assert done.returncode == 0
    assert "cannot be read" in done.stderr
    assert json.loads(done.stdout)[0]["day_count"] is None


def test_a_broken_file_is_named_and_hides_no_other(tmp_path):
    project = Project(tmp_path / "project")
    (project.definitions / "wrong.yaml").write_text("name: [\n")

    done, shown = ask(project, "list"), ask(project, "show", "wrong")

    assert done.returncode == 0
    assert "result_given" in done.stdout
    assert any(line.startswith("wrong ") and " broken" in line for line in done.stdout.splitlines())
    assert "wrong.yaml" in done.stderr
    assert "its file does not load now" in shown.stdout
