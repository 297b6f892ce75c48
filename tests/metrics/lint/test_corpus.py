"""The lint against definitions whose weaknesses are known: the figures of benchmarks/lint.py cannot slip unseen."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint import CORPUS, Score, precision, recall, score


@pytest.fixture(scope="module")
def scores() -> list[Score]:
    return score(CORPUS)


def test_the_corpus_is_large_half_clean_and_of_many_industries(scores):
    clean = [one for one in scores if not one.expected]

    assert len(scores) >= 900
    assert 0.4 <= len(clean) / len(scores) <= 0.6
    assert len({one.project for one in scores}) >= 60


def test_what_the_lint_finds_is_there_and_what_is_there_it_finds(scores):
    assert precision(scores) >= 0.95
    assert recall(scores) >= 0.95


@pytest.mark.parametrize(
    ("weak", "strong"),
    [
        ("call_quality", "call_settled"),
        ("booking", "booking_made"),
        ("auth_done", "auth_two_details"),
        ("request_done", "request_outcome"),
        ("loyalty_taken", "loyalty_joined"),
    ],
)
def test_a_weak_twin_is_found_and_its_strong_twin_is_left_alone(scores, weak, strong):
    twins = {one.key: one for one in scores if one.project == "front_desk"}

    assert twins[weak].expected <= twins[weak].found
    assert not twins[strong].found


def test_a_finding_on_a_clean_definition_and_a_miss_both_lower_the_figures(tmp_path: Path):
    project = tmp_path / "shop"
    project.mkdir()
    for key in ("good_chat", "fine_chat"):
        (project / f"{key}.yaml").write_text(
            f'name: "Chat: {key[:4]}"\ntype: boolean\ndefinition: It was a good chat.\n'
        )
    (project / "expected.toml").write_text(
        '[good_chat]\nexpect = ["O201", "S301", "S302", "N101"]\nallow = ["N106"]\n[fine_chat]\nexpect = []\n'
    )

    scores = score(tmp_path)

    assert recall(scores) == 0.75
    assert precision(scores) < 0.6
