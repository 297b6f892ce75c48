"""What the agent's functions logged, as an answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.metrics.loading import parse_definition
from metrics_pipeline.metrics.logged import logged_answer

BOOLEAN = """\
name: Verified
type: boolean
definition: The caller was verified.
logged:
  metric: auth
  values: {{"ok": "true", "no*": "false"}}
  absent: {absent}
  unmapped: {unmapped}
attempts: {attempts}
"""
LABELS = """\
name: Outcome
type: categorical
definition: How it ended.
labels: [{name: done, when: a}, {name: half, when: b}, {name: failed, when: c}]
logged: {metric: outcome, values: {"D": done, "H": half, "F": failed}}
attempts: best
"""


def boolean(attempts="last", absent="not_applicable", unmapped="error") -> MetricDefinition:
    text = BOOLEAN.format(attempts=attempts, absent=absent, unmapped=unmapped)
    found = parse_definition(text, Path("verified.yaml"))
    assert isinstance(found, MetricDefinition), found
    return found


@pytest.mark.parametrize(
    ("attempts", "values", "answer"),
    [
        ("last", ["ok", "no_match"], "false"),
        ("first", ["ok", "no_match"], "true"),
        ("any", ["no", "ok", "nope"], "true"),
        ("best", ["no", "ok", "nope"], "true"),
        ("any", ["no", "nope"], "false"),
        ("last", ["ok"], "true"),
    ],
)
def test_attempts_says_which_of_several_values_counts(attempts, values, answer):
    assert logged_answer(boolean(attempts), values).answer == answer


def test_the_best_label_is_the_one_listed_first():
    metric = parse_definition(LABELS, Path("outcome.yaml"))
    assert isinstance(metric, MetricDefinition)

    assert logged_answer(metric, ["F", "H", "F"]).answer == "half"
    assert logged_answer(metric, ["F", "?"]).answer == "failed"


def test_nothing_logged_is_what_absent_says():
    assert logged_answer(boolean(), []).state == "not_applicable"
    assert logged_answer(boolean(absent='"false"'), []).answer == "false"


def test_an_unknown_value_is_an_error_or_what_unmapped_says():
    found = logged_answer(boolean(), ["?"])
    assert (found.answer, found.state, found.detail) == (None, "error", "unmapped")
    assert logged_answer(boolean(unmapped='"true"'), ["?"]).answer == "true"
