"""Readers see one whole, audited generation, or the one before."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from published_world import DAYS, NOW, make_world

from metrics_pipeline.conversations.erased import Gone
from metrics_pipeline.data_folder import open_data_folder
from metrics_pipeline.errors import AuditError, DataFolderError, PublishError
from metrics_pipeline.files import write_parquet
from metrics_pipeline.publishing import warehouse
from metrics_pipeline.publishing.database_file import new_database
from metrics_pipeline.publishing.generation import publish, resolve_current
from metrics_pipeline.publishing.rewriting import rewrite_generation
from metrics_pipeline.publishing.warehouse import (
    PROJECT,
    build_marts,
    database_path,
    manifest_path,
    target_path,
    write_profile,
)
from metrics_pipeline.tables import to_table


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A small world whose tables are built; nothing is published."""
    folder, *_ = make_world(tmp_path_factory.mktemp("built") / "data", days=DAYS[:5])
    build_marts(folder)
    return folder


@pytest.fixture
def folder(built, tmp_path):
    """A copy of it, to be broken."""
    root = tmp_path / "data"
    shutil.copytree(built.root, root)
    return open_data_folder(root)


def published_bytes(folder):
    """Everything that readers can see, with where the pointer points."""
    files = {str(path.relative_to(folder.published)): path for path in folder.published.rglob("*") if path.is_file()}
    return {name: sha256(path.read_bytes()).hexdigest() for name, path in files.items() if "/." not in name}, (
        (folder.published / "current").readlink()
    )


def test_a_generation_is_complete_and_its_manifest_says_what_is_in_it(folder):
    publication = publish(folder, NOW, 3)

    assert resolve_current(folder) == publication.path.resolve()
    manifest = json.loads((publication.path / "manifest.json").read_text())
    assert manifest["rows"] == publication.rows
    for name, digest in manifest["sha256"].items():
        assert sha256((publication.path / name).read_bytes()).hexdigest() == digest
    for table, rows in publication.rows.items():
        assert pq.read_metadata(publication.path / f"{table}.parquet").num_rows == rows
    assert set(manifest["sha256"]) == {path.name for path in publication.path.iterdir()} - {"manifest.json"}


@pytest.mark.parametrize("damage", [b"", b"garbage" * 1_000])
def test_a_damaged_build_and_a_damaged_empty_file_are_made_anew(folder, damage):
    empties = sorted(folder.root.rglob("_empty.parquet"))
    for path in [*empties, database_path(folder), database_path(folder).with_name("build.duckdb.wal")]:
        path.write_bytes(damage)

    build_marts(open_data_folder(folder.root))

    assert len(empties) > 5
    assert publish(folder, NOW, 3).rows["dim_conversations"] > 0


def test_the_same_tables_are_published_as_the_same_bytes(folder):
    first = publish(folder, NOW, 3)
    build_marts(folder)
    second = publish(folder, NOW + timedelta(hours=1), 3)

    for table in first.rows:
        name = f"{table}.parquet"
        assert (first.path / name).read_bytes() == (second.path / name).read_bytes(), table


def test_nothing_built_and_nothing_published_say_what_to_do(tmp_path):
    folder = open_data_folder(tmp_path)
    with pytest.raises(PublishError, match="no build to publish"):
        publish(folder, NOW, 3)
    with pytest.raises(PublishError, match="nothing has been published yet"):
        resolve_current(folder)


def test_older_generations_go_and_the_newest_stay(folder):
    names = [publish(folder, NOW + timedelta(hours=hour), 3).generation for hour in range(5)]

    assert sorted(path.name for path in (folder.published / "generations").iterdir()) == names[-3:]


def test_younger_generations_stay_however_many_they_are(folder):
    hours = (0, 30, 47, 49, 72)
    names = [publish(folder, NOW + timedelta(hours=hour), 3, keep_days=1).generation for hour in hours]

    assert sorted(path.name for path in (folder.published / "generations").iterdir()) == names[-3:]
    names.append(publish(folder, NOW + timedelta(hours=73), 3, keep_days=2).generation)
    assert sorted(path.name for path in (folder.published / "generations").iterdir()) == names[-4:]


def test_a_reader_that_has_resolved_the_pointer_keeps_reading_its_generation(folder):
    publish(folder, NOW, 3)
    generation = resolve_current(folder)
    with duckdb.connect(str(generation / "metrics.duckdb"), read_only=True) as reader:
        publish(folder, NOW + timedelta(hours=1), 3)

        assert resolve_current(folder) != generation
        assert reader.execute("select count(*) from trend_metric_daily").fetchone()[0] > 0
    assert (generation / "manifest.json").exists()


