"""All exports of a conversation become one row, however they came."""

from __future__ import annotations

import json
import shutil
from datetime import date, datetime, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from exports import raw, write
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics_pipeline.conversations.adapters.polyai_v3 import convert
from metrics_pipeline.conversations.landing import land_folder
from metrics_pipeline.conversations.merge import day_counts, day_marks, merge, read_conversations
from metrics_pipeline.conversations.redaction.redactor import Redactor
from metrics_pipeline.data_folder import DataFolder, open_data_folder
from metrics_pipeline.errors import DataFolderError

UTC = ZoneInfo("UTC")
TABLES = ("conversations", "turns", "logged_metrics")


@pytest.fixture
def folder(tmp_path):
    return open_data_folder(tmp_path / "data")


def land(folder: DataFolder, landing: Path, name: str, *conversations: dict) -> None:
    write(landing / name, *conversations)
    land_folder(landing, folder, UTC)


def tables(folder: DataFolder) -> dict[str, bytes]:
    return {
        f"{table}/{day}": folder.day_file(table, day).read_bytes() for table in TABLES for day in folder.days(table)
    }


def conversation_ids(folder: DataFolder) -> list[tuple[date, str]]:
    return [(day, found.conversation_id) for day in folder.days() for found in read_conversations(folder, day)]


def test_a_record_comes_back_from_its_tables_as_it_was(folder, tmp_path):
    one = raw(1, 3, metrics={"z": ["2", "1"], "a": True}, state={"k": 1})
    land(folder, tmp_path / "landing", "a.json", one)

    merge(folder)

    (found,) = read_conversations(folder, date(2026, 9, 2))
    assert found == Redactor().redact(convert(json.dumps(one).encode(), UTC)).conversation
    row = pq.read_table(folder.day_file("conversations", date(2026, 9, 2))).to_pylist()[0]
    assert row["content_hash"] == found.content_hash
    assert row["judged_hash"] == found.judged_hash


def test_of_two_versions_the_one_with_more_turns_counts_and_the_other_is_superseded(folder, tmp_path):
    landing = tmp_path / "landing"
    land(folder, landing, "a.json", raw(1, 4))
    land(folder, landing, "b.json", raw(1, 2), raw(2))

    report = merge(folder)

    assert (report.conversation_count, report.superseded_count) == (2, 1)
    counts = {
        found.conversation_id: len(found.turns) for day in folder.days() for found in read_conversations(folder, day)
    }
    assert counts == {"c1": 8, "c2": 4}


def test_the_same_conversation_on_two_days_is_one(folder, tmp_path):
    landing = tmp_path / "landing"
    land(folder, landing, "a.json", raw(1, 2))
    merge(folder)
    land(folder, landing, "b.json", raw(1, 3, started_at="2026-09-09T10:00:00Z"))

    report = merge(folder)

    assert conversation_ids(folder) == [(date(2026, 9, 9), "c1")]
    assert report.changed_days == (date(2026, 9, 2), date(2026, 9, 9))
    assert not folder.day_file("turns", date(2026, 9, 2)).exists()


def test_only_days_that_changed_are_written(folder, tmp_path):
    landing = tmp_path / "landing"
    land(folder, landing, "a.json", *(raw(number) for number in range(5)))
    merge(folder)
    times = {path: path.stat().st_mtime_ns for path in folder.table("conversations").glob("day=*")}
    land(folder, landing, "b.json", raw(6))

    report = merge(folder)

    assert report.changed_days == (date(2026, 9, 2),)
    changed = [path.name for path, time in times.items() if path.stat().st_mtime_ns != time]
    assert changed == ["day=2026-09-02.parquet"]
    assert merge(folder).changed_days == ()


def test_a_merge_that_was_cut_short_is_repaired_by_the_next(folder, tmp_path):
    land(folder, tmp_path / "landing", "a.json", *(raw(number) for number in range(5)))
    merge(folder)
    whole = tables(folder)
    folder.day_file("turns", date(2026, 9, 1)).unlink()
    folder.day_file("conversations", date(2026, 9, 3)).unlink()

    merge(folder)

    assert tables(folder) == whole


@pytest.mark.parametrize("damage", [b"", b"garbage", b"PAR1 and then nothing"])
@pytest.mark.parametrize("table", TABLES)
def test_a_damaged_file_of_a_table_is_written_anew(folder, tmp_path, table, damage):
    land(folder, tmp_path / "landing", "a.json", *(raw(number) for number in range(5)))
    merge(folder)
    whole = tables(folder)
    folder.day_file(table, date(2026, 9, 2)).write_bytes(damage)

    report = merge(folder)

    assert report.changed_days == (date(2026, 9, 2),)
    assert tables(folder) == whole


def test_a_file_of_a_table_that_lost_its_middle_is_seen_by_its_length(folder, tmp_path):
    land(folder, tmp_path / "landing", "a.json", *(raw(number) for number in range(5)))
    merge(folder)
    whole = tables(folder)
    path = folder.day_file("turns", date(2026, 9, 2))
    content = path.read_bytes()
    path.write_bytes(content[:100] + content[400:])

    merge(folder)

    assert tables(folder) == whole


