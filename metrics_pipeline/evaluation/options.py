"""Who judges in a run, and how the run goes about it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime, tzinfo
from types import MappingProxyType
from typing import NamedTuple

from metrics_pipeline.evaluation.budget import Allowance
from metrics_pipeline.evaluation.judge import Judge
from metrics_pipeline.evaluation.ledger import JudgeRecord
from metrics_pipeline.evaluation.pacing import Rate
from metrics_pipeline.evaluation.planning import Night
from metrics_pipeline.evaluation.standing import NO_JUDGE, judge_fingerprint
from metrics_pipeline.evaluation.tally import Tally
from metrics_pipeline.metrics.catalog import Catalog
from metrics_pipeline.metrics.definition import MetricDefinition


class Judges(NamedTuple):
    """The judge in use, and the way back to those that judged before."""

    current: Judge
    revive: Callable[[JudgeRecord], Judge]
    named: Mapping[str, Judge] = MappingProxyType({})
    """The judges that definitions name in place of the one in use, by model."""

    def of(self, metric: MetricDefinition) -> Judge:
        """Who judges `metric` now."""
        return self.named[metric.model] if metric.model else self.current

    def fingerprint_of(self, metric: MetricDefinition) -> str:
        return judge_fingerprint(self.of(metric)) if metric.is_judged else NO_JUDGE

    @property
    def all(self) -> tuple[Judge, ...]:
        return (self.current, *self.named.values())


class Limits(NamedTuple):
    """What a run may do, at most."""

    concurrency: int
    call_timeout_seconds: float
    run_timeout_seconds: float
    retries: int
    budget: Allowance = Allowance()
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    zone: tzinfo = UTC
    """Where the day of a daily budget begins."""

    @property
    def rate(self) -> Rate:
        return Rate(self.concurrency, self.requests_per_minute, self.tokens_per_minute)


class Batching(NamedTuple):
    """How requests go to a provider in batches."""

    most_requests: int
    """In one batch."""
    most_bytes: int
    """In one batch's file."""
    poll_seconds: float
    """Before the provider is first asked how far it has come; longer and longer while nothing ends."""
    corrects_directly: bool = False
    """Whether a reply that does not hold is asked about at once, and not in the next batch."""
    patience_seconds: float = 300.0
    """How long a batch whose creation nobody saw the end of is looked for before it is created again."""


class Progress(NamedTuple):
    """How far a run has come."""

    done: int
    """Cells, each one conversation and one metric, that need nothing more or are left to the next run."""
    total: int
    tally: Tally
    """What has been sent and received: goes on counting."""
    in_flight: int
    """Calls that are under way."""


OnProgress = Callable[[Progress], None]


class Options(NamedTuple):
    """How a run goes about it."""

    limits: Limits
    group_size: int
    now: Callable[[], datetime]
    days: Collection[date] | None = None
    """Judge exactly these with what is current; None: what is new, left open, or lost."""
    metrics: Collection[str] | None = None
    """Keys of the metrics to judge; None: every active one."""
    on_progress: OnProgress = lambda progress: None
    """Called whenever a conversation is settled."""
    night: Night | None = None
    """Of what is new, left open, or lost, take up only what this says."""
    batching: Batching | None = None
    """How models are asked in batches; None: they are asked directly."""
    rate_floor: int = 10
    """A rate out of fewer answers is marked as too few."""

    def after(self, sent: Tally) -> Options:
        """The same with what is left of the run's budget."""
        budget = self.limits.budget.less(sent.requests, sent.cost_dollars or 0.0)
        return self._replace(limits=self.limits._replace(budget=budget))

    def chosen(self, catalog: Catalog) -> list[MetricDefinition]:
        """The active metrics that are to be judged."""
        return [metric for metric in catalog.active if self.metrics is None or metric.key in self.metrics]
