"""`metrics redact --report` shows what is taken out without showing it."""

from __future__ import annotations

import json

import pytest
from exports import raw, write
from typer.testing import CliRunner

from metrics_pipeline.cli import cli
from metrics_pipeline.errors import SettingsError


@pytest.fixture
def exports(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one, two = raw(1, 1), raw(2, 1)
    one["turns"][0]["user_input"] = "my card is 4111 1111 1111 1111, or 5500 0000 0000 0004"
    two["turns"][0]["user_input"] = "write to ana@example.org"
    write(tmp_path / "exports" / "a.jsonl", one, two, raw(3, 1), "not json")
    return tmp_path


def test_the_report_counts_by_kind_and_shows_forms_and_no_value(exports):
    arguments = ["redact", "--report", "--landing", str(exports / "exports")]
    shown = CliRunner().invoke(cli, arguments)
    as_json = CliRunner().invoke(cli, [*arguments, "--json"])

    assert "3 conversations, 2 of them with something personal" in shown.output
    assert "9999 9999 9999 9999" in shown.output
    assert "4111" not in shown.output + as_json.output
    assert "ana@" not in shown.output + as_json.output
    kinds = {kind["kind"]: kind for kind in json.loads(as_json.output)["kinds"]}
    assert (kinds["CARD"]["replaced_count"], kinds["CARD"]["conversation_count"]) == (2, 1)
    assert kinds["EMAIL"]["examples"] == [{"form": "aaa@aaaaaaa.aaa", "count": 1}]
    assert [path.name for path in exports.iterdir()] == ["exports"]


def test_redact_without_report_says_what_it_is_for(exports):
    result = CliRunner().invoke(cli, ["redact"])
    assert isinstance(result.exception, SettingsError)
    assert "--report" in str(result.exception)
