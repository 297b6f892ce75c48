"""What agents logged that no metric is made of: by name, with what a definition could make of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

import duckdb

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import DataFolderError
from metrics_pipeline.metrics.definition import MetricDefinition

FEW = 6
"""Different values of a name that are still a list to choose from."""
SHORT = 40
"""Characters of a value that is still a word and not a text."""
TRUTH = frozenset({"true", "false", "yes", "no", "0", "1"})

_LOGGED = """
with logged as (
    select metric, value, value_type, source, position, conversation_id
    from read_parquet(?, hive_partitioning = false)
    where not list_contains(?, metric)
),
counted as (
    select
        metric, value, count(*) as value_count, max(position) as position, bool_and(value_type = 'number') as is_number
    from logged
    group by metric, value
),
conversations as (
    select metric, count(distinct conversation_id) as conversation_count, list_sort(list(distinct source)) as sources
    from logged
    group by metric
)
select
    metric,
    any_value(conversation_count),
    any_value(sources),
    max(position) > 0,
    bool_and(is_number),
    count(*),
    max(length(value)),
    list({'value': value, 'value_count': value_count} order by value_count desc, value)[1:?]
from counted
inner join conversations using (metric)
group by metric
order by metric
"""


class Unmapped(NamedTuple):
    """A name under which something is logged."""

    metric: str
    conversation_count: int
    sources: list[str]
    """`function`, `platform`."""
    is_repeated: bool
    """Whether a conversation has several values of it."""
    value_count: int
    """Different ones."""
    values: dict[str, int]
    """How often each was logged; empty where they are too many or too long to choose from."""
    could_be: Literal["boolean", "categorical", "numeric"] | None
    """The type of a metric that a definition could make of it; None of free text and objects."""


def unmapped(folder: DataFolder, metrics: Iterable[MetricDefinition]) -> list[Unmapped]:
    """The names that were logged and that no `logged` of a definition maps.

    Raises:
        DataFolderError: A table cannot be read.
    """
    mapped = sorted({metric.logged.metric for metric in metrics if metric.logged})
    files = sorted(str(path) for path in folder.table("logged_metrics").glob("day=*.parquet"))
    if not files:
        return []
    try:
        with duckdb.connect() as database:
            rows = database.execute(_LOGGED, [files, mapped, FEW]).fetchall()
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        raise DataFolderError(
            f"{folder.table('logged_metrics')}: cannot be read ({reason}). `metrics run` writes the tables anew."
        ) from None
    return [_unmapped(*row) for row in rows]


def _unmapped(
    metric: str,
    conversation_count: int,
    sources: list[str],
    is_repeated: bool,
    is_number: bool,
    value_count: int,
    longest: int,
    most: list[dict[str, int | str]],
) -> Unmapped:
    is_list = value_count <= FEW and longest <= SHORT
    values = {str(one["value"]): int(one["value_count"]) for one in most} if is_list else {}
    could_be: Literal["boolean", "categorical", "numeric"] | None = None
    if is_list and TRUTH.issuperset(value.lower() for value in values):
        could_be = "boolean"
    elif is_number:
        could_be = "numeric"
    elif is_list and value_count > 1:
        could_be = "categorical"
    return Unmapped(metric, conversation_count, sources, is_repeated, value_count, values, could_be)
