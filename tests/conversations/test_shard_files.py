"""A day that came in one file is taken over as it landed, and nobody can tell from a byte of its tables."""

from __future__ import annotations

import shutil
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from exports import raw, write

from metrics_pipeline.conversations import shard_files
from metrics_pipeline.conversations.erased import Gone
from metrics_pipeline.conversations.landing import land_folder
from metrics_pipeline.conversations.merge import merge
from metrics_pipeline.conversations.redaction.redactor import Redactor
from metrics_pipeline.conversations.shard_files import read_shard
from metrics_pipeline.data_folder import DataFolder, open_data_folder
from metrics_pipeline.erasing.landed import erase_from_shards
from metrics_pipeline.errors import DataFolderError

UTC = ZoneInfo("UTC")
MORNING = "2026-09-02T09:00:00Z"
FOUND = [
    raw(number, 1 + number % 3, started_at=MORNING, metrics={"a": ["1", "2"]} if number % 2 else None)
    for number in range(12)
]
FOUND += [raw(12, started_at=MORNING, turns=[]), raw(13, started_at="2026-09-03T11:00:00Z")]


@pytest.fixture(autouse=True)
def as_tables(monkeypatch):
    monkeypatch.setattr(shard_files, "MANY", 1)


def landed(root: Path, *files: list[dict]) -> DataFolder:
    folder = open_data_folder(root / "data")
    for number, conversations in enumerate(files):
        write(root / "landing" / f"{number}.jsonl", *conversations)
    land_folder(root / "landing", folder, UTC)
    return folder


def day_files(folder: DataFolder) -> list[Path]:
    found = [
        path for table in ("conversations", "turns", "logged_metrics") for path in folder.table(table).glob("day=*")
    ]
    assert len(found) == 6
    return sorted(found)


def contents(folder: DataFolder) -> list[bytes]:
    return [path.read_bytes() for path in day_files(folder)]


def known_bytes(folder: DataFolder) -> list[bytes]:
    """What landed, written in a way that no merge would write it."""
    found = sorted(folder.landed.glob("*/*.parquet"))
    for path in found:
        pq.write_table(pq.read_table(path), path, compression="none")
    return sorted(path.read_bytes() for path in found)


def test_a_day_of_one_file_is_taken_over_and_has_the_same_bytes_as_one_that_was_merged(tmp_path, monkeypatch):
    whole, parts = landed(tmp_path / "whole", FOUND), landed(tmp_path / "parts", FOUND[::2], FOUND[1::2])
    monkeypatch.setattr(shard_files, "MANY", 100)
    # As all that landed under the first format.
    small = landed(tmp_path / "small", FOUND)

    for folder in (whole, parts, small):
        assert merge(folder).conversation_count == len(FOUND)

    assert contents(whole) == contents(parts) == contents(small)
    assert merge(whole).changed_days == ()


def test_a_day_of_one_file_is_copied_as_it_landed(tmp_path):
    folder = landed(tmp_path, FOUND)
    known = known_bytes(folder)

    merge(folder)

    assert sorted(contents(folder)) == known


def test_a_file_in_which_a_conversation_stands_twice_is_merged(tmp_path):
    newer = raw(3, 5, started_at=MORNING, updated_at="2026-09-09T10:00:00Z")
    once, twice = (
        landed(tmp_path / "once", [*FOUND[:3], *FOUND[4:], newer]),
        landed(tmp_path / "twice", [*FOUND, newer]),
    )

    assert (merge(once).superseded_count, merge(twice).superseded_count) == (0, 1)

    assert contents(twice) == contents(once)


