"""What a check looked at, whether or not it found anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from metrics_pipeline.health.finding import Figure, Finding
from metrics_pipeline.thresholds import Severity


class Observation(NamedTuple):
    """What one check saw of one metric, or of all conversations, on one day."""

    check: str
    metric: str | None
    day: date | None
    figures: Mapping[str, Figure]
    sentence: str = ""
    """What is not as it should be; empty where nothing is."""
    look_at: str = ""


def findings(observations: Iterable[Observation], severities: Mapping[str, Severity]) -> list[Finding]:
    """What is not as it should be: what blocks first, then by check, metric and day, the newest first.

    Args:
        severities: By check; one that is not named warns.
    """
    found = [
        Finding(seen.check, severity, seen.sentence, seen.look_at, seen.metric, seen.day, seen.figures)
        for seen in observations
        if seen.sentence and (severity := severities.get(seen.check, "warn")) != "off"
    ]
    order = sorted(found, key=lambda one: one.day or date.max, reverse=True)
    return sorted(order, key=lambda one: (one.severity != "block", one.check, one.metric or ""))