def test_deleted_tables_come_back_byte_for_byte(folder, tmp_path):
    land(folder, tmp_path / "landing", "a.json", *(raw(number) for number in range(5)))
    merge(folder)
    whole = tables(folder)
    for table in TABLES:
        shutil.rmtree(folder.table(table))

    merge(folder)

    assert tables(folder) == whole


def test_a_mark_says_whether_a_days_conversations_are_the_same(folder, tmp_path):
    landing = tmp_path / "landing"
    land(folder, landing, "a.json", raw(1), raw(2))
    merge(folder)
    before = day_marks(folder)
    land(folder, landing, "b.json", raw(6))
    merge(folder)

    after = day_marks(folder)

    assert before[date(2026, 9, 2)] != after[date(2026, 9, 2)]
    assert before[date(2026, 9, 3)] == after[date(2026, 9, 3)]
    assert day_counts(folder, folder.days()) == {date(2026, 9, 2): 2, date(2026, 9, 3): 1}


def test_a_shard_that_was_taken_away_is_noticed(folder, tmp_path):
    land(folder, tmp_path / "landing", "a.json", raw(1), raw(2))
    next(folder.landed.glob("*/day=*.parquet")).unlink()

    with pytest.raises(DataFolderError, match="holds 1 conversation where its receipts say 2"):
        merge(folder)


def test_a_damaged_shard_ends_the_merge_in_a_sentence(folder, tmp_path):
    land(folder, tmp_path / "landing", "a.json", raw(1), raw(2))
    next(folder.landed.glob("*/day=*.parquet")).write_bytes(b"")

    with pytest.raises(DataFolderError, match=r"day=2026-09-02.parquet: is damaged"):
        merge(folder)


versions = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3), st.integers(1, 3)), min_size=1, max_size=8)


@settings(max_examples=25, deadline=None)
@given(versions, st.randoms(use_true_random=False), st.integers(1, 3))
def test_order_names_and_files_of_arrival_change_no_byte(tmp_path_factory, found, rng, file_count):
    everything = [raw(number, turns, started_at=f"2026-09-0{day}T08:00:00Z") for number, turns, day in found]
    results = []
    for shuffled in (False, True):
        root = tmp_path_factory.mktemp("merged")
        folder = open_data_folder(root / "data")
        order = list(everything)
        count = 1
        if shuffled:
            rng.shuffle(order)
            count = file_count
        for index in range(count):
            part = order[index::count]
            if part:
                land(folder, root / "landing", f"{index}{'x' * shuffled}.jsonl", *part)
                merge(folder)
        report = merge(folder)
        results.append((tables(folder), report.conversation_count))
    assert results[0] == results[1]
    assert results[0][1] == len({number for number, _, _ in found})


def test_the_version_that_its_source_changed_last_counts_even_with_fewer_turns(folder, tmp_path):
    landing = tmp_path / "landing"
    land(folder, landing, "a.json", raw(1, 2, updated_at="2026-09-03T10:00:00Z"))
    land(folder, landing, "b.json", raw(1, 4, updated_at="2026-09-02T10:00:00Z"))
    land(folder, landing, "c.json", raw(1, 6))

    report = merge(folder)

    assert (report.conversation_count, report.superseded_count) == (1, 2)
    (found,) = read_conversations(folder, date(2026, 9, 2))
    assert len(found.turns) == 4
    assert found.updated_at == datetime(2026, 9, 3, 10, tzinfo=timezone.utc)


def test_a_finished_conversation_takes_the_place_of_one_in_progress_whichever_came_first(tmp_path):
    begun, ended = raw(1, 4, in_progress=True, updated_at="2026-09-09T10:00:00Z"), raw(1, 2)
    for number, exports in enumerate(((begun, ended), (ended, begun))):
        folder = open_data_folder(tmp_path / f"data{number}")
        for name, one in zip(("a.json", "b.json"), exports, strict=True):
            land(folder, tmp_path / f"landing{number}", name, one)

        assert merge(folder).conversation_count == 1

        (found,) = read_conversations(folder, date(2026, 9, 2))
        assert len(found.turns) == 4  # two of each side: the finished one's


def test_shards_of_a_pipeline_that_knew_no_time_of_change_are_still_read(folder, tmp_path):
    land(folder, tmp_path / "landing", "a.json", raw(1), raw(2))
    for shard in folder.landed.glob("*/day=*.parquet"):
        pq.write_table(pq.read_table(shard).drop_columns(["updated_at"]), shard)

    assert merge(folder).conversation_count == 2
    assert {name for _, name in conversation_ids(folder)} == {"c1", "c2"}


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-03-29T00:59:00Z", date(2026, 3, 29)),
        ("2026-10-24T22:30:00Z", date(2026, 10, 25)),  # 00:30 in summer time
        ("2026-10-25T22:30:00Z", date(2026, 10, 25)),  # 23:30 in winter time, 25 hours into that day
        ("2026-10-25T23:30:00Z", date(2026, 10, 26)),
    ],
)
def test_days_are_cut_in_the_projects_time_zone_also_when_the_clocks_change(folder, tmp_path, moment, day):
    turns = [{"user_input": "hello", "agent_response": "good evening"}]
    write(tmp_path / "landing" / "a.json", raw(1, started_at=moment, turns=turns))

    land_folder(tmp_path / "landing", folder, ZoneInfo("Europe/Berlin"))
    merge(folder)

    assert folder.days() == [day]
