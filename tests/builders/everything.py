"""All that a data folder says, as text: what a search for somebody's words has to look through."""

from __future__ import annotations

import gzip
import sqlite3
import zlib
from pathlib import Path

import duckdb
import pyarrow.parquet as pq


def everything_in(root: Path) -> dict[Path, str]:
    """The text of every file below `root` but those in its landing folder: tables read, replies decompressed."""
    found = {}
    for path in root.rglob("*"):
        if not path.is_file() or (root / "landing") in path.parents:
            continue
        content = path.read_bytes()
        text = f"{path.relative_to(root)} {content.decode('utf-8', 'replace')}"
        if path.suffix == ".parquet":
            text += repr(pq.read_table(path).to_pylist())
        elif path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as database:
                # A view is of files that are read here themselves.
                tables = database.execute(
                    "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE'"
                ).fetchall()
                for schema, table in tables:
                    text += repr(database.execute(f'select * from "{schema}"."{table}"').fetchall())
        elif path.suffix == ".gz":
            text += gzip.decompress(content).decode("utf-8", "replace")
        elif path.name == "ledger.sqlite":
            with sqlite3.connect(path) as database:
                bodies = database.execute("select body from replies").fetchall()
            database.close()
            text += "".join(zlib.decompress(body).decode() for (body,) in bodies)
        found[path] = text
    return found
