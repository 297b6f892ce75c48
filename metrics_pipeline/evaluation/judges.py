"""Which judge the settings name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from metrics_pipeline.errors import SettingsError
from metrics_pipeline.evaluation.baseline_judge import BaselineJudge
from metrics_pipeline.evaluation.chat_completions import takes_plain_parameters
from metrics_pipeline.evaluation.judge import Judge
from metrics_pipeline.evaluation.ledger import JudgeRecord
from metrics_pipeline.evaluation.litellm_judge import LitellmJudge, require_known_models
from metrics_pipeline.evaluation.openai_judge import PROVIDER, OpenaiJudge
from metrics_pipeline.evaluation.runner import Judges
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.settings import BASELINE, Settings


def open_judges(settings: Settings, metrics: Iterable[MetricDefinition] = ()) -> Judges:
    """The judge in use, those that `metrics` name in its place, and the way back to those of earlier days."""

    def named(name: str) -> Judge:
        if name == BASELINE:
            return BaselineJudge()
        key = settings.api_key.get_secret_value() if settings.api_key else None
        way = OpenaiJudge if _client(name, settings) == "openai" else LitellmJudge
        return way(name, settings.api_base, key, settings.call_timeout_seconds)

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
    # What goes to a server of one's own needs no provider that litellm knows, nor the seconds to load its list.
    require_known_models(judge.name for judge in judges.all if isinstance(judge, LitellmJudge))
    return judges


def _client(model: str, settings: Settings) -> Literal["litellm", "openai"]:
    """Who carries requests to `model`."""
    fits = model.startswith(PROVIDER) and takes_plain_parameters(model.removeprefix(PROVIDER))
    if settings.client == "openai" and not fits:
        raise SettingsError(
            f"METRICS_CLIENT=openai does not reach {model}: it is for openai/NAME that takes the usual parameters. "
            "Leave METRICS_CLIENT out, or set it to litellm."
        )
    if settings.client == "auto":
        return "openai" if fits and settings.api_base else "litellm"
    return settings.client
