"""The step between two versions on the same conversations, against other people's arithmetic."""

from __future__ import annotations

from math import log, sqrt

import numpy
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest

from metrics_pipeline.authoring.paired import exact_mcnemar, paired_change, tango_interval

Z = 1.959963984540054


@pytest.mark.parametrize(("gained", "lost"), [(1, 0), (3, 3), (8, 1), (0, 10), (5, 7), (120, 90)])
def test_the_p_value_is_that_of_the_exact_binomial_test(gained, lost):
    assert exact_mcnemar(gained, lost) == pytest.approx(binomtest(gained, gained + lost).pvalue)


def test_without_a_change_nothing_speaks_against_chance():
    assert exact_mcnemar(0, 0) == 1


def test_the_interval_is_the_published_one_of_the_airway_data():
    # Fagerland, Lydersen and Laake (2014): 1 gained and 7 lost of 21, Tango's interval is -0.517 to -0.026.
    assert tango_interval(1, 7, 21) == pytest.approx((-0.517, -0.026), abs=0.0005)


@pytest.mark.parametrize(("gained", "lost", "count"), [(12, 2, 64), (0, 9, 100), (0, 0, 50), (5, 5, 30)])
def test_the_interval_holds_every_step_that_the_score_test_does_not_reject(gained, lost, count):
    def score(step: float) -> float:
        def unlikely(share_lost: float) -> float:
            shares = (
                (gained, share_lost + step),
                (lost, share_lost),
                (count - gained - lost, 1 - 2 * share_lost - step),
            )
            return -sum(number * log(share) for number, share in shares if number)

        bounds = (max(0.0, -step) + 1e-12, (1 - step) / 2 - 1e-12)
        share_lost = minimize_scalar(unlikely, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
        return (gained - lost - count * step) / sqrt(count * (2 * share_lost + step - step**2))

    kept = [step for step in numpy.linspace(-0.999, 0.999, 1_000) if abs(score(step)) <= Z]

    assert tango_interval(gained, lost, count) == pytest.approx((min(kept), max(kept)), abs=0.003)


def test_ninety_five_of_a_hundred_intervals_hold_the_true_step():
    draws = numpy.random.default_rng(7).multinomial(60, [0.15, 0.05, 0.8], size=1_000)
    held = [low <= 0.10 <= high for low, high in (tango_interval(int(g), int(lost), 60) for g, lost, _ in draws)]

    assert 0.935 <= sum(held) / len(held) <= 0.975


def test_a_step_of_everything_stays_within_its_bounds():
    low, high = tango_interval(50, 0, 50)

    assert 0.8 < low < 1
    assert high == 1


def test_a_change_says_what_was_gained_and_what_was_lost():
    change = paired_change([(False, True)] * 12 + [(True, False)] * 2 + [(True, True)] * 30 + [(False, False)] * 20)

    assert change is not None
    assert (change.gained_count, change.lost_count, change.pair_count) == (12, 2, 64)
    assert (change.before, change.after) == (32 / 64, 42 / 64)
    assert (change.low, change.high) == tango_interval(12, 2, 64)


def test_nothing_compared_has_no_change():
    assert paired_change([]) is None
