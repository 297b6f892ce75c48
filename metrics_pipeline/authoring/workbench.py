"""Preview, comparison and estimate over a data folder: nothing is published, no verdict file is touched."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from metrics_pipeline.authoring.answers import outcome_of
from metrics_pipeline.authoring.desk import Desk, find_metric, open_desk, what_is_missing
from metrics_pipeline.authoring.estimate import Estimate, litellm_price
from metrics_pipeline.authoring.flips import Comparison, compare, question, scoring
from metrics_pipeline.authoring.preview import ExampleTest, Preview, alike, example_tests, show_classes, sources_of
from metrics_pipeline.authoring.recorded import definitions_at, recorded_definitions
from metrics_pipeline.consent import MaySend
from metrics_pipeline.errors import SettingsError
from metrics_pipeline.evaluation.prices import known_batch_price
from metrics_pipeline.evaluation.standing import Subject
from metrics_pipeline.evaluation.tally import Tally
from metrics_pipeline.evaluation.trial import baseline_answers, frozen_sample
from metrics_pipeline.metrics.catalog import load_catalog
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.metrics.sampling import is_sampled
from metrics_pipeline.settings import BASELINE, Settings


class Comparisons(NamedTuple):
    """Every definition that differs."""

    metrics: tuple[Comparison, ...]
    conversation_ids: tuple[str, ...]
    """The frozen sample, oldest day first."""
    tally: Tally
    """What the comparison has sent."""
    nightly: Estimate
    """A night with what is new or asks something else, none of which the ledger holds: the mean of the newest days."""
    backfill: Estimate
    """Every day judged by it, without what the ledger holds by now."""
    stopped: str | None

    @property
    def flip_count(self) -> int:
        return sum(comparison.flip_count for comparison in self.metrics)


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
    with open_desk(settings, [metric], first, last) as desk:
        if not desk.days:
            raise SettingsError(what_is_missing(settings))
        # Of a metric that judges a share of the conversations, those are tried that it will be asked about.
        subjects = frozen_sample(desk.folder, desk.days, size, lambda conversation: is_sampled(metric, conversation))
        tests = example_tests(metric, desk.days[-1])
        questions = [([metric], subjects), *(([left], [made]) for left, made, _ in tests)]
        expected = desk.ask_first(questions, may_send)
        tried = desk.try_out([[metric]], subjects)
        (trials,) = tried.trials
        by_source = {trial.source: trial for trial in trials}
        main = by_source.get("judged", trials[0])
        logged = by_source["logged"].verdicts if "logged" in by_source else {}
        judge = desk.judges.of(metric) if metric.is_judged else None
        beside = baseline_answers(metric, subjects) if judge is not None and judge.name != BASELINE else {}
        examples, tally, stopped = [], tried.tally, tried.stopped
        for number, (left, made, right) in enumerate(tests, start=1):
            again = desk.try_out([[left]], [made])
            tally.include(again.tally)
            stopped = stopped or again.stopped
            verdict = again.trials[0][0].verdicts.get(made.conversation.conversation_id)
            examples.append(ExampleTest(number, right, outcome_of(verdict) if verdict is not None else "unjudged"))
        nightly, nightly_days = desk.nightly([metric])
        return Preview(
            metric,
            judge.name if judge is not None else None,
            ids_of(subjects),
            sources_of(trials, len(subjects)),
            show_classes(subjects, main, beside, logged),
            alike(main.verdicts, beside),
            alike(main.verdicts, logged) if main.source != "logged" else None,
            tuple(examples),
            expected,
            tally,
            main.held_count,
            nightly,
            nightly_days,
            desk.estimate([metric], desk.folder.days()),
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
        SettingsError: No such revision or metric, no conversation on those days, or `may_send` said no.
    """
    catalog = load_catalog(settings.definitions).require_sound()
    now = {metric.key: metric for metric in catalog.definitions}
    then = definitions_at(settings.definitions, revision) if revision is not None else None
    for key in keys:
        if key not in (then or {}):
            find_metric(catalog, key)
    with open_desk(settings, catalog.definitions, first, last) as desk:
        changed = _edits(now, then) if then is not None else _edits(now, _put_to_work(desk, now), only_questions=True)
        changed = {key: pair for key, pair in changed.items() if not keys or key in keys}
        asked = [
            (before, after)
            for before, after in changed.values()
            if _in_use(before) and before and _in_use(after) and after
            if question(before) != question(after) or scoring(before) != scoring(after)
        ]
        desk = desk.with_judges_for([metric for pair in asked for metric in pair] + list(catalog.definitions))
        subjects = frozen_sample(desk.folder, desk.days, size)
        rounds = [[before for before, _ in asked], [after for _, after in asked]]
        desk.ask_first([(metrics, subjects) for metrics in rounds], may_send)
        tried = desk.try_out(rounds, subjects)
        live = [
            after
            for before, after in changed.values()
            if after is not None and _in_use(after) and (before is None or question(before) != question(after))
        ]
        nightly, _ = desk.nightly(live)
        backfill = desk.estimate(live, desk.folder.days())
    count = len(asked)
    judged = {
        before[0].metric.key: compare(before, after, subjects)
        for before, after in zip(tried.trials[:count], tried.trials[count:], strict=True)
    }
    others = {key: Comparison(key, before, after, (), 0) for key, (before, after) in changed.items()}
    found = tuple(judged.get(key, others[key]) for key in sorted(others))
    return Comparisons(found, ids_of(subjects), tried.tally, nightly, backfill, tried.stopped)


