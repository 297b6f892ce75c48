"""What an export calls a judged metric: never as the agent calls something that it logged."""

from __future__ import annotations

from collections import Counter
from typing import Literal

import duckdb

JUDGED = "judged:"


def export_names(database: duckdb.DuckDBPyConnection, names: Literal["key", "name"]) -> dict[str, str]:
    """The name of each metric in an export's `metrics`, by its key; the table `export_conversations` has the keys'.

    A logged name keeps its own. A judged metric of that name has `judged:` before it, as often as it takes; two metrics
    that a dashboard shows under one name have their keys.

    Args:
        database: A build or a generation's `metrics.duckdb`.
    """
    logged = {name for (name,) in database.execute("select distinct metric from fct_logged_metrics").fetchall()}
    metrics: dict[str, str] = dict(
        database.execute(
            "select metric, name from dim_metrics where status not in ('logged_only', 'removed') order by metric"
        ).fetchall()
    )
    how_many = Counter(metrics.values())
    taken = set(metrics) if names == "name" else set()
    found: dict[str, str] = {}
    for metric, name in metrics.items():
        chosen = metric if names == "key" or how_many[name] > 1 or name in taken - {metric} else name
        while chosen in logged or chosen in found.values():
            chosen = JUDGED + chosen
        found[metric] = chosen
    return found


def renamed(database: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Metrics of which the agent logs the name as well, by key, with what exports call the judged one."""
    return {metric: name for metric, name in export_names(database, "key").items() if metric != name}
