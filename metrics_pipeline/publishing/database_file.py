"""A new DuckDB file is written whole, or its writer is told that it is not; meanwhile only its owner can read it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import duckdb

CLIENT_STORAGE = "v1.0.0"
"""The storage version of the published DuckDB files: clients from DuckDB 1.0 on can open them."""


@contextmanager
def new_database(path: Path, mode: int | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that has the new file `path` attached as `target`; all that is written stands in it at the end.

    Args:
        mode: Who may read it then; as the user's mask says when None.

    Raises:
        duckdb.Error: It cannot be written, the disk being full for example.
        OSError: There is no place for it.
    """
    # DuckDB makes its log, and what it spills, readable by whom the user's mask names: nobody reaches them in here.
    private = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    private.mkdir(mode=0o700)
    try:
        beside = private / "new.duckdb"
        with duckdb.connect(config={"temp_directory": str(private / "spill")}) as writer:
            writer.execute(f"attach '{_quoted(beside)}' as target (storage_version '{CLIENT_STORAGE}')")
            yield writer
            # Where DuckDB moves its log into the file as it closes it, it keeps to itself that it could not.
            writer.execute("checkpoint target")
            writer.execute("detach target")
        if mode is not None:
            beside.chmod(mode)
        beside.replace(path)
    finally:
        shutil.rmtree(private, ignore_errors=True)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
