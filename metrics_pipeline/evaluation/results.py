"""What the ledger says about cells, days and definitions, and the tables that stand beside the verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import DefinitionError
from metrics_pipeline.evaluation.ledger import (
    CORRECTION_ASKING,
    VERDICT_ASKING,
    Cell,
    Ledger,
    MetricDay,
    Recorded,
    in_force,
)
from metrics_pipeline.evaluation.standing import Subject
from metrics_pipeline.files import locked, write_parquet
from metrics_pipeline.metrics.catalog import Catalog, metric_rows
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.metrics.loading import parse_definition
from metrics_pipeline.tables import to_table


class Versions:
    """Every version of every metric that was ever judged, as a definition."""

    def __init__(self, current: Iterable[MetricDefinition], ledger: Ledger) -> None:
        self._known = {(metric.key, metric.version): metric for metric in current}
        self._texts = ledger.versions()

    def get(self, metric: str, version: str) -> MetricDefinition:
        """The definition of that version.

        Raises:
            DefinitionError: Its recorded text no longer gives that version.
        """
        found = self._known.get((metric, version))
        if found is None:
            text, _ = self._texts[metric, version]
            parsed = parse_definition(text, Path(f"{metric}.yaml"))
            if not isinstance(parsed, MetricDefinition) or parsed.version != version:
                raise DefinitionError(
                    f"{metric}: the recorded text of version {version} is read differently by this pipeline. "
                    "Backfill the metric with its current version."
                )
            found = self._known[metric, version] = parsed
        return found


class DayResult(NamedTuple):
    """What one day of one metric came to."""

    metric: str
    day: date
    states: Mapping[str, int]
    """Conversations by state of the verdict in force; `unjudged` where there is none."""
    open_count: int
    """Cells that were to be judged now and are left to the next run."""
    worked_states: Mapping[str, int]
    """As `states`, by what was put to work last, in force or not."""


def recorded_replies(ledger: Ledger, cells: Iterable[Cell]) -> dict[Cell, Recorded]:
    """What the ledger holds for `cells`."""
    found = ledger.find(cells)
    replies = ledger.replies(answer.reply_id for answer in found.values())
    return {cell: replies[answer.reply_id] for cell, answer in found.items()}


def cells_of(subject: Subject, metric: MetricDefinition, fingerprint: str) -> tuple[Cell, Cell]:
    """The question and its one correction."""
    key = (subject.judged_hash, metric.key, metric.version, fingerprint)
    return Cell(*key, VERDICT_ASKING), Cell(*key, CORRECTION_ASKING)


def write_definition_tables(folder: DataFolder, catalog: Catalog, ledger: Ledger, rate_floor: int) -> None:
    """Write the tables `metrics`, `metric_versions` and `metric_days` as they stand now.

    A metric whose file is broken at present keeps its last recorded definition: a typing error must not take a trend
    off a dashboard.
    """
    # Who writes last has read the ledger last.
    with locked(folder.table("metric_days") / ".lock"):
        _write_definition_tables(folder, catalog, ledger, rate_floor)


def versions_in_force(folder: DataFolder) -> dict[tuple[str, date], str]:
    """The version that has judged all of a metric's day, as the table `metric_days` says, and none where none has."""
    columns = ["metric", "conversation_date", "metric_version", "in_force", "is_complete"]
    rows = pq.read_table(folder.whole_file("metric_days"), columns=columns).to_pylist()
    return {
        (row["metric"], row["conversation_date"]): row["metric_version"]
        for row in rows
        if row["in_force"] and row["is_complete"]
    }


def _write_definition_tables(folder: DataFolder, catalog: Catalog, ledger: Ledger, rate_floor: int) -> None:
    versions = ledger.versions()
    metrics = {metric.key: metric for metric in catalog.definitions}
    broken = {problem.file.stem for problem in catalog.problems} - set(metrics)
    for (key, _), (text, _) in sorted(versions.items(), key=lambda item: item[1][1]):
        if key in broken:
            recorded = parse_definition(text, Path(f"{key}.yaml"))
            if isinstance(recorded, MetricDefinition):
                metrics[key] = recorded
    judges = ledger.judges()
    by_day: dict[tuple[str, date], list[MetricDay]] = {}
    for row in ledger.metric_days():
        by_day.setdefault((row.metric, row.day), []).append(row)
    tables = {
        "metrics": metric_rows(metrics.values(), rate_floor),
        "metric_versions": [
            {"metric": key, "metric_version": version, "definition": text, "first_seen_at": first_seen_at}
            for (key, version), (text, first_seen_at) in versions.items()
        ],
        "metric_days": [
            {
                "metric": row.metric,
                "conversation_date": row.day,
                "metric_version": row.metric_version,
                "judge_fingerprint": row.judge_fingerprint,
                "judge_kind": judges[row.judge_fingerprint].kind if row.judge_fingerprint else None,
                "judge": judges[row.judge_fingerprint].name if row.judge_fingerprint else None,
                "in_force": row == in_force(rows),
                "is_complete": row.completed is not None,
            }
            for rows in by_day.values()
            for row in rows
        ],
    }
    for name, table_rows in tables.items():
        write_parquet(to_table(name, table_rows), folder.whole_file(name))
