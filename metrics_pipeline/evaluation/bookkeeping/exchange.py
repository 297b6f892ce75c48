"""A ledger as Parquet, and back: a copy that any tool can read, and from which a lost ledger is rebuilt.

A copy holds no secrets; a rebuilt ledger makes its own. Replies quote transcripts, so that its owner reads it and
nobody else. docs/ledger.md describes the columns.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from metrics_pipeline.errors import LedgerError
from metrics_pipeline.evaluation.bookkeeping import replies
from metrics_pipeline.evaluation.bookkeeping.connection import Connection
from metrics_pipeline.evaluation.bookkeeping.names import REPLIED, Names, packed_hash, unpacked_hash
from metrics_pipeline.evaluation.bookkeeping.requests import as_moment, microseconds
from metrics_pipeline.files import replacing_folder

AT_ONCE = 10_000
_text, _number, _moment = pa.string(), pa.int64(), pa.timestamp("us", tz="UTC")

REQUESTS = pa.schema(
    {
        "request_id": _number,
        "judged_hash": _text,
        "judge_fingerprint": _text,
        "asking": _text,
        "metrics": _text,
        "attempt": _number,
        "sent_at": _moment,
        "redaction": _text,
        "conversation": _text,
        "outcome": _text,
        "recorded_at": _moment,
        "reply_id": _number,
        "text": _text,
        "finish": _text,
        "model_served": _text,
        "left_out_from": pa.int32(),
        "left_out_to": pa.int32(),
        "prompt_tokens": _number,
        "reply_tokens": _number,
        "cached_tokens": _number,
        "cost_dollars": pa.float64(),
    }
)
JUDGES = pa.schema({"judge_fingerprint": _text, "kind": _text, "name": _text, "settings": _text})
METRIC_VERSIONS = pa.schema({"metric": _text, "metric_version": _text, "definition": _text, "first_seen_at": _number})
METRIC_DAYS = pa.schema(
    {
        "metric": _text,
        "day": _text,
        "metric_version": _text,
        "judge_fingerprint": _text,
        "turn": _number,
        "completed": _text,
    }
)
WHOLE = {"judges": JUDGES, "metric_versions": METRIC_VERSIONS, "metric_days": METRIC_DAYS}
"""Tables that are small, and written as they stand."""


class Imported(NamedTuple):
    """What an import added."""

    requests: int
    replies: int
    known: int
    """Requests that the ledger held already."""


def write_copy(connection: Connection, names: Names, folder: Path) -> int:
    """Write the ledger as Parquet files into `folder`, which must not be there yet; returns how many requests it holds.

    Raises:
        LedgerError: The folder is there.
        DataFolderError: It cannot be written.
    """
    if folder.exists():
        raise LedgerError(f"{folder}: is there already. Name a folder that is not, or remove it.")
    count = 0
    with replacing_folder(folder) as beside, connection.reading() as db:
        beside.chmod(0o700)
        # Of one moment, whatever is recorded meanwhile.
        db.execute("begin")
        try:
            with _writer(beside / "requests.parquet", REQUESTS) as writer:
                for rows in _requests(db, names):
                    writer.write_table(pa.Table.from_pylist(rows, schema=REQUESTS))
                    count += len(rows)
            for table, schema in WHOLE.items():
                found = db.execute(f"select {', '.join(schema.names)} from {table} order by 1, 2, 3").fetchall()
                columns = [
                    pa.array(column, kind) for column, kind in zip(_turned(found, schema), schema.types, strict=True)
                ]
                with _writer(beside / f"{table}.parquet", schema) as writer:
                    writer.write_table(pa.Table.from_arrays(columns, schema=schema))
        finally:
            db.execute("rollback")
    return count


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    path.touch(mode=0o600)
    return pq.ParquetWriter(path, schema, compression="zstd")


def _turned(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> list[Sequence[Any]]:
    return list(zip(*rows, strict=True)) if rows else [()] * len(schema)


def _requests(db: sqlite3.Connection, names: Names) -> Iterator[list[dict[str, Any]]]:
    """All requests: first those without a reply, then in the order of the replies' ids."""
    db.execute("create temp table words_of as select request_id, judged_hash from asked order by request_id")
    db.execute("create unique index temp.words_of_request on words_of (request_id)")
    cursor = db.execute(
        """
        select request_id, judged_hash, question_id, attempt, sent_at, redaction_id, outcome_id, sent_at + took,
            reply_id, conversation, prompt_tokens, reply_tokens, cached_tokens, cost_dollars
        from requests inner join words_of using (request_id) order by coalesce(reply_id, 0), request_id
        """
    )
    while rows := cursor.fetchmany(AT_ONCE):
        bodies = replies.read(db, [row[8] for row in rows if row[8] is not None])
        yield [_as_copied(row, names, bodies) for row in rows]


