"""Which rows broke a test, in a line that a person can read: keys and counts, and no word of a conversation."""

from __future__ import annotations

from pathlib import Path

import duckdb

MOST_ROWS = 3
MOST_VALUES = 6
LONGEST = 60
"""Characters of a value that are shown."""
TELLING = (
    *("model", "row_key", "conversation_id", "metric", "source", "conversation_date", "starts_on", "dimension"),
    *(
        "metric_version",
        "file",
        "run_id",
        "run_date",
        "unique_field",
        "value_field",
        "from_field",
        "n_records",
        "judge_fingerprint",
        "label",
    ),
)
"""Columns that say which row it is, the most telling first."""
UNSPEAKABLE = ("text", "quote", "reason", "evidence", "attributes", "value", "function_arguments", "function_result")
"""Columns in which words of a conversation may stand."""


def broken_rows(database: Path, root: Path, query: str, null_column: str | None = None) -> str:
    """The first rows of a query over a build, such as `conversation_id c1, metric flag; …`; empty where it fails.

    Args:
        root: The data folder, in which the views of the build read.
        null_column: Of its rows, those that lack a value there.
    """
    try:
        with duckdb.connect(str(database), read_only=True) as built:
            built.execute("set file_search_path = ?", [str(root)])
            rows = built.sql(query)
            if null_column is not None:
                rows = rows.filter(f'"{null_column}" is null')
            known = [name for name in rows.columns if name not in UNSPEAKABLE and name != null_column]
            telling = [name for name in TELLING if name in known]
            shown = (telling or known)[:MOST_VALUES]
            found = rows.select(*(f'"{name}"' for name in shown)).limit(MOST_ROWS).fetchall() if shown else []
    except duckdb.Error:
        # That the test failed is said in any case.
        return ""
    return "; ".join(
        ", ".join(f"{name} {str(value)[:LONGEST]}" for name, value in zip(shown, row, strict=True) if value is not None)
        for row in found
    )
