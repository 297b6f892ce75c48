"""Which judge the settings name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from metrics_pipeline.errors import SettingsError
from metrics_pipeline.evaluation.baseline_judge import BaselineJudge
from metrics_pipeline.evaluation.chat_completions import takes_plain_parameters
from metrics_pipeline.evaluation.judge import BoundedJudge, Judge
from metrics_pipeline.evaluation.ledger import JudgeRecord
from metrics_pipeline.evaluation.litellm_judge import LitellmJudge, require_known_models
from metrics_pipeline.evaluation.openai_judge import PROVIDER, OpenaiJudge
from metrics_pipeline.evaluation.options import Judges
from metrics_pipeline.evaluation.prompt import prompt_version
from metrics_pipeline.evaluation.recording_file import FORMAT, Header, Recording, RecordingWriter
from metrics_pipeline.evaluation.replay_judge import RecordedJudge, ReplayJudge
from metrics_pipeline.evaluation.second_opinion import Second
from metrics_pipeline.evaluation.standing import judge_fingerprint
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.settings import BASELINE, Settings

REPLAY = "replay:"
"""Before the path of a recording, where a model's name is expected."""


def open_judges(settings: Settings, metrics: Iterable[MetricDefinition] = ()) -> Judges:
    """The judge in use, those that `metrics` name in its place, and the way back to those of earlier days.

    Raises:
        SettingsError: A recording cannot be read, or not be written.
    """
    models = sorted({metric.model for metric in metrics if metric.model and metric.is_judged})
    if settings.model.startswith(REPLAY):
        recording = Recording(Path(settings.model.removeprefix(REPLAY)).expanduser())
        current = ReplayJudge(recording)
        # Nobody is asked over a network, whoever judged before: what is no part of the recording stays as it was.
        return Judges(current, lambda record: current, {model: ReplayJudge(recording, model) for model in models})

    def named(name: str) -> Judge:
        if name == BASELINE:
            return BaselineJudge()
        key = settings.api_key.get_secret_value() if settings.api_key else None
        way = OpenaiJudge if _client(name, settings) == "openai" else LitellmJudge
        return way(name, settings.api_base, key, settings.call_timeout_seconds, settings.context_tokens)

    def revive(record: JudgeRecord) -> Judge:
        return named(record.name)

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


def recorded(judges: Judges, settings: Settings) -> Judges:
    """The same judges, kept in the recording that the settings name, if they name one.

    Raises:
        SettingsError: It cannot be written, or what is to be recorded is itself a replay.
    """
    if settings.record is None:
        return judges
    current = judges.current
    if current.kind == "replay":
        raise SettingsError("A replay is not recorded again. Leave out METRICS_RECORD, or copy the recording.")
    limits = {judge.name: judge.context_tokens for judge in judges.all if isinstance(judge, BoundedJudge)}
    writer = RecordingWriter(settings.record, Header(FORMAT, current.name, current.kind, prompt_version(), limits))

    def kept(judge: Judge) -> Judge:
        return RecordedJudge(judge, writer, settings.record_transcripts)

    named = {model: kept(judge) for model, judge in judges.named.items()}
    return Judges(kept(current), lambda record: kept(judges.revive(record)), named)


def open_second_judges(settings: Settings, judges: Judges, metrics: Iterable[MetricDefinition]) -> dict[str, Second]:
    """Who gives a second opinion on each of `metrics`, by key: as its definition says, or else the settings.

    Raises:
        SettingsError: It is the judge that gives the first, or no provider has it.
    """
    found: dict[str, Second] = {}
    opened: dict[str, Judge] = {}
    for metric in metrics:
        own = metric.second_judge
        model = own.model if own else settings.second_model
        if not model or not metric.is_judged or judges.current.kind == "replay":
            continue
        if model not in opened:
            opened[model] = open_known_judges(settings.model_copy(update={"model": model})).current
        if judges.fingerprint_of(metric) == judge_fingerprint(opened[model]):
            raise SettingsError(f"{metric.key}: {model} gives the first verdict: name another model for the second.")
        found[metric.key] = Second(opened[model], float(own.share if own else settings.second_share))
    return found


def said_of_replays(judges: Judges) -> tuple[str, ...]:
    """What a person should know of what was replayed, a sentence each."""
    replays = [judge for judge in judges.all if isinstance(judge, ReplayJudge)]
    if not replays:
        return ()
    lacks = [judge.lacks for judge in replays if judge.lacks]
    return (f"Nobody was asked: these are replies of a recording ({judges.current.name}).", *lacks)


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
