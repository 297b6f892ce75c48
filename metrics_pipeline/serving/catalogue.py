"""All metrics in a list, and one of them with what became of it: definitions, ledger and published figures together."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from metrics_pipeline.evaluation.ledger import MetricDay, in_force
from metrics_pipeline.metrics.catalog import Catalog
from metrics_pipeline.metrics.definition import KEY, MetricDefinition
from metrics_pipeline.metrics.loading import parse_definition
from metrics_pipeline.serving.published_database import published_database
from metrics_pipeline.serving.summary import wilson_interval
from metrics_pipeline.wording import SUGGESTED, nearest

Versions = Mapping[tuple[str, str], tuple[str, datetime]]
"""(text of the file, first seen) by (metric, version), as `Ledger.versions` gives them."""

# Moments as microseconds: DuckDB needs another library to give out a moment with its zone.
_FIGURES = """
with rates as (
    select
        metric,
        coalesce(sum(rate_numerator), 0)::bigint as rate_numerator,
        coalesce(sum(rate_denominator), 0)::bigint as rate_denominator
    from trend_metric_daily
    group by metric
),
numbers as (
    select metric, sum(mean * answered_count) / sum(answered_count) as mean from trend_number_daily group by metric
),
-- What was drawn: suspicious verdicts say nothing about all of them.
seconds as (
    select metric, sum(both_answered_count)::bigint as both_answered_count, sum(agree_count)::bigint as agree_count
    from second_opinions
    where because = 'share'
    group by metric
)
select
    metric, judged_day_count, last_day, epoch_us(last_judged_at), compared_count, agreement_share, agreement_kappa,
    coalesce(rate_numerator, 0), coalesce(rate_denominator, 0), mean,
    coalesce(both_answered_count, 0), coalesce(agree_count, 0)
from dim_metrics
left join rates using (metric)
left join numbers using (metric)
left join seconds using (metric)
where status != 'logged_only'
"""


class Figures(NamedTuple):
    """What a published generation says about one metric, over all its days."""

    judged_day_count: int = 0
    """Days on which every conversation has its verdict."""
    last_day: date | None = None
    """The newest day with a verdict."""
    last_judged_at: datetime | None = None
    """When the newest reply was recorded; None where no judge is asked."""
    compared_count: int = 0
    """Conversations that both the judge and the agent's own log answer."""
    agreement_share: float | None = None
    agreement_kappa: float | None = None
    rate_numerator: int = 0
    rate_denominator: int = 0
    mean: float | None = None
    """Of a numeric."""
    second_count: int = 0
    """Drawn conversations that a second judge answers as well."""
    second_agree_count: int = 0


class Published(NamedTuple):
    """What a published generation says about its metrics."""

    day_count: int
    """Days with conversations."""
    figures: Mapping[str, Figures]


class Entry(NamedTuple):
    """One metric of the list."""

    metric: str
    name: str
    type: str | None
    """None, as owner, where neither a file nor the ledger can say."""
    status: str
    """draft, active or retired, as its file says; broken: the file does not load; removed: there is none any more."""
    owner: str | None
    metric_version: str | None
    """Of the file as it stands; without one, of what was last put to work."""
    since: datetime | None
    """When a version of it was first put to work; None: never so far."""
    judged_day_count: int | None
    """None, as all that follows, where nothing has been published."""
    day_count: int | None
    last_day: date | None
    last_judged_at: datetime | None
    compared_count: int | None
    agreement_share: float | None
    """How often the judge and the agent's own log agree, 0 to 1, over `compared_count` conversations."""
    agreement_kappa: float | None
    rate_of: str | None
    rate: float | None
    rate_low: float | None
    rate_high: float | None
    rate_denominator: int | None
    mean: float | None
    unit: str | None
    second_count: int = 0
    """Drawn conversations that two judges answered, of any version and pair of judges."""
    second_agreement_share: float | None = None
    """How often their answers are equal, 0 to 1, with its 95 % Wilson interval."""
    second_agreement_low: float | None = None
    second_agreement_high: float | None = None


class Step(NamedTuple):
    """One version of a metric's file, in the order in which they were put to work."""

    metric_version: str
    first_seen_at: datetime | None
    """None: the file as it stands now, which differs from the newest that was put to work."""
    day_count: int
    """Days whose verdicts are this version's."""
    first_day: date | None
    last_day: date | None
    text: str
    diff: str
    """What changed since the step before, as a unified diff; empty for the first."""


def read_published(generation: Path) -> Published:
    """The figures of every metric in the published generation in that folder.

    Raises:
        PublishError: It cannot be read, or holds other tables than this pipeline publishes.
    """
    with published_database(generation) as database:
        days = database.execute("select count(distinct conversation_date) from dim_conversations").fetchone()
        rows = database.execute(_FIGURES).fetchall()
    figures = {row[0]: Figures(row[1], row[2], _moment(row[3]), *row[4:]) for row in rows}
    return Published(days[0] if days else 0, figures)


