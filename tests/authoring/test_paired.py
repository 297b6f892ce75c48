"""The step between two versions on the same conversations, against an independent count."""

from __future__ import annotations

from itertools import product

import pytest

from metrics_pipeline.authoring.paired import exact_mcnemar, paired_change


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (1, 0), (3, 3), (8, 1), (0, 10), (5, 7)])
def test_the_p_value_is_the_share_of_coin_tosses_at_least_as_uneven(gained, lost):
    tosses = list(product((0, 1), repeat=gained + lost))
    uneven = sum(abs(2 * sum(toss) - len(toss)) >= abs(gained - lost) for toss in tosses)

    assert exact_mcnemar(gained, lost) == pytest.approx(uneven / len(tosses))


def test_a_step_lies_in_its_interval_and_says_which_way_it_went():
    change = paired_change([(False, True)] * 12 + [(True, False)] * 2 + [(True, True)] * 30 + [(False, False)] * 20)

    assert change is not None
    assert (change.gained_count, change.lost_count, change.pair_count) == (12, 2, 64)
    assert change.after - change.before == pytest.approx(10 / 64)
    assert 0 < change.low < 10 / 64 < change.high < 1
    assert change.p_value < 0.05


def test_nothing_compared_has_no_change():
    assert paired_change([]) is None