@pytest.mark.parametrize(
    ("sabotage", "says"),
    [
        (
            lambda folder: _add_conversation(folder),
            r"conversations, against their files: (\d+) expected, \d+ found \(2026-09-01: (\d+) expected, \d+ found\)",
        ),
        (
            lambda folder: folder.verdict_file("flag", DAYS[0]).unlink(),
            r"verdicts of all versions, .* \(flag on 2026-09-01: 0 expected, \d+ found\)",
        ),
        (lambda folder: shutil.rmtree(next(folder.landed.iterdir())), "conversations, against all that landed"),
        (
            lambda folder: _execute(folder, "delete from trend_metric_daily where metric = 'flag'"),
            "all parts of the trend, .* and at 2 other places",
        ),
        (
            lambda folder: _execute(folder, "insert into ingest_files select * from ingest_files"),
            r"export files, against their receipts: 1 expected, 2 found \(\w+.json: 1 expected, 2 found\)",
        ),
        (
            lambda folder: _execute(folder, "update ingest_files set kept_count = kept_count + 1"),
            r"kept, against the receipts: \d+ expected, \d+ found \(\w+.json: ",
        ),
    ],
)
def test_a_failing_audit_changes_nothing_for_readers_and_says_what_is_wrong(folder, sabotage, says):
    publish(folder, NOW, 3)
    before = published_bytes(folder)
    sabotage(folder)

    with pytest.raises(AuditError, match=says):
        publish(folder, NOW + timedelta(hours=1), 3)

    assert published_bytes(folder) == before


def _add_conversation(folder):
    path = folder.day_file("conversations", DAYS[0])
    table = pq.read_table(path)
    write_parquet(pa.concat_tables([table, table.slice(0, 1)]), path)


def _execute(folder, statement):
    with duckdb.connect(str(database_path(folder))) as database:
        database.execute(statement)


def test_a_test_of_dbt_that_finds_rows_stops_the_build_and_names_itself(folder):
    publish(folder, NOW, 3)
    before = published_bytes(folder)
    rows = pq.read_table(folder.whole_file("metrics")).to_pylist()
    rows[0]["status"] = "unheard of"
    write_parquet(to_table("metrics", rows), folder.whole_file("metrics"))

    with pytest.raises(AuditError, match=r"accepted_values_dim_metrics_status.*\(1 row: value_field unheard of"):
        build_marts(folder)

    assert published_bytes(folder) == before


def test_a_row_without_what_its_table_needs_stops_the_build_and_the_column_is_named(folder):
    publish(folder, NOW, 3)
    before = published_bytes(folder)
    path = folder.verdict_file("flag", DAYS[0])
    rows = pq.read_table(path).to_pylist()
    rows[0]["state"] = None
    write_parquet(to_table("verdicts", rows), path)

    broken = f"conversation_id {rows[0]['conversation_id']}, metric flag, source judged, "
    says = f"audit of the new tables failed: fct_verdict_history: a row without state: {broken}"
    with pytest.raises(AuditError, match=says):
        build_marts(folder)

    assert published_bytes(folder) == before


def differing(one, other):
    """Bytes that differ: those of one hash, and most where dbt writes it anew with new times in it."""
    return len(one) if len(one) != len(other) else sum(a != b for a, b in zip(one, other, strict=True))


def test_a_data_folder_that_was_moved_keeps_what_dbt_parsed_in_it(built, folder):
    (target_path(folder) / "manifest.json").unlink(missing_ok=True)
    theirs = (target_path(built) / "partial_parse.msgpack").read_bytes()

    manifest_path(folder)

    assert differing(theirs, (target_path(folder) / "partial_parse.msgpack").read_bytes()) in range(1, 65)


def test_a_data_folder_begins_with_what_dbt_parsed_in_another(folder, tmp_path, monkeypatch):
    known = tmp_path / "known_parse.msgpack"
    monkeypatch.setattr(warehouse, "KNOWN_PARSE", known)
    new = open_data_folder(tmp_path / "new")
    theirs = (target_path(folder) / "partial_parse.msgpack").read_bytes()
    known.write_bytes(theirs)

    manifest_path(new)

    assert differing(theirs, (target_path(new) / "partial_parse.msgpack").read_bytes()) in range(1, 65)
    assert known.read_bytes() == theirs


