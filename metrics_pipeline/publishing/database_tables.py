"""An export as a table of a database that SQLAlchemy reaches: its readers see what was before, or all that is new."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from metrics_pipeline.errors import ExportError, SettingsError
from metrics_pipeline.publishing.export_formats import flat

if TYPE_CHECKING:
    import sqlalchemy

ROWS_TOGETHER = 2_000


@contextmanager
def connected(url: str) -> Iterator[sqlalchemy.Connection]:
    """One transaction in that database, which counts when the block ends well.

    Raises:
        SettingsError: It is no address of a database, or what reads it is not installed.
        ExportError: The database refuses it; it is as it was.
    """
    import sqlalchemy
    from sqlalchemy import exc

    try:
        engine = sqlalchemy.create_engine(url, hide_parameters=True)
    except (exc.NoSuchModuleError, exc.ArgumentError):
        raise SettingsError(
            f"--to {url.partition('://')[0]}://…: is no store or database that is known here. Name a folder, a store "
            "(s3://, gs://, abfs://, sftp://), or a database by SQLAlchemy's address (postgresql+psycopg://, sqlite:///)."
        ) from None
    except ImportError as error:
        raise SettingsError(f"--to {url.partition('://')[0]}://…: {error}. Install it and export again.") from None
    try:
        with engine.begin() as connection:
            yield connection
    except exc.DBAPIError as error:
        # The first line only: the others may quote a row.
        first = (str(error.orig).splitlines() or [type(error.orig).__name__])[0]
        raise ExportError(
            f"{engine.url.render_as_string(hide_password=True)}: refuses the rows ({first[:300]}). It is as it was."
        ) from None
    finally:
        engine.dispose()


def replace_rows(
    connection: sqlalchemy.Connection, name: str, reader: pa.RecordBatchReader, first: date, last: date
) -> int:
    """Put the rows of those days in place of what the table has of them; how many there are."""
    table = _table(connection, name, reader.schema)
    whole = (first, last) == (date.min, date.max) or "conversation_date" not in table.c
    connection.execute(
        table.delete() if whole else table.delete().where(table.c.conversation_date.between(first, last))
    )
    return _insert(connection, table, reader)


def add_changes(connection: sqlalchemy.Connection, name: str, reader: pa.RecordBatchReader, after: int) -> int:
    """Add changes of the feed, in place of what an export that was repeated has added before; how many there are."""
    table = _table(connection, name, reader.schema)
    connection.execute(table.delete().where(table.c.sequence > after))
    return _insert(connection, table, reader)


def _table(connection: sqlalchemy.Connection, name: str, schema: pa.Schema) -> sqlalchemy.Table:
    """The table of that name, made where there is none.

    Raises:
        ExportError: The one that is there lacks a column.
    """
    import sqlalchemy

    wanted = sqlalchemy.Table(
        name, sqlalchemy.MetaData(), *(sqlalchemy.Column(field.name, _kind(field.type)) for field in schema)
    )
    if not sqlalchemy.inspect(connection).has_table(name):
        wanted.create(connection)
        return wanted
    there = {column["name"] for column in sqlalchemy.inspect(connection).get_columns(name)}
    if missing := [field.name for field in schema if field.name not in there]:
        raise ExportError(
            f"{name}: the table in the database lacks {', '.join(missing)}. Add the columns, or drop the table and "
            "export everything again."
        )
    return wanted


def _insert(connection: sqlalchemy.Connection, table: sqlalchemy.Table, reader: pa.RecordBatchReader) -> int:
    maps = {field.name for field in reader.schema if pa.types.is_map(field.type)}
    count = 0
    for batch in reader:
        for start in range(0, batch.num_rows, ROWS_TOGETHER):
            rows = batch.slice(start, ROWS_TOGETHER).to_pylist()
            connection.execute(
                table.insert(),
                [{name: _value(dict(v) if name in maps else v) for name, v in row.items()} for row in rows],
            )
            count += len(rows)
    return count


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return value if isinstance(value, date | bool) else flat(value)


def _kind(kind: pa.DataType) -> Any:
    import sqlalchemy

    if pa.types.is_boolean(kind):
        return sqlalchemy.Boolean()
    if pa.types.is_integer(kind):
        return sqlalchemy.BigInteger()
    if pa.types.is_floating(kind):
        return sqlalchemy.Double()
    if pa.types.is_date(kind):
        return sqlalchemy.Date()
    return sqlalchemy.DateTime(timezone=True) if pa.types.is_timestamp(kind) else sqlalchemy.Text()
