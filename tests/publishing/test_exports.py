"""What leaves the house is what is published: in another shape, whole, and without a word that nobody asked for."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pyarrow.parquet as pq
import pytest
from published_world import FIRST
from typer.testing import CliRunner

from metrics_pipeline.cli import cli
from metrics_pipeline.conversations.adapters.polyai_v3 import ADAPTER
from metrics_pipeline.errors import ExportError, PublishError, SettingsError
from metrics_pipeline.publishing.conversation_lines import conversation_line, exchanges
from metrics_pipeline.publishing.export_formats import cell
from metrics_pipeline.publishing.export_names import export_names

SPEC = Path(__file__).parents[3] / "shared/data/vendor_specs/polyai_conversations_v3_openapi.json"
WORDS = ("unspeakable", "an unspeakable reason")


@pytest.fixture
def export(world, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments, **settings):
        environment = {f"METRICS_{name.upper()}": value for name, value in settings.items()}
        done = CliRunner().invoke(
            cli, ["export", *map(str, arguments), "--json"], env=environment | {"METRICS_DATA": str(world.folder.root)}
        )
        if done.exception is not None:
            raise done.exception
        return json.loads(done.stdout)

    return run


def lines(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def test_each_conversation_is_a_line_in_the_v3_shape_with_its_metrics_filled(world, export, tmp_path):
    done = export("conversations", "--to", "out/conversations.jsonl", pull_account="acme", pull_project="desk")

    found = lines("out/conversations.jsonl")
    rows = world.rows("select * from export_conversations order by conversation_id")
    assert [line["id"] for line in found] == [row["conversation_id"] for row in rows] == sorted(world.conversations)
    for line, row in zip(found, rows, strict=True):
        values = {name: answers[0] if len(answers) == 1 else answers for name, answers in row["metrics"].items()}
        assert line["metrics"] == values
        assert line["metric_states"] == row["metric_states"]
        assert (line["account_id"], line["project_id"], line["in_progress"]) == ("acme", "desk", False)
        assert datetime.fromisoformat(line["started_at"]) == row["started_at"]
    logged = next(line["metrics"] for line in found if "note" in line["metrics"] and "judged:flag" in line["metrics"])
    assert (logged["note"], logged["flag"]) == (["x", "y'z"], "yes")
    assert logged["judged:flag"] in ("true", "false")
    assert not any(word in Path("out/conversations.jsonl").read_text() for word in WORDS)
    manifest = json.loads(Path("out/conversations.manifest.json").read_text())
    assert manifest["names"] == done["names"] == {"flag": "judged:flag"}
    assert manifest["files"]["conversations.jsonl"]["rows"] == len(found)
    assert manifest["generation"] == world.publication.generation
    kept = json.loads((world.publication.path / "manifest.json").read_text())
    assert kept["called_in_exports"] == {"flag": "judged:flag"}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "conversations.jsonl",
        "conversations.manifest.json",
    ]


def test_every_line_is_valid_by_the_published_interface_description(export):
    if not SPEC.exists():
        pytest.skip("the interface description is not here")
    from jsonschema import Draft202012Validator

    spec = json.loads(SPEC.read_text())
    schema = {"$ref": "#/components/schemas/ConversationSummaryResponse", "components": spec["components"]}
    validator = Draft202012Validator(schema)
    export("conversations", "--to", "plain.jsonl")
    export("conversations", "--to", "spoken.jsonl", "--with-evidence", export_names="name")
    found = [*lines("plain.jsonl"), *lines("spoken.jsonl")]
    assert len(found) > 500
    assert [error.message for line in found for error in validator.iter_errors(line)] == []
    assert list(validator.iter_errors(found[0] | {"metrics": {"flag": ["one"]}})) != []


def test_a_line_that_comes_back_is_the_conversation_that_it_was(world, export):
    export("conversations", "--to", "a.jsonl", "--with-evidence")
    by_id = {row["conversation_id"]: row for row in world.rows("select * from dim_conversations")}
    for line in lines("a.jsonl")[:40]:
        back = ADAPTER.convert(json.dumps(line).encode(), ZoneInfo("UTC"))
        row = by_id[back.conversation_id]
        for name in ("conversation_date", "started_at", "channel", "variant", "handoff", "duration_seconds"):
            assert getattr(back, name) == (None if row[name] == "" else row[name]), name
        assert [turn.text for turn in back.turns] == [f"unspeakable words of {back.conversation_id}"]


def test_what_v3_has_and_the_source_said_comes_through_in_its_type():
    attributes = {"account_id": "a", "num_ood": 3, "num_silences": "3", "source_channel": "VOICE-SIP", "else": 1}
    row = dict.fromkeys(
        "variant environment reported_turn_count duration_seconds handoff language agent_version".split()
    ) | {
        "conversation_id": "c1",
        "channel": "voice",
        "attributes": json.dumps(attributes),
        "started_at": datetime.fromisoformat("2026-09-01T12:00:00+02:00"),
        "metrics": [("m", ["1", "2"]), ("n", ["=1"])],
        "metric_states": [],
    }
    assert conversation_line(row, "other", "p") == {
        "id": "c1",
        "account_id": "a",
        "project_id": "p",
        "num_ood": 3,
        "environment": "",
        "started_at": "2026-09-01T10:00:00Z",
        "channel": "VOICE-SIP",
        "in_progress": False,
        "metrics": {"m": ["1", "2"], "n": "=1"},
        "metric_states": {},
    }


def test_turns_are_paired_as_v3_pairs_them():
    said = [("agent", "hello"), ("user", "hi"), ("function", None), ("agent", "yes"), ("agent", "and"), ("user", "bye")]
    turns = [{"speaker": speaker, "text": text, "said_at": None} for speaker, text in said]
    assert list(exchanges(turns)) == [
        {"agent_response": "hello"},
        {"user_input": "hi", "agent_response": "yes"},
        {"agent_response": "and"},
        {"user_input": "bye"},
    ]


def test_a_judged_metric_has_the_name_of_a_dashboard_where_a_setting_says_so(world, export):
    done = export("conversations", "--to", "a.parquet", export_names="name")
    assert done["names"]["steps"] == "Steps"
    by_key = {row["conversation_id"]: row for row in world.rows("select * from export_conversations")}
    logged = {row["metric"] for row in world.rows("select distinct metric from fct_logged_metrics")}
    for row in pq.read_table("a.parquet").to_pylist():
        expected = by_key[row["conversation_id"]]
        names = {"judged:flag": "Flag"} | {name: name for name in logged}
        assert dict(row["metrics"]) == {names.get(k, k.title()): v for k, v in expected["metrics"].items()}
        assert dict(row["metric_states"]) == {names.get(k, k.title()): v for k, v in expected["metric_states"].items()}


@pytest.mark.parametrize(
    ("logged", "metrics", "by_key", "by_name"),
    [
        (["flag", "judged:flag"], {"flag": "Flag"}, {"flag": "judged:judged:flag"}, {"flag": "Flag"}),
        (["Flag"], {"flag": "Flag"}, {"flag": "flag"}, {"flag": "judged:Flag"}),
        ([], {"a": "Same", "b": "Same"}, {"a": "a", "b": "b"}, {"a": "a", "b": "b"}),
        ([], {"a": "b", "b": "B"}, {"a": "a", "b": "b"}, {"a": "a", "b": "B"}),
    ],
)
def test_no_judged_metric_is_called_as_something_else_is(logged, metrics, by_key, by_name):
    with duckdb.connect() as database:
        database.execute("create table fct_logged_metrics as select unnest(?::varchar[]) as metric", [logged])
        database.execute(
            "create table dim_metrics as select unnest(?) as metric, unnest(?) as name, 'active' as status",
            [[*metrics], [*metrics.values()]],
        )
        assert export_names(database, "key") == by_key
        assert export_names(database, "name") == by_name


def test_verdicts_are_those_that_are_published_in_every_format_and_of_the_days_that_are_wanted(world, export):
    first, last = FIRST + timedelta(days=3), FIRST + timedelta(days=9)
    expected = world.rows(
        f"select * from export_verdicts where conversation_date between '{first}' and '{last}'"
        " order by conversation_id, metric, source"
    )
    for form in ("parquet", "csv", "jsonl"):
        done = export("verdicts", "--to", "out/", "--format", form, "--from", first, "--until", last)
        assert done["rows"] == {f"verdicts.{form}": len(expected)}
    assert pq.read_table("out/verdicts.parquet").to_pylist() == expected
    with Path("out/verdicts.csv").open(newline="") as file:
        cells = list(csv.DictReader(file))
    plain = ("conversation_id", "metric", "state", "answer", "detail", "judge")
    assert [[one[name] or None for name in plain] for one in cells] == [[r[name] for name in plain] for r in expected]
    judged = next(place for place, row in enumerate(expected) if row["judged_at"])
    assert cells[judged]["judged_at"] == expected[judged]["judged_at"].isoformat()
    assert [[line.get(name) for name in plain] for line in lines("out/verdicts.jsonl")] == [
        [row[name] for name in plain] for row in expected
    ]
    assert not any(word in Path("out/verdicts.jsonl").read_text() for word in WORDS)


def test_reasons_and_quotes_come_only_where_they_are_asked_for_and_for_their_owner_alone(world, export):
    export("verdicts", "--to", "a.jsonl", "--with-evidence")
    export("conversations", "--to", "a.parquet", "--with-evidence")

    assert [Path(name).stat().st_mode & 0o777 for name in ("a.jsonl", "a.parquet")] == [0o600, 0o600]
    found = lines("a.jsonl")
    assert len(found) == len(world.rows("select 1 from export_verdicts"))
    assert {line["reason"] for line in found} == {"an unspeakable reason"}
    for line in found:
        quotes = [one["quote"] for one in line["evidence"]]
        assert quotes == (["unspeakable words"] if line["source"] == "judged" else [])
    turns = pq.read_table("a.parquet", columns=["conversation_id", "turns"]).to_pylist()
    assert all(row["turns"][0]["text"] == f"unspeakable words of {row['conversation_id']}" for row in turns)


def test_a_cell_that_a_spreadsheet_would_run_is_a_text_to_it():
    for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"):
        assert cell(text) == "'" + text
    assert [cell(value) for value in ("a=1", -1.5, None, True, ["=1"], "")] == ["a=1", -1.5, None, "true", '["=1"]', ""]


def test_an_export_that_cannot_be_written_leaves_the_one_before(export):
    Path("out").mkdir()
    export("verdicts", "--to", "out/v.csv")
    before = Path("out/v.csv").read_bytes()
    # As when the disk fills up while it writes.
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, hard))
    try:
        with pytest.raises(Exception, match="annot be written"):
            export("verdicts", "--to", "out/v.csv")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert Path("out/v.csv").read_bytes() == before
    assert sorted(path.name for path in Path("out").iterdir()) == ["v.csv", "v.manifest.json"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("verdicts", "--to", "a.txt"), "says no format. Say --format"),
        (("verdicts", "--to", "https://example.com/a.csv"), "can be read and not written to"),
        (("verdicts", "--to", "nosuch://user:hidden@host/a"), "no store or database that is known"),
        (("verdicts", "--to", "a.csv", "--since", "x"), "--since goes with the feed"),
        (("feed", "--to", "a.csv", "--with-evidence"), "The feed holds all days and no quotes"),
        (("feed", "--to", "a.csv", "--since", "x"), "is not a cursor of this feed"),
        (("verdicts", "--to", "a.csv", "--from", "2026-09-02", "--until", "2026-09-01"), "Swap them"),
        (("verdicts", "--to", "sqlite:///a.db", "--format", "csv"), "A database has tables"),
        (("labels", "--to", "a.csv"), "is none of conversations, verdicts, feed"),
    ],
)
def test_what_cannot_be_exported_is_said_before_anything_is_written(export, arguments, says):
    with pytest.raises(SettingsError, match=says) as refused:
        export(*arguments)
    assert refused.value.exit_code == 2
    assert "hidden" not in str(refused.value)
    assert list(Path().iterdir()) == []


def test_nothing_published_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["export", "verdicts", "--to", "a.csv"])
    assert isinstance(done.exception, PublishError)
    assert not (tmp_path / "data").exists()


def test_a_database_holds_what_is_published_and_a_part_replaces_its_days_alone(world, export):
    url, count = "sqlite:///out.db", len(world.rows("select 1 from export_verdicts"))
    assert export("verdicts", "--to", url)["rows"] == {"export_verdicts": count}
    export("verdicts", "--to", url, "--from", FIRST, "--until", FIRST + timedelta(days=2))
    export("conversations", "--to", url)

    with sqlite3.connect("out.db") as database:
        states = dict(database.execute("select state, count(*) from export_verdicts group by state").fetchall())
        metrics = dict(database.execute("select conversation_id, metrics from export_conversations").fetchall())
    assert states == Counter(row["state"] for row in world.rows("select state from export_verdicts"))
    rows = world.rows("select conversation_id, metrics from export_conversations")
    assert {one: json.loads(text) for one, text in metrics.items()} == {
        r["conversation_id"]: r["metrics"] for r in rows
    }

    with sqlite3.connect("out.db") as database:
        database.execute("alter table export_verdicts drop column outcome")
    with pytest.raises(ExportError, match="the table in the database lacks outcome"):
        export("verdicts", "--to", url)
    with sqlite3.connect("out.db") as database:
        assert database.execute("select count(*) from export_verdicts").fetchone() == (count,)


def test_the_feed_in_a_database_is_added_to_and_a_repeated_export_adds_nothing_twice(world, export):
    done = export("feed", "--to", "sqlite:///out.db")
    middle = done["cursor"].split("-")[0] + "-100"
    again = export("feed", "--to", "sqlite:///out.db", "--since", middle)

    count = len(world.rows("select 1 from export_verdicts"))
    assert (done["rows"]["verdict_changes"], again["rows"]["verdict_changes"]) == (count, count - 100)
    with sqlite3.connect("out.db") as database:
        assert database.execute("select count(*), max(sequence) from verdict_changes").fetchone() == (count, count)
        assert database.execute("select sum(verdict_count) from verdict_counts").fetchone() == (count,)


def test_the_feed_tells_how_many_there_should_be(world, export):
    done = export("feed", "--to", "out")
    changes, counts = (
        pq.read_table("out/feed.parquet").to_pylist(),
        pq.read_table("out/feed.counts.parquet").to_pylist(),
    )

    assert {change["change"] for change in changes} == {"set"}
    key = ("conversation_date", "metric", "source", "state")
    copy = Counter(tuple(change[name] for name in key) for change in changes)
    assert {tuple(row[name] for name in key): row["verdict_count"] for row in counts} == copy
    assert Path("out/feed.parquet").stat().st_mode & 0o777 == 0o600
    manifest = json.loads(Path("out/feed.manifest.json").read_text())
    assert (manifest["cursor"], manifest["since"]) == (done["cursor"], None)
    assert export("feed", "--to", "b.jsonl", "--since", done["cursor"])["rows"]["b.jsonl"] == 0