def test_where_what_dbt_parsed_is_damaged_it_parses_anew_and_that_is_kept(tmp_path, monkeypatch):
    known = tmp_path / "known_parse.msgpack"
    known.write_bytes(b"garbage" * 1_000)
    monkeypatch.setattr(warehouse, "KNOWN_PARSE", known)
    new = open_data_folder(tmp_path / "new")

    manifest_path(new)

    assert known.read_bytes() == (target_path(new) / "partial_parse.msgpack").read_bytes()


def test_a_file_that_is_no_parquet_stops_the_build_in_a_sentence(folder):
    folder.verdict_file("flag", DAYS[0]).write_bytes(b"not parquet")

    with pytest.raises(PublishError, match="dbt cannot build"):
        build_marts(folder)


def test_a_disk_that_cannot_be_written_changes_nothing_for_readers(folder):
    publish(folder, NOW, 3)
    before = published_bytes(folder)
    generations = folder.published / "generations"
    kept = generations.rename(folder.published / "moved")
    generations.write_text("a file where the folder should be")

    with pytest.raises(DataFolderError, match="cannot be written or read"):
        publish(folder, NOW + timedelta(hours=1), 3)

    generations.unlink()
    kept.rename(generations)
    assert published_bytes(folder) == before


def test_what_a_killed_publish_left_behind_is_never_read_and_goes_with_the_next(folder):
    publish(folder, NOW, 3)
    half = folder.published / "generations" / ".20260101T000000000Z.abc.tmp"
    half.mkdir()
    (half / "metrics.duckdb").write_bytes(b"half")
    (folder.published / ".current.abc.tmp").symlink_to("generations/nowhere")

    publication = publish(folder, NOW + timedelta(hours=1), 3)

    assert not half.exists()
    assert resolve_current(folder) == publication.path.resolve()
    assert [path.name for path in folder.published.iterdir() if path.name.startswith(".")] == []


def test_readers_during_publishes_see_one_whole_generation_each_time(folder):
    publish(folder, NOW, 3)
    stop, seen, torn = threading.Event(), set(), []

    def read():
        while not stop.is_set():
            generation = resolve_current(folder)
            manifest = json.loads((generation / "manifest.json").read_text())
            if manifest["generation"] != generation.name:
                torn.append(generation.name)
            with duckdb.connect(str(generation / "metrics.duckdb"), read_only=True) as database:
                rows = database.execute("select count(*) from trend_metric_daily").fetchone()[0]
            if rows != manifest["rows"]["trend_metric_daily"]:
                torn.append(generation.name)
            seen.add(generation.name)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for minute in range(1, 6):
        publish(folder, NOW + timedelta(minutes=minute), 3)
    stop.set()
    for reader in readers:
        reader.join()

    assert torn == []
    assert len(seen) > 1


READ = """
import json, random, sys, time
from pathlib import Path
import duckdb, pyarrow.parquet as pq
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.publishing.generation import resolve_current

folder, reads, seen, torn = DataFolder(Path(sys.argv[1])), int(sys.argv[2]), set(), []
choose = random.Random(int(sys.argv[3]))
while reads or not Path(sys.argv[4]).exists():
    generation = resolve_current(folder)
    manifest = json.loads((generation / "manifest.json").read_text())
    table = choose.choice(sorted(manifest["rows"]))
    if choose.random() < 0.5:
        with duckdb.connect(str(generation / "metrics.duckdb"), read_only=True) as database:
            rows = database.table(table).count("*").fetchall()[0][0]
            marks = database.sql("select distinct definition from dim_metrics where metric = 'flag'").fetchall()
    else:
        rows = pq.read_metadata(generation / f"{table}.parquet").num_rows
        metrics = pq.read_table(generation / "dim_metrics.parquet", columns=["metric", "definition"]).to_pylist()
        marks = [(metric["definition"],) for metric in metrics if metric["metric"] == "flag"]
    # The build says in a row what its publish is called; one that is mixed of two says it wrongly.
    if manifest["generation"] != generation.name or rows != manifest["rows"][table] or len(marks) != 1:
        torn.append(generation.name)
    if int(marks[0][0]) != manifest["rows"]["ingest_files"]:
        torn.append(generation.name)
    seen.add(generation.name)
    reads = max(reads - 1, 0)
print(json.dumps([len(seen), torn]))
"""