def estimate_run(
    settings: Settings, keys: Collection[str], first: date | None = None, last: date | None = None
) -> Estimate:
    """What `metrics run` would send for these metrics and days; all active ones and what is new where none is named.

    Raises:
        SettingsError: No such metric, or no conversation on those days.
        DefinitionError: A file that would end the run, or one of those that are named, does not load.
    """
    catalog = load_catalog(settings.definitions)
    metrics = [find_metric(catalog, key) for key in keys] or list(catalog.require_sound().active)
    with open_desk(settings, metrics, first, last, asks=False) as desk:
        price = known_batch_price if settings.mode == "batch" else litellm_price
        return desk.estimate(metrics, desk.days if first or last else None, price=price)


def ids_of(subjects: Sequence[Subject]) -> tuple[str, ...]:
    return tuple(one.conversation.conversation_id for one in subjects)


Edit = tuple[MetricDefinition | None, MetricDefinition | None]


def _edits(
    now: Mapping[str, MetricDefinition], then: Mapping[str, MetricDefinition], only_questions: bool = False
) -> dict[str, Edit]:
    """(before, after) of each metric that differs; of one that is retired on both sides nothing does.

    Args:
        only_questions: Whether to leave out what asks the same, and what is gone.
    """
    found = {key: (then.get(key), now.get(key)) for key in sorted(now.keys() | then.keys())}
    return {
        key: (before, after)
        for key, (before, after) in found.items()
        if before != after
        if _in_use(before) or _in_use(after)
        if not only_questions or (after is not None and _in_use(after) and not _same_question(before, after))
    }


def _same_question(before: MetricDefinition | None, after: MetricDefinition) -> bool:
    return before is not None and question(before) == question(after)


def _in_use(metric: MetricDefinition | None) -> bool:
    return metric is not None and metric.status != "retired"


def _put_to_work(desk: Desk, now: Mapping[str, MetricDefinition]) -> dict[str, MetricDefinition]:
    """The definitions as they were last put to work.

    The pipeline records the text that a version was first seen with: a model that was named later is known by the
    judge that has judged.
    """
    found = {}
    for key, (recorded, judge) in recorded_definitions(desk.ledger).items():
        current = now.get(key)
        same_judge = current is not None and current.is_judged and desk.judges.of(current).name == judge
        found[key] = recorded.with_changes(model=current.model) if same_judge and current is not None else recorded
    return found
