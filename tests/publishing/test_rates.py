"""Every rate, share, interval and window of the trends, computed once more in plain Python from the published facts."""

from __future__ import annotations

from calendar import monthrange
from collections import Counter, defaultdict
from datetime import timedelta
from math import sqrt
from statistics import NormalDist

import pytest
from published_world import CROWDED, DAYS, METRICS
from statsmodels.stats.proportion import multinomial_proportions_confint, proportion_confint

FLOOR = 5
PARTS = (
    "conversation_count",
    "success_count",
    "partial_count",
    "failure_count",
    "neutral_count",
    "not_applicable_count",
    "gated_count",
    "undecided_count",
    "evidence_failed_count",
    "error_count",
    "unjudged_count",
    "not_sampled_count",
)
DIMENSIONS = ("variant", "channel", "language", "environment", "agent_version", "handoff")
MOST_VALUES = 20


def wilson(successes, trials, confidence=0.95):
    """E. B. Wilson's score interval, as it stands in textbooks."""
    z = NormalDist().inv_cdf(1 - (1 - confidence) / 2)
    centre = (successes + z * z / 2) / (trials + z * z)
    spread = z / (trials + z * z) * sqrt(successes * (trials - successes) / trials + z * z / 4)
    return max(centre - spread, 0.0), min(centre + spread, 1.0)


def is_rate(row, name, low, high, few, numerator, denominator):
    """Whether a share and its interval are those of the counts, by hand and by statsmodels; True where there is one."""
    if denominator is None:
        assert row[name] is row[low] is row[high] is row[few] is None
        return False
    assert row[few] == (denominator < FLOOR)
    if denominator == 0:
        assert row[name] is row[low] is row[high] is None
        return False
    assert row[name] == pytest.approx(numerator / denominator, abs=1e-12)
    assert (row[low], row[high]) == pytest.approx(wilson(numerator, denominator), abs=1e-9)
    assert (row[low], row[high]) == pytest.approx(proportion_confint(numerator, denominator, method="wilson"), abs=1e-9)
    return True


def rated(row, numerator, denominator):
    assert (row["rate_numerator"], row["rate_denominator"]) == (numerator, denominator)
    return is_rate(row, "rate", "rate_low", "rate_high", "is_too_few", numerator, denominator)


@pytest.fixture(scope="module")
def facts(any_world):
    """The published facts: conversations by id, primary verdicts by metric and day, trend rows by metric and day."""
    conversations = {
        row["conversation_id"]: row for row in any_world.rows("select * exclude (started_at) from dim_conversations")
    }
    primaries = defaultdict(list)
    for row in any_world.rows("select * exclude (judged_at) from fct_verdicts where is_primary"):
        primaries[row["metric"], row["conversation_date"]].append(row)
    days = any_world.rows("select * from trend_metric_daily order by metric, conversation_date")
    return conversations, primaries, days


def counted(verdicts, total):
    outcomes = Counter(row["outcome"] for row in verdicts)
    states = Counter(row["state"] for row in verdicts)
    details = Counter(row["detail"] for row in verdicts)
    answers = Counter(row["answer"] for row in verdicts)
    counts = {f"{outcome}_count": outcomes[outcome] for outcome in ("success", "partial", "failure", "neutral")}
    counts |= {f"{state}_count": states[state] for state in ("not_applicable", "undecided", "error")}
    counts |= {"conversation_count": total, "unjudged_count": total - len(verdicts), "not_sampled_count": 0}
    return counts | {"gated_count": details["gated"], "evidence_failed_count": details["evidence_failed"]}, answers


def rate_of(metric, counts, answers):
    kind = next(one["rate_of"] for one in METRICS if one["metric"] == metric)
    if kind == "true":
        return answers["true"], answers["true"] + answers["false"]
    if kind == "success":
        return counts["success_count"], sum(counts[f"{name}_count"] for name in ("success", "partial", "failure"))
    return None, None


