"""The stages of the main job in their order, for whoever runs them: the command line, or Dagster one by one."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import NamedTuple
from zoneinfo import ZoneInfo

from metrics_pipeline import tracing
from metrics_pipeline.consent import MaySend, ask_before_sending, is_bounded
from metrics_pipeline.conversations.conversations_api import CallLimits, Source
from metrics_pipeline.conversations.landing import LandingReport, land_folder
from metrics_pipeline.conversations.merge import MergeReport, merge
from metrics_pipeline.conversations.pull_state import PullRecord, PullState, read_state
from metrics_pipeline.conversations.pulling import pull
from metrics_pipeline.conversations.redaction.recogniser import open_recogniser
from metrics_pipeline.conversations.redaction.redactor import Redactor
from metrics_pipeline.data_folder import DataFolder, open_data_folder
from metrics_pipeline.erasing.due import erase_what_is_due, first_day_kept
from metrics_pipeline.errors import SettingsError
from metrics_pipeline.evaluation.batching import batching
from metrics_pipeline.evaluation.budget import Allowance
from metrics_pipeline.evaluation.forecast import count_requests
from metrics_pipeline.evaluation.judges import open_known_judges, open_second_judges, recorded, said_of_replays
from metrics_pipeline.evaluation.ledger import Ledger
from metrics_pipeline.evaluation.options import Limits, OnProgress, Options
from metrics_pipeline.evaluation.planning import Night
from metrics_pipeline.evaluation.run_record import add_second_judges
from metrics_pipeline.evaluation.runner import Report, evaluate
from metrics_pipeline.evaluation.second_opinion import ask_second_judges, plan_second_opinions
from metrics_pipeline.files import locked
from metrics_pipeline.health.examining import check_build, refuse_what_blocks
from metrics_pipeline.health.finding import Finding
from metrics_pipeline.logs import event
from metrics_pipeline.metrics.catalog import Catalog, load_catalog
from metrics_pipeline.publishing.generation import Publication, publish
from metrics_pipeline.publishing.warehouse import build_marts
from metrics_pipeline.serving.second_opinions import said_of
from metrics_pipeline.settings import Settings
from metrics_pipeline.stages import Stage, measured

LANDED = ("file", "skipped", "read", "kept", "duplicate", "waiting", "quarantined", "erased")
"""What is logged of a landing, in its order."""
LOGGED = (
    "run_id",
    "metric",
    "metric_version",
    "judge_kind",
    "judge",
    "planned_count",
    "held_count",
    "answered_count",
    "not_applicable_count",
    "undecided_count",
    "error_count",
    "open_count",
    "open_reason",
    "call_count",
    "retry_count",
    "failure_count",
    "failures_by_kind",
    "prompt_tokens",
    "reply_tokens",
    "dollars",
    "stopped_by",
)
"""What is logged of each metric that was judged: columns of `evaluation_runs`."""


class Summary(NamedTuple):
    """What one run of the whole job did."""

    erased_count: int
    """Conversations that were too old, or whose erasing had been killed."""
    landing: LandingReport
    merged: MergeReport
    evaluation: Report
    publication: Publication | None
    """None where nothing was published, because the judge in use answered nothing."""
    findings: tuple[Finding, ...]
    """What the checks of the new tables found, and let be published."""
    stages: tuple[Stage, ...]


def now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


def days_between(folder: DataFolder, first: date | None, last: date | None) -> list[date] | None:
    """The days with conversations from `first` to `last`; None where neither is given.

    Raises:
        SettingsError: The range is upside down, or holds no conversation.
    """
    if first is None and last is None:
        return None
    require_order(first, last)
    held = folder.days()
    days = [day for day in held if (first is None or day >= first) and (last is None or day <= last)]
    if not days:
        there = f"those there are go from {held[0]} to {held[-1]}" if held else "there are none at all"
        raise SettingsError(f"No conversation from {first or 'the beginning'} to {last or 'the end'}: {there}.")
    return days


def require_order(first: date | None, last: date | None) -> None:
    """Refuse a range that is upside down, before anything is landed or fetched.

    Raises:
        SettingsError: It is.
    """
    if first is not None and last is not None and first > last:
        raise SettingsError(f"--from {first} is after --to {last}. Swap them.")


def limits(settings: Settings) -> Limits:
    """What a run may do under these settings."""
    return Limits(
        settings.concurrency,
        settings.call_timeout_seconds,
        settings.run_timeout_seconds,
        settings.retries,
        Allowance(
            settings.budget_requests,
            settings.budget_dollars,
            settings.budget_requests_per_day,
            settings.budget_dollars_per_day,
            settings.budget_requests_by_metric,
            settings.budget_dollars_by_metric,
        ),
        settings.requests_per_minute,
        settings.tokens_per_minute,
        settings.zone,
    )


def redactor(settings: Settings) -> Redactor:
    """Takes out what is personal, under these settings.

    Raises:
        SettingsError: A pattern of the team's own, or the recogniser of names, cannot be used.
    """
    recogniser = open_recogniser(settings.redact_names)
    return Redactor(settings.redact_phone_regions, settings.redact_patterns, recogniser)


def take_in(settings: Settings, folder: DataFolder) -> tuple[LandingReport, MergeReport]:
    """Land the new export files and merge them: free of charge, and nothing that is published changes.

    Raises:
        LandingError, SettingsError: There is nothing to land, or no landing folder.
    """
    with locked(folder.landed / ".lock"):
        erase_what_is_due(settings, folder, now())
        return _land(settings, folder), merge(folder)


def _land(settings: Settings, folder: DataFolder) -> LandingReport:
    before = first_day_kept(settings, now())
    report = land_folder(settings.landing_folder, folder, settings.zone, redactor(settings), now(), before)
    event("landed", **{f"{name}_count": getattr(report, f"{name}_count") for name in LANDED})
    return report


def judge(
    folder: DataFolder,
    catalog: Catalog,
    settings: Settings,
    days: list[date] | None = None,
    metrics: list[str] | None = None,
    may_send: MaySend = lambda requests: True,
    on_progress: OnProgress = lambda progress: None,
    night: Night | None = None,
) -> Report:
    """Judge what is new, or exactly `days` and `metrics`.

    Args:
        night: Of what is new, take up only what this says.
        may_send: Asked with the number of requests where a run would send many to a model: over 1,000 without a
            budget, or more than the budget for `days` that somebody named. What is new stays within its budget, night
            after night, without a question.

    Raises:
        SettingsError: No provider has the model, or `may_send` said no; nothing was sent.
    """
    judges = recorded(open_known_judges(settings, catalog.active), settings)
    seconds = open_second_judges(settings, judges, catalog.active)
    how = batching(settings, judges)
    options = Options(limits(settings), settings.group_size, now, days, metrics, on_progress, night, how)
    options = options._replace(rate_floor=settings.rate_floor)
    # Runs share the lock: what another asks at the same time is left to it, question by question.
    with locked(folder.judging_lock, shared=True), Ledger(folder.ledger) as ledger:
        if days is not None or not is_bounded(settings):
            requests = count_requests(folder, catalog, judges, ledger, options)
            drawn = plan_second_opinions(folder, catalog, judges, seconds, ledger, options)
            requests += sum(request.judge.kind == "model" for request in drawn)
            ask_before_sending(settings, requests, may_send, "narrow it with --from and --to")
        with tracing.traced(settings.otel_endpoint):
            report = evaluate(folder, catalog, judges, ledger, options)
        notes = said_of_replays(judges)
        if seconds and report.stopped is None:
            options = options.after(report.tally)
            asked = {(result.metric, result.day) for result in report.results}
            began = time.perf_counter()
            second = ask_second_judges(folder, catalog.active, asked, judges, seconds, ledger, options)
            report.tally.include(second.tally)
            rows = add_second_judges(folder, report.rows, second, now(), time.perf_counter() - began)
            report = report._replace(stopped=second.stopped, rows=rows)
            notes += tuple(said_of(opinions) for opinions in second.opinions if opinions.chosen)
    for row in report.rows:
        event("judged", **{name: row[name] for name in LOGGED})
    return report._replace(notes=(*report.notes, *notes))


def pull_conversations(settings: Settings, first: date | None = None, last: date | None = None) -> list[PullRecord]:
    """Fetch the days from `first` to `last`, or what is new since the last pull, into the landing folder.

    Raises:
        SettingsError: It is not said from where, or from when on.
        PullError: Not everything came; the next pull goes on there.
    """
    url, account, project, token = (
        settings.pull_url,
        settings.pull_account,
        settings.pull_project,
        settings.pull_token,
    )
    if not (url and account and project and token):
        names = ("pull_url", "pull_account", "pull_project", "pull_token")
        missing = [f"METRICS_{name.upper()}" for name in names if not getattr(settings, name)]
        raise SettingsError(f"To pull, also set {', '.join(missing)}.")
    require_order(first, last)
    source = Source(url, account, project, token)
    folder = open_data_folder(settings.data)
    if first is None and read_state(folder, source.fingerprint) == PullState():
        first = settings.first_day
    return pull(
        source,
        settings.landing_folder,
        folder,
        CallLimits(
            settings.call_timeout_seconds, settings.run_timeout_seconds, settings.retries, settings.pull_page_size
        ),
        timedelta(hours=settings.pull_overlap_hours),
        now,
        midnight(first, settings.zone) if first else None,
        midnight(last + timedelta(days=1), settings.zone) if last else None,
    )


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """When the day begins in that time zone."""
    return datetime.combine(day, time_of_day.min, zone)


def run(
    settings: Settings,
    first: date | None = None,
    last: date | None = None,
    may_send: MaySend = lambda requests: True,
    on_progress: OnProgress = lambda progress: None,
) -> Summary:
    """The whole job: land, merge, judge, build, publish.

    A broken definition, or a model that no provider has, ends it before anything is landed or paid; what was published
    before is still read.
    """
    require_order(first, last)
    with tracing.traced(settings.otel_endpoint), tracing.span("metrics run"):
        return _run(settings, first, last, may_send, on_progress)


def _run(
    settings: Settings, first: date | None, last: date | None, may_send: MaySend, on_progress: OnProgress
) -> Summary:
    stages: list[Stage] = []
    catalog = load_catalog(settings.definitions).require_sound()
    batching(settings, open_known_judges(settings, catalog.active))
    folder = open_data_folder(settings.data)
    # Two runs in one folder take turns where they write the same files, and judge side by side: neither pays twice.
    with locked(folder.landed / ".lock"):
        erased = erase_what_is_due(settings, folder, now())
        with measured("land", stages):
            landing = _land(settings, folder)
        with measured("merge", stages):
            merged = merge(folder)
    with measured("judge", stages):
        days = days_between(folder, first, last)
        evaluation = judge(folder, catalog, settings, days, None, may_send, on_progress)
    publication, found = None, []
    if not evaluation.is_unanswered:
        with locked(folder.warehouse / ".lock"):
            with measured("build", stages):
                build_marts(folder)
            with measured("check", stages):
                found = check_build(folder, settings, now())
                refuse_what_blocks(found)
            with measured("publish", stages):
                publication = publish(folder, now(), settings.keep_generations, settings.keep_generation_days)
    erased_count = sum(erasure.conversation_count for erasure in erased)
    return Summary(erased_count, landing, merged, evaluation, publication, tuple(found), tuple(stages))
