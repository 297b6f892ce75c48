"""Every number of the tables, computed once more in plain Python from the rows they were built of."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from published_world import DAYS, JUDGED_KEYS, LABELS, METRICS
from scipy.stats import binomtest
from typer.testing import CliRunner

from metrics_pipeline.cli import cli
from metrics_pipeline.serving.agreement import agreement

ACTIVE = [metric["metric"] for metric in METRICS if metric["status"] == "active"]
OUTCOMES = {m["metric"]: {a["answer"]: a["outcome"] for a in m["answers"]} for m in METRICS}


def primaries(world):
    """(metric, day) to the verdicts in force of the metric's own source."""
    found = defaultdict(list)
    sources = {metric["metric"]: metric["primary_source"] for metric in METRICS}
    for row in world.verdicts:
        key = (row["metric"], row["conversation_date"])
        version, judge = world.in_force.get(key, (None, None))
        is_primary = row["source"] == sources.get(row["metric"]) and row["metric_version"] == version
        if is_primary and (row["source"] == "logged" or row["judge_fingerprint"] == judge):
            found[key].append(row)
    return found


def expected_counts(world, metric, day):
    rows = primaries(world)[metric, day]
    outcomes = Counter(OUTCOMES[metric][row["answer"]] for row in rows if row["answer"])
    total = sum(held == day for held in world.conversations.values())
    return {
        "conversation_count": total,
        **{f"{name}_count": outcomes[name] for name in ("success", "partial", "failure", "neutral")},
        "not_applicable_count": sum(row["state"] == "not_applicable" for row in rows),
        "gated_count": sum(row["detail"] == "gated" for row in rows),
        "undecided_count": sum(row["state"] == "undecided" for row in rows),
        "evidence_failed_count": sum(row["detail"] == "evidence_failed" for row in rows),
        "error_count": sum(row["state"] == "error" for row in rows),
        "unjudged_count": total - len(rows),
    }


def expected_rate(world, metric, day):
    answers = Counter(row["answer"] for row in primaries(world)[metric, day] if row["answer"])
    if metric == "reason":
        return None, None
    if metric == "steps":
        return answers["done"], answers["done"] + answers["half"] + answers["failed"]
    return answers["true"], answers["true"] + answers["false"]


def trend(world):
    rows = world.rows("select * from trend_metric_daily")
    return {(row["metric"], row["conversation_date"]): row for row in rows}


def test_there_is_a_row_for_each_active_metric_and_day_and_for_a_retired_one_where_it_was_judged(world):
    expected = {(metric, day) for metric in ACTIVE for day in DAYS} | {("retired", day) for day in DAYS[:21]}

    assert set(trend(world)) == expected


def test_every_count_is_that_of_the_verdicts_in_force(world):
    rows = trend(world)
    for (metric, day), row in rows.items():
        expected = expected_counts(world, metric, day)
        assert {name: row[name] for name in expected} == expected, (metric, day)


def test_every_rate_and_interval_is_that_of_the_counts(world):
    for (metric, day), row in trend(world).items():
        numerator, denominator = expected_rate(world, metric, day)
        assert (row["rate_numerator"], row["rate_denominator"]) == (numerator, denominator)
        if not denominator:
            assert row["rate"] is row["rate_low"] is row["rate_high"] is None
            continue
        interval = binomtest(numerator, denominator).proportion_ci(method="wilson")
        assert row["rate"] == pytest.approx(numerator / denominator, abs=1e-12)
        assert row["rate_low"] == pytest.approx(interval.low, abs=1e-9)
        assert row["rate_high"] == pytest.approx(interval.high, abs=1e-9)


def test_the_bounds_are_what_the_rate_would_be_if_all_that_is_missing_went_one_way(world):
    for (metric, day), row in trend(world).items():
        numerator, denominator = expected_rate(world, metric, day)
        if numerator is None:
            assert row["rate_if_missing_fail"] is None
            continue
        missing = row["undecided_count"] + row["error_count"] + row["unjudged_count"]
        if denominator + missing:
            assert row["rate_if_missing_fail"] == pytest.approx(numerator / (denominator + missing))
            assert row["rate_if_missing_succeed"] == pytest.approx((numerator + missing) / (denominator + missing))


