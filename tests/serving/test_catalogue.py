"""What a metric's file said over time, from what was recorded when it was put to work."""

from __future__ import annotations

from datetime import UTC, date, datetime

import duckdb
import pytest

from metrics_pipeline.errors import PublishError
from metrics_pipeline.evaluation.ledger import MetricDay
from metrics_pipeline.serving.agreement import agreements
from metrics_pipeline.serving.catalogue import close_matches, history, read_published
from metrics_pipeline.serving.summary import summaries

FIRST, SECOND = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
VERSIONS = {
    ("asked", "bbb"): ("name: Asked\ntrue_when: Twice.\n", SECOND),
    ("asked", "aaa"): ("name: Asked\ntrue_when: Once.\n", FIRST),
    ("other", "ccc"): ("name: Other\n", FIRST),
}


def day(number: int, version: str, turn: int = 1, metric: str = "asked", completed: str | None = "mark") -> MetricDay:
    return MetricDay(metric, date(2026, 5, number), version, "judge", turn, completed)


def test_versions_stand_in_the_order_of_their_first_use_with_what_changed_between_them():
    first, second = history("asked", VERSIONS, [], None)

    assert (first.metric_version, first.first_seen_at, first.diff) == ("aaa", FIRST, "")
    assert second.metric_version == "bbb"
    assert second.diff.splitlines()[-2:] == ["-true_when: Once.", "+true_when: Twice."]


def test_a_day_counts_for_the_version_that_is_in_force_on_it():
    days = [day(1, "aaa"), day(2, "aaa"), day(2, "bbb", 2), day(3, "aaa"), day(3, "bbb", 2, completed=None)]

    first, second = history("asked", VERSIONS, [*days, day(4, "aaa", metric="other")], None)

    assert (first.day_count, first.first_day, first.last_day) == (2, date(2026, 5, 1), date(2026, 5, 3))
    assert (second.day_count, second.first_day, second.last_day) == (1, date(2026, 5, 2), date(2026, 5, 2))


def test_a_file_that_was_edited_since_is_a_step_without_a_date():
    *_, last = history("asked", VERSIONS, [], ("ddd", "name: Asked\ntrue_when: Thrice.\n"))

    assert (last.metric_version, last.first_seen_at) == ("ddd", None)
    assert "+true_when: Thrice." in last.diff


def test_a_file_that_went_back_to_an_earlier_version_is_compared_with_the_newest():
    *_, last = history("asked", VERSIONS, [day(1, "aaa")], ("aaa", "name: Asked\ntrue_when: Once.\n"))

    assert (last.metric_version, last.first_seen_at, last.day_count) == ("aaa", None, 1)
    assert "-true_when: Twice." in last.diff


def test_a_file_as_it_was_put_to_work_adds_no_step():
    assert len(history("asked", VERSIONS, [], ("bbb", "name: Asked\ntrue_when: Twice.\n"))) == 2


def test_nothing_recorded_and_no_file_is_no_history():
    assert history("unheard", VERSIONS, [], None) == []


def test_a_misspelt_key_and_a_metrics_name_both_lead_to_the_key():
    names = {"auth_verified": "Auth: verified", "contact_reason": "Contact: reason"}

    assert close_matches("auth_verifed", names) == ["auth_verified"]
    assert close_matches("contact: reasons", names) == ["contact_reason"]
    assert close_matches("verified_auth", names) == ["auth_verified"]
    assert close_matches("zzz", names) == []


def test_a_key_that_has_only_its_ending_in_common_is_not_suggested():
    assert close_matches("breakfast_asked", {"request_resolved": "Request: resolved"}) == []


@pytest.mark.parametrize("read", [read_published, summaries, lambda path: agreements(path, path / "truth.parquet")])
@pytest.mark.parametrize(
    ("made", "says"),
    [
        ("create table dim_conversations (conversation_date date)", "was published by another version of the pipeline"),
        ("create view dim_metrics as select 1 as metric", "was published by another version of the pipeline"),
        (None, "cannot be read (IO Error"),
    ],
)
def test_a_generation_that_this_version_cannot_read_says_what_to_do(tmp_path, read, made, says):
    (tmp_path / "metrics.duckdb").write_bytes(b"no database, though long enough to look at" * 400)
    if made is not None:
        (tmp_path / "metrics.duckdb").unlink()
        with duckdb.connect(str(tmp_path / "metrics.duckdb")) as database:
            database.execute(made)

    with pytest.raises(PublishError) as raised:
        read(tmp_path)

    assert says in str(raised.value)
    assert str(raised.value).endswith("Run `metrics run`, which publishes anew.")
