"""The verdicts of one day, from the ledger and the definitions alone, and the tables that go with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from metrics_pipeline.errors import DefinitionError
from metrics_pipeline.evaluation.ledger import (
    CORRECTION_ASKING,
    VERDICT_ASKING,
    Cell,
    JudgeRecord,
    Ledger,
    MetricDay,
    Recorded,
    in_force,
)
from metrics_pipeline.evaluation.standing import NO_JUDGE, Subject, judged_standing, logged_verdict, rule_verdict
from metrics_pipeline.evaluation.verdict import Verdict
from metrics_pipeline.metrics.catalog import Catalog, metric_rows
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.metrics.loading import parse_definition
from metrics_pipeline.tables import DataFolder, locked, to_table, write_parquet

NO_JUDGE_RECORD = JudgeRecord("baseline", "", {})


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


def recorded_replies(ledger: Ledger, cells: Iterable[Cell]) -> dict[bytes, Recorded]:
    """What the ledger holds for `cells`, by the cell's key."""
    found = ledger.find(cells)
    replies = ledger.replies(reply_id for reply_id, _ in found.values())
    return {key: replies[reply_id] for key, (reply_id, _) in found.items()}


def cells_of(subject: Subject, metric: MetricDefinition, fingerprint: str) -> tuple[Cell, Cell]:
    """The question and its one correction."""
    question = Cell(subject.judged_hash, metric.key, metric.version, fingerprint, VERDICT_ASKING)
    return question, question._replace(asking=CORRECTION_ASKING)


def write_day(
    folder: DataFolder,
    ledger: Ledger,
    metric: str,
    day: date,
    mark: str,
    subjects: Sequence[Subject],
    versions: Versions,
    judges: Mapping[str, JudgeRecord],
    history: Sequence[MetricDay],
) -> DayResult:
    """Write the day's verdicts of one metric, of each version and judge that judged it.

    Args:
        mark: Fingerprint of the day's conversations: noted for each version and judge that left nothing open.
        history: Every version and judge put to work on this day of this metric.
    """
    rows: list[dict[str, Any]] = []
    results: dict[MetricDay, DayResult] = {}
    # Who writes a file has read the ledger after everybody else's writing.
    with locked(folder.table("verdicts") / ".lock"):
        for work in history:
            definition = versions.get(metric, work.metric_version)
            verdicts, left = _verdicts(ledger, subjects, definition, work.judge_fingerprint, judges)
            rows += [_row(verdict, day) for verdict in verdicts]
            states: Counter[str] = Counter(
                verdict.state for verdict in verdicts if verdict.source == definition.primary_source
            )
            states["unjudged"] = len(subjects) - states.total()
            results[work if left else work._replace(completed=mark)] = DayResult(metric, day, states, left, states)
        # Two judges of one version share what the functions logged.
        write_parquet(to_table("verdicts", _distinct(rows)), folder.verdict_file(metric, day))
        ledger.complete_days(
            (metric, day, work.metric_version, work.judge_fingerprint, mark)
            for work, result in results.items()
            if not result.open_count
        )
    effective = in_force(list(results))
    assert effective is not None, "a day is written because something judged it"
    # What was put to work last may not be in force: one that judged the whole day is, until another has.
    newest = max(results, key=lambda work: work.turn)
    worked = results[newest]
    return results[effective]._replace(open_count=worked.open_count, worked_states=worked.states)


def _verdicts(
    ledger: Ledger,
    subjects: Sequence[Subject],
    definition: MetricDefinition,
    fingerprint: str,
    judges: Mapping[str, JudgeRecord],
) -> tuple[list[Verdict], int]:
    verdicts: list[Verdict] = []
    left = 0
    if fingerprint != NO_JUDGE:
        cells = [cell for subject in subjects for cell in cells_of(subject, definition, fingerprint)]
        recorded = recorded_replies(ledger, cells)
        for subject in subjects:
            standing = judged_standing(
                subject, definition, fingerprint, judges[fingerprint], lambda cell: recorded.get(cell.key)
            )
            left += standing.ask is not None
            if standing.verdict is not None:
                verdicts.append(standing.verdict)
    for subject in subjects:
        free = (logged_verdict(subject, definition), rule_verdict(subject, definition))
        verdicts += [verdict for verdict in free if verdict is not None]
    return verdicts, left


def _row(verdict: Verdict, day: date) -> dict[str, Any]:
    row = msgspec.structs.asdict(verdict)
    row["evidence"] = [msgspec.structs.asdict(item) for item in verdict.evidence]
    row["conversation_date"] = day
    return row


def _distinct(rows: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    seen = set()
    for row in rows:
        key = (row["conversation_id"], row["source"], row["metric_version"], row["judge_fingerprint"])
        if key not in seen:
            seen.add(key)
            yield row


def write_definition_tables(folder: DataFolder, catalog: Catalog, ledger: Ledger) -> None:
    """Write the tables `metrics`, `metric_versions` and `metric_days` as they stand now.

    A metric whose file is broken at present keeps its last recorded definition: a typing error must not take a trend
    off a dashboard.
    """
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
        "metrics": metric_rows(metrics.values()),
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
