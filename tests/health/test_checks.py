"""Each check finds what is wrong in a sentence with its figures, and is silent where few conversations prove little."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from metrics_pipeline.health import checks
from metrics_pipeline.health.counts import LabelDay, MetricDay, PairDay
from metrics_pipeline.health.finding import as_json
from metrics_pipeline.health.observation import Observation, findings

DAY = date(2026, 9, 30)
BEFORE = [DAY - timedelta(days=back) for back in range(1, 29)]


def metric_day(metric: str = "m", day: date = DAY, of: int = 40, **counts: int) -> MetricDay:
    names = ("unjudged_count", "not_applicable_count", "undecided_count", "evidence_failed_count", "error_count")
    return MetricDay(metric, day, 0, of, *(counts.get(name, 0) for name in names))


def said(observations: list[Observation]) -> list[str]:
    return [seen.sentence for seen in observations if seen.sentence]


def test_conversations_without_a_verdict_are_counted_and_no_matter_of_chance():
    days = [metric_day(of=100, unjudged_count=1), metric_day(of=40, unjudged_count=12, day=BEFORE[0])]
    seen = checks.coverage(days, 0.01)
    assert said(seen) == [
        "m on 2026-09-29: 12 of 40 conversations (30.0%) have no verdict; the limit is 1.0%.",
    ]
    assert seen[1].figures["count"] == 12


@pytest.mark.parametrize(
    ("check", "count"),
    [
        (checks.errors, "error_count"),
        (checks.undecided, "undecided_count"),
        (checks.evidence, "evidence_failed_count"),
    ],
)
def test_a_share_is_over_its_limit_only_where_chance_would_hardly_bring_so_many(check, count):
    # Out of 30 that apply: 6 are 20 %, and chance alone would bring 6 or more from a true 5 % once in 300 days.
    one = [metric_day(not_applicable_count=10, **{count: 6})]
    assert len(said(check(one, 0.05))) == 1
    assert said(check([metric_day(of=3, **{count: 1})], 0.05)) == []
    # Beside fifty metrics that might raise an alarm as well, 6 of 30 prove less.
    assert said(check(one + [metric_day(f"other{number}") for number in range(50)], 0.05)) == []


def test_a_share_is_said_with_its_interval_and_what_to_look_at():
    (seen,) = checks.errors([metric_day(error_count=9)], 0.05)
    assert seen.sentence == (
        "m on 2026-09-30: 9 of 40 judged conversations (22.5%, 12.3% to 37.5%) are in error; the limit is 5%."
    )
    assert "detail" in seen.look_at
    assert seen.figures == {
        "count": 9,
        "of": 40,
        "share": 0.225,
        "low": pytest.approx(0.1232, abs=1e-4),
        "high": pytest.approx(0.3750, abs=1e-4),
        "limit": 0.05,
    }


def label_days(now: int, before: int, of: int = 40, segment: int = 0) -> list[LabelDay]:
    rows = [LabelDay("m", DAY, 0, "refund", now, of), LabelDay("m", DAY, 0, "other", of - now, of)]
    for day in BEFORE:
        rows += [LabelDay("m", day, segment, "refund", before, of), LabelDay("m", day, segment, "other", of, of)]
    return rows


def test_an_answer_that_vanished_or_appeared_is_named_with_how_often_it_was_given():
    assert said(checks.classes(label_days(0, 10), [DAY], 0.05)) == [
        "m on 2026-09-30: the answer refund vanished: 0 of 40, after 280 of 1,120 on the 28 days before "
        "(25.0%, 22.6% to 27.6%; by chance 1 in 78,424)."
    ]
    assert said(checks.classes(label_days(5, 0), [DAY], 0.05)) == [
        "m on 2026-09-30: the answer refund appeared: 5 of 40, after 0 of 1,120 on the 28 days before "
        "(12.5%, 5.5% to 26.1%; by chance less than 1 in a million)."
    ]


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(label_days(0, 1, of=5), id="five conversations prove nothing"),
        pytest.param(label_days(1, 10), id="rarer is not gone"),
        pytest.param(label_days(0, 10, segment=1), id="another version or judge is another metric"),
        pytest.param(label_days(0, 10)[:2], id="no day before"),
        pytest.param([LabelDay("m", DAY, 0, "refund", 0, 0)], id="no answer at all"),
    ],
)
def test_no_answer_vanished_where_that_is_not_shown(rows):
    assert said(checks.classes(rows, [DAY], 0.05)) == []


def test_sources_that_part_more_than_before_are_named():
    before = [PairDay("m", day, 0, "judge", "log", 2, 40) for day in BEFORE]
    today = PairDay("m", DAY, 0, "judge", "log", 14, 40)
    assert said(checks.agreement([*before, today], [DAY], 0.05)) == [
        "m on 2026-09-30: judge and log differ on 14 of 40 conversations (35.0%, 22.1% to 50.5%), after 56 of 1,120 "
        "(5.0%, 3.9% to 6.4%) on the 28 days before (by chance less than 1 in a million)."
    ]
    assert said(checks.agreement([*before, today._replace(differing_count=5)], [DAY], 0.05)) == []
    assert said(checks.agreement([*before, today._replace(segment=1)], [DAY], 0.05)) == []
    assert said(checks.agreement([*before, today._replace(other="baseline")], [DAY], 0.05)) == []


def test_a_volume_is_held_against_the_same_weekdays_before_and_a_day_without_any_counts():
    volumes = {DAY - timedelta(weeks=back): 100 + back for back in range(1, 9)}
    few = checks.volume(volumes | {DAY: 40}, [DAY], 4)
    assert said(few) == [
        "2026-09-30 (Wednesday): 40 conversations, where the 8 same weekdays before had 104 at the median, give or "
        "take 10: 6.3 spreads fewer; the limit is 4."
    ]
    assert "0 conversations" in said(checks.volume(volumes, [DAY], 4))[0]
    assert "spreads more" in said(checks.volume(volumes | {DAY: 200}, [DAY], 4))[0]
    assert said(checks.volume(volumes | {DAY: 80}, [DAY], 4)) == []
    # One bad week moves neither the median nor the spread.
    assert said(checks.volume(volumes | {DAY: 40, DAY - timedelta(weeks=1): 0}, [DAY], 4)) != []
    young = {day: count for day, count in volumes.items() if day >= DAY - timedelta(weeks=3)}
    assert said(checks.volume(young, [DAY], 4)) == []


def test_the_newest_conversation_has_an_age():
    now = datetime(2026, 9, 30, 12, tzinfo=timezone.utc)
    assert said(checks.freshness(now - timedelta(hours=47), now, 48)) == []
    assert said(checks.freshness(now - timedelta(hours=60), now, 48)) == [
        "The newest conversation began 2026-09-28 00:00 UTC, 60 hours ago; the limit is 48."
    ]


def test_what_could_not_be_read_is_a_share_of_what_landed_lately():
    assert said(checks.quarantine(100, 12, 7, 0.05)) == [
        "Of 100 places in files that landed in the last 7 days 12 (12.0%, 7.0% to 19.8%) could not be read; the limit "
        "is 5%."
    ]
    assert said(checks.quarantine(10, 1, 7, 0.05)) == []


def test_findings_have_the_severity_that_settings_give_their_check_and_what_blocks_comes_first():
    seen = [
        Observation("errors", "m", DAY, {}, "Errors.", "Look."),
        Observation("errors", "m", BEFORE[0], {}, "Errors before.", "Look."),
        Observation("coverage", "m", DAY, {}, "Coverage.", "Look."),
        Observation("undecided", "m", DAY, {}, "Undecided.", "Look."),
        Observation("volume", None, DAY, {}),
    ]
    found = findings(seen, {"errors": "block", "undecided": "off"})
    assert [(one.severity, str(one)) for one in found] == [
        ("block", "Errors. Look."),
        ("block", "Errors before. Look."),
        ("warn", "Coverage. Look."),
    ]
    assert as_json(found[0])["day"] == "2026-09-30"
