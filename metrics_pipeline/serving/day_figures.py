"""What days of one metric came to, read from its verdicts as they were just written: no tables are built for it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import duckdb

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.serving.summary import wilson_interval

MEMORY_LIMIT = "1GB"
MOST_TELLING = 5

# A day's file holds the verdicts of each version, source and judge that was ever put to work on it.
_VERDICTS = """
with verdicts as (
    select *
    from read_parquet($files, hive_partitioning = false)
    where metric_version = $version and coalesce(judge_role, 'first') = 'first'
),
mine as (
    select *
    from verdicts
    where source = $source and (source != 'judged' or $fingerprint is null or judge_fingerprint = $fingerprint)
)
"""
_COUNTS = """
select conversation_date, state, answer, count(*)
from mine
group by all
"""
_FAILURES = """
, told as (
    select
        mine.conversation_id,
        mine.conversation_date,
        mine.reason,
        [quoted.quote for quoted in mine.evidence] as quotes,
        case
            when mine.state = 'error' then {'rank': 0, 'what': 'error ' || coalesce(mine.detail, '')}
            when mine.detail = 'evidence_failed' then {'rank': 1, 'what': 'undecided: its quote does not hold'}
            when mine.source = 'judged' and mine.answer != logged.answer
                then {'rank': 2, 'what': 'judge says ' || mine.answer || ', log says ' || logged.answer}
            when mine.state = 'undecided' then {'rank': 3, 'what': 'undecided'}
            when mine.answer in (select unnest($failing)) then {'rank': 4, 'what': 'failure: ' || mine.answer}
        end as why
    from mine
    left join verdicts as logged
        on mine.conversation_id = logged.conversation_id and logged.source = 'logged'
),
ranked as (
    select
        *,
        count(*) over (partition by why) as count_of_kind,
        row_number() over (partition by why order by conversation_date desc, conversation_id) as place
    from told
    where why is not null
)
select why.what, count_of_kind, conversation_id, conversation_date, reason, quotes
from ranked
where place <= $most
order by place, why.rank, count_of_kind desc, why.what
limit $most
"""


class DayFigures(NamedTuple):
    """One day of one metric, by the version and judge that were put to work."""

    states: Mapping[str, int]
    """Verdicts by state."""
    numerator: int
    """Answers that the rate counts, and out of how many; both 0 where the metric has no rate."""
    denominator: int

    @property
    def rate(self) -> float | None:
        return self.numerator / self.denominator if self.denominator else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Its 95 % Wilson interval."""
        return wilson_interval(self.numerator, self.denominator)


class Failure(NamedTuple):
    """A conversation that shows one kind of failure, and how many there are of that kind."""

    what: str
    kind_count: int
    conversation_id: str
    day: date
    reason: str | None
    """The judge's words, and what it quotes: for a terminal, and for no log."""
    quotes: Sequence[str]


class MetricFigures(NamedTuple):
    """Some days of one metric."""

    days: Mapping[date, DayFigures]
    failures: tuple[Failure, ...]
    """The most telling: one of each kind before a second of any; what is wrong with the judging before what is wrong
    with the agent."""

    @property
    def all_days(self) -> DayFigures:
        states: Counter[str] = Counter()
        for day in self.days.values():
            states.update(day.states)
        days = self.days.values()
        return DayFigures(states, sum(day.numerator for day in days), sum(day.denominator for day in days))


def metric_figures(
    folder: DataFolder, metric: MetricDefinition, version: str, fingerprint: str | None, days: Iterable[date]
) -> MetricFigures:
    """What the verdicts of `days` say, their answers taken as the definition takes them now.

    Args:
        version: Of the definition whose verdicts are meant.
        fingerprint: Of the judge whose verdicts are meant; None where it was but one, or none is asked.
    """
    paths = [path for day in days if (path := folder.verdict_file(metric.key, day)).exists()]
    if not paths:
        return MetricFigures({}, ())
    given: dict[str, object] = {
        "files": [str(path) for path in paths],
        "version": version,
        "source": metric.primary_source,
        "fingerprint": fingerprint,
    }
    failing = [answer for answer, outcome in metric.outcomes.items() if outcome == "failure"]
    with duckdb.connect(config={"memory_limit": MEMORY_LIMIT, "threads": 2}) as lake:
        counts = lake.execute(_VERDICTS + _COUNTS, given).fetchall()
        told = lake.execute(_VERDICTS + _FAILURES, given | {"failing": failing, "most": MOST_TELLING}).fetchall()
    by_day: dict[date, dict[tuple[str, str | None], int]] = defaultdict(dict)
    for day, state, answer, count in counts:
        by_day[day][state, answer] = count
    figures = {day: _figures(metric, found) for day, found in sorted(by_day.items())}
    return MetricFigures(figures, tuple(Failure(*row) for row in told))


def _figures(metric: MetricDefinition, counts: Mapping[tuple[str, str | None], int]) -> DayFigures:
    """The rate as the trend has it: of a boolean its answers `true`, of a categorical those that are a success."""
    states: Counter[str] = Counter()
    numerator = denominator = 0
    for (state, answer), count in counts.items():
        states[state] += count
        outcome = metric.outcomes.get(answer) if answer else None
        if metric.rate_of is None or outcome is None or (metric.rate_of == "success" and outcome == "neutral"):
            continue
        denominator += count
        numerator += count if metric.rate_of in (answer, outcome) else 0
    return DayFigures(states, numerator, denominator)
