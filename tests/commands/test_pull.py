"""`metrics pull` and what became of what it brought."""

from __future__ import annotations

import json
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from conversations_server import TOKEN, conversations_server
from exports import raw, write
from typer.testing import CliRunner

from metrics_pipeline.cli import cli
from metrics_pipeline.conversations.landing import land_folder
from metrics_pipeline.data_folder import DataFolder, open_data_folder
from metrics_pipeline.errors import PullError, SettingsError


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server, and settings that name it."""
    with conversations_server([raw(number) for number in range(20)], offsets=True) as server:
        settings = {"url": server.url, "account": "acme", "project": "hotel one", "token": TOKEN, "page_size": "10"}
        for name, value in settings.items():
            monkeypatch.setenv(f"METRICS_PULL_{name.upper()}", value)
        monkeypatch.setenv("METRICS_DATA", str(tmp_path / "data"))
        monkeypatch.chdir(tmp_path)
        yield server


def land(root: Path, *_: Path) -> None:
    land_folder(root / "data" / "landing", open_data_folder(root / "data"), ZoneInfo("UTC"))


def metrics(*arguments: str):
    return CliRunner().invoke(cli, arguments)


def test_a_pull_says_what_it_fetched_in_words_and_as_json(server, tmp_path):
    done = metrics("pull", "--from", "2026-09-02", "--to", "2026-09-03")
    assert done.exit_code == 0, done.output
    assert (
        "pulled     8 conversations from 2026-09-02 00:00 to 2026-09-04 00:00 UTC: 2 requests, 2 pages" in done.output
    )
    assert len(list(Path(tmp_path, "data", "landing", "pulled").iterdir())) == 2

    (record,) = json.loads(metrics("pull", "--from", "2026-09-02", "--to", "2026-09-03", "--json").output)

    assert (record["outcome"], record["received_count"], record["page_count"]) == ("complete", 8, 2)


def test_days_are_those_of_the_projects_time_zone(server, monkeypatch):
    monkeypatch.setenv("METRICS_TIMEZONE", "America/New_York")

    (record,) = json.loads(metrics("pull", "--from", "2026-09-02", "--to", "2026-09-02", "--json").output)

    assert (record["first"], record["last"]) == ("2026-09-02T00:00:00-04:00", "2026-09-03T00:00:00-04:00")


@pytest.mark.parametrize(
    ("setting", "value", "arguments", "error", "says"),
    [
        ("PULL_TOKEN", "", (), SettingsError, "To pull, also set METRICS_PULL_TOKEN."),
        ("PULL_TOKEN", "wrong", ("--from", "2026-09-01"), PullError, "refuses the token (HTTP 401)"),
        ("PULL_PROJECT", "x", (), SettingsError, "Nothing has been pulled yet. Say from which day on"),
        ("PULL_PROJECT", "x", ("--from", "2026-09-02", "--to", "2026-09-01"), SettingsError, "is after --to"),
    ],
)
def test_a_pull_that_cannot_be_ends_in_a_sentence(server, monkeypatch, setting, value, arguments, error, says):
    monkeypatch.setenv(f"METRICS_{setting}", value)

    done = metrics("pull", *arguments)

    assert isinstance(done.exception, error)
    assert says in str(done.exception)


def test_the_first_day_of_the_project_is_where_the_first_pull_begins(server, monkeypatch):
    monkeypatch.setenv("METRICS_FIRST_DAY", "2026-09-04")

    (record,) = json.loads(metrics("pull", "--json", "--to", "2026-09-05").output)

    assert record["received_count"] == 8


def test_the_status_says_of_each_file_and_pull_what_became_of_it_and_adds_up(server, tmp_path):
    assert "Nothing has landed yet" in metrics("ingest", "status").output
    server.conversations[3] = raw(0, id=...)
    server.conversations[5] = raw(1, in_progress=True)
    metrics("pull", "--from", "2026-09-01", "--to", "2026-09-03")
    land(tmp_path, write(tmp_path / "data" / "landing" / "own.jsonl", raw(4), raw(4), "not json"))

    shown = json.loads(metrics("ingest", "status", "--json").output)
    words = metrics("ingest", "status").output

    own = next(file for file in shown["files"] if file["file"] == "own.jsonl")
    assert (own["read_count"], own["kept_count"], own["duplicate_count"], own["quarantined_count"]) == (3, 1, 1, 1)
    (pull,) = shown["pulls"]
    assert (pull["landed"]["file_count"], pull["landed"]["read_count"]) == (3, pull["received_count"])
    assert (pull["landed"]["waiting_count"], pull["landed"]["quarantined_count"]) == (1, 1)
    for counts in (shown["total"], pull["landed"], *shown["files"]):
        parts = ("kept_count", "duplicate_count", "waiting_count", "quarantined_count", "erased_count")
        assert counts["read_count"] == sum(counts[part] for part in parts)
        assert counts["quarantined_count"] == sum(counts["reasons"].values())
    assert shown["total"]["read_count"] == sum(file["read_count"] for file in shown["files"])
    assert "own.jsonl: read 3, kept 1, duplicate 1, waiting 0, quarantined 1, erased 0" in words
    rows = pq.read_table(DataFolder(tmp_path / "data").whole_file("ingest_files")).to_pylist()
    assert {row["pull"] for row in rows} == {None, pull["pull"]}
    assert {row["file"]: json.loads(row["quarantined_by_reason"]) for row in rows} == {
        file["file"]: file["reasons"] for file in shown["files"]
    }


def test_the_status_names_a_pull_that_did_not_end_and_why(server):
    server.always = "418"
    metrics("pull", "--from", "2026-09-01")

    assert "incomplete. 127.0.0.1" in metrics("ingest", "status").output
