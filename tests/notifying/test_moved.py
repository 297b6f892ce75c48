"""A rate has moved where neither chance nor the ups and downs of its days explain the step."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from metrics_pipeline.notifying.moved import Day, compare, moves

LAST = date(2026, 10, 30)


def window(counts: list[tuple[int, int]]) -> list[Day]:
    return [Day(LAST - timedelta(days=len(counts) - 1 - at), *count) for at, count in enumerate(counts)]


def test_the_interval_of_a_difference_is_that_of_the_paper():
    # Newcombe 1998, table II, contrast (a), method 10: 56/70 and 48/80, in days that are all alike.
    after, before = window([(4, 5)] * 14), window([(3, 5)] * 16)
    found = compare(before, after, 1)
    assert (round(found.low, 4), round(found.high, 4)) == (0.0524, 0.3339)


def drawn(rates: list[float], size: int, seed: int) -> list[Day]:
    chance = random.Random(seed)
    return window([(sum(chance.random() < rate for _ in range(size)), size) for rate in rates])


def test_in_a_hundred_nights_in_which_nothing_moved_hardly_one_says_so():
    alarms = sum(
        compare(drawn([0.3] * 28, 40, 2 * seed), drawn([0.3] * 28, 40, 2 * seed + 1), 1).is_more_than_noise
        for seed in range(300)
    )
    assert alarms <= 9


def test_days_that_differ_by_more_than_chance_need_a_larger_step():
    quiet, restless = [0.3] * 28, [0.1, 0.5] * 14
    step = compare(drawn(quiet, 40, 1), drawn([rate + 0.1 for rate in quiet], 40, 2), 1)
    lost = compare(drawn(restless, 40, 1), drawn([rate + 0.1 for rate in restless], 40, 2), 1)
    assert (step.is_more_than_noise, lost.is_more_than_noise) == (True, False)
    assert lost.low < step.low


def test_of_many_metrics_each_must_show_more():
    before, after = window([(12, 40)] * 28), window([(15, 40)] * 28)
    assert compare(before, after, 1).is_more_than_noise
    assert not compare(before, after, 200).is_more_than_noise


@pytest.fixture
def generation(tmp_path) -> Path:
    """A published trend of one metric: 20 % in the first four weeks, 40 % in the last."""
    with duckdb.connect(str(tmp_path / "metrics.duckdb")) as database:
        database.execute("create table dim_metrics as select 'auth' as metric, 'Auth' as name, 'active' as status")
        database.execute(
            """
            create table trend_metric_daily as select
                'auth' as metric, (date '2026-10-30' - day * interval 1 day)::date as conversation_date,
                'up' as good_direction, 'complete' as day_status, 'true' as rate_of,
                case when day < 28 then 16 else 8 end as rate_numerator,
                40 as rate_denominator, false as is_break
            from range(56) as days(day)
            """
        )
    return tmp_path


def change(generation: Path, statement: str) -> list[str]:
    with duckdb.connect(str(generation / "metrics.duckdb")) as database:
        database.execute(statement)
    return [move.metric for move in moves(generation)]


def test_a_step_is_found_with_its_day_and_direction(generation):
    (move,) = moves(generation)
    assert (move.metric, move.direction, move.last_day, move.good_direction) == ("auth", "up", LAST, "up")
    assert (move.compared.before, move.compared.after) == (0.2, 0.4)


@pytest.mark.parametrize(
    "statement",
    [
        "update trend_metric_daily set is_break = true where conversation_date = date '2026-10-10'",
        "update trend_metric_daily set day_status = 'open' where conversation_date < date '2026-09-20'",
        "update trend_metric_daily set rate_of = null",
        "update dim_metrics set status = 'retired'",
        "update trend_metric_daily set rate_numerator = 8",
    ],
)
def test_a_break_too_few_days_no_rate_and_a_retired_metric_are_no_moves(generation, statement):
    assert change(generation, statement) == []


def test_the_windows_end_with_the_newest_complete_day(generation):
    late = "conversation_date > date '2026-10-25'"
    assert change(generation, f"update trend_metric_daily set day_status = 'open' where {late}") == ["auth"]
    assert moves(generation)[0].last_day == date(2026, 10, 25)
