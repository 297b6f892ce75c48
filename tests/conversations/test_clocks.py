"""A conversation whose clock was wrong goes to the quarantine, and is not filed under a day on which it never was."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from exports import raw, write

from metrics_pipeline.conversations.landing import land_folder
from metrics_pipeline.conversations.merge import merge
from metrics_pipeline.data_folder import open_data_folder

NOW = datetime(2026, 9, 4, 12, tzinfo=UTC)


def said_at(moment: str) -> list[dict[str, str]]:
    return [{"user_input": "hello", "user_input_datetime": moment, "agent_response": "hi"}]


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (raw(1, started_at="2027-09-02T10:00:00Z", turns=said_at("2027-09-02T10:00:00Z")), "in the future"),
        (raw(1, started_at="2026-09-02T10:00:00Z", turns=said_at("2025-09-02T10:00:00Z")), "before it began"),
        (raw(1, started_at="2025-09-02T10:00:00Z", turns=said_at("2026-09-02T10:00:00Z")), "over 300 days after"),
    ],
    ids=["a year ahead", "a year after its turns", "a year before its turns"],
)
def test_a_clock_that_is_a_year_wrong_is_quarantined_with_the_reason(tmp_path, one, reason):
    folder = open_data_folder(tmp_path / "data")
    write(tmp_path / "landing" / "a.json", one, raw(2))

    (receipt,) = land_folder(tmp_path / "landing", folder, ZoneInfo("UTC"), now=NOW).receipts

    assert (receipt.read_count, receipt.kept_count, receipt.quarantined_count) == (2, 1, 1)
    assert reason in next(iter(receipt.reasons))
    merge(folder)
    assert [day.year for day in folder.days()] == [2026]


@pytest.mark.parametrize(
    "one",
    [
        raw(1, started_at="2026-09-05T12:00:00Z", turns=said_at("2026-09-05T12:00:00Z")),
        raw(1, started_at="2026-01-02T10:00:00Z", turns=said_at("2026-09-02T10:00:00Z")),
        raw(1, started_at="2019-01-02T10:00:00Z", turns=said_at("2019-01-02T10:00:00Z")),
        raw(1, started_at="2026-09-02T10:00:00Z", turns=[{"user_input": "hello"}]),
    ],
    ids=["a zone ahead", "a chat that rested for months", "an old export", "no times at all"],
)
def test_times_that_can_be_true_are_kept(tmp_path, one):
    folder = open_data_folder(tmp_path / "data")
    write(tmp_path / "landing" / "a.json", one)

    (receipt,) = land_folder(tmp_path / "landing", folder, ZoneInfo("UTC"), now=NOW).receipts

    assert (receipt.kept_count, receipt.quarantined_count) == (1, 0)
