"""What a preview, a comparison and an estimate work on: conversations, judges, the ledger, and a price list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from difflib import get_close_matches
from typing import NamedTuple

from metrics_pipeline import pipeline
from metrics_pipeline.authoring.estimate import Estimate, Price, estimate, litellm_price
from metrics_pipeline.errors import DefinitionError, SettingsError
from metrics_pipeline.evaluation.judges import open_judges
from metrics_pipeline.evaluation.ledger import Ledger
from metrics_pipeline.evaluation.runner import Judges, Options, PlannedRequest, plan_requests, plan_trial
from metrics_pipeline.evaluation.standing import Subject
from metrics_pipeline.evaluation.trial import Tried, try_out
from metrics_pipeline.metrics.catalog import Catalog
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.pipeline import MaySend
from metrics_pipeline.settings import Settings
from metrics_pipeline.tables import DataFolder, locked, open_data_folder

NIGHTLY_DAYS = 28
"""The newest days whose mean stands for a night."""

Questions = Sequence[tuple[Sequence[MetricDefinition], Sequence[Subject]]]
"""Definitions, and the conversations that they are asked about together."""


class Desk(NamedTuple):
    """One data folder, open for trials. Nothing that is published changes here."""

    folder: DataFolder
    settings: Settings
    judges: Judges
    ledger: Ledger
    options: Options
    days: list[date]
    """Those that were asked for."""

    def with_judges_for(self, metrics: Sequence[MetricDefinition]) -> Desk:
        return self._replace(judges=open_judges(self.settings, metrics))

    def ask_first(self, questions: Questions, may_send: MaySend, price: Price = litellm_price) -> Estimate:
        """What the questions take; `may_send` decides where they are many.

        Raises:
            SettingsError: It said no; nothing was sent.
        """
        planned = [
            request
            for metrics, subjects in questions
            for request in plan_trial(self.folder, [metrics], subjects, self.judges, self.ledger, self.options)
        ]
        to_models = sum(request.judge.kind == "model" for request in planned)
        pipeline.ask_before_sending(self.settings, to_models, may_send, "take a smaller --sample")
        return estimate(planned, 0, self.ledger, self.settings, price)

    def try_out(self, rounds: Sequence[Sequence[MetricDefinition]], subjects: Sequence[Subject]) -> Tried:
        return try_out(self.folder, rounds, subjects, self.judges, self.ledger, self.options)

    def estimate(
        self,
        metrics: Sequence[MetricDefinition],
        days: list[date] | None,
        as_if_new: bool = False,
        price: Price = litellm_price,
    ) -> Estimate:
        """What judging `days` with `metrics` takes; None as days: what a run without days would judge.

        Args:
            as_if_new: As if the ledger held nothing.
        """
        active = tuple(metric.with_changes(status="active") for metric in metrics)
        options, held = self.options._replace(days=days), 0
        requests: list[PlannedRequest] = []
        catalog = Catalog(active, {}, ())
        for day in plan_requests(self.folder, catalog, self.judges, self.ledger, options, as_if_new):
            requests += day.requests
            held += day.held_count
        return estimate(requests, held, self.ledger, self.settings, price)

    def nightly(self, metrics: Sequence[MetricDefinition]) -> tuple[Estimate, int]:
        """What a night with `metrics` alone takes, and over how many of the newest days that is the mean."""
        newest = self.folder.days()[-NIGHTLY_DAYS:]
        return self.estimate(metrics, newest, as_if_new=True).a_day(len(newest)), len(newest)


@contextmanager
def open_desk(
    settings: Settings, metrics: Sequence[MetricDefinition], first: date | None, last: date | None
) -> Iterator[Desk]:
    """The data folder with what waits in the landing folder taken in, locked against runs that pay for the same.

    Raises:
        SettingsError: No conversation on those days, or none at all.
    """
    if not settings.data.is_dir() and not settings.landing_folder.is_dir():
        raise SettingsError(
            f"{settings.data}: no conversation has landed, and {settings.landing_folder} is no folder of exports. "
            "Say where they are with METRICS_LANDING, or see `metrics demo`."
        )
    folder = open_data_folder(settings.data)
    if settings.landing_folder.is_dir():
        pipeline.take_in(settings, folder)
    days = pipeline.days_between(folder, first, last) or folder.days()
    if not days:
        raise SettingsError(
            f"{settings.data}: no conversation has landed yet. Put exports into {settings.landing_folder}, or see "
            "`metrics demo`."
        )
    options = Options(pipeline.limits(settings), settings.group_size, pipeline.now)
    # What another process has just paid for is then in the ledger, and not asked again.
    with locked(folder.root / ".judging.lock"), Ledger(folder.ledger) as ledger:
        yield Desk(folder, settings, open_judges(settings, metrics), ledger, options, days)


def find_metric(catalog: Catalog, key: str) -> MetricDefinition:
    """The definition of that key.

    Raises:
        DefinitionError: Its file does not load.
        SettingsError: There is none.
    """
    for metric in catalog.definitions:
        if metric.key == key:
            return metric
    if problems := [problem for problem in catalog.problems if problem.file.stem == key]:
        raise DefinitionError("\n".join(map(str, problems)))
    keys = [metric.key for metric in catalog.definitions]
    near = get_close_matches(key, keys, 3)
    raise SettingsError(f"There is no metric {key!r}. Did you mean {', '.join(near) or ', '.join(keys)}?")
