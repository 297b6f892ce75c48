"""The counts that checks look at, read from a build or from a published generation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import duckdb

BEFORE_DAYS = 28
"""Days before a day that it is compared with, at most."""
WEEKS = 8
"""Earlier weeks whose same weekday a day's volume is compared with, at most."""

# A segment is a stretch of days with the same version and judge: nothing is compared across its ends.
_SEGMENTS = """
with metric_days as (
    select
        *,
        count(*) filter (where is_break) over (partition by metric order by conversation_date) as segment,
        min(conversation_date) filter (where metric_version is not null) over (partition by metric) as first_day
    from trend_metric_daily
    where metric in (select metric from dim_metrics where status = 'active')
)
"""
_METRIC_DAYS = """
select
    metric, conversation_date, segment, conversation_count - not_sampled_count, unjudged_count - not_sampled_count,
    not_applicable_count, undecided_count, evidence_failed_count, error_count
from metric_days
where conversation_date >= $since and conversation_date >= first_day
order by all
"""
_LABELS = """
select metric, conversation_date, segment, label, label_count, answered_count
from trend_label_daily
inner join metric_days using (metric, conversation_date)
where conversation_date >= $since
order by all
"""
_PAIRS = """
, judged as (
    select * from fct_verdicts where source = 'judged' and answer is not null and conversation_date >= $since
),
logged as (
    select * from fct_verdicts where source = 'logged' and answer is not null and conversation_date >= $since
),
baseline as (
    select conversation_id, metric, metric_version, arg_max(answer, (judged_at, judge_fingerprint)) as answer
    from fct_verdict_history
    where judge_kind = 'baseline' and answer is not null and conversation_date >= $since
    group by all
),
pairs as (
    select judged.metric, judged.conversation_date, 'judge' as one, 'log' as other,
        judged.answer = logged.answer as same
    from judged
    inner join logged using (conversation_id, metric)
    union all
    select judged.metric, judged.conversation_date, 'judge', 'baseline', judged.answer = baseline.answer
    from judged
    inner join baseline using (conversation_id, metric, metric_version)
    where judged.judge_kind != 'baseline'
    union all
    select judged.metric, judged.conversation_date, 'baseline', 'log', baseline.answer = logged.answer
    from judged
    inner join baseline using (conversation_id, metric, metric_version)
    inner join logged using (conversation_id, metric)
    where judged.judge_kind != 'baseline'
)
select metric, conversation_date, segment, one, other, count(*) filter (where not same), count(*)
from pairs
inner join metric_days using (metric, conversation_date)
group by all
order by all
"""


class MetricDay(NamedTuple):
    """One metric on one day since it was first put to work: conversations of its sample, by what became of them."""

    metric: str
    day: date
    segment: int
    conversation_count: int
    unjudged_count: int
    not_applicable_count: int
    undecided_count: int
    evidence_failed_count: int
    error_count: int

    @property
    def judged_count(self) -> int:
        """Conversations to which the metric applies and that were judged, whatever came of it."""
        return self.conversation_count - self.unjudged_count - self.not_applicable_count


class LabelDay(NamedTuple):
    """How often an answer was given on a day."""

    metric: str
    day: date
    segment: int
    label: str
    label_count: int
    answered_count: int


class PairDay(NamedTuple):
    """How often two sources that both answer a conversation say otherwise on a day."""

    metric: str
    day: date
    segment: int
    one: str
    other: str
    differing_count: int
    pair_count: int


class Counts(NamedTuple):
    """Everything the checks look at."""

    days: tuple[date, ...]
    """The days that are examined, oldest first: complete ones."""
    volumes: Mapping[date, int]
    """Conversations by day, of all days; one without any is not there."""
    newest_at: datetime | None
    """When the newest conversation began; None where there is none."""
    metric_days: tuple[MetricDay, ...]
    labels: tuple[LabelDay, ...]
    pairs: tuple[PairDay, ...]


def read_counts(database: Path, today: date, day_count: int) -> Counts:
    """The counts of the newest `day_count` days before `today`, and of those that they are compared with."""
    with duckdb.connect(str(database), read_only=True) as tables:
        volumes = dict(
            tables.execute("select conversation_date, count(*) from dim_conversations group by all").fetchall()
        )
        newest = tables.execute("select epoch_us(max(started_at)) from dim_conversations").fetchone()
        days = _examined(volumes, today, day_count)
        if not days:
            return Counts((), {}, _moment(newest), (), (), ())
        since = {"since": days[0] - timedelta(days=BEFORE_DAYS)}
        found = [
            [row for row in tables.execute(_SEGMENTS + query, since).fetchall() if row[1] <= days[-1]]
            for query in (_METRIC_DAYS, _LABELS, _PAIRS)
        ]
    return Counts(
        days,
        volumes,
        _moment(newest),
        tuple(MetricDay(*row) for row in found[0]),
        tuple(LabelDay(*row) for row in found[1]),
        tuple(PairDay(*row) for row in found[2]),
    )


def _examined(volumes: Iterable[date], today: date, day_count: int) -> tuple[date, ...]:
    """A day without conversations between two that have some is one of them: that is what is wrong with it."""
    held = [day for day in volumes if day < today]
    if not held:
        return ()
    first, last = min(held), max(held)
    return tuple(day for back in reversed(range(day_count)) if (day := last - timedelta(days=back)) >= first)


def _moment(row: tuple[int | None] | None) -> datetime | None:
    return datetime.fromtimestamp(row[0] / 1e6, UTC) if row and row[0] is not None else None
