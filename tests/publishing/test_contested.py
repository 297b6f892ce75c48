"""Where the agent tells what its functions never confirmed, the log beside the judge has to show it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from metrics_pipeline import pipeline
from metrics_pipeline.settings import load_settings

ROOT = Path(__file__).parents[2]
STAR = ROOT.parent / "shared" / "data" / "star"
BOOKABLE = (
    *("hotel_book", "plane_book", "restaurant_book", "ride_book", "spaceship_access_codes", "party_plan"),
    *("apartment_schedule", "doctor_schedule", "meeting_schedule"),
)
KNOWN = """
    select labels.contested, count(*), count(queue.conversation_id)
    from read_parquet(?) as labels
    left join built.logged_vs_judged_conversations as queue
        on
            labels.conversation_id = queue.conversation_id
            and queue.judged_answer = 'true'
            and queue.logged_answer = 'false'
    where labels.metric_name = 'booking_completed'
    group by labels.contested
"""


@pytest.mark.slow
@pytest.mark.skipif(not STAR.is_dir(), reason=f"the STAR conversations are not at {STAR}")
def test_bookings_that_were_told_and_never_confirmed_stand_in_the_queue(tmp_path):
    definition = (ROOT / "benchmarks" / "definitions" / "star" / "booking_completed.yaml").read_text()
    confirmed = ", ".join(f'"{name}:confirmed": "true"' for name in BOOKABLE)
    logged = f'attempts: best\nlogged:\n  metric: booking_result\n  values: {{{confirmed}, "*": "false"}}\n'
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions" / "booking_completed.yaml").write_text(definition + logged)
    folders = {"data": tmp_path / "data", "definitions": tmp_path / "definitions", "landing": STAR / "v3"}

    pipeline.run(load_settings(folders | {"rate_floor": 100}, {}, tmp_path))

    with duckdb.connect() as database:
        database.execute(f"attach '{tmp_path}/data/published/current/metrics.duckdb' as built (read_only)")
        found = {row[0]: row[1:] for row in database.execute(KNOWN, [str(STAR / "labels.parquet")]).fetchall()}
        totals = database.execute(
            "select sum(both_count)::int, sum(agree_count)::int, sum(judged_true_logged_false_count)::int,"
            " sum(judged_false_logged_true_count)::int from built.logged_vs_judged"
        ).fetchone()
        floors = database.execute(
            "select is_too_few, min(rate_denominator), max(rate_denominator) from built.trend_metric_daily group by 1"
        ).fetchall()
    contested, queued = found[True]
    plain, wrongly_queued = found[False]
    print(f"contested {queued} of {contested}, others {wrongly_queued} of {plain}; both, agree, directions: {totals}")
    # Seen: 60 of the 66 contested bookings that are labelled, and 100 of 1,560 others.
    assert queued / contested > 0.8
    assert wrongly_queued / plain < 0.2
    assert totals[2] > 0
    few, enough = sorted(floors, reverse=True)
    assert (few[0], enough[0]) == (True, False)
    assert few[2] < 100 <= enough[1]
