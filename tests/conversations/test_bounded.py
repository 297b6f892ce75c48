"""What does not fit into memory at once is put by and brought together, and no byte of a table tells."""

from __future__ import annotations

import random
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from exports import raw, write

from metrics_pipeline.conversations import day_tables, runs, shard_files, shard_writer
from metrics_pipeline.conversations.landing import land_folder
from metrics_pipeline.conversations.merge import merge
from metrics_pipeline.data_folder import open_data_folder
from metrics_pipeline.errors import DataFolderError
from metrics_pipeline.files import write_parquet

UTC = ZoneInfo("UTC")


def versions() -> list[dict]:
    """Of 40 conversations on five days, some twice: on one day, or on two."""
    found = [raw(number, 1 + number % 3) for number in range(40)]
    found += [raw(number, 4) for number in range(0, 40, 7)]
    found += [raw(number, 5, started_at="2026-09-02T11:00:00Z") for number in range(0, 40, 11)]
    random.Random(7).shuffle(found)
    return found


def tables(root, *files):
    folder = open_data_folder(root / "data")
    for number, conversations in enumerate(files):
        write(root / "landing" / f"{number}.jsonl", *conversations)
    land_folder(root / "landing", folder, UTC)
    report = merge(folder)
    assert report.conversation_count == 40
    return {path.relative_to(root): path.read_bytes() for path in folder.root.glob("*/day=*.parquet")}


def test_tables_are_the_same_however_little_fits_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(day_tables, "SLICE_TURNS", 9)
    everything = versions()
    whole = tables(tmp_path / "whole", everything)
    assert pq.ParquetFile(tmp_path / "whole" / next(iter(whole))).num_row_groups > 1
    monkeypatch.setattr(runs, "BATCH_ROWS", 2)
    monkeypatch.setattr(shard_writer, "BATCH_CONVERSATIONS", 3)
    monkeypatch.setattr(shard_writer, "TABLE_BYTES", 1)

    assert tables(tmp_path / "little", everything) == whole
    assert tables(tmp_path / "files", everything[::2], everything[1::2]) == whole
    shard = next((tmp_path / "little" / "data" / "landed").glob("*/day=2026-09-02.parquet"))
    ids = pq.read_table(shard, columns=["conversation_id"])[0].to_pylist()
    assert ids == sorted(ids)
    assert not list(shard.parent.glob(".*"))


def test_days_of_a_file_that_does_not_fit_into_memory_are_taken_over_with_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(day_tables, "SLICE_TURNS", 9)
    once = [raw(number, 1 + number % 3) for number in range(40)]
    random.Random(7).shuffle(once)
    whole = tables(tmp_path / "whole", once)
    monkeypatch.setattr(shard_files, "MANY", 1)
    monkeypatch.setattr(shard_writer, "BATCH_CONVERSATIONS", 3)
    monkeypatch.setattr(shard_writer, "TABLE_BYTES", 1)

    assert tables(tmp_path / "little", once) == whole
    assert list((tmp_path / "little" / "data" / "landed").glob("*/turns.day=*.parquet"))


def test_a_shard_that_is_not_in_order_is_not_merged_with_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(day_tables, "SLICE_TURNS", 2)
    folder = open_data_folder(tmp_path / "data")
    write(tmp_path / "landing" / "a.jsonl", *(raw(5 * number) for number in range(5)))
    land_folder(tmp_path / "landing", folder, UTC)
    shard = next(folder.landed.glob("*/day=*.parquet"))
    write_parquet(pq.read_table(shard).sort_by([("conversation_id", "descending")]), shard)

    with pytest.raises(DataFolderError, match="is not in order"):
        merge(folder)
