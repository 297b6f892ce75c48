"""What one look of the doctor says."""

from __future__ import annotations

from typing import Literal, NamedTuple

State = Literal["ok", "warn", "fail"]


class Examined(NamedTuple):
    """One thing that was looked at."""

    name: str
    state: State
    """`fail`: a night will fail, or what it says will be wrong; `warn`: it may, or somebody should know."""
    said: str
    to_do: str = ""
    """What to do about it, a sentence; empty where it is ok."""
