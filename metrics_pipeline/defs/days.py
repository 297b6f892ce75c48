"""Days, the only partitions there are."""

from __future__ import annotations

import dagster as dg

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.pipeline import now
from metrics_pipeline.settings import Settings


def day_partitions(settings: Settings) -> dg.DailyPartitionsDefinition:
    """Every day since the first one: the one that is set, or the earliest there are conversations of.

    The time zone belongs to the partitions, so that a schedule made from them picks yesterday also when clocks change.
    """
    held = DataFolder(settings.data).days()
    first = settings.first_day or (held[0] if held else now().astimezone(settings.zone).date())
    return dg.DailyPartitionsDefinition(start_date=first.isoformat(), timezone=settings.timezone)
