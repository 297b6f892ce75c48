"""What the findings look like to people and machines."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from metrics_pipeline.cli import cli
from metrics_pipeline.metrics.lint.checking import all_rules
from metrics_pipeline.metrics.lint.project import Finding
from metrics_pipeline.metrics.lint.report import as_github, as_json, as_sarif, as_text

ROOT = Path(__file__).parents[3]
FOUND = Finding(Path("a,b/c:d.yaml"), 3, "O201", "warning", "100% vague\nand long", "Say more.")


def test_an_annotation_escapes_what_github_would_read_as_its_own():
    assert as_github([FOUND]) == (
        "::warning file=a%2Cb/c%3Ad.yaml,line=3,title=O201::100%25 vague%0Aand long Say more."
    )


def test_sarif_names_every_rule_and_the_place_of_each_result():
    run = json.loads(as_sarif([FOUND], all_rules()))["runs"][0]

    assert {rule["id"] for rule in run["tool"]["driver"]["rules"]} >= {"L001", "O201", "X001"}
    assert run["results"][0]["ruleId"] == "O201"
    assert run["results"][0]["locations"][0]["physicalLocation"]["region"] == {"startLine": 3}


def test_json_and_text_say_where_what_and_how_to_mend_it():
    assert json.loads(as_json([FOUND]))[0]["fix"] == "Say more."
    assert as_text([FOUND], 1).splitlines()[-1] == "1 files: 0 error, 1 warning, 0 info"


def test_the_command_ends_with_one_only_when_there_is_an_error(tmp_path):
    shipped = CliRunner().invoke(cli, ["lint", str(ROOT / "metric_definitions")])
    (tmp_path / "broken.yaml").write_text("name: [")
    broken = CliRunner().invoke(cli, ["lint", str(tmp_path), "--json"])

    assert shipped.exit_code == 0, shipped.output
    assert broken.exit_code == 1
    assert json.loads(broken.output)[0]["code"] == "L001"


def test_a_code_is_explained_with_its_examples():
    told = CliRunner().invoke(cli, ["lint", "--explain", "o203"])

    assert "The caller was authenticated." in told.output