def _as_copied(row: Sequence[Any], names: Names, bodies: dict[int, replies.Kept]) -> dict[str, Any]:
    together = names.questions(row[2])
    body = bodies[row[8]].body if row[8] is not None else None
    return {
        "request_id": row[0],
        "judged_hash": unpacked_hash(row[1]),
        "judge_fingerprint": together[0].judge_fingerprint,
        "asking": together[0].asking,
        "metrics": msgspec.json.encode([(one.metric, one.metric_version) for one in together]).decode(),
        "attempt": row[3],
        "sent_at": as_moment(row[4]),
        "redaction": names.word(row[5]),
        "conversation": unpacked_hash(row[9] or ""),
        "outcome": None if row[6] is None else names.word(row[6]),
        "recorded_at": None if row[7] is None else as_moment(row[7]),
        "reply_id": row[8],
        "text": body.text if body else None,
        "finish": body.finish if body else None,
        "model_served": body.model_served if body else None,
        "left_out_from": body.left_out[0] if body and body.left_out else None,
        "left_out_to": body.left_out[1] if body and body.left_out else None,
        **dict(zip(("prompt_tokens", "reply_tokens", "cached_tokens", "cost_dollars"), row[10:], strict=True)),
    }


def read_copy(connection: Connection, names: Names, folder: Path) -> Imported:
    """Add what a copy holds: all of it, or nothing where something is wrong with it.

    An empty ledger takes the ids of the copy over, so that verdicts are what they were to the byte. In another, what is
    new gets ids of its own, and where both have answered a question, the answer that was there counts.

    Raises:
        LedgerError: A file is missing, damaged, or holds other columns.
    """
    added = answered = known = 0
    parts = {
        name: _opened(folder / f"{name}.parquet", schema) for name, schema in (("requests", REQUESTS), *WHOLE.items())
    }
    try:
        with connection.transaction() as db:
            keeps_ids = db.execute("select 1 from sqlite_sequence").fetchone() is None
            for rows in _batches(parts["requests"], folder):
                new = rows if keeps_ids else _unknown(db, names, rows)
                known += len(rows) - len(new)
                added += len(new)
                answered += _add(db, names, new, keeps_ids)
            _merge_whole(db, {name: parts[name].read() for name in WHOLE})
    except BaseException:
        names.forget()
        raise
    return Imported(added, answered, known)


def _opened(path: Path, schema: pa.Schema) -> pq.ParquetFile:
    try:
        found = pq.ParquetFile(path)
    except (OSError, pa.ArrowException) as error:
        raise LedgerError(f"{path}: cannot be read as part of a copy of a ledger ({type(error).__name__}).") from error
    if found.schema_arrow.names != schema.names:
        raise LedgerError(f"{path}: does not hold the columns of a copy of a ledger. See docs/ledger.md.")
    return found


def _batches(file: pq.ParquetFile, folder: Path) -> Iterator[list[dict[str, Any]]]:
    try:
        for batch in file.iter_batches(AT_ONCE):
            yield batch.to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise LedgerError(f"{folder}: this copy of a ledger is damaged ({error}). Nothing was added.") from error


