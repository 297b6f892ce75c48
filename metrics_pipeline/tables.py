"""Schemas of the Parquet tables, and rows in them.

A table is a folder of Parquet files, one a day (`verdicts`: one a metric and day). Rows stand in the order of the
table's key and nothing in a file depends on the clock, so the same rows give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

# Arrow's own allocator asks for memory in pages of two megabytes, to be cleared each time: a tenth of a landing's time.
pa.set_memory_pool(pa.system_memory_pool())

_text, _number, _flag = pa.string(), pa.float64(), pa.bool_()


_moment, _day, _count, _total = pa.timestamp("us", tz="UTC"), pa.date32(), pa.int32(), pa.int64()


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in columns.items()])


TURN = pa.struct(
    _schema(
        turn_index=_count,
        speaker=_text,
        text=_text,
        said_at=_moment,
        function_name=_text,
        function_arguments=_text,
        function_result=_text,
    )
)


LOGGED = pa.struct(
    _schema(
        metric=_text,
        position=_count,
        value=_text,
        value_type=_text,
        kind=_text,
        source=_text,
        logged_at=_moment,
        turn_index=_count,
    )
)


EVIDENCE = pa.struct(_schema(turn_index=_count, quote=_text, tier=_text))


ANSWER = pa.struct(_schema(answer=_text, outcome=_text, position=_count))


CONVERSATIONS = _schema(
    conversation_id=_text,
    conversation_date=_day,
    started_at=_moment,
    updated_at=_moment,  # by the source's own clock; NULL where it does not say
    duration_seconds=_number,
    turn_count=_count,  # utterances that were delivered; function calls are not counted
    reported_turn_count=_count,  # what the source says, in its own unit
    channel=_text,
    language=_text,
    variant=_text,
    environment=_text,
    agent_version=_text,
    handoff=_flag,
    source=_text,
    carries_functions=_flag,
    carries_logged=_flag,
    content_hash=_text,
    judged_hash=_text,
    attributes=_text,
    redaction=_text,  # the version of the rules under which personal data was taken out
)


LANDED = pa.schema([*CONVERSATIONS, pa.field("turns", pa.list_(TURN)), pa.field("logged_metrics", pa.list_(LOGGED))])


TURNS = pa.schema([pa.field("conversation_id", _text), *TURN])


LOGGED_METRICS = pa.schema([pa.field("conversation_id", _text), *LOGGED])


VERDICTS = _schema(
    conversation_id=_text,
    conversation_date=_day,
    metric=_text,
    metric_version=_text,
    source=_text,
    judge_role=_text,
    judge_kind=_text,
    judge=_text,
    judge_served=_text,
    judge_fingerprint=_text,
    state=_text,
    answer=_text,
    answer_number=_number,
    detail=_text,
    applies_from_turn=_count,
    reason=_text,
    evidence=pa.list_(EVIDENCE),
    injection_suspect=_flag,
    gate_unknown=_flag,
    reply_id=pa.int64(),
    judged_at=_moment,
)


SECOND_OPINIONS = _schema(
    conversation_id=_text,
    conversation_date=_day,
    metric=_text,
    metric_version=_text,
    because=_text,  # share, injection_suspect, evidence_failed, logged_otherwise
    judge=_text,
    judge_fingerprint=_text,
    state=_text,  # of the first verdict, as is the answer
    answer=_text,
    judge_role=_text,  # always second
    second_judge_kind=_text,
    second_judge=_text,
    second_judge_fingerprint=_text,
    second_state=_text,  # NULL while it is open
    second_answer=_text,
    second_detail=_text,
    second_reason=_text,
    second_evidence=pa.list_(EVIDENCE),
    second_reply_id=pa.int64(),
    second_judged_at=_moment,
)


METRICS = _schema(
    metric=_text,
    name=_text,
    type=_text,  # boolean, categorical, numeric
    status=_text,  # draft, active, retired
    owner=_text,
    definition=_text,
    metric_group=_text,  # the heading under which dashboards show it
    unit=_text,  # of a numeric
    sample=_number,  # the share of conversations that is judged; NULL: all
    model=_text,  # that judges it in place of the project's
    tags=pa.list_(_text),
    primary_source=_text,  # judged, logged, rule: the source that is the metric's value
    metric_version=_text,  # of the file as it stands now
    rate_of=_text,  # `true` for a boolean, `success` for a categorical, NULL where all labels are neutral
    good_direction=_text,  # up, down, none
    rate_floor=_count,  # a rate out of fewer answers is too few, the same for all
    answers=pa.list_(ANSWER),  # the closed list, in the order of the file, with outcomes; none of a numeric
)


METRIC_VERSIONS = _schema(metric=_text, metric_version=_text, definition=_text, first_seen_at=_moment)


METRIC_DAYS = _schema(
    metric=_text,
    conversation_date=_day,
    metric_version=_text,
    judge_fingerprint=_text,  # '' where no judge is asked (source: logged)
    judge_kind=_text,
    judge=_text,
    in_force=_flag,  # exactly one row a metric and day: the effective version and judge
    is_complete=_flag,  # it has judged the whole day once
)


INGEST_FILES = _schema(
    file_hash=_text,
    file=_text,  # its name in the landing folder
    source=_text,
    bytes=pa.int64(),
    read_count=_count,
    kept_count=_count,
    duplicate_count=_count,
    waiting_count=_count,
    quarantined_count=_count,
    erased_count=_count,
    quarantined_by_reason=_text,  # JSON: places by reason
    redaction=_text,  # the version of the rules under which personal data was taken out
    redaction_count=_count,
    redactions_by_kind=_text,  # JSON: values that were taken out, by kind
    not_understood_count=_count,
    not_understood_by_kind=_text,  # JSON: what followed no rule, by what it is
    seconds=_number,  # that landing it took, the first time
    pull=_text,  # that brought it first; NULL where it was put there by hand
)


EVALUATION_RUNS = _schema(
    run_id=_text,
    run_date=_day,  # on which it began, in the project's time zone
    started_at=_moment,
    ended_at=_moment,
    mode=_text,  # new, days
    clients=_text,  # who carried calls to models, by name
    stopped_by=_text,  # budget, deadline, batch, circuit, interrupted, failed; NULL where nothing stopped it
    run_call_count=_total,  # of the whole run, each call once, like the next two
    run_seconds=_number,
    run_peak_memory_bytes=_total,
    metric=_text,
    metric_version=_text,
    judge_fingerprint=_text,  # '' where no judge is asked
    judge_kind=_text,
    judge=_text,
    prompt_version=_text,  # NULL where the judge reads no prompt
    planned_count=_total,  # conversations, as all counts up to open_count
    held_count=_total,
    answered_count=_total,
    not_applicable_count=_total,
    undecided_count=_total,
    error_count=_total,
    unjudged_count=_total,
    open_count=_total,  # left to the next run
    open_reason=_text,  # budget, deadline, batch, circuit, elsewhere, calls_failed, interrupted, failed
    asked_count=_total,  # questions
    correction_count=_total,
    call_count=_total,
    retry_count=_total,
    reply_count=_total,
    failure_count=_total,
    failures_by_kind=_text,  # JSON: tries without a reply, by kind
    unsent_count=_total,  # of them, those that reached nobody
    prompt_tokens=_total,
    reply_tokens=_total,
    cached_tokens=_total,
    dollars=pa.decimal128(24, 12),  # NULL where a reply's price is not known
    unpriced_count=_total,
    judge_call_count=_total,  # of the run to this judge, about whatever metric, each call once
)


TABLES: dict[str, tuple[pa.Schema, tuple[str, ...]]] = {
    "conversations": (CONVERSATIONS, ("conversation_id",)),
    "turns": (TURNS, ("conversation_id", "turn_index")),
    "logged_metrics": (LOGGED_METRICS, ("conversation_id", "metric", "position")),
    "verdicts": (VERDICTS, ("conversation_id", "source", "metric_version", "judge_fingerprint", "judge_role")),
    "second_opinions": (
        SECOND_OPINIONS,
        ("conversation_id", "metric", "metric_version", "judge_fingerprint", "second_judge_fingerprint"),
    ),
    "metrics": (METRICS, ("metric",)),
    "metric_versions": (METRIC_VERSIONS, ("metric", "metric_version")),
    "metric_days": (METRIC_DAYS, ("metric", "conversation_date", "metric_version", "judge_fingerprint")),
    "ingest_files": (INGEST_FILES, ("file", "file_hash")),
    "evaluation_runs": (EVALUATION_RUNS, ("metric", "metric_version", "judge_fingerprint")),
}
"""Each table's schema and key, by name."""


def to_table(name: str, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows of the table `name`, sorted by its key."""
    schema, key = TABLES[name]
    return sort_rows(pa.Table.from_pylist(list(rows), schema=schema), key)


def sort_rows(table: pa.Table, key: Sequence[str]) -> pa.Table:
    """The rows in the order of `key`; as they are where that is their order."""
    return table if _in_order(table, key) else table.sort_by([(column, "ascending") for column in key])


def _in_order(table: pa.Table, key: Sequence[str]) -> bool:
    """Whether no row's key is less than that of the row before; not known, and so no, where a key is NULL."""
    verdict: Any = pa.scalar(True)
    for column in reversed(key):
        before, after = table[column].slice(0, len(table) - 1), table[column].slice(1)
        verdict = pc.or_(pc.less(before, after), pc.and_(pc.equal(before, after), verdict))
    return bool(pc.all(verdict, skip_nulls=False).as_py())


def read_files(name: str, paths: Iterable[Path]) -> pa.Table:
    """The rows of the table `name` in those of `paths` that exist."""
    schema, _ = TABLES[name]
    found = [pq.read_table(path, schema=schema) for path in paths if path.exists()]
    return pa.concat_tables(found) if found else schema.empty_table()