def stretches(days):
    """Rows of complete days by metric and number of breaks before or on the day."""
    found, segment = defaultdict(list), Counter()
    for row in days:
        segment[row["metric"]] += row["is_break"]
        found[row["metric"], segment[row["metric"]]].append(row)
    return found


def test_a_rate_out_of_fewer_answers_than_the_setting_says_is_too_few_and_stays_as_it_is(facts):
    _, _, days = facts
    few = Counter()
    for row in days:
        rated(row, row["rate_numerator"], row["rate_denominator"])
        few[row["is_too_few"], row["rate"] is None] += 1
    assert few[True, False] > 20
    assert few[False, False] > 20


@pytest.mark.parametrize("length", [7, 28])
def test_a_rolling_rate_is_that_of_its_pooled_counts_and_says_out_of_how_many(facts, length):
    _, _, days = facts
    checked, name = 0, f"rate_{length}d"
    for stretch in stretches(days).values():
        for row in stretch:
            since = row["conversation_date"] - timedelta(days=length - 1)
            pooled = [
                one
                for one in stretch
                if since <= one["conversation_date"] <= row["conversation_date"] and one["day_status"] == "complete"
            ]
            if row["day_status"] != "complete" or row["rate_of"] is None:
                numerator = denominator = None
            else:
                numerator = sum(one["rate_numerator"] for one in pooled)
                denominator = sum(one["rate_denominator"] for one in pooled)
            assert (row[f"{name}_numerator"], row[f"{name}_denominator"]) == (numerator, denominator)
            few = f"is_too_few_{length}d"
            checked += is_rate(row, name, f"{name}_low", f"{name}_high", few, numerator, denominator)
    assert checked > 100


@pytest.mark.parametrize("period", ["week", "month"])
def test_weeks_and_months_add_up_complete_days_and_a_break_divides_them(any_world, facts, period):
    _, _, days = facts
    expected = defaultdict(list)
    by_period = Counter()
    for (metric, segment), stretch in stretches(days).items():
        for row in stretch:
            day = row["conversation_date"]
            start = day - timedelta(days=day.weekday()) if period == "week" else day.replace(day=1)
            expected[metric, start, segment].append(row)
            by_period[metric, start] += 1
    rows = any_world.rows(f"select * from trend_metric_{period}ly")
    found = {(row["metric"], row[period], row["segment"]): row for row in rows}
    assert found.keys() == expected.keys()
    assert len(rows) > len(by_period)
    partial = Counter()
    for key, row in found.items():
        whole = [one for one in expected[key] if one["day_status"] == "complete"]
        length = 7 if period == "week" else monthrange(key[1].year, key[1].month)[1]
        assert (row["days_counted"], row["days_in_period"]) == (len(whole), length)
        assert {name: row[name] for name in PARTS} == {name: sum(one[name] for one in whole) for name in PARTS}
        dates = [one["conversation_date"] for one in whole]
        assert (row["first_day"], row["last_day"]) == (min(dates, default=None), max(dates, default=None))
        reaches_beyond = key[1] < DAYS[0] or key[1] + timedelta(days=length - 1) > DAYS[-1]
        assert row["is_partial"] == (reaches_beyond or len(whole) < by_period[key[:2]])
        assert row["is_break"] == any(one["is_break"] for one in expected[key])
        assert {one["metric_version"] for one in whole} <= {row["metric_version"]}
        assert {one["judge"] for one in whole} <= {row["judge"]}
        has_rate = row["rate_of"] is not None
        rated(
            row,
            *(sum(one[f"rate_{name}"] for one in whole) if has_rate else None for name in ("numerator", "denominator")),
        )
        partial[row["is_partial"]] += 1
    assert len(partial) == 2 or period == "month"


