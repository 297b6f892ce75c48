"""Preview, comparison and estimate over a data folder: nothing is published, no verdict file is touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from difflib import get_close_matches
from typing import NamedTuple

from metrics_pipeline import pipeline
from metrics_pipeline.authoring.estimate import Estimate, Price, estimate, litellm_price
from metrics_pipeline.authoring.flips import Comparison, compare, unjudged_comparison
from metrics_pipeline.authoring.preview import Preview, alike, example_tests, outcome_of, shares, show_classes
from metrics_pipeline.authoring.recorded import definitions_at, recorded_definitions
from metrics_pipeline.errors import DefinitionError, SettingsError
from metrics_pipeline.evaluation.asking import Tally
from metrics_pipeline.evaluation.judges import open_judges
from metrics_pipeline.evaluation.ledger import Ledger
from metrics_pipeline.evaluation.runner import Judges, Options, RequestPlan, plan_requests, plan_trial
from metrics_pipeline.evaluation.standing import Subject
from metrics_pipeline.evaluation.trial import Tried, baseline_answers, free_verdicts, frozen_sample, try_out
from metrics_pipeline.metrics.catalog import Catalog, load_catalog
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.settings import Settings
from metrics_pipeline.tables import DataFolder, locked, open_data_folder

MaySend = Callable[[int], bool]


class Comparisons(NamedTuple):
    """Every definition that differs."""

    metrics: tuple[Comparison, ...]
    sample_count: int
    """Conversations in the frozen sample."""
    tally: Tally
    stopped: str | None

    @property
    def flip_count(self) -> int:
        return sum(comparison.flip_count for comparison in self.metrics)


class _Desk(NamedTuple):
    folder: DataFolder
    settings: Settings
    judges: Judges
    ledger: Ledger
    options: Options
    days: list[date]


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


def preview(
    settings: Settings,
    key: str,
    size: int,
    first: date | None = None,
    last: date | None = None,
    may_send: MaySend = lambda requests: True,
) -> Preview:
    """The metric on a stable sample of past conversations, drafts included.

    Raises:
        SettingsError: No such metric, no conversation, or `may_send` said no.
    """
    metric = find_metric(load_catalog(settings.definitions), key)
    with _desk(settings, [metric], first, last) as desk:
        # Drawn among the days; a metric's own sample is drawn from it once more, as at night.
        subjects = frozen_sample(desk.folder, desk.days, size)
        tests = example_tests(metric, desk.days[-1])
        _ask_first(desk, [([metric], subjects)], may_send)
        tried = try_out(desk.folder, [[metric]], subjects, desk.judges, desk.ledger, desk.options)
        examples, tally, stopped = _examples(desk, tests, tried)
        trial = tried.trials[0]
        baseline = baseline_answers(metric, subjects) if metric.is_judged else {}
        logged = free_verdicts(metric, subjects, "logged")
        verdicts = list(trial.verdicts.values())
        states: Counter[str] = Counter(verdict.state for verdict in verdicts)
        states["unjudged"] = len(subjects) - len(verdicts)
        numbers = [verdict.answer_number for verdict in verdicts if verdict.answer_number is not None]
        return Preview(
            metric,
            len(subjects),
            dict(states),
            shares(metric, verdicts),
            sum(numbers) / len(numbers) if numbers else None,
            show_classes(subjects, trial, baseline, logged),
            alike(trial.verdicts, baseline),
            alike(trial.verdicts, logged),
            examples,
            tally,
            trial.held_count,
            _estimate(desk, [metric], desk.folder.days()[-1:]),
            _estimate(desk, [metric], desk.folder.days()),
            stopped,
        )


def compare_versions(
    settings: Settings,
    revision: str | None,
    keys: Collection[str],
    size: int,
    first: date | None = None,
    last: date | None = None,
    may_send: MaySend = lambda requests: True,
) -> Comparisons:
    """Every definition that differs from `revision`, or from what the pipeline last put to work where that is None.

    Raises:
        SettingsError: No such revision or metric, no conversation, or `may_send` said no.
    """
    catalog = load_catalog(settings.definitions).require_sound()
    for key in keys:
        find_metric(catalog, key)
    now = {metric.key: metric for metric in catalog.definitions if metric.status != "retired"}
    with _desk(settings, catalog.definitions, first, last) as desk:
        then = definitions_at(settings.definitions, revision) if revision else recorded_definitions(desk.ledger)
        # Of what was never put to work there is nothing recorded: only git can say that a metric is gone or new.
        named = {key for key in now.keys() | then.keys() if not keys or key in keys}
        changed = sorted(key for key in named if _differs(then.get(key), now.get(key), revision is not None))
        asked = [
            (then[key], now[key])
            for key in changed
            if key in now and key in then and now[key].version != then[key].version
        ]
        others = [unjudged_comparison(key, then.get(key), now.get(key)) for key in changed]
        subjects = frozen_sample(desk.folder, desk.days, size)
        desk = desk._replace(judges=open_judges(settings, [metric for pair in asked for metric in pair]))
        rounds = [[before for before, _ in asked], [after for _, after in asked]]
        _ask_first(desk, [(metrics, subjects) for metrics in rounds], may_send)
        tried = try_out(desk.folder, rounds, subjects, desk.judges, desk.ledger, desk.options)
    count = len(asked)
    judged = {
        before.metric.key: compare(before, after, subjects)
        for before, after in zip(tried.trials[:count], tried.trials[count:], strict=True)
    }
    return Comparisons(
        tuple(judged.get(other.metric, other) for other in others), len(subjects), tried.tally, tried.stopped
    )


def estimate_run(
    settings: Settings, keys: Collection[str], first: date | None = None, last: date | None = None
) -> Estimate:
    """What `metrics run` would send for these metrics and days; all active ones and what is new where none is named.

    Raises:
        SettingsError: No such metric, or no conversation on those days.
    """
    catalog = load_catalog(settings.definitions)
    metrics = [find_metric(catalog, key) for key in keys] or list(catalog.active)
    with _desk(settings, metrics, first, last) as desk:
        return _estimate(desk, metrics, desk.days if first or last else None)


def _differs(before: MetricDefinition | None, after: MetricDefinition | None, whole: bool) -> bool:
    """Whether they ask something else; with `whole`, whether anything differs at all."""
    if whole or before is None or after is None:
        return before != after
    # The pipeline records the text that a version was first seen with: owner and name may have moved on since.
    return before.version != after.version


@contextmanager
def _desk(
    settings: Settings, metrics: Sequence[MetricDefinition], first: date | None, last: date | None
) -> Iterator[_Desk]:
    if not settings.data.is_dir():
        raise SettingsError(
            f"{settings.data}: no conversation has landed yet. Run `metrics run` or `metrics demo` first."
        )
    folder = open_data_folder(settings.data)
    days = pipeline.days_between(folder, first, last) or folder.days()
    if not days:
        raise SettingsError(
            f"{settings.data}: no conversation has landed yet. Run `metrics run` or `metrics demo` first."
        )
    options = Options(pipeline.limits(settings), settings.group_size, pipeline.now)
    # What another process has just paid for is then in the ledger, and not asked again.
    with locked(folder.root / ".judging.lock"), Ledger(folder.ledger) as ledger:
        yield _Desk(folder, settings, open_judges(settings, metrics), ledger, options, days)


def _ask_first(
    desk: _Desk, asked: Sequence[tuple[Sequence[MetricDefinition], Sequence[Subject]]], may_send: MaySend
) -> None:
    planned = [
        request
        for metrics, subjects in asked
        for request in plan_trial(desk.folder, [metrics], subjects, desk.judges, desk.ledger, desk.options)
        if request.judge.kind == "model"
    ]
    if (
        len(planned) > pipeline.UNASKED_REQUESTS
        and desk.settings.budget_requests is None
        and not may_send(len(planned))
    ):
        raise SettingsError(
            f"This would send {len(planned):,} requests. Say --yes, set METRICS_BUDGET_REQUESTS, or take a smaller "
            "--sample. Nothing was sent."
        )


def _examples(
    desk: _Desk, tests: Sequence[tuple[MetricDefinition, Subject, str]], tried: Tried
) -> tuple[tuple[tuple[int, str, str], ...], Tally, str | None]:
    """Each example put to the metric's own judge, without itself in the prompt; and all that was sent so far."""
    found, tally, stopped = [], tried.tally, tried.stopped
    for number, (left, made, right) in enumerate(tests, start=1):
        again = try_out(desk.folder, [[left]], [made], desk.judges, desk.ledger, desk.options)
        tally.include(again.tally)
        stopped = stopped or again.stopped
        verdict = again.trials[0].verdicts.get(made.conversation.conversation_id)
        found.append((number, right, outcome_of(verdict) if verdict is not None else "unjudged"))
    return tuple(found), tally, stopped


def _estimate(
    desk: _Desk, metrics: Sequence[MetricDefinition], days: list[date] | None, price: Price = litellm_price
) -> Estimate:
    active = tuple(metric.with_changes(status="active") for metric in metrics)
    catalog = Catalog(active, {}, ())
    planned: list[RequestPlan] = list(
        plan_requests(desk.folder, catalog, desk.judges, desk.ledger, desk.options._replace(days=days))
    )
    requests = [request for day in planned for request in day.requests]
    held = sum(day.held_count for day in planned)
    return estimate(requests, held, desk.ledger, desk.settings.concurrency, price)