def test_a_day_is_open_while_a_verdict_is_missing_and_reopened_if_it_was_whole_before(world):
    statuses = Counter()
    for (metric, day), row in trend(world).items():
        whole = world.in_force.get((metric, day)) is not None and day.day % 2 == 0
        expected = "complete" if row["unjudged_count"] == 0 else "reopened" if whole else "open"
        assert row["day_status"] == expected
        statuses[expected] += 1
    assert len(statuses) == 3


@pytest.mark.parametrize(("name", "length"), [("rate_7d", 7), ("rate_28d", 28)])
def test_a_rolling_rate_pools_complete_days_and_never_reaches_across_a_break(world, name, length):
    rows = trend(world)
    checked = 0
    for (metric, day), row in rows.items():
        if row["day_status"] != "complete" or row["rate_of"] is None:
            assert row[name] is None
            continue
        window = [rows.get((metric, day - timedelta(days=back))) for back in range(length)]
        setting = world.in_force[metric, day]
        pooled = [
            one
            for one in window
            if one is not None
            and one["day_status"] == "complete"
            and world.in_force[metric, one["conversation_date"]] == setting
        ]
        numerator = sum(one["rate_numerator"] for one in pooled)
        denominator = sum(one["rate_denominator"] for one in pooled)
        if denominator:
            interval = binomtest(numerator, denominator).proportion_ci(method="wilson")
            assert row[name] == pytest.approx(numerator / denominator, abs=1e-12)
            assert row[f"{name}_low"] == pytest.approx(interval.low, abs=1e-9)
            assert row[f"{name}_high"] == pytest.approx(interval.high, abs=1e-9)
            checked += 1
    assert checked > 100


def test_a_change_of_version_or_judge_is_a_marked_break_with_its_reason(world):
    rows = trend(world)
    breaks = {(metric, day): row["break_reason"] for (metric, day), row in rows.items() if row["is_break"]}

    judged = [metric for metric in ACTIVE if metric != "fresh"]
    assert breaks == {(metric, DAYS[30]): "definition" for metric in judged} | {
        (metric, DAYS[39]): "judge" for metric in judged
    }


def test_every_label_has_a_row_a_day_with_its_share_also_if_nobody_gave_it(world):
    rows = world.rows("select * from trend_label_daily where metric = 'steps'")
    assert len(rows) == len(DAYS) * len(LABELS)
    assert min(row["label_count"] for row in rows) == 0
    for row in rows:
        answers = Counter(
            verdict["answer"] for verdict in primaries(world)["steps", row["conversation_date"]] if verdict["answer"]
        )
        assert row["label_count"] == answers[row["label"]]
        assert row["answered_count"] == answers.total()
        assert row["outcome"] == LABELS[row["label"]]
        if answers.total():
            assert row["share"] == pytest.approx(answers[row["label"]] / answers.total())


def test_facts_hold_the_verdict_in_force_of_each_source_and_no_other(world):
    rows = world.rows("select metric, source, metric_version, judge_fingerprint, conversation_date from fct_verdicts")
    assert {row["metric"] for row in rows} == {*ACTIVE, "retired"} - {"fresh"}
    for row in rows:
        version, judge = world.in_force[row["metric"], row["conversation_date"]]
        assert row["metric_version"] == version
        assert row["source"] == "logged" or row["judge_fingerprint"] == judge
    (history,) = world.rows("select count(*) as n, count(distinct metric) as metrics from fct_verdict_history")
    assert history == {"n": len(world.verdicts), "metrics": len(JUDGED_KEYS)}


def test_removed_metrics_and_names_that_are_only_logged_stand_beside_the_metrics(world):
    rows = {row["metric"]: row["status"] for row in world.rows("select metric, status from dim_metrics")}

    assert rows == {metric["metric"]: metric["status"] for metric in METRICS} | {
        "gone": "removed",
        "note": "logged_only",
        "order": "logged_only",
    }


