"""What was taken out of a file, and what in it no rule knows, is counted and said."""

from __future__ import annotations

import json
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from exports import raw, write
from typer.testing import CliRunner

from metrics_pipeline.cli import cli
from metrics_pipeline.conversations.landing import land_folder
from metrics_pipeline.conversations.redaction.redactor import Redactor
from metrics_pipeline.data_folder import open_data_folder

UTC = ZoneInfo("UTC")
HUMMED = {"speaker": "choir", "text": "la la"}


def plain(number: int, *turns: dict[str, str], **rest) -> dict[str, object]:
    started_at = f"2026-09-0{number}T10:00:00Z"
    return {"conversation_id": f"p{number}", "started_at": started_at, "turns": list(turns), **rest}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A landing folder with a file in which there is something to take out and something to pass by."""
    monkeypatch.setenv("METRICS_DATA", str(tmp_path / "data"))
    one, two = raw(1, 1), raw(2, 1)
    one["turns"][0]["user_input"] = "my card is 4111 1111 1111 1111, or 5500 0000 0000 0004"
    two["turns"][0]["user_input"] = "write to ana@example.org"
    write(
        tmp_path / "landing" / "a.jsonl",
        *(one, one, two, raw(3, not_understood={"my secret": 5})),
        plain(1, HUMMED, HUMMED, {"speaker": "user", "text": "hello"}),
        plain(2, HUMMED, not_understood={"my secret": 5}),
    )
    return tmp_path


def land(place, redactor: Redactor | None = None):
    folder = open_data_folder(place / "data")
    land_folder(place / "landing", folder, UTC, redactor)
    return folder


def test_what_was_taken_out_and_what_no_rule_knows_is_summed_for_each_file_by_kind(place):
    (row,) = pq.read_table(land(place).whole_file("ingest_files")).to_pylist()
    shown = json.loads(CliRunner().invoke(cli, ["ingest", "status", "--json"]).output)
    words = CliRunner().invoke(cli, ["ingest", "status"]).output

    assert (row["kept_count"], row["duplicate_count"]) == (5, 1)
    assert (row["redaction_count"], json.loads(row["redactions_by_kind"])) == (3, {"CARD": 2, "EMAIL": 1})
    assert row["redaction"] == Redactor().version
    assert row["not_understood_count"] == 3
    assert json.loads(row["not_understood_by_kind"]) == {"turn of an unknown speaker": 3}
    for counts in (shown["total"], *shown["files"]):
        assert counts["redactions"] == {"CARD": 2, "EMAIL": 1}
        assert counts["not_understood"] == {"turn of an unknown speaker": 3}
    assert "CARD 2, EMAIL 1" in words
    assert "3 times: turn of an unknown speaker" in words


def test_a_file_that_lands_anew_gives_the_same_bytes_and_seconds_are_those_of_the_first_time(place):
    folder = land(place)
    table, receipt = folder.whole_file("ingest_files"), next(folder.landed.glob("*/receipt.json"))
    before = table.read_bytes(), receipt.read_bytes()
    seconds = json.loads(receipt.read_bytes())["seconds"]
    next(folder.landed.glob("*/day=*.parquet")).write_bytes(b"damaged")

    land(place)

    assert (table.read_bytes(), receipt.read_bytes()) == before
    receipt.write_bytes(before[1].replace(f'"seconds":{seconds}'.encode(), b'"seconds":77.5'))
    land(place, Redactor(own={"MEMBER": "HB-[0-9]+"}))
    assert json.loads(receipt.read_bytes())["seconds"] == 77.5
