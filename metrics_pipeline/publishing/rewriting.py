"""Conversations leave a generation that is already published: each of its files that holds any is replaced.

A reader that has a file open keeps all of it; who opens it afterwards finds the new one, whole. The manifest comes
last: where its hashes are not the files', a rewriting was ended, and the next one makes up for it. Sums that no longer
name anybody (trends, counts of a file) stay as they were published.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from metrics_pipeline.conversations.erased import Gone
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import PublishError
from metrics_pipeline.files import explained, replacing, write_atomically
from metrics_pipeline.publishing.database_file import new_database
from metrics_pipeline.publishing.generation import ROW_GROUP, copy_comments, sha256
from metrics_pipeline.publishing.warehouse import MEMORY_LIMIT

ID, FILE = "conversation_id", "file"
MANIFEST = "manifest.json"


def generations(folder: DataFolder) -> list[Path]:
    """Those on disk, oldest first."""
    place = folder.published / "generations"
    return sorted(path for path in place.glob("[!.]*") if path.is_dir())


def held_in_generation(generation: Path, gone: Gone) -> Counter[str]:
    """Rows and names by conversation, over all its files."""
    found: Counter[str] = Counter()
    for path in _files(generation):
        found += held_in_published(path, gone)
    return found


def held_in_published(path: Path, gone: Gone) -> Counter[str]:
    """The same of one file: a table as Parquet, a database, or the manifest.

    Raises:
        PublishError: It is damaged.
    """
    try:
        if path.suffix == ".duckdb":
            return held_in_database(path, gone)
        if path.suffix == ".parquet":
            return _held_in_table(path, gone)
        return Counter(one for item in _manifest(path)["inputs"] for one in gone.named_in(item["file"]))
    except (duckdb.Error, pa.ArrowException, msgspec.DecodeError, KeyError) as error:
        raise PublishError(
            f"{path}: is damaged ({str(error).splitlines()[0]}). Remove that generation and run again; if it is the "
            "current one, `metrics run` publishes another."
        ) from None


def rewrite_generation(generation: Path, gone: Gone, moment: datetime) -> None:
    """Take the conversations out of every file of a generation.

    Raises:
        PublishError: A file is damaged, or a database cannot be written; it stands as it was.
        DataFolderError: Another file cannot be written; it stands as it was.
    """
    for path in _files(generation):
        if path.name == MANIFEST or not held_in_published(path, gone):
            continue
        with replacing(path) as beside:
            if path.suffix == ".duckdb":
                with _explained(path):
                    _rewrite_database(path, beside, gone)
            else:
                beside.touch(path.stat().st_mode & 0o777)
                _rewrite_table(path, beside, gone)
            shutil.copymode(path, beside)
    _rewrite_manifest(generation, gone, moment)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        raise PublishError(
            f"{path}: cannot be written ({str(error).splitlines()[0]}). It stands as it was. Free some space or "
            "correct the permissions and erase again, which goes on there."
        ) from error


def held_in_database(path: Path, gone: Gone) -> Counter[str]:
    """Rows and names by conversation, over all tables of a DuckDB file."""
    found: Counter[str] = Counter()
    with duckdb.connect() as database:
        database.execute(f"attach '{_quoted(path)}' as built (read_only)")
        for table, columns in _tables(database, "built").items():
            rows = database.table(f'built.main."{table}"')
            if ID in columns:
                for batch in rows.select(ID).to_arrow_reader(ROW_GROUP):
                    found += gone.counts(batch.column(0))
            if FILE in columns:
                names = rows.select(FILE).distinct().fetchall()
                found.update(one for (name,) in names for one in gone.named_in(name))
    return found


def _held_in_table(path: Path, gone: Gone) -> Counter[str]:
    found: Counter[str] = Counter()
    columns = pq.read_schema(path).names
    if ID in columns:
        for batch in pq.ParquetFile(path).iter_batches(ROW_GROUP, columns=[ID]):
            found += gone.counts(batch.column(0))
    if FILE in columns:
        found.update(one for name in pq.read_table(path, columns=[FILE])[0].to_pylist() for one in gone.named_in(name))
    return found


def _rewrite_table(path: Path, beside: Path, gone: Gone) -> None:
    table = pq.ParquetFile(path)
    with pq.ParquetWriter(beside, table.schema_arrow, compression="zstd") as writer:
        for batch in table.iter_batches(ROW_GROUP):
            writer.write_batch(_without(batch, gone), row_group_size=ROW_GROUP)


def _without(batch: pa.RecordBatch, gone: Gone) -> pa.RecordBatch:
    if ID in batch.schema.names:
        batch = batch.filter(pc.invert(gone.rows(batch[ID])))
    if FILE in batch.schema.names:
        place = batch.schema.get_field_index(FILE)
        names = pa.array(map(gone.cleaned, batch[FILE].to_pylist()), batch.schema.field(place).type)
        batch = batch.set_column(place, batch.schema.field(place), names)
    return batch


def _rewrite_database(path: Path, beside: Path, gone: Gone) -> None:
    with new_database(beside, path.stat().st_mode & 0o777) as writer:
        writer.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
        writer.execute(f"attach '{_quoted(path)}' as built (read_only)")
        writer.execute("create temp table gone (id varchar primary key)")
        _insert(writer, "gone", ([one] for one in sorted(gone.ids)))
        writer.execute("create temp table cleaned (before varchar primary key, name varchar)")
        for table, columns in _tables(writer, "built").items():
            rest = f"where {ID} is null or {ID} not in (select id from temp.gone)" if ID in columns else ""
            chosen = "*"
            if FILE in columns:
                names = [name for (name,) in writer.execute(f'select distinct {FILE} from built."{table}"').fetchall()]
                _insert(writer, "cleaned", ([name, gone.cleaned(name)] for name in names))
                found = f"coalesce((select name from temp.cleaned where before = {FILE}), {FILE})"
                chosen = f"* replace ({found} as {FILE})"
            writer.execute(f'create table target."{table}" as select {chosen} from built."{table}" {rest}')
        copy_comments(writer)


def _tables(database: duckdb.DuckDBPyConnection, name: str) -> dict[str, list[str]]:
    """Columns by table, of the attached database of that name."""
    columns: dict[str, list[str]] = {}
    for table, column in database.execute(
        "select table_name, column_name from duckdb_columns() inner join duckdb_tables()"
        " using (database_name, schema_name, table_name) where database_name = ? and schema_name = 'main'"
        " order by table_name, column_index",
        [name],
    ).fetchall():
        columns.setdefault(table, []).append(column)
    return columns


def _insert(writer: duckdb.DuckDBPyConnection, table: str, rows: Iterator[list[str]]) -> None:
    values = list(rows)
    if values:
        columns = ", ".join("unnest(?::varchar[])" for _ in values[0])
        writer.execute(
            f"insert or ignore into temp.{table} select {columns}", [list(part) for part in zip(*values, strict=True)]
        )


def _rewrite_manifest(generation: Path, gone: Gone, moment: datetime) -> None:
    path = generation / MANIFEST
    manifest = _manifest(path)
    files = {one.name: sha256(one) for one in _files(generation) if one.name != MANIFEST}
    inputs = [item | {"file": gone.cleaned(item["file"])} for item in manifest["inputs"]]
    if (files, inputs) == (manifest["sha256"], manifest["inputs"]):
        return
    rows = {table: pq.read_metadata(generation / f"{table}.parquet").num_rows for table in manifest["rows"]}
    changed = manifest | {"rows": rows, "sha256": files, "inputs": inputs, "erased_at": moment.isoformat()}
    write_atomically(path, msgspec.json.format(msgspec.json.encode(changed), indent=2))


def _files(generation: Path) -> list[Path]:
    # A name with a dot is half a file, that a rewriting which was killed left behind.
    return sorted(path for path in generation.glob("[!.]*") if path.is_file())


def _manifest(path: Path) -> dict[str, Any]:
    with explained(path):
        found: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    return found


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