def test_each_metric_says_on_which_days_it_was_judged_and_how_often_judge_and_log_agree(world):
    # Moments with a zone need another library.
    rows = world.rows("select * exclude (first_judged_at, last_judged_at) from dim_metrics")
    found = {row["metric"]: row for row in rows}
    daily = world.rows("select * from trend_metric_daily")
    for key in [*ACTIVE, "retired"]:
        days = [row for row in daily if row["metric"] == key]
        judged = [row["conversation_date"] for row in days if row["unjudged_count"] < row["conversation_count"]]
        assert found[key]["day_count"] == len(DAYS)
        assert found[key]["judged_day_count"] == sum(row["day_status"] == "complete" for row in days)
        ends = (min(judged), max(judged)) if judged else (None, None)
        assert (found[key]["first_day"], found[key]["last_day"]) == ends
        expected = agreement(_pairs(world, key))
        assert found[key]["compared_count"] == expected.pair_count
        assert found[key]["agreement_share"] == pytest.approx(expected.share)
        assert found[key]["agreement_kappa"] == pytest.approx(expected.kappa)
    assert found["draft"]["judged_day_count"] == 0
    assert (found["gone"]["last_day"], found["gone"]["metric_version"]) == (DAYS[-1], "v2")
    assert 0 < found["gone"]["judged_day_count"] < len(DAYS)


def _pairs(world, key):
    """(judged, logged) answers of each conversation that has both, by the version and judge in force."""
    answers = {"judged": {}, "logged": {}}
    for row in world.verdicts:
        version, judge = world.in_force.get((row["metric"], row["conversation_date"]), (None, None))
        in_force = row["metric_version"] == version and row["judge_fingerprint"] in (judge, None)
        if row["metric"] == key and in_force and row["answer"]:
            answers[row["source"]][row["conversation_id"]] = row["answer"]
    return [(answer, answers["logged"][one]) for one, answer in answers["judged"].items() if one in answers["logged"]]


def test_an_exported_conversation_carries_what_was_logged_and_what_was_judged(world):
    rows = world.rows("select * from export_conversations")
    found = {row["conversation_id"]: row for row in rows}
    assert len(found) == len(rows) == len(world.conversations)
    judged = {
        (row["conversation_id"], metric): row for (metric, _), verdicts in primaries(world).items() for row in verdicts
    }
    states = Counter()
    for conversation_id, row in found.items():
        logged = {"flag": ["yes"], "note": ["x", "y'z"]} if "note" in row["metrics"] else {}
        if "order" in row["metrics"]:
            logged["order"] = row["metrics"]["order"]
            assert len(logged["order"]) == 1
        expected, expected_states = dict(logged), {}
        for metric in [*ACTIVE, *(["retired"] if world.conversations[conversation_id] in DAYS[:21] else [])]:
            name = "judged:flag" if metric == "flag" else metric
            verdict = judged.get((conversation_id, metric))
            if verdict is not None and verdict["answer"]:
                expected[name] = [verdict["answer"]]
            else:
                expected_states[name] = verdict["state"] if verdict else "unjudged"
        assert row["metrics"] == expected
        assert row["metric_states"] == expected_states
        states.update(expected_states.values())
    assert set(states) == {"not_applicable", "undecided", "error", "unjudged"}


def test_no_word_of_a_transcript_stands_in_what_bi_tools_open(world):
    generation = world.publication.path
    for path in generation.iterdir():
        if path.name == "transcripts.duckdb":
            assert path.stat().st_mode & 0o077 == 0
            with duckdb.connect(str(path), read_only=True) as database:
                assert database.execute("select count(*) from turns").fetchone() == (len(world.conversations),)
                assert database.execute("select count(*) from verdict_evidence").fetchone() == (len(world.verdicts),)
        elif path.suffix == ".parquet":
            assert "unspeakable" not in str(pq.read_table(path).to_pylist())
        else:
            assert b"unspeakable" not in path.read_bytes()


def test_a_plain_client_answers_a_trend_question_in_one_select_and_every_column_says_what_it_is(world):
    (row,) = world.rows("select avg(rate) as rate from trend_metric_daily where metric = 'flag'")
    assert 0 < row["rate"] < 1
    columns = world.rows(
        "select table_name, column_name, comment from duckdb_columns() where database_name = 'metrics'"
    )
    assert len(columns) > 100
    assert [row for row in columns if not row["comment"]] == []


