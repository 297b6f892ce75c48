"""What could not be read is named, shown without a word of it, and lands once it can be read."""

from __future__ import annotations

import json
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from exports import raw, write
from typer.testing import CliRunner

from metrics_pipeline.cli import cli
from metrics_pipeline.conversations.adapters import lenient
from metrics_pipeline.conversations.landing import land_folder
from metrics_pipeline.conversations.merge import merge
from metrics_pipeline.conversations.quarantine import masked
from metrics_pipeline.conversations.receipts import receipts
from metrics_pipeline.data_folder import DataFolder, open_data_folder
from metrics_pipeline.errors import SettingsError

LONG_ID = "the-id-of-a-caller-" * 2


@pytest.fixture
def folder(tmp_path, monkeypatch) -> DataFolder:
    """Two files have landed while an adapter took no long id: one has three places in quarantine, one has one."""
    monkeypatch.setenv("METRICS_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    landing, folder = tmp_path / "data" / "landing", open_data_folder(tmp_path / "data")
    write(landing / "a.jsonl", raw(1), raw(2, id=LONG_ID), "not json", raw(3, id=LONG_ID + "2"))
    write(landing / "deep" / "b.json", raw(4), raw(5, id=LONG_ID + "3", environment="Jane Doe, 0171 555"))
    with monkeypatch.context() as patch:
        patch.setattr(lenient, "MAX_ID_CHARACTERS", 30)
        land_folder(landing, folder, ZoneInfo("UTC"))
    return folder


def metrics(*arguments: str):
    return CliRunner().invoke(cli, ["quarantine", *arguments])


def listed() -> list[dict[str, str]]:
    return json.loads(metrics("list", "--json").output)


def ids(folder: DataFolder) -> set[str]:
    merge(folder)
    files = folder.table("conversations").glob("day=*.parquet")
    return {row for file in files for row in pq.read_table(file)["conversation_id"].to_pylist()}


def test_the_list_names_every_place_with_its_file_and_reason(folder):
    places = [(one["file"], one["position"], one["reason"].split(":")[0]) for one in listed()]

    assert places == [
        ("a.jsonl", "line 2", "id is longer than 30 characters"),
        ("a.jsonl", "line 3", "not readable as JSON"),
        ("a.jsonl", "line 4", "id is longer than 30 characters"),
        ("deep/b.json", "/conversations/1", "id is longer than 30 characters"),
    ]
    assert "a.jsonl  line 2  id is longer than 30 characters" in metrics("list").output


def test_what_is_shown_has_the_fields_and_no_word_of_the_content(folder):
    name = listed()[-1]["name"]

    shown = metrics("show", name).output

    assert "file       deep/b.json\nplace      /conversations/1\nreason     id is longer" in shown
    assert '"environment": "xxxx xxx, 9999 999"' in shown
    assert not [word for word in ("Jane", "0171", "caller", "question") if word in shown]


def test_a_shape_is_bounded_and_holds_only_names_of_fields():
    assert masked('{"id": "Ada", "Ada L": [12, true, "é"]}') == '{"id": "xxx", "xxx x": [99, true, "x"]}'
    assert masked("x" * 9_000).endswith("… and 7,000 more characters")
    assert masked('"said \\"ada\\": yes"') == '"xxxx \\"xxx\\": xxx"'


def test_what_can_be_read_now_lands_and_leaves_the_quarantine_and_nothing_else_changes(folder):
    assert ids(folder) == {"c1", "c4"}

    done = metrics("retry")

    assert done.exit_code == 0, done.output
    assert done.output == "a.jsonl: landed 2 of 3\ndeep/b.json: landed 1 of 1\n"
    assert ids(folder) == {"c1", "c4", LONG_ID, LONG_ID + "2", LONG_ID + "3"}
    assert [(one["file"], one["position"]) for one in listed()] == [("a.jsonl", "line 3")]
    assert {(one.file, one.read_count, one.kept_count, one.quarantined_count) for one in receipts(folder)} == {
        ("a.jsonl", 4, 3, 1),
        ("deep/b.json", 2, 2, 0),
    }
    # A place that is still named after a kill, though it has landed.
    stale = folder.quarantine / f"{next(one.file_hash for one in receipts(folder) if not one.quarantined_count)}.jsonl"
    stale.write_text('{"file": "deep/b.json", "position": "/conversations/1", "reason": "x"}\n')
    assert "a.jsonl: none of 1 can be read yet\n" in metrics("retry").output
    assert len(listed()) == 1
    assert not [path for path in folder.landed.iterdir() if path.name.endswith(".tmp")]


def test_one_file_is_read_again_by_its_name_or_that_of_a_place(folder):
    assert metrics("retry", listed()[0]["name"]).output == "a.jsonl: landed 2 of 3\n"
    assert metrics("retry", "deep/b.json").output == "deep/b.json: landed 1 of 1\n"
    assert isinstance(metrics("retry", "nothing").exception, SettingsError)


def test_a_file_that_was_moved_is_found_by_its_content_and_one_that_is_gone_keeps_what_it_had(folder):
    landing = folder.root / "landing"
    (landing / "a.jsonl").rename(landing / "deep" / "moved.jsonl")
    (landing / "deep" / "b.json").write_text("[]")

    done = json.loads(metrics("retry", "--json").output)

    assert [(one["file"], one["outcome"], one["left_count"]) for one in done] == [
        ("a.jsonl", "landed", 1),
        ("deep/b.json", "gone", 1),
    ]
    assert ids(folder) == {"c1", "c4", LONG_ID, LONG_ID + "2"}
    assert "the file is no longer in the landing folder" in metrics("show", "deep/b.json").output


def test_a_reader_that_became_worse_takes_nothing_away(folder, monkeypatch):
    monkeypatch.setattr(lenient, "MAX_ID_CHARACTERS", 1)
    before = [path.read_bytes() for path in sorted(folder.landed.glob("*/*"))]

    assert "a.jsonl: left as it was" in metrics("retry").output

    assert [path.read_bytes() for path in sorted(folder.landed.glob("*/*"))] == before
    assert len(listed()) == 4
