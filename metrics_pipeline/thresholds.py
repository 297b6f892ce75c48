"""The checks of every night by name, and what each lets pass unless settings say otherwise."""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal, NamedTuple

Severity = Literal["warn", "block", "off"]


class Threshold(NamedTuple):
    """What one check lets pass."""

    limit: float
    highest: float
    """The greatest limit that makes sense."""
    means: str
    """What the limit is of, and in which unit."""


THRESHOLDS = MappingProxyType(
    {
        "coverage": Threshold(0.01, 1, "share of a day's conversations, those of the sample, without a verdict"),
        "undecided": Threshold(0.5, 1, "share of a day's judged conversations that are undecided"),
        "errors": Threshold(0.05, 1, "share of a day's judged conversations in error"),
        "evidence": Threshold(0.2, 1, "share of a day's judged conversations whose quote did not hold"),
        "classes": Threshold(0.05, 1, "chance of a false alarm a day that an answer vanished or appeared"),
        "agreement": Threshold(0.05, 1, "chance of a false alarm a day that judge, baseline and log part more"),
        "volume": Threshold(4, 1_000, "spreads that a day lies off the median of its weekday"),
        "freshness": Threshold(48, 24 * 366, "hours since the newest conversation began"),
        "quarantine": Threshold(0.05, 1, "share of what landed lately that could not be read"),
    }
)
