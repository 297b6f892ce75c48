"""Days, the only partitions there are."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.pipeline import now
from metrics_pipeline.settings import Settings


def day_partitions(settings: Settings) -> dg.DailyPartitionsDefinition:
    """Every day since the first one: the one that is set, or the earliest there are conversations of; where there are
    none yet, as far back as nights are made up for.

    The time zone belongs to the partitions, so that a schedule made from them picks yesterday also when clocks change.
    """
    held = DataFolder(settings.data).days()
    earliest = held[0] if held else now().astimezone(settings.zone).date() - timedelta(days=settings.catch_up_days)
    first = settings.first_day or earliest
    return dg.DailyPartitionsDefinition(start_date=first.isoformat(), timezone=settings.timezone)
