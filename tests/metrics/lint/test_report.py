"""What the findings look like to people and machines."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from metrics_pipeline.cli import cli
from metrics_pipeline.errors import SettingsError
from metrics_pipeline.metrics.lint.checking import all_rules
from metrics_pipeline.metrics.lint.project import Finding
from metrics_pipeline.metrics.lint.report import as_github, as_json, as_sarif, as_text

ROOT = Path(__file__).parents[3]
URI_REFERENCE = r"^(file://)?[A-Za-z0-9._~/%-]+$"
SARIF = {
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {"items": {"$ref": "#/$defs/run"}},
    },
    "$defs": {
        "text": {"required": ["text"], "properties": {"text": {"type": "string", "minLength": 1}}},
        "level": {"enum": ["none", "note", "warning", "error"]},
        "run": {
            "required": ["tool", "results"],
            "additionalProperties": False,
            "properties": {
                "tool": {"required": ["driver"], "properties": {"driver": {"$ref": "#/$defs/driver"}}},
                "results": {"items": {"$ref": "#/$defs/result"}},
            },
        },
        "driver": {
            "required": ["name", "rules"],
            "properties": {"rules": {"uniqueItems": True, "items": {"$ref": "#/$defs/rule"}}},
        },
        "rule": {
            "required": ["id"],
            "properties": {
                "shortDescription": {"$ref": "#/$defs/text"},
                "fullDescription": {"$ref": "#/$defs/text"},
                "help": {"$ref": "#/$defs/text"},
                "defaultConfiguration": {"properties": {"level": {"$ref": "#/$defs/level"}}},
            },
        },
        "result": {
            "required": ["message", "ruleId", "level", "locations"],
            "additionalProperties": False,
            "properties": {
                "ruleId": {"type": "string"},
                "message": {"$ref": "#/$defs/text"},
                "level": {"$ref": "#/$defs/level"},
                "locations": {"items": {"properties": {"physicalLocation": {"$ref": "#/$defs/place"}}}},
            },
        },
        "place": {
            "required": ["artifactLocation"],
            "properties": {
                "artifactLocation": {"required": ["uri"], "properties": {"uri": {"pattern": URI_REFERENCE}}},
                "region": {"properties": {"startLine": {"type": "integer", "minimum": 1}}},
            },
        },
    },
}
"""What SARIF 2.1.0 asks of the parts that are written."""
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


def test_sarif_keeps_to_its_schema_whatever_the_files_are_called(tmp_path):
    odd = Finding(Path("my metrics/ä%b:c.yaml"), None, "L001", "error", "a\nb", "c")
    absolute = Finding(tmp_path / "a b.yaml", 1, "N101", "info", "a", "b")

    log = json.loads(as_sarif([FOUND, odd, absolute], all_rules()))

    jsonschema.validate(log, SARIF)
    (run,) = log["runs"]
    ids = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert len(ids) == len(set(ids))
    assert {result["ruleId"] for result in run["results"]} <= set(ids)
    uris = [result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in run["results"]]
    assert uris[1] == "my%20metrics/%C3%A4%25b%3Ac.yaml"
    assert uris[2] == f"file://{tmp_path}/a%20b.yaml"


def test_text_and_annotations_write_out_what_a_terminal_would_obey():
    evil = Finding(Path("a\n::error::b\udcff.yaml"), 1, "M701", "info", "red \x1b[31m\u202e", "x\ny")

    (line, fix, _) = as_text([evil], 1).splitlines()
    assert line == "a\\n::error::b\\udcff.yaml:1: info M701 red \\x1b[31m\\u202e"
    assert fix == "    x\\ny"
    annotation = as_github([evil])
    assert annotation.isprintable()
    assert annotation.startswith("::notice file=a%0A%3A%3Aerror%3A%3Ab\\udcff.yaml,line=1,title=M701::red ")


def test_json_and_text_say_where_what_and_how_to_mend_it():
    assert json.loads(as_json([FOUND]))[0]["fix"] == "Say more."
    assert as_text([FOUND], 1).splitlines()[-1] == "1 file: 0 errors, 1 warning, 0 info"


def test_the_command_ends_with_one_only_when_there_is_an_error(tmp_path):
    shipped = CliRunner().invoke(cli, ["lint", str(ROOT / "metric_definitions")])
    (tmp_path / "broken.yaml").write_text("name: [")
    broken = CliRunner().invoke(cli, ["lint", str(tmp_path), "--json"])

    assert shipped.exit_code == 0, shipped.output
    assert broken.exit_code == 1
    assert json.loads(broken.output)[0]["code"] == "L001"


def test_every_code_is_listed_and_explained():
    listed = CliRunner().invoke(cli, ["lint", "--explain", "all"]).output.splitlines()

    assert [line.split()[0] for line in listed] == [rule.code for rule in all_rules()]
    for rule in all_rules():
        told = CliRunner().invoke(cli, ["lint", "--explain", rule.code]).output
        assert told.startswith(f"{rule.code} {rule.title} [{rule.severity}]")
        assert rule.bad in told
        assert rule.good in told


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--explain", "Q999"], "no such code"),
        (["--json", "--sarif"], "exclude each other"),
        (["nowhere"], "does not exist"),
    ],
)
def test_wrong_usage_is_said_before_anything_is_read(tmp_path, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["lint", *arguments])

    assert isinstance(done.exception, SettingsError)
    assert says in str(done.exception)


@pytest.mark.parametrize("form", ["--json", "--sarif", "--github", None])
def test_files_of_any_name_are_named_as_they_are_seen_from_here(tmp_path, monkeypatch, form):
    folder = tmp_path / "metric_definitions" / "our own"
    folder.mkdir(parents=True)
    (folder / "Not A Key.yaml").write_text("name: x")
    (folder / "bad\udcff.yaml").write_text("name: x")
    monkeypatch.chdir(tmp_path)

    done = CliRunner().invoke(cli, ["lint", *([form] if form else [])])

    assert done.exit_code == 1, done.output
    assert done.output.count("small letters, digits and _") == 2
    assert str(tmp_path) not in done.output
    assert f"our{'%20' if form == '--sarif' else ' '}own/Not" in done.output


def test_a_code_is_explained_with_its_examples():
    told = CliRunner().invoke(cli, ["lint", "--explain", "o203"])

    assert "The caller was authenticated." in told.output
