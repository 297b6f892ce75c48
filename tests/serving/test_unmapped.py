"""What is logged and no metric yet is named where one looks for metrics and for what was taken in."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from landed import land
from typer.testing import CliRunner

from metrics_pipeline.cli import cli
from metrics_pipeline.conversations.record import Conversation, LoggedValue
from metrics_pipeline.data_folder import open_data_folder
from metrics_pipeline.metrics.catalog import load_catalog
from metrics_pipeline.serving.unmapped import unmapped

NOON = datetime(2026, 9, 1, 12, tzinfo=timezone.utc)
MAPPED = """\
name: "Payment: taken"
type: boolean
status: draft
definition: The payment was taken.
source: logged
logged: {metric: payment, values: {"ok": "true"}}
"""


def logged(number: int) -> tuple[LoggedValue, ...]:
    values = {
        "payment": ["ok"],
        "upsold": ["yes" if number % 3 else "no"],
        "ended": ["done", "\x07half"][: 1 + number % 2],
        "score": [("number", str(number))],
        "rating": [("number", str(number % 3))],
        "note": [f"the caller said {number} things"],
        "state": [("json", '{"step":1}')],
        "only": ["one"],
    }
    found = []
    for name, each in sorted(values.items()):
        for position, value in enumerate(each):
            value_type, text = value if isinstance(value, tuple) else ("string", value)
            found.append(
                LoggedValue(name, position, text, value_type, source="platform" if name == "only" else "function")
            )
    return tuple(found)


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions" / "paid.yaml").write_text(MAPPED)
    monkeypatch.setenv("METRICS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("METRICS_DEFINITIONS", str(tmp_path / "definitions"))
    monkeypatch.chdir(tmp_path)
    land(
        open_data_folder(tmp_path / "data"),
        (
            Conversation(f"c{number}", NOON.date(), NOON, "test", logged_metrics=logged(number), carries_logged=True)
            for number in range(12)
        ),
    )
    return tmp_path


def test_every_name_that_no_definition_maps_is_found_with_what_could_be_made_of_it(place):
    found = unmapped(open_data_folder(place / "data"), load_catalog(place / "definitions").definitions)

    assert {one.metric: one.could_be for one in found} == {
        "ended": "categorical",
        "note": None,
        "only": None,
        "rating": "numeric",
        "score": "numeric",
        "state": None,
        "upsold": "boolean",
    }
    by_name = {one.metric: one for one in found}
    assert by_name["upsold"].values == {"yes": 8, "no": 4}
    assert (by_name["ended"].is_repeated, by_name["upsold"].is_repeated) == (True, False)
    assert (by_name["note"].values, by_name["note"].value_count) == ({}, 12)
    assert {one.conversation_count for one in found} == {12}
    assert by_name["only"].sources == ["platform"]


def test_list_and_status_say_it_and_a_terminal_obeys_no_value(place):
    for arguments in (["list"], ["ingest", "status"]):
        shown = CliRunner().invoke(cli, arguments)
        assert shown.exit_code == 0, shown.output
        assert "a definition with `logged: {metric: <name>}` would" in shown.output
        assert "upsold  yes 8, no 4; in 12 conversations, could be boolean" in shown.output
        assert "note    12 different values; in 12 conversations\n" in shown.output
        assert "only    one 12; in 12 conversations, from the platform\n" in shown.output
        assert "\x07" not in shown.output
        assert "    payment" not in shown.output
    status = json.loads(CliRunner().invoke(cli, ["ingest", "status", "--json"]).output)
    assert [one["metric"] for one in status["unmapped_logged"]] == [
        *("ended", "note", "only", "rating", "score", "state", "upsold")
    ]


def test_what_cannot_be_read_hides_no_list_and_without_definitions_all_is_unmapped(place, monkeypatch):
    monkeypatch.setenv("METRICS_DEFINITIONS", str(place / "none"))
    status = json.loads(CliRunner().invoke(cli, ["ingest", "status", "--json"]).output)
    assert "payment" in {one["metric"] for one in status["unmapped_logged"]}
    monkeypatch.setenv("METRICS_DEFINITIONS", str(place / "definitions"))
    next((place / "data" / "logged_metrics").glob("day=*.parquet")).write_bytes(b"damaged")

    listed = CliRunner().invoke(cli, ["list"])

    assert listed.exit_code == 0
    assert "Payment: taken" in listed.output
    assert "cannot be read" in listed.stderr
    assert CliRunner().invoke(cli, ["ingest", "status"]).exit_code == 0
