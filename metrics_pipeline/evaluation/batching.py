"""Whether, and how, the settings have models asked in batches."""

from __future__ import annotations

from metrics_pipeline.errors import SettingsError
from metrics_pipeline.evaluation.batch_api import PROVIDERS
from metrics_pipeline.evaluation.options import Batching, Judges
from metrics_pipeline.settings import Settings

MEGABYTE = 1_000_000


def batching(settings: Settings, judges: Judges) -> Batching | None:
    """How models are asked in batches; None where they are asked directly.

    Raises:
        SettingsError: A judge's provider is not reached in batches, or a recording is to be made of them.
    """
    if settings.mode == "direct":
        return None
    if settings.record is not None:
        raise SettingsError(
            "METRICS_RECORD keeps direct calls, and METRICS_MODE=batch makes none. Leave one of them out."
        )
    for judge in judges.all:
        if judge.kind == "model" and judge.name.partition("/")[0] not in PROVIDERS:
            raise SettingsError(
                f"METRICS_MODE=batch does not reach {judge.name}: it is for "
                f"{', '.join(f'{provider}/NAME' for provider in PROVIDERS)}, whose batches can be listed and found "
                "again. Leave METRICS_MODE out, or take another model."
            )
    return Batching(
        settings.batch_requests,
        settings.batch_megabytes * MEGABYTE,
        settings.batch_poll_seconds,
        settings.batch_corrections == "direct",
    )
