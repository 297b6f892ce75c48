"""What each stage of a run takes: measured, and a span of its trace."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from metrics_pipeline import tracing
from metrics_pipeline.logs import event


class Stage(NamedTuple):
    """What one stage took."""

    name: str
    wall_seconds: float
    cpu_seconds: float
    peak_rss_bytes: int
    """The process's peak so far, children included."""


@contextmanager
def measured(name: str, stages: list[Stage]) -> Iterator[None]:
    """Add to `stages` what the block takes, when it ends well."""
    wall, cpu = time.perf_counter(), _cpu_seconds()
    event("stage_began", stage=name)
    with tracing.span(name):
        yield
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    peak = max(own.ru_maxrss, children.ru_maxrss) * 1024
    stage = Stage(name, time.perf_counter() - wall, _cpu_seconds() - cpu, peak)
    stages.append(stage)
    event(
        "stage_ended", stage=name, wall_seconds=stage.wall_seconds, cpu_seconds=stage.cpu_seconds, peak_rss_bytes=peak
    )


def _cpu_seconds() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
