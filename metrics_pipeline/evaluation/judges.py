"""Which judge the settings name."""

from __future__ import annotations

from collections.abc import Iterable

from metrics_pipeline.evaluation.baseline_judge import BaselineJudge
from metrics_pipeline.evaluation.judge import Judge
from metrics_pipeline.evaluation.ledger import JudgeRecord
from metrics_pipeline.evaluation.litellm_judge import LitellmJudge, require_known_models
from metrics_pipeline.evaluation.runner import Judges
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.settings import BASELINE, Settings


def open_judges(settings: Settings, metrics: Iterable[MetricDefinition] = ()) -> Judges:
    """The judge in use, those that `metrics` name in its place, and the way back to those of earlier days."""

    def named(name: str) -> Judge:
        if name == BASELINE:
            return BaselineJudge()
        key = settings.api_key.get_secret_value() if settings.api_key else None
        return LitellmJudge(name, settings.api_base, key, settings.call_timeout_seconds)

    def revive(record: JudgeRecord) -> Judge:
        return named(record.name)

    models = sorted({metric.model for metric in metrics if metric.model and metric.is_judged})
    return Judges(named(settings.model), revive, {model: named(model) for model in models})


def open_known_judges(settings: Settings, metrics: Iterable[MetricDefinition] = ()) -> Judges:
    """As `open_judges`, for who is going to ask them.

    Raises:
        SettingsError: A model's name leads to no provider.
    """
    judges = open_judges(settings, metrics)
    require_known_models(judge.name for judge in judges.all if judge.kind == "model")
    return judges