def test_each_dimension_divides_a_day_by_its_values_and_the_rarest_are_one(any_world, facts):
    conversations, primaries, days = facts
    by_day = defaultdict(list)
    for row in conversations.values():
        by_day[row["conversation_date"]].append(row)
    rows = any_world.rows("select * from trend_metric_daily_by")
    found = {tuple(row[name] for name in ("metric", "conversation_date", "dimension", "value")): row for row in rows}
    assert len(found) == len(rows)
    expected_keys, others = set(), 0
    for day, held in by_day.items():
        metrics = {row["metric"]: row for row in days if row["conversation_date"] == day}
        for dimension in DIMENSIONS:
            own = {}
            for one in held:
                value = one[dimension]
                own[one["conversation_id"]] = (
                    "(none)" if value in (None, "") else str(value).lower() if value in (True, False) else value
                )
            sizes = Counter(own.values())
            shown = sorted(sizes, key=lambda value: (-sizes[value], value))[:MOST_VALUES]
            place = {one: value if value in shown else "(other)" for one, value in own.items()}
            for value, total in Counter(place.values()).items():
                others += value == "(other)"
                for metric, whole in metrics.items():
                    row = found[metric, day, dimension, value]
                    expected_keys.add((metric, day, dimension, value))
                    verdicts = [one for one in primaries[metric, day] if place[one["conversation_id"]] == value]
                    counts, answers = counted(verdicts, total)
                    assert {name: row[name] for name in PARTS} == counts
                    assert row["value_count"] == (len(sizes) - MOST_VALUES if value == "(other)" else 1)
                    rated(row, *rate_of(metric, counts, answers))
                    for name in ("metric_version", "judge", "judge_kind", "day_status", "rate_of", "good_direction"):
                        assert row[name] == whole[name]
    assert found.keys() == expected_keys
    assert others == 1
    assert {row["conversation_date"] for row in rows if row["value"] == "(other)"} == {CROWDED}


def test_shares_of_labels_have_an_interval_each_and_one_for_all_at_once_as_statsmodels_has_it(any_world):
    by_day = defaultdict(list)
    for row in any_world.rows("select * from trend_label_daily order by label_position"):
        by_day[row["metric"], row["conversation_date"]].append(row)
    checked = Counter()
    for rows in by_day.values():
        counts = [row["label_count"] for row in rows]
        for row in rows:
            is_rate(row, "share", "share_low", "share_high", "is_too_few", row["label_count"], sum(counts))
        if sum(counts):
            joint = multinomial_proportions_confint(counts, 0.05, method="goodman")
            by_hand = [wilson(count, sum(counts), 1 - 0.05 / len(counts)) for count in counts]
            for row, theirs, ours in zip(rows, joint, by_hand, strict=True):
                assert (row["share_joint_low"], row["share_joint_high"]) == pytest.approx(tuple(theirs), abs=1e-9)
                assert (row["share_joint_low"], row["share_joint_high"]) == pytest.approx(ours, abs=1e-9)
            checked[len(counts)] += 1
        else:
            assert {row["share_joint_low"] for row in rows} == {None}
    assert set(checked) == {2, 4}


def test_logged_names_are_counted_by_day_and_value_and_the_rarest_values_are_one(any_world, facts):
    conversations, _, _ = facts
    logged = defaultdict(lambda: defaultdict(set))
    for row in any_world.rows("select * exclude (logged_at) from fct_logged_metrics"):
        logged[row["metric"], row["conversation_date"]][row["value"] or "(none)"].add(row["conversation_id"])
    volumes = Counter(row["conversation_date"] for row in conversations.values())
    rows = any_world.rows("select * from trend_logged_daily")
    found = {(row["metric"], row["conversation_date"], row["value"]): row for row in rows}
    expected = {}
    ever = defaultdict(set)
    for (name, _), held in logged.items():
        for value, ids in held.items():
            ever[name, value] |= ids
    for (name, day), held in logged.items():
        repeated = [value for value in held if value == "(none)" or len(ever[name, value]) > 1]
        shown = sorted(repeated, key=lambda value: (-len(held[value]), value))[:MOST_VALUES]
        for value in shown:
            expected[name, day, value] = (1, len(held[value]))
        if rest := held.keys() - set(shown):
            expected[name, day, "(other)"] = (len(rest), len(set().union(*(held[value] for value in rest))))
    assert {key: (row["value_count"], row["conversation_count"]) for key, row in found.items()} == expected
    assert any(value == "(other)" for _, _, value in expected)
    for (name, day, _), row in found.items():
        total = len(set().union(*logged[name, day].values()))
        assert (row["logged_count"], row["day_conversation_count"]) == (total, volumes[day])
        assert is_rate(row, "share", "share_low", "share_high", "is_too_few", row["conversation_count"], total)


