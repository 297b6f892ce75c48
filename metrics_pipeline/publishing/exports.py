"""What leaves the house: conversations and verdicts of one published generation, as rows.

Transcripts, reasons and quotes are read only where they are asked for: they stand in a database of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Literal, NamedTuple

import duckdb
import pyarrow as pa

from metrics_pipeline.errors import PublishError
from metrics_pipeline.publishing.export_names import export_names

ROWS_TOGETHER = 1 << 14
RENAMED = (
    "map_from_entries(list_transform(map_entries({column}),"
    " lambda one: struct_pack(k := coalesce(names[one.key], one.key), v := one.value)))"
)
CONVERSATIONS = """
    select
        exported.* replace ({metrics} as metrics, {states} as metric_states)
        {more}
    from built.export_conversations as exported
    {joined}
    {names}
    where exported.conversation_date between ? and ?
    order by exported.conversation_id
"""
TURNS = """
    left join (
        select
            conversation_id,
            list(struct_pack(turn_index, speaker, text, said_at, function_name, function_arguments, function_result)
                order by turn_index) as turns
        from transcripts.turns
        where conversation_id in (
            select conversation_id from built.export_conversations where conversation_date between ? and ?
        )
        group by conversation_id
    ) as spoken on exported.conversation_id = spoken.conversation_id
"""
SOURCE = """
    inner join built.dim_conversations as dim on exported.conversation_id = dim.conversation_id
"""
VERDICTS = """
    select exported.* {more}
    from built.export_verdicts as exported
    {joined}
    where exported.conversation_date between ? and ?
    order by exported.conversation_id, exported.metric, exported.source
"""
EVIDENCE = """
    left join built.fct_verdicts as facts using (conversation_id, metric, source)
    left join transcripts.verdict_evidence as said
        on exported.conversation_id = said.conversation_id
        and exported.metric = said.metric
        and exported.source = said.source
        and exported.metric_version = said.metric_version
        and facts.judge_fingerprint is not distinct from said.judge_fingerprint
"""
COUNTS = """
    select conversation_date, metric, source, state, count(*) as verdict_count
    from built.export_verdicts
    group by all
    order by all
"""


class Wanted(NamedTuple):
    """What is to be exported."""

    kind: Literal["conversations", "verdicts", "counts"]
    first: date = date.min
    last: date = date.max
    with_evidence: bool = False
    names: Literal["key", "name"] = "key"
    """What judged metrics are called in a conversation's `metrics`."""
    with_source: bool = False
    """With what only the v3 shape has: two more columns, that no table has."""


@contextmanager
def exported(generation: Path, wanted: Wanted) -> Iterator[pa.RecordBatchReader]:
    """The rows in the order of their key, in record batches.

    Raises:
        PublishError: A database of the generation cannot be read.
    """
    try:
        with duckdb.connect(config={"memory_limit": "2GB"}) as database:
            database.execute("set enable_progress_bar = false; set timezone = 'UTC'")
            database.execute(f"attach '{_quoted(generation / 'metrics.duckdb')}' as built (read_only)")
            if wanted.with_evidence:
                database.execute(f"attach '{_quoted(generation / 'transcripts.duckdb')}' as transcripts (read_only)")
            query, values = _query(database, wanted)
            yield database.execute(query, values).to_arrow_reader(ROWS_TOGETHER)
    except duckdb.Error as error:
        raise PublishError(
            f"{generation}: cannot be read ({str(error).splitlines()[0]}). Is it yours to read? If it is damaged, "
            "`metrics run` publishes anew."
        ) from None


def shown_names(generation: Path, names: Literal["key", "name"]) -> dict[str, str]:
    """What an export's `metrics` call each judged metric, by its key."""
    with duckdb.connect(str(generation / "metrics.duckdb"), read_only=True) as database:
        return export_names(database, names)


def _query(database: duckdb.DuckDBPyConnection, wanted: Wanted) -> tuple[str, list[object]]:
    days: list[object] = [wanted.first, wanted.last]
    if wanted.kind == "counts":
        return COUNTS, []
    if wanted.kind == "verdicts":
        more = ", said.reason, said.evidence" if wanted.with_evidence else ""
        return VERDICTS.format(more=more, joined=EVIDENCE if wanted.with_evidence else ""), days
    database.execute("use built")
    by_key, shown = export_names(database, "key"), export_names(database, wanted.names)
    renamed = {by_key[metric]: shown[metric] for metric in by_key if by_key[metric] != shown[metric]}
    joined = (SOURCE if wanted.with_source else "") + (TURNS if wanted.with_evidence else "")
    more = ", dim.attributes, dim.reported_turn_count" if wanted.with_source else ""
    more += ", spoken.turns" if wanted.with_evidence else ""
    columns = [RENAMED.format(column=name) if renamed else f"exported.{name}" for name in ("metrics", "metric_states")]
    names = "cross join (select map(?::varchar[], ?::varchar[]) as names)" if renamed else ""
    query = CONVERSATIONS.format(metrics=columns[0], states=columns[1], more=more, joined=joined, names=names)
    values = [*(days if wanted.with_evidence else []), *([[*renamed], [*renamed.values()]] if renamed else []), *days]
    return query, values


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
