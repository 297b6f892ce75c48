"""A new DuckDB file is written whole, or its writer is told that it is not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

CLIENT_STORAGE = "v1.0.0"
"""The storage version of the published DuckDB files: clients from DuckDB 1.0 on can open them."""


@contextmanager
def new_database(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that has the new file `path` attached as `target`; all that is written stands in it at the end.

    Raises:
        duckdb.Error: It cannot be written, the disk being full for example.
    """
    quoted = str(path).replace("'", "''")
    try:
        with duckdb.connect() as writer:
            writer.execute(f"attach '{quoted}' as target (storage_version '{CLIENT_STORAGE}')")
            yield writer
            # Where DuckDB moves its log into the file as it closes it, it keeps to itself that it could not.
            writer.execute("checkpoint target")
            writer.execute("detach target")
    finally:
        path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
