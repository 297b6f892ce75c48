"""What days of a metric came to, from the verdicts as they were written."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from metrics_pipeline.data_folder import open_data_folder
from metrics_pipeline.files import write_parquet
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.metrics.loading import parse_definition
from metrics_pipeline.serving.day_figures import DayFigures, metric_figures
from metrics_pipeline.tables import to_table

ONE, OTHER = date(2026, 9, 1), date(2026, 9, 2)
TEXT = """\
name: Outcome
type: categorical
definition: What became of the booking.
source: [judged, logged]
logged: {metric: outcome, values: {booked: booked, lost: lost}}
labels:
  - {name: booked, when: The agent booked it., outcome: success}
  - {name: lost, when: The agent could not book it., outcome: failure}
  - {name: question, when: The caller only asked., outcome: neutral}
"""


@pytest.fixture
def metric() -> MetricDefinition:
    parsed = parse_definition(TEXT, Path("outcome.yaml"))
    assert isinstance(parsed, MetricDefinition), parsed
    return parsed


def rows(metric: MetricDefinition, day: date, *verdicts: tuple[str, str | None, str | None, str]) -> list[dict]:
    """Verdicts of (state, answer, detail, who: a judge's fingerprint or `log`) of the conversations of a day."""
    found = []
    for number, (state, answer, detail, who) in enumerate(verdicts):
        found.append(
            {
                "conversation_id": f"{day}-{number % 10}",
                "conversation_date": day,
                "metric": metric.key,
                "metric_version": metric.version,
                "source": "logged" if who == "log" else "judged",
                "judge_role": None if who == "log" else "first",
                "judge_fingerprint": None if who == "log" else who,
                "state": state,
                "answer": answer,
                "detail": detail,
                "reason": f"reason {number}",
                "evidence": [{"turn_index": 0, "quote": f"quote {number}", "tier": "exact"}],
            }
        )
    return found


def test_a_day_has_its_states_its_rate_and_the_failures_that_say_most(metric, tmp_path):
    folder = open_data_folder(tmp_path)
    said = [
        *[("answered", "booked", None, "j")] * 3,
        ("answered", "lost", None, "j"),
        ("answered", "question", None, "j"),
        ("undecided", None, None, "j"),
        ("undecided", None, "evidence_failed", "j"),
        ("error", None, "refused", "j"),
        ("error", None, "refused", "j"),
        ("not_applicable", None, "gated", "j"),
        # The log of the first conversation says otherwise; another judge and a second one count for nothing.
        ("answered", "lost", None, "log"),
        ("answered", "lost", None, "earlier"),
    ]
    write_parquet(to_table("verdicts", rows(metric, ONE, *said)), folder.verdict_file(metric.key, ONE))

    figures = metric_figures(folder, metric, metric.version, "j", [ONE, OTHER])

    states = {"answered": 5, "undecided": 2, "error": 2, "not_applicable": 1}
    assert figures.days == {ONE: DayFigures(states, 3, 4)}
    assert figures.days[ONE].interval == pytest.approx((0.3006, 0.9544), abs=1e-4)
    assert [(one.what, one.kind_count, one.conversation_id) for one in figures.failures] == [
        ("error refused", 2, "2026-09-01-7"),
        ("undecided: its quote does not hold", 1, "2026-09-01-6"),
        ("judge says booked, log says lost", 1, "2026-09-01-0"),
        ("undecided", 1, "2026-09-01-5"),
        ("failure: lost", 1, "2026-09-01-3"),
    ]
    assert metric_figures(folder, metric, "other", "j", [ONE]).failures == ()


def test_days_add_up_and_the_newest_shows_a_kind_of_failure(metric, tmp_path):
    folder = open_data_folder(tmp_path)
    for day in (ONE, OTHER):
        said = [("answered", "lost", None, "j"), ("answered", "booked", None, "j")]
        write_parquet(to_table("verdicts", rows(metric, day, *said)), folder.verdict_file(metric.key, day))

    figures = metric_figures(folder, metric, metric.version, None, [ONE, OTHER])

    assert figures.all_days == DayFigures({"answered": 4}, 2, 4)
    assert [(one.kind_count, one.day, one.quotes) for one in figures.failures] == [
        (2, OTHER, ["quote 0"]),
        (2, ONE, ["quote 0"]),
    ]
