"""What the checks count in published tables is what stands in the verdicts."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

from published_world import DAYS

from metrics_pipeline.health.counts import read_counts

TODAY = DAYS[-1]


def test_the_days_examined_are_the_newest_complete_ones(world):
    database = world.publication.path / "metrics.duckdb"
    assert read_counts(database, TODAY, 7).days == tuple(DAYS[-8:-1])
    assert read_counts(database, TODAY + timedelta(days=30), 7).days == tuple(DAYS[-7:])
    assert read_counts(database, TODAY, 92).days == tuple(DAYS[:-1])
    assert read_counts(database, date(2020, 1, 1), 7).days == ()


def test_counts_are_those_of_the_verdicts_in_force(world):
    counts = read_counts(world.publication.path / "metrics.duckdb", TODAY, 7)
    force, volumes = world.in_force, Counter(world.conversations.values())
    judged = {
        (row["conversation_id"], row["metric"]): row
        for row in world.verdicts
        if row["source"] == "judged"
        and force[row["metric"], row["conversation_date"]] == (row["metric_version"], row["judge_fingerprint"])
    }
    logged = {
        (row["conversation_id"], row["metric"]): row["answer"]
        for row in world.verdicts
        if row["source"] == "logged" and force[row["metric"], row["conversation_date"]][0] == row["metric_version"]
    }
    first = min(day.day for day in counts.metric_days)
    assert first == DAYS[-8] - timedelta(days=28)
    for found in (one for one in counts.metric_days if one.metric == "steps"):
        rows = [row for (_, key), row in judged.items() if key == "steps" and row["conversation_date"] == found.day]
        states = Counter(row["state"] for row in rows)
        assert found.conversation_count == volumes[found.day]
        assert found.unjudged_count == volumes[found.day] - len(rows)
        assert (found.undecided_count, found.error_count) == (states["undecided"], states["error"])
        assert found.evidence_failed_count == sum(row["detail"] == "evidence_failed" for row in rows)
    for pair in (one for one in counts.pairs if one.metric == "steps"):
        both = [
            (row["answer"], logged[one, key])
            for (one, key), row in judged.items()
            if key == "steps" and row["conversation_date"] == pair.day and row["answer"] and logged.get((one, key))
        ]
        assert (pair.one, pair.other) == ("judge", "log")
        assert (pair.differing_count, pair.pair_count) == (sum(a != b for a, b in both), len(both))
    labels = [one for one in counts.labels if (one.metric, one.day) == ("steps", DAYS[-2])]
    assert {one.label for one in labels} == {"done", "half", "failed", "odd"}
    assert {one.metric for one in counts.metric_days} & {"fresh", "retired", "draft", "gone"} == set()


def test_another_version_or_judge_begins_another_segment(world):
    counts = read_counts(world.publication.path / "metrics.duckdb", TODAY, 7)
    segments = {one.day: one.segment for one in counts.metric_days if one.metric == "flag"}
    changes = [day for day in DAYS[10:-1] if segments[day] != segments[day - timedelta(days=1)]]
    assert changes == [DAYS[30], DAYS[39]]
