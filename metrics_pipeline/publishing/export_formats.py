"""Rows as a file: Parquet, JSON lines or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, BinaryIO, Literal

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

Format = Literal["parquet", "jsonl", "csv"]
FORMATS: tuple[Format, ...] = ("parquet", "jsonl", "csv")
OpenLine = Callable[[Mapping[str, Any]], Mapping[str, Any]]
RUNS_IN_A_SPREADSHEET = ("=", "+", "-", "@", "\t", "\r")
"""With one of these a cell of CSV begins a formula in some spreadsheet."""


def as_it_is(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A line with the row's own columns, without those that have no value."""
    return {name: value for name, value in row.items() if value is not None}


def write_rows(reader: pa.RecordBatchReader, target: BinaryIO, form: Format, line: OpenLine = as_it_is) -> int:
    """Write the rows to an open file; how many there were.

    Args:
        line: What a row becomes in JSON lines.
    """
    return {"parquet": _parquet, "jsonl": _lines, "csv": _csv}[form](reader, target, line)


def _parquet(reader: pa.RecordBatchReader, target: BinaryIO, line: OpenLine) -> int:
    count = 0
    with pq.ParquetWriter(target, reader.schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(batch)
            count += batch.num_rows
    return count


def _lines(reader: pa.RecordBatchReader, target: BinaryIO, line: OpenLine) -> int:
    encoder, count = msgspec.json.Encoder(enc_hook=str), 0
    maps = [field.name for field in reader.schema if pa.types.is_map(field.type)]
    for batch in reader:
        rows = batch.to_pylist()
        if line is as_it_is:
            rows = [row | {name: dict(row[name]) for name in maps} for row in rows]
        target.write(encoder.encode_lines([line(row) for row in rows]))
        count += len(rows)
    return count


def _csv(reader: pa.RecordBatchReader, target: BinaryIO, line: OpenLine) -> int:
    maps = {field.name for field in reader.schema if pa.types.is_map(field.type)}
    text = io.TextIOWrapper(target, encoding="utf-8", newline="", write_through=True)
    writer, count = csv.writer(text), 0
    writer.writerow(reader.schema.names)
    for batch in reader:
        rows = batch.to_pylist()
        writer.writerows([cell(dict(v) if n in maps else v) for n, v in row.items()] for row in rows)
        count += len(rows)
    text.detach()
    return count


def cell(value: Any) -> Any:
    """A value as a cell: text that a spreadsheet would run has an apostrophe before it."""
    plain = flat(value)
    return f"'{plain}" if isinstance(value, str) and value.startswith(RUNS_IN_A_SPREADSHEET) else plain


def flat(value: Any) -> Any:
    """A value that is a text, a number, a yes or no, or nothing: lists and the like as JSON."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    return msgspec.json.encode(value).decode() if isinstance(value, list | dict | tuple) else value
