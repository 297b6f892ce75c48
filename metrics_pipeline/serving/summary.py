"""What the published generation says about each metric, in the few numbers that fit a terminal."""

from __future__ import annotations

from math import sqrt
from pathlib import Path
from typing import NamedTuple

from metrics_pipeline.serving.published_database import published_database

Z_95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution: two-sided 95 %."""
BARS = "▁▂▃▄▅▆▇█"


class MetricSummary(NamedTuple):
    """One metric over all published days."""

    metric: str
    name: str
    rate_of: str | None
    rate: float | None
    rate_low: float | None
    rate_high: float | None
    rate_numerator: int
    rate_denominator: int
    conversation_count: int
    not_applicable_count: int
    undecided_count: int
    error_count: int
    unjudged_count: int
    top_labels: tuple[tuple[str, float], ...]
    """The most frequent answers with their shares: what stands in for a rate where there is none."""
    weekly_rates: tuple[float | None, ...]
    """One for each week, oldest first; None for a week without answers."""

    @property
    def answered_count(self) -> int:
        without = self.not_applicable_count + self.undecided_count + self.error_count + self.unjudged_count
        return self.conversation_count - without


def wilson_interval(successes: int, trials: int) -> tuple[float, float] | None:
    """Two-sided 95 % score interval of a share; None without trials.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
    """
    if trials == 0:
        return None
    share, z2 = successes / trials, Z_95**2
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z_95 / (1 + z2 / trials) * sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    # Rounding must not push a share of 0 or 1 out of its own interval.
    return min(max(0.0, centre - half), share), max(min(1.0, centre + half), share)


def summaries(generation: Path) -> list[MetricSummary]:
    """Every active metric of a published generation, by name."""
    with published_database(generation) as database:
        rows = database.execute(
            """
            select
                metric, name, any_value(trend.rate_of),
                coalesce(sum(rate_numerator), 0)::bigint, coalesce(sum(rate_denominator), 0)::bigint,
                sum(conversation_count)::bigint, sum(not_applicable_count)::bigint, sum(undecided_count)::bigint,
                sum(error_count)::bigint, sum(unjudged_count)::bigint
            from trend_metric_daily as trend
            inner join dim_metrics using (metric)
            where status = 'active'
            group by all
            order by name
            """
        ).fetchall()
        labels: dict[str, list[tuple[str, float]]] = {}
        for metric, label, share in database.execute(
            """
            select metric, label, sum(label_count) / sum(sum(label_count)) over (partition by metric) as share
            from trend_label_daily
            group by metric, label
            having sum(label_count) > 0
            order by metric, share desc, label
            """
        ).fetchall():
            labels.setdefault(metric, []).append((label, share))
        weekly: dict[str, list[float | None]] = {}
        for metric, rate in database.execute(
            """
            select metric, sum(rate_numerator) / nullif(sum(rate_denominator), 0)
            from trend_metric_daily
            group by metric, date_trunc('week', conversation_date)
            order by metric, date_trunc('week', conversation_date)
            """
        ).fetchall():
            weekly.setdefault(metric, []).append(rate)
    found = []
    for metric, name, rate_of, numerator, denominator, total, not_applicable, undecided, error, unjudged in rows:
        interval = wilson_interval(numerator, denominator)
        low, high = interval or (None, None)
        found.append(
            MetricSummary(
                metric=metric,
                name=name,
                rate_of=rate_of,
                rate=numerator / denominator if denominator else None,
                rate_low=low,
                rate_high=high,
                rate_numerator=numerator,
                rate_denominator=denominator,
                conversation_count=total,
                not_applicable_count=not_applicable,
                undecided_count=undecided,
                error_count=error,
                unjudged_count=unjudged,
                top_labels=tuple(labels.get(metric, ())[:3]),
                weekly_rates=tuple(weekly[metric]),
            )
        )
    return found


def sparkline(rates: tuple[float | None, ...]) -> str:
    """`rates` as small bars between their own lowest and highest; a space where there is none."""
    known = [rate for rate in rates if rate is not None]
    if not known:
        return ""
    low, span = min(known), max(known) - min(known)
    step = len(BARS) - 1
    return "".join(
        " " if rate is None else BARS[round((rate - low) / span * step) if span else step // 2] for rate in rates
    )
