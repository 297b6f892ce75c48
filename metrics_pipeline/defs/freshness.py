"""When a night begins, and until when what it makes is there: an asset that is late says so by itself."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from metrics_pipeline.settings import Settings

NIGHT_HOUR = 2
MORNING_HOUR = 8
"""What a night makes is there by then: it may ask a model for six hours."""


def by_morning(settings: Settings) -> dg.FreshnessPolicy:
    """Made anew each night, in the project's time zone."""
    return dg.FreshnessPolicy.cron(
        deadline_cron=f"0 {MORNING_HOUR} * * *",
        lower_bound_delta=timedelta(hours=MORNING_HOUR - NIGHT_HOUR),
        timezone=settings.timezone,
    )
