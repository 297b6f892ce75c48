"""The database of a published generation, whoever published it and when."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from metrics_pipeline.errors import PublishError


@contextmanager
def published_database(generation: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that reads the database of the generation in that folder.

    Raises:
        PublishError: It cannot be read, or was published by a version with other tables or columns.
    """
    path = generation / "metrics.duckdb"
    try:
        with duckdb.connect(str(path), read_only=True) as database:
            yield database
    except (duckdb.CatalogException, duckdb.BinderException):
        raise PublishError(
            f"{path}: was published by another version of the pipeline, with other tables than this one reads. Run "
            "`metrics run`, which publishes anew."
        ) from None
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise PublishError(f"{path}: cannot be read ({reason}). Run `metrics run`, which publishes anew.") from None
