"""What a preview, a comparison and an estimate work on: conversations, judges, the ledger, and a price list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from typing import NamedTuple

from metrics_pipeline import consent, pipeline
from metrics_pipeline.authoring.estimate import Estimate, Price, estimate, litellm_price
from metrics_pipeline.consent import MaySend
from metrics_pipeline.data_folder import DataFolder, data_folder_to_read, open_data_folder
from metrics_pipeline.errors import DefinitionError, SettingsError
from metrics_pipeline.evaluation.forecast import plan_requests, plan_trial
from metrics_pipeline.evaluation.judges import open_known_judges, open_second_judges
from metrics_pipeline.evaluation.ledger import Ledger
from metrics_pipeline.evaluation.open_cells import PlannedRequest
from metrics_pipeline.evaluation.options import Judges, Options
from metrics_pipeline.evaluation.second_opinion import plan_second_opinions
from metrics_pipeline.evaluation.standing import Subject
from metrics_pipeline.evaluation.trial import Tried, try_out
from metrics_pipeline.files import can_write, locked
from metrics_pipeline.metrics.catalog import Catalog
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.serving.catalogue import close_matches
from metrics_pipeline.settings import Settings
from metrics_pipeline.wording import counted, did_you_mean

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
    keeps_replies: bool
    """Whether what is paid for stays in the ledger; not where the data folder cannot be written."""

    def with_judges_for(self, metrics: Sequence[MetricDefinition]) -> Desk:
        return self._replace(judges=open_known_judges(self.settings, metrics))

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
        if to_models and not self.keeps_replies:
            raise SettingsError(
                f"{self.settings.data}: cannot be written, so the replies to {counted(to_models, 'request')} would be "
                "paid for and lost. Correct the permissions, or set METRICS_DATA to a copy. Nothing was sent."
            )
        consent.ask_before_sending(self.settings, to_models, may_send, "take a smaller --sample")
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
        catalog = Catalog(active, {}, ())

        def requests() -> Iterator[PlannedRequest]:
            nonlocal held
            for part in plan_requests(self.folder, catalog, self.judges, self.ledger, options, as_if_new):
                held += part.held_count
                yield from part.requests
            seconds = open_second_judges(self.settings, self.judges, active)
            yield from plan_second_opinions(self.folder, catalog, self.judges, seconds, self.ledger, options, as_if_new)

        # One after the other: a million of them are not held.
        found = estimate(requests(), 0, self.ledger, self.settings, price)
        return found._replace(held_answers=held)

    def nightly(self, metrics: Sequence[MetricDefinition]) -> tuple[Estimate, int]:
        """What a night with `metrics` alone takes, and over how many of the newest days that is the mean."""
        newest = self.folder.days()[-NIGHTLY_DAYS:]
        return self.estimate(metrics, newest, as_if_new=True).a_day(len(newest)), len(newest)


@contextmanager
def open_desk(
    settings: Settings,
    metrics: Sequence[MetricDefinition],
    first: date | None,
    last: date | None,
    asks: bool = True,
) -> Iterator[Desk]:
    """The data folder with what waits in the landing folder taken in. What a run asks meanwhile is not asked twice.

    One that cannot be written is read as it is; where there is none, nothing has landed and nothing is made.

    Args:
        asks: Whether judges are going to be asked, and not only counted what it would take.

    Raises:
        SettingsError: No conversation on the days from `first` to `last`, or a model that no provider has.
    """
    pipeline.require_order(first, last)
    judges = open_known_judges(settings, metrics)
    keeps_replies = can_write(settings.data) and (settings.data.is_dir() or settings.landing_folder.is_dir())
    folder = open_data_folder(settings.data) if keeps_replies else data_folder_to_read(settings.data)
    if keeps_replies and settings.landing_folder.is_dir():
        pipeline.take_in(settings, folder)
    days = pipeline.days_between(folder, first, last) or folder.days()
    options = Options(pipeline.limits(settings), settings.group_size, pipeline.now)
    opened = Ledger if keeps_replies else Ledger.scratch_copy if asks else Ledger.to_read
    with ExitStack() as stack:
        if keeps_replies:
            stack.enter_context(locked(folder.judging_lock, shared=True))
        ledger = stack.enter_context(opened(folder.ledger))
        yield Desk(folder, settings, judges, ledger, options, days, keeps_replies)


def what_is_missing(settings: Settings) -> str | None:
    """Why a trial looked at less than a user may think, in a sentence; None where nothing is amiss."""
    if not data_folder_to_read(settings.data).days():
        return (
            f"{settings.data}: no conversation has landed. Put exports into {settings.landing_folder}, say where they "
            "are with METRICS_LANDING, or see `metrics demo`."
        )
    if not can_write(settings.data):
        return f"{settings.data}: cannot be written, so it is read as it is, without exports that wait to be taken in."
    return None


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
    near = close_matches(key, {metric.key: metric.name for metric in catalog.definitions})
    raise SettingsError(f"There is no metric {key!r}. {did_you_mean(near) or '`metrics list` shows all there are.'}")
