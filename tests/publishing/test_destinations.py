"""An export reaches a store whole, or not at all, and no message holds its secret."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from object_store import object_store

from metrics_pipeline.errors import ExportError
from metrics_pipeline.publishing.destinations import is_database, place_of, put


@pytest.fixture(scope="module")
def store():
    with object_store() as store:
        yield store


def write(content):
    def to(file):
        file.write(content)
        return 7

    return to


@pytest.mark.parametrize("size", [10, 25_000_000])
def test_a_file_reaches_an_object_store_as_it_was_written(store, size):
    content = bytes(range(256)) * (size // 256 + 1)
    place = place_of(store.url % "v.parquet", "verdicts", None)

    done = put(place, "v.parquet", 0o600, write(content))

    assert store.objects["/bucket/exports/v.parquet"] == content
    assert (done.row_count, done.sha256) == (7, hashlib.sha256(content).hexdigest())
    assert place.shown("v.parquet") == "s3://bucket/exports/v.parquet"


def test_what_a_store_refuses_is_said_without_the_secret_and_what_stood_there_stands(store):
    place = place_of(store.url % "", "verdicts", "csv")
    put(place, "verdicts.csv", 0o600, write(b"before"))
    store.refuses_parts = True

    with pytest.raises(ExportError, match=r"s3://bucket/exports/verdicts.csv: cannot be written") as refused:
        put(place, "verdicts.csv", 0o600, write(b"after"))

    store.refuses_parts = False
    assert "hidden" not in str(refused.value)
    assert store.objects["/bucket/exports/verdicts.csv"] == b"before"


def test_what_ends_while_its_rows_are_written_never_reaches_the_store(store):
    def fails(file):
        file.write(b"half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        put(place_of(store.url % "half.csv", "verdicts", None), "half.csv", 0o600, fails)

    assert not any("half" in path for path in store.objects)


def test_a_place_that_only_fsspec_knows_takes_files_and_makes_their_folder():
    import fsspec

    put(place_of("memory://exports/of/today/", "verdicts", "csv"), "verdicts.csv", 0o600, write(b"a"))

    assert fsspec.filesystem("memory").cat("/exports/of/today/verdicts.csv") == b"a"


@pytest.mark.parametrize(
    ("to", "folder", "stem", "form", "suffix"),
    [
        ("out", "out", "verdicts", "parquet", ".parquet"),
        ("out/", "out", "verdicts", "parquet", ".parquet"),
        ("out/a.b.csv", "out", "a.b", "csv", ".csv"),
        ("a.jsonl", ".", "a", "jsonl", ".jsonl"),
        ("file:///tmp/x/a.csv", "/tmp/x", "a", "csv", ".csv"),
        ("s3://bucket/a/b.parquet?region=x", "/a", "b", "parquet", ".parquet"),
        ("s3://bucket/a", "/a", "verdicts", "parquet", ".parquet"),
    ],
)
def test_a_place_is_a_file_where_it_says_a_format_and_else_a_folder(
    tmp_path, monkeypatch, to, folder, stem, form, suffix
):
    monkeypatch.chdir(tmp_path)
    place = place_of(to, "verdicts", None)
    assert (place.folder, place.stem, place.form, place.suffix) == (folder, stem, form, suffix)
    Path("a.jsonl").mkdir()
    assert place_of("a.jsonl", "verdicts", "csv").folder == "a.jsonl"


def test_a_database_is_told_from_a_store():
    assert all(map(is_database, ("postgresql+psycopg://h/d", "sqlite:///a.db")))
    assert not any(map(is_database, ("s3://b/", "sftp://h/", "a/b")))
