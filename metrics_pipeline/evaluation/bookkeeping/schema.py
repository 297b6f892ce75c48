"""The tables of the ledger, by version.

What is known of a request is one narrow row: hashes are 16 bytes, and what is long and repeats (which metrics were
asked together of which judge, how a request ended, rules of redaction) stands once and is named by a number. Replies
come in as rows and are folded into compressed blocks, many to a block, while they are still young.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from metrics_pipeline.errors import LedgerError
from metrics_pipeline.evaluation.bookkeeping.migration import add_missing_tables, from_version_3

SCHEMA_VERSION = 5
ADDED_SINCE = {1: ("redaction", "conversation"), 2: ("conversation",), 3: (), 4: ()}
"""By the version of an older ledger, the columns of `requests` that it lacks to be one of version 3."""

SCHEMA = """
create table questions (
    question_id integer primary key,
    judge_fingerprint text not null,
    asking text not null,
    metrics text not null, -- JSON: [metric, metric_version] of each that is asked in the one request
    unique (judge_fingerprint, asking, metrics)
);
create table words (word_id integer primary key, word text not null unique);
create table processes (process_id integer primary key, name text not null unique);
create table requests (
    request_id integer primary key autoincrement,
    question_id integer not null,
    attempt integer not null,
    sent_at integer not null, -- microseconds since 1970, UTC
    process_id integer, -- that sent it: while it lives, a request without an outcome is in flight; -1: in a batch
    redaction_id integer not null,
    conversation blob, -- mark of the id of the conversation that it was about, if any
    outcome_id integer, -- `reply`, or the kind of failure; NULL: in flight, or lost with its process
    reply_id integer, -- NULL where it failed and was tried again
    took integer, -- microseconds from sending to recording
    prompt_tokens integer,
    reply_tokens integer,
    cached_tokens integer,
    cost_dollars real
);
create table asked (
    judged_hash blob not null, -- of the words that a request was about
    request_id integer not null,
    primary key (judged_hash, request_id)
) without rowid;
create table held ( -- what a request costs at most, until it is known what it came to
    request_id integer primary key, dollars real not null
);
create table replies (
    reply_id integer primary key autoincrement, request_id integer not null, body blob not null
);
create table reply_blocks (last_reply_id integer primary key, raw_size integer not null, body blob not null);
create table batches (
    batch_id integer primary key autoincrement,
    mark text not null unique, -- by which the provider lists it
    judge_fingerprint text not null,
    request_count integer not null,
    made_at integer not null,
    file_hash text, -- SHA-256 of what is uploaded
    file_id text, -- the provider's, once it is uploaded
    creating_at integer, -- from then on the provider may have it
    provider_id text, -- the provider's, once it is known to be there
    ended_at integer -- NULL: some of its requests have no outcome
);
create table batch_requests ( -- of batches that have not ended
    request_id integer primary key,
    batch_id integer not null,
    judged_hash blob not null,
    most_dollars real not null,
    left_out_from integer,
    left_out_to integer
);
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


def statements(script: str) -> list[str]:
    """Each statement of a script."""
    return [statement for statement in script.split(";\n") if statement.strip()]


def version_of(db: sqlite3.Connection) -> int:
    return int(db.execute("pragma user_version").fetchone()[0])


def prepare(db: sqlite3.Connection, path: Path) -> None:
    """Make the tables where there are none, and bring older ones up to date; within a transaction.

    Raises:
        LedgerError: It was made by a newer pipeline, or is no ledger.
    """
    version = version_of(db)
    if version == SCHEMA_VERSION:
        return
    if version == 0 and not db.execute("select 1 from sqlite_master").fetchone():
        for statement in statements(SCHEMA):
            db.execute(statement)
    elif version == 4:
        add_missing_tables(db, statements(SCHEMA))
    elif version in ADDED_SINCE:
        for column in ADDED_SINCE[version]:
            db.execute(f"alter table requests add column {column} text not null default ''")
        from_version_3(db, statements(SCHEMA))
    else:
        require_version(version, path)
    db.execute(f"pragma user_version = {SCHEMA_VERSION}")


def require_version(version: int, path: Path) -> None:
    """Raise LedgerError, with what to do, unless `version` is the one that is read here."""
    if version in ADDED_SINCE:
        raise LedgerError(f"{path}: is a ledger of version {version}. The next run brings it up to date.")
    if version != SCHEMA_VERSION:
        raise LedgerError(
            f"{path}: is a ledger of version {version}, this pipeline reads {SCHEMA_VERSION}. "
            "Set METRICS_DATA to another folder, or use the pipeline that made it."
        )
