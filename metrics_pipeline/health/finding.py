"""What a check found: a value that a terminal, Dagster and a message to people show alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Literal, NamedTuple

Severity = Literal["block", "warn", "info"]
"""`block`: nothing new is published; `warn`: it is, and people are told; `info`: said where somebody asks."""
Figure = int | float | str | None


class Finding(NamedTuple):
    """One thing that is not as it should be. It holds no word of a conversation."""

    check: str
    """The check that found it, as settings name it."""
    severity: Severity
    sentence: str
    """What, where and how much, with the interval where it is a share."""
    look_at: str
    """What to look at or do, a sentence."""
    metric: str | None = None
    """The metric's key; None where it is about conversations."""
    day: date | None = None
    figures: Mapping[str, Figure] = {}
    """The figures of the sentence by name; shares from 0 to 1."""

    def __str__(self) -> str:
        return f"{self.sentence} {self.look_at}"


def as_json(finding: Finding) -> dict[str, Any]:
    """The finding in JSON's own kinds."""
    day = finding.day.isoformat() if finding.day else None
    return finding._asdict() | {"day": day, "figures": dict(finding.figures)}
