"""The frozen sample: in proportion, the same each time, and kept when days are added."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest
from landed import land

from metrics_pipeline.conversations.record import Conversation, Turn
from metrics_pipeline.data_folder import open_data_folder
from metrics_pipeline.evaluation.trial import allocate, frozen_sample


def conversation(number: int, channel: str, day: date) -> Conversation:
    started_at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    turns = (Turn(0, "user", f"words {number}"),)
    return Conversation(f"c{number}", day, started_at, "test", channel=channel, turns=turns, reported_turn_count=1)


def test_each_stratum_gives_its_share_and_small_ones_together_give_theirs():
    random.seed(3)
    for _ in range(300):
        counts = [random.randrange(0, 30) for _ in range(random.randrange(1, 25))]
        size = random.randrange(1, 200)
        shares = allocate(counts, size)
        total = sum(counts)
        assert sum(shares) == min(size, total)
        assert all(0 <= share <= count for share, count in zip(shares, counts, strict=True))
        for start in range(len(counts)):
            for end in range(start + 1, len(counts) + 1):
                exact = min(size, total) * sum(counts[start:end]) / total if total else 0
                assert abs(sum(shares[start:end]) - exact) <= 1.0001


def test_a_rare_channel_of_many_weeks_is_not_rounded_away():
    # Largest remainders would give each of these ten weeks nothing: 0.3 of a conversation each.
    assert sum(allocate([3] * 10 + [97] * 10, 100)[:10]) == 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = open_data_folder(tmp_path_factory.mktemp("data"))
    first = date(2026, 9, 1)
    land(
        folder,
        [conversation(n, "chat" if n % 20 == 0 else "voice", first + timedelta(days=n % 30)) for n in range(1_200)],
    )
    return folder


def ids(subjects):
    return {one.conversation.conversation_id for one in subjects}


def test_the_sample_is_the_same_each_time_and_a_smaller_one_is_mostly_within_a_larger(folder):
    days = folder.days()
    small, large = ids(frozen_sample(folder, days, 60)), ids(frozen_sample(folder, days, 240))

    assert small == ids(frozen_sample(folder, days, 60))
    assert (len(small), len(large)) == (60, 240)
    assert len(small - large) <= 3
    assert sum(int(one[1:]) % 20 == 0 for one in small) == 3


def test_a_day_that_is_added_leaves_most_of_the_sample_as_it_was(folder):
    days = folder.days()
    before, after = ids(frozen_sample(folder, days[:-1], 100)), ids(frozen_sample(folder, days, 100))

    assert len(before & after) >= 90


def test_every_conversation_has_the_same_chance(folder):
    chosen = ids(frozen_sample(folder, folder.days(), 300))
    # Numbers have nothing to do with hashes: each quarter of them should hold about a quarter of the sample.
    quarters = [sum(int(one[1:]) // 300 == quarter for one in chosen) for quarter in range(4)]

    assert min(quarters) > 50