def _unknown(db: sqlite3.Connection, names: Names, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Those of the rows that the ledger does not hold."""
    held = set()
    for chunk in replies.chunks(sorted({row["judged_hash"] for row in rows})):
        held |= set(
            db.execute(
                "select judged_hash, question_id, attempt, sent_at, word, took from asked "
                "inner join requests using (request_id) left join words on word_id = outcome_id "
                f"where judged_hash in ({replies.marks(chunk)})",
                [packed_hash(one) for one in chunk],
            ).fetchall()
        )
    return [row for row in rows if _identity(names, row) not in held]


def _identity(names: Names, row: dict[str, Any]) -> tuple[Any, ...]:
    sent_at, took = _times(row)
    return packed_hash(row["judged_hash"]), _question_id(names, row), row["attempt"], sent_at, row["outcome"], took


def _times(row: dict[str, Any]) -> tuple[int, int | None]:
    sent_at = microseconds(row["sent_at"].astimezone(UTC))
    recorded_at = row["recorded_at"]
    return sent_at, None if recorded_at is None else microseconds(recorded_at.astimezone(UTC)) - sent_at


def _question_id(names: Names, row: dict[str, Any]) -> int:
    together = msgspec.json.decode(row["metrics"], type=tuple[tuple[str, str], ...])
    return names.asked_id(row["judge_fingerprint"], row["asking"], together)


def _add(db: sqlite3.Connection, names: Names, rows: list[dict[str, Any]], keeps_ids: bool) -> int:
    sequence = db.execute("select seq from sqlite_sequence where name = 'requests'").fetchone()
    last = int(sequence[0]) if sequence else 0
    ids = [row["request_id"] for row in rows] if keeps_ids else list(range(last + 1, last + 1 + len(rows)))
    bodies = [(number, _body(row)) for number, row in zip(ids, rows, strict=True) if row["reply_id"] is not None]
    if keeps_ids:
        reply_ids = [row["reply_id"] for row in rows if row["reply_id"] is not None]
        replies.restore(
            db,
            [replies.Kept(*one) for one in zip(reply_ids, *zip(*bodies, strict=True), strict=True)] if bodies else [],
        )
    else:
        reply_ids = replies.add(db, bodies)
    given = iter(reply_ids)
    for number, row in zip(ids, rows, strict=True):
        sent_at, took = _times(row)
        db.execute(
            "insert into requests values (?, ?, ?, ?, null, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                number,
                _question_id(names, row),
                row["attempt"],
                sent_at,
                names.word_id(row["redaction"]),
                packed_hash(row["conversation"]),
                None if row["outcome"] is None else names.word_id(row["outcome"]),
                None if row["reply_id"] is None else next(given),
                took,
                *(row[name] for name in ("prompt_tokens", "reply_tokens", "cached_tokens", "cost_dollars")),
            ),
        )
        db.execute("insert into asked values (?, ?)", (packed_hash(row["judged_hash"]), number))
    return sum(row["outcome"] == REPLIED for row in rows)


def _body(row: dict[str, Any]) -> replies.Body | None:
    if row["text"] is None:
        return None
    left_out = None if row["left_out_from"] is None else (row["left_out_from"], row["left_out_to"])
    return replies.Body(row["text"], row["finish"], row["model_served"], left_out)


def _merge_whole(db: sqlite3.Connection, tables: dict[str, pa.Table]) -> None:
    def rows(name: str) -> list[tuple[Any, ...]]:
        return list(zip(*(column.to_pylist() for column in tables[name].columns), strict=True))

    db.executemany("insert or ignore into judges values (?, ?, ?, ?)", rows("judges"))
    db.executemany(
        "insert into metric_versions values (?, ?, ?, ?) on conflict do update "
        "set first_seen_at = min(first_seen_at, excluded.first_seen_at)",
        rows("metric_versions"),
    )
    # What is there was put to work after what comes: whatever the copy's turns were, they come before its own.
    first = {
        (metric, day): turn
        for metric, day, turn in db.execute("select metric, day, min(turn) from metric_days group by 1, 2")
    }
    newest: dict[tuple[str, str], int] = {}
    for metric, day, _, _, turn, _ in rows("metric_days"):
        newest[metric, day] = max(turn, newest.get((metric, day), turn))
    for metric, day, version, judge, turn, completed in rows("metric_days"):
        key = (metric, day)
        earlier = turn if key not in first else turn - newest[key] + first[key] - 1
        db.execute(
            "insert into metric_days values (?, ?, ?, ?, ?, ?) on conflict do update "
            "set completed = coalesce(completed, excluded.completed)",
            (metric, day, version, judge, earlier, completed),
        )