def test_what_was_logged_and_what_was_judged_are_counted_beside_each_other(any_world, facts):
    conversations, _, _ = facts
    volumes = Counter(row["conversation_date"] for row in conversations.values())
    beside = defaultdict(dict)
    outcomes = {}
    for row in any_world.rows("select * exclude (judged_at) from fct_verdicts"):
        key = (row["metric"], row["conversation_date"], row["conversation_id"])
        beside[key][row["source"]] = row
        outcomes[row["metric"], row["answer"]] = row["outcome"]
    pairs = defaultdict(Counter)
    queue = {}
    for (metric, day, one), verdicts in beside.items():
        judged, logged = ((verdicts.get(source) or {}).get("answer") for source in ("judged", "logged"))
        pairs[metric, day][judged, logged] += 1
        if judged != logged:
            kind = "disagree" if judged and logged else "only_judged" if judged else "only_logged"
            queue[metric, one] = (day, kind, judged, logged)
    found = {(row["metric"], row["conversation_date"]): row for row in any_world.rows("select * from logged_vs_judged")}
    assert found.keys() == pairs.keys()
    directions = Counter()
    for key, row in found.items():
        both = {pair: count for pair, count in pairs[key].items() if None not in pair}
        agree = sum(count for (judged, logged), count in both.items() if judged == logged)
        assert row["both_count"] == sum(both.values())
        assert (row["agree_count"], row["disagree_count"]) == (agree, sum(both.values()) - agree)
        only_judged = sum(count for (judged, logged), count in pairs[key].items() if judged and not logged)
        only_logged = sum(count for (judged, logged), count in pairs[key].items() if logged and not judged)
        assert (row["only_judged_count"], row["only_logged_count"]) == (only_judged, only_logged)
        assert row["conversation_count"] == volumes[key[1]]
        assert row["neither_count"] == volumes[key[1]] - sum(both.values()) - only_judged - only_logged
        is_rate(row, "agreement_rate", "agreement_low", "agreement_high", "is_too_few", agree, sum(both.values()))
        kind = next(one["rate_of"] for one in METRICS if one["metric"] == key[0])
        booleans = (both.get(("true", "false"), 0), both.get(("false", "true"), 0)) if kind == "true" else (None, None)
        assert (row["judged_true_logged_false_count"], row["judged_false_logged_true_count"]) == booleans
        better = worse = None
        if kind == "success":
            meant = Counter()
            for (judged, logged), count in both.items():
                meant[outcomes[key[0], judged], outcomes[key[0], logged]] += count
            lesser = ("partial", "failure")
            better, worse = sum(meant["success", one] for one in lesser), sum(meant[one, "success"] for one in lesser)
            directions["success"] += better + worse
        assert (row["only_judged_success_count"], row["only_logged_success_count"]) == (better, worse)
    assert directions["success"] > 0
    answers = defaultdict(Counter)
    for row in any_world.rows("select * from logged_vs_judged_answers"):
        answer = tuple(None if row[name] == "(none)" else row[name] for name in ("judged_answer", "logged_answer"))
        answers[row["metric"], row["conversation_date"]][answer] = row["conversation_count"]
    for counts in pairs.values():
        counts.pop((None, None), None)
    assert answers == {key: counts for key, counts in pairs.items() if counts}
    queued = {
        (row["metric"], row["conversation_id"]): (
            row["conversation_date"],
            row["difference"],
            row["judged_answer"],
            row["logged_answer"],
        )
        for row in any_world.rows("select * from logged_vs_judged_conversations")
    }
    assert queued == queue
    assert {kind for _, kind, _, _ in queue.values()} == {"disagree", "only_judged", "only_logged"}