@pytest.mark.slow
def test_ten_thousand_reads_by_four_readers_during_fifty_publishes_each_see_one_whole_generation(folder, tmp_path):
    """Each build says its number twice: in a row of one table, and in how many rows another has."""
    _number(folder, 1)
    publish(folder, NOW, 3)
    stop = tmp_path / "stop"
    readers = [
        subprocess.Popen(
            [sys.executable, "-c", READ, str(folder.root), "2500", str(seed), str(stop)], stdout=subprocess.PIPE
        )
        for seed in range(4)
    ]
    for number in range(2, 52):
        _number(folder, number)
        publish(folder, NOW + timedelta(minutes=number), 3)
    stop.touch()
    found = [json.loads(reader.communicate()[0]) for reader in readers]

    assert [torn for _, torn in found] == [[]] * 4
    assert all(seen > 10 for seen, _ in found)


def _number(folder, number):
    """Make the build one that no other is; its files and their receipts with it."""
    with duckdb.connect(str(database_path(folder))) as database:
        database.execute(f"update dim_metrics set definition = '{number}' where metric = 'flag'")
        for _ in range(number - database.table("ingest_files").count("*").fetchall()[0][0]):
            shutil.copytree(receipt := next(folder.landed.iterdir()), folder.landed / f"{number:032x}")
            database.execute("insert into ingest_files select * from ingest_files limit 1")
            path = folder.landed / f"{number:032x}" / "receipt.json"
            path.write_text(
                json.dumps(json.loads((receipt / "receipt.json").read_text()) | {"file_hash": path.parent.name})
            )


def test_nobody_else_can_read_a_word_of_a_new_database_while_it_is_written(tmp_path):
    def open_to_others():
        """Files below that others may read, through folders that others may enter."""
        for place, folders, files in os.walk(tmp_path):
            folders[:] = [name for name in folders if Path(place, name).stat().st_mode & 0o001]
            yield from (name for name in files if Path(place, name).stat().st_mode & 0o004)

    mask = os.umask(0)
    try:
        for mode, seen in ((0o600, []), (None, ["new.duckdb"])):
            with new_database(tmp_path / "new.duckdb", mode) as writer:
                writer.execute("create table target.turns as select 'a word' as text")
                assert {path.suffix for path in tmp_path.rglob("*.*") if path.is_file()} == {".duckdb", ".wal"}
                assert list(open_to_others()) == []
                spill = writer.execute("select current_setting('temp_directory')").fetchone()[0]
                assert tmp_path in Path(spill).parents
            assert list(open_to_others()) == seen
    finally:
        os.umask(mask)
    assert [path.name for path in tmp_path.iterdir()] == ["new.duckdb"]


@contextmanager
def no_file_larger_than(size):
    """As on a disk that is almost full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.99])
def test_a_disk_that_fills_up_replaces_no_published_database_by_half_a_one(folder, share):
    publication = publish(folder, NOW, 3)
    before = published_bytes(folder)
    limit = int(share * (publication.path / "metrics.duckdb").stat().st_size)
    someone = pq.read_table(publication.path / "dim_conversations.parquet")["conversation_id"][0].as_py()

    with no_file_larger_than(limit):
        with pytest.raises((PublishError, DataFolderError)):
            publish(folder, NOW + timedelta(hours=1), 3)
        with pytest.raises((PublishError, DataFolderError), match="annot be written"):
            rewrite_generation(publication.path, Gone([someone]), NOW)

    after = published_bytes(folder)
    assert after[0].keys() == before[0].keys()
    assert after[1] == before[1]
    database = str(next(name for name in before[0] if name.endswith("/metrics.duckdb")))
    assert after[0][database] == before[0][database]
    assert not list(folder.published.rglob("*.tmp*"))


def test_each_rate_is_what_the_models_own_examples_say(world):
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    folders = ["--project-dir", PROJECT, "--profiles-dir", write_profile(world.folder).parent]
    folders += ["--target-path", target_path(world.folder), "--log-path", world.folder.warehouse / "logs"]
    try:
        found = dbtRunner().invoke(["test", "--quiet", "--select", "test_type:unit", *map(str, folders)])
    finally:
        DuckDBConnectionManager.close_all_connections()

    assert found.exception is None
    assert {one.node.tested_node_unique_id.split(".")[-1] for one in found.result.results} >= {
        "trend_metric_daily",
        "trend_metric_weekly",
        "trend_metric_monthly",
        "trend_metric_daily_by",
        "trend_label_daily",
        "trend_number_daily",
        "trend_logged_daily",
        "trend_cost_daily",
        "logged_vs_judged",
        "second_opinions",
    }
    assert [one.node.name for one in found.result.results if one.status != "pass"] == []