def test_a_file_that_has_every_last_version_of_its_day_is_taken_over_whatever_else_landed(tmp_path):
    newer = [one | {"updated_at": "2026-09-09T10:00:00Z"} for one in FOUND]
    folder, alone = landed(tmp_path / "data", FOUND, newer), landed(tmp_path / "alone", newer)

    assert (merge(folder).superseded_count, merge(alone).superseded_count) == (len(FOUND), 0)

    assert contents(folder) == contents(alone)
    shutil.rmtree(folder.table("turns"))
    known = known_bytes(folder)
    merge(folder)
    assert {path.read_bytes() for path in folder.table("turns").glob("day=*")} < set(known)


@pytest.mark.parametrize("table", ["conversations", "turns", "logged_metrics"])
def test_what_damages_a_table_in_place_leaves_what_it_is_written_anew_from(tmp_path, table):
    folder = landed(tmp_path, FOUND)
    merge(folder)
    expected = contents(folder)
    next(folder.table(table).glob("day=*")).write_bytes(b"garbage")

    assert len(merge(folder).changed_days) == 1

    assert contents(folder) == expected


def test_what_is_erased_leaves_what_landed_and_the_tables_that_were_taken_over(tmp_path):
    word = "periwinkle"
    folder = landed(tmp_path, [*FOUND, raw(20, started_at=MORNING, turns=[{"user_input": word}])])
    merge(folder)
    others = day_files(folder)[1].read_bytes()

    erase_from_shards(folder, Gone(["c20"]))
    merge(folder)

    assert day_files(folder)[1].read_bytes() == others
    expected = landed(tmp_path / "expected", FOUND)
    merge(expected)
    assert contents(folder) == contents(expected)
    assert not [path for path in folder.root.rglob("*") if path.is_file() and word.encode() in path.read_bytes()]
    assert [path.name for path in sorted(folder.landed.glob("*/*.parquet"))] == [
        *("day=2026-09-02.parquet", "day=2026-09-03.parquet"),
        *("logged_metrics.day=2026-09-03.parquet", "turns.day=2026-09-03.parquet"),
    ]


def test_what_an_erasing_that_was_killed_left_of_a_shard_goes_with_the_next(tmp_path):
    folder = landed(tmp_path, FOUND)
    one, other = sorted(folder.landed.glob("*/day=*.parquet"))
    turns = shard_files.shard_file(one, "turns")
    held = turns.read_bytes()
    shard_files.replace_shard(read_shard(one), one)
    other.unlink()
    turns.write_bytes(held)

    erase_from_shards(folder, Gone(["nobody"]))

    assert [path.name for path in folder.landed.glob("*/*.parquet")] == [one.name]


@pytest.mark.parametrize("table", ["turns", "logged_metrics"])
def test_a_table_of_a_shard_that_is_damaged_is_said_and_lands_anew(tmp_path, table):
    folder = landed(tmp_path, FOUND)
    merge(folder)
    expected = contents(folder)
    shard_files.shard_file(next(folder.landed.glob("*/day=*.parquet")), table).unlink()
    shutil.rmtree(folder.table(table))

    with pytest.raises(DataFolderError, match="is damaged"):
        merge(folder)

    land_folder(tmp_path / "landing", folder, UTC)
    merge(folder)
    assert contents(folder) == expected


def test_what_landed_as_tables_is_redacted_again_under_new_rules(tmp_path):
    folder, expected = landed(tmp_path / "data", FOUND), landed(tmp_path / "expected", FOUND)
    merge(folder)
    newer = Redactor(own={"GREETING": "good evening|hello|how"})
    shutil.rmtree(tmp_path / "data" / "landing")
    write(tmp_path / "data" / "landing" / "other.jsonl", raw(1, in_progress=True))

    for one in (folder, expected):
        land_folder(one.root.parent / "landing", one, UTC, newer)
        merge(one)

    assert contents(folder) == contents(expected)


def test_a_folder_of_the_first_format_is_read_and_older_versions_refuse_it_from_then_on(tmp_path):
    (tmp_path / "format").write_text("1\n")

    assert open_data_folder(tmp_path).days() == []

    assert (tmp_path / "format").read_text() == "2\n"
