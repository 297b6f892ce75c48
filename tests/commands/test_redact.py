"""`metrics redact --report` shows what is taken out without showing it."""

from __future__ import annotations

import json
import re

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
    write(tmp_path / "exports" / "ana@example.org.jsonl", one, two, raw(3, 1), "not json", raw(4, in_progress=True))
    return tmp_path


def test_the_report_counts_by_kind_and_shows_forms_and_no_value(exports):
    arguments = ["redact", "--report", "--landing", str(exports / "exports")]
    shown = CliRunner().invoke(cli, arguments)
    as_json = CliRunner().invoke(cli, [*arguments, "--json"])

    assert "read       3 conversations in 1 file; 2 places without one that has ended" in shown.output
    assert "personal   something in 2 of them (66.7%)" in shown.output
    assert re.search(r"2 × 9999 9999 9999 9999 +first in c1, ⟦EMAIL_1⟧", shown.output)
    assert "4111" not in shown.output + as_json.output
    assert "ana@" not in shown.output + as_json.output
    kinds = {kind["kind"]: kind for kind in json.loads(as_json.output)["kinds"]}
    assert (kinds["CARD"]["replaced_count"], kinds["CARD"]["conversation_count"]) == (2, 1)
    (example,) = kinds["EMAIL"]["examples"]
    assert (example["form"], example["replaced_count"], example["conversation_id"]) == ("aaa@aaa.aaa", 1, "c2")
    assert [path.name for path in exports.iterdir()] == ["exports"]


def test_a_pattern_of_ones_own_that_matched_nothing_says_so_and_rare_forms_are_summed(exports, monkeypatch):
    monkeypatch.setenv("METRICS_REDACT_PATTERNS", '{"MEMBER": "HB-[0-9]+", "SEAT": "[A-Z][0-9]{1,9}"}')
    one = raw(1, 1)
    one["turns"][0]["user_input"] = " ".join(f"A{'1' * length}" for length in range(1, 9))
    write(exports / "exports" / "b.jsonl", one)

    shown = CliRunner().invoke(cli, ["redact", "--report", "--landing", str(exports / "exports")]).output

    assert re.search(r"MEMBER +0 +matched nothing", shown)
    assert re.search(r"SEAT +8 +in 1 conversation\n", shown)
    assert "3 × in 3 more forms" in shown
    assert "Names of people are not looked for" in shown


def test_redact_without_report_says_what_it_is_for(exports):
    result = CliRunner().invoke(cli, ["redact"])
    assert isinstance(result.exception, SettingsError)
    assert "--report" in str(result.exception)