def entries(catalog: Catalog, versions: Versions, published: Published | None) -> list[Entry]:
    """An entry for each metric, by key: those with a file, whatever its status, and those that once had one.

    Args:
        versions: Empty where nothing was ever judged.
        published: None where nothing has been published.
    """
    defined = {metric.key: metric for metric in catalog.definitions}
    broken = {problem.file.stem for problem in catalog.problems if KEY.fullmatch(problem.file.stem)}
    found = []
    for key in sorted({*defined, *broken, *(metric for metric, _ in versions)}):
        metric = defined.get(key) or _newest_recorded(key, versions)
        status = defined[key].status if key in defined else "broken" if key in broken else "removed"
        found.append(_entry(key, status, metric, versions, published))
    return found


def _newest_recorded(key: str, versions: Versions) -> MetricDefinition | None:
    recorded = [(first_seen_at, text) for (metric, _), (text, first_seen_at) in versions.items() if metric == key]
    if not recorded:
        return None
    parsed = parse_definition(max(recorded)[1], Path(f"{key}.yaml"))
    return parsed if isinstance(parsed, MetricDefinition) else None


def history(metric: str, versions: Versions, days: Iterable[MetricDay], now: tuple[str, str] | None) -> list[Step]:
    """What the file of `metric` said over time, oldest first.

    Args:
        days: As `Ledger.metric_days` gives them; those of other metrics are passed over.
        now: (version, text) of the file as it stands; None where there is none. It is a step of its own where its text
            is another than that of the newest recorded one.
    """
    recorded = sorted(
        (first_seen_at, version, text) for (key, version), (text, first_seen_at) in versions.items() if key == metric
    )
    worked = _days_in_force(metric, days)
    steps: list[Step] = []
    for first_seen_at, version, text in recorded:
        steps.append(_step(version, first_seen_at, worked.get(version, []), text, steps))
    if now is not None and (not steps or steps[-1].text != now[1]):
        steps.append(_step(now[0], None, worked.get(now[0], []), now[1], steps))
    return steps


def close_matches(wanted: str, names: Mapping[str, str]) -> list[str]:
    """Keys that `wanted` may have meant: at most three, the likeliest first.

    Args:
        names: Name by key; both are compared.
    """
    by_word = {name.casefold(): key for key, name in names.items()} | {key: key for key in names}
    # A key and its name may both be near.
    found = nearest(wanted.casefold(), by_word, at_most=2 * SUGGESTED)
    return list(dict.fromkeys(by_word[word] for word in found))[:SUGGESTED]


def _entry(
    key: str, status: str, metric: MetricDefinition | None, versions: Versions, published: Published | None
) -> Entry:
    figures = Figures() if published is None else published.figures.get(key, Figures())
    low, high = wilson_interval(figures.rate_numerator, figures.rate_denominator) or (None, None)
    second_low, second_high = wilson_interval(figures.second_agree_count, figures.second_count) or (None, None)
    seen = [first_seen_at for (recorded, _), (_, first_seen_at) in versions.items() if recorded == key]
    return Entry(
        metric=key,
        name=metric.name if metric else key,
        type=metric.type if metric else None,
        status=status,
        owner=metric.owner if metric else None,
        metric_version=metric.version if metric else None,
        since=min(seen, default=None),
        judged_day_count=None if published is None else figures.judged_day_count,
        day_count=None if published is None else published.day_count,
        last_day=figures.last_day,
        last_judged_at=figures.last_judged_at,
        compared_count=None if published is None else figures.compared_count,
        agreement_share=figures.agreement_share,
        agreement_kappa=figures.agreement_kappa,
        rate_of=metric.rate_of if metric else None,
        rate=figures.rate_numerator / figures.rate_denominator if figures.rate_denominator else None,
        rate_low=low,
        rate_high=high,
        rate_denominator=None if published is None else figures.rate_denominator,
        mean=figures.mean,
        unit=metric.unit if metric else None,
        second_count=figures.second_count,
        second_agreement_share=figures.second_agree_count / figures.second_count if figures.second_count else None,
        second_agreement_low=second_low,
        second_agreement_high=second_high,
    )


def _days_in_force(metric: str, days: Iterable[MetricDay]) -> dict[str, list[date]]:
    by_day: dict[date, list[MetricDay]] = {}
    for day in days:
        if day.metric == metric:
            by_day.setdefault(day.day, []).append(day)
    worked: dict[str, list[date]] = {}
    for moment in sorted(by_day):
        effective = in_force(by_day[moment])
        if effective is not None:
            worked.setdefault(effective.metric_version, []).append(moment)
    return worked


def _step(version: str, first_seen_at: datetime | None, days: Sequence[date], text: str, before: list[Step]) -> Step:
    diff = _diff(before[-1].text, text, before[-1].metric_version, version) if before else ""
    first, last = (days[0], days[-1]) if days else (None, None)
    return Step(version, first_seen_at, len(days), first, last, text, diff)


def _diff(old: str, new: str, old_name: str, new_name: str) -> str:
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), old_name, new_name, n=1, lineterm="")
    return "\n".join(lines)


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
