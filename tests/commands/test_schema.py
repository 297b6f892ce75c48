"""The schema that editors read is the one the loader holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from metrics_pipeline.cli import cli
from metrics_pipeline.errors import SettingsError
from metrics_pipeline.metrics.definition import definition_schema

SHIPPED = Path(__file__).parents[2] / "metric_definitions"


def test_the_schema_is_printed_as_json():
    result = CliRunner().invoke(cli, ["schema"])

    assert result.exit_code == 0
    assert json.loads(result.stdout) == definition_schema()


def test_the_schema_is_written_where_it_is_wanted(tmp_path):
    result = CliRunner().invoke(cli, ["schema", "--to", str(tmp_path / "s.json")])

    assert (result.exit_code, result.stdout) == (0, "")
    assert json.loads((tmp_path / "s.json").read_text()) == definition_schema()


def test_a_folder_that_is_not_there_is_named(tmp_path):
    result = CliRunner().invoke(cli, ["schema", "--to", str(tmp_path / "missing" / "s.json")])

    assert isinstance(result.exception, SettingsError)
    assert "a folder that exists" in str(result.exception)


def test_the_schema_beside_the_shipped_definitions_is_current():
    assert json.loads((SHIPPED / "definition.schema.json").read_text()) == definition_schema(), (
        "write it anew: metrics schema --to metric_definitions/definition.schema.json"
    )


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_each_shipped_definition_names_its_schema_in_its_first_line(path):
    assert path.read_text().startswith("# yaml-language-server: $schema=definition.schema.json\n")
