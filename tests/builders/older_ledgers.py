"""Ledgers as earlier versions of the pipeline wrote them, made from what a ledger of today holds."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq

SCHEMA_1 = """
create table requests (
    request_id integer primary key, judged_hash text not null, judge_fingerprint text not null, asking text not null,
    metrics text not null, attempt integer not null, sent_at integer not null, outcome text
);
create table replies (
    reply_id integer primary key, request_id integer not null, recorded_at integer not null, body blob not null
);
create table cells (cell blob primary key, reply_id integer not null, is_final integer not null) without rowid;
create table judges (judge_fingerprint text primary key, kind text not null, name text not null, settings text not null)
    without rowid;
create table metric_versions (
    metric text not null, metric_version text not null, definition text not null, first_seen_at integer not null,
    primary key (metric, metric_version)
) without rowid;
create table metric_days (
    metric text not null, day text not null, metric_version text not null, judge_fingerprint text not null,
    turn integer not null, completed text,
    primary key (metric, day, metric_version, judge_fingerprint)
) without rowid;
create table secrets (name text primary key, value blob not null) without rowid;
"""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def write_older(copy: Path, path: Path, version: int) -> None:
    """Write what the copy in the folder `copy` holds as a ledger of an older version."""
    with sqlite3.connect(path) as database:
        database.executescript(SCHEMA_1)
        added = ("redaction", "conversation")[: version - 1]
        for column in added:
            database.execute(f"alter table requests add column {column} text not null default ''")
        database.execute(f"pragma user_version = {version}")
        for row in pq.read_table(copy / "requests.parquet").to_pylist():
            given = [row[name] for name in ("request_id", "judged_hash", "judge_fingerprint", "asking", "metrics")]
            given += [row["attempt"], microseconds(row["sent_at"]), row["outcome"]]
            given += [row[name] for name in added]
            database.execute(f"insert into requests values ({','.join('?' * len(given))})", given)
            if row["reply_id"] is None:
                continue
            names = "text finish model_served prompt_tokens reply_tokens cached_tokens cost_dollars".split()
            replied = row["outcome"] == "reply"
            reply = {name: row[name] for name in names} if replied else None
            body = json.dumps({"reply": reply, "failure": None if replied else row["outcome"]})
            database.execute(
                "insert into replies values (?, ?, ?, ?)",
                (row["reply_id"], row["request_id"], microseconds(row["recorded_at"]), zlib.compress(body.encode(), 6)),
            )
            for metric, metric_version in json.loads(row["metrics"]):
                cell = "\x00".join(
                    [row["judged_hash"], metric, metric_version, row["judge_fingerprint"], row["asking"]]
                )
                key = hashlib.blake2b(cell.encode(), digest_size=16).digest()
                database.execute(
                    "insert into cells values (?1, ?2, ?3) on conflict do update set reply_id = ?2, is_final = ?3 "
                    "where is_final = 0",
                    (key, row["reply_id"], replied),
                )
        for table in ("judges", "metric_versions", "metric_days"):
            rows = pq.read_table(copy / f"{table}.parquet").to_pylist()
            for row in rows:
                database.execute(f"insert into {table} values ({','.join('?' * len(row))})", list(row.values()))
    database.close()


def microseconds(moment: datetime) -> int:
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