def test_a_client_of_duckdb_1_0_could_open_the_published_file(world):
    (row,) = world.rows("select tags from duckdb_databases() where database_name = 'metrics'")
    assert row["tags"]["storage_version"].startswith("v1.0.0")


@pytest.mark.slow
def test_a_client_of_duckdb_1_0_opens_it_and_answers_a_trend_question(world, tmp_path):
    client = tmp_path / "client"
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", client], check=True)
    command = [uv, "pip", "install", "--quiet", "--no-config", "--python", client / "bin" / "python", "duckdb==1.0.0"]
    # Newer than what the project's own lock may take is not meant: that client is of 2024.
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("duckdb 1.0.0 cannot be installed here")
    query = "select metric, sum(rate_numerator), sum(rate_denominator) from trend_metric_daily group by 1 order by 1"
    code = (
        "import duckdb, json, sys; d = duckdb.connect(sys.argv[1], read_only=True);"
        "tables = d.execute('select table_name from duckdb_tables()').fetchall();"
        "counts = {t: d.execute(f'select count(*) from (select * from {t})').fetchone()[0] for t, in tables};"
        "print(json.dumps([duckdb.__version__, counts, d.execute(sys.argv[2]).fetchall()], default=int))"
    )
    arguments = [client / "bin" / "python", "-c", code, world.publication.path / "metrics.duckdb", query]
    done = subprocess.run(arguments, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    version, counts, trend = json.loads(done.stdout)
    assert version == "1.0.0"
    assert counts == world.publication.rows
    assert trend == [list(row.values()) for row in world.rows(query)]


def test_second_opinions_count_who_agrees_for_each_reason_apart_and_stand_in_no_verdict(world):
    rows = {row["because"]: row for row in world.rows("select * from second_opinions")}

    share, suspect = rows["share"], rows["injection_suspect"]
    names = ("asked_count", "open_count", "both_answered_count", "agree_count", "disagree_count")
    assert [share[name] for name in names] == [8, 1, 6, 5, 1]
    assert [suspect[name] for name in names] == [2, 0, 2, 1, 1]
    interval = binomtest(1, 6).proportion_ci(method="wilson")
    assert share["disagreement_rate"] == pytest.approx(1 / 6)
    assert (share["disagreement_low"], share["disagreement_high"]) == pytest.approx((interval.low, interval.high))
    assert world.rows("select count(*) as n from fct_verdict_history where judge_role = 'second'") == [{"n": 0}]


def test_show_says_how_often_a_second_judge_agrees(world, tmp_path, monkeypatch):
    (tmp_path / "flag.yaml").write_text(
        "name: Flag\ntype: boolean\ndefinition: The caller raised it.\ntrue_when: The caller said so.\n"
        "false_when: The caller did not.\n"
    )
    monkeypatch.setenv("METRICS_DATA", str(world.folder.root))
    monkeypatch.setenv("METRICS_DEFINITIONS", str(tmp_path))

    shown = CliRunner().invoke(cli, ["show", "flag"])

    assert "agrees with a second judge: 83% (44% to 97%) of 6" in shown.output


def test_what_a_day_of_runs_cost_is_the_sum_of_its_runs_and_no_sum_where_a_price_is_not_known(world):
    runs = world.rows("select * from evaluation_runs where judge is not null")
    days = {(row["run_date"], row["metric"], row["judge"]): row for row in world.rows("select * from trend_cost_daily")}
    groups = defaultdict(list)
    for row in runs:
        groups[row["run_date"], row["metric"], row["judge"]].append(row)
    assert days.keys() == groups.keys()
    assert {None in [row["dollars"] for row in rows] for rows in groups.values()} == {True, False}
    for key, rows in groups.items():
        day = days[key]
        for name in ("call_count", "held_count", "asked_count", "prompt_tokens", "reply_tokens", "judge_call_count"):
            assert day[name] == sum(row[name] for row in rows), (key, name)
        prices = [row["dollars"] for row in rows]
        dollars = None if None in prices else sum(prices)
        assert day["dollars"] == dollars
        per_thousand = dollars and float(dollars) * 1000 / day["asked_count"]
        assert day["dollars_per_1000_conversations"] == (per_thousand and pytest.approx(per_thousand, rel=1e-12))
