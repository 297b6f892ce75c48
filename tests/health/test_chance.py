"""What chance would do, against another library's figures and against chance itself."""

from __future__ import annotations

import random

import pytest
from scipy import stats

from metrics_pipeline.health.chance import at_least, at_least_of, exactly_of, level_of_each


def test_probabilities_are_those_of_scipy():
    rng = random.Random(5)
    for _ in range(500):
        trials, others = rng.randint(1, 300), rng.randint(1, 300)
        found, before, share = rng.randint(0, trials), rng.randint(0, others), rng.random()
        table = (trials + others, found + before, trials)
        assert at_least(found, trials, share) == pytest.approx(stats.binom.sf(found - 1, trials, share), abs=1e-12)
        assert exactly_of(found, trials, before, others) == pytest.approx(stats.hypergeom.pmf(found, *table), rel=1e-9)
        assert at_least_of(found, trials, before, others) == pytest.approx(
            stats.hypergeom.sf(found - 1, *table), rel=1e-9, abs=1e-15
        )


@pytest.mark.parametrize(
    ("counts", "probability"),
    [((0, 0, 0.5), 1.0), ((1, 5, 0.0), 0.0), ((6, 5, 0.5), 0.0), ((1, 5, 1.0), 1.0), ((10**5, 10**6, 0.1), 0.5)],
)
def test_the_ends_are_exact_and_a_million_is_no_trouble(counts, probability):
    assert at_least(*counts) == pytest.approx(probability, abs=0.01)


def test_tests_that_could_never_be_significant_cost_the_others_nothing():
    assert level_of_each([1e-9] * 4, 0.05) == 0.05 / 4
    assert level_of_each([1e-9, *[0.3] * 99], 0.05) == 0.05
    assert level_of_each([], 0.05) == 0.05
    # The fourth could come below 0.05 / 3, not below 0.05 / 4.
    assert level_of_each([1e-9, 1e-9, 1e-9, 0.0155, 0.9], 0.05) == 0.05 / 4


def test_where_all_days_are_alike_a_day_raises_a_false_alarm_once_in_twenty_at_most():
    rng = random.Random(7)
    nights = alarms = 0
    for _ in range(400):
        pairs = [(rng.randint(5, 80), rng.choice((0.02, 0.1, 0.3))) for _ in range(12)]
        drawn = [
            (sum(rng.random() < share for _ in range(of)), of, sum(rng.random() < share for _ in range(6 * of)), 6 * of)
            for of, share in pairs
        ]
        least = [at_least_of(min(a + b, of), of, a + b - min(a + b, of), before) for a, of, b, before in drawn]
        level = level_of_each(least, 0.05)
        nights += 1
        alarms += any(at_least_of(*one) <= level for one in drawn)
    assert alarms <= stats.binom.ppf(0.999, nights, 0.05)
