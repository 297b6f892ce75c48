"""What several commands share: days, a question before many requests, an end that says so."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime

import typer

from metrics_pipeline.errors import StoppedError
from metrics_pipeline.wording import counted


def as_day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def asker(yes: bool, model: str) -> Callable[[int], bool]:
    """Whether so many requests may be sent: said on the command line, or answered at the terminal."""

    def may_send(requests: int) -> bool:
        if yes:
            return True
        return sys.stdin.isatty() and typer.confirm(f"Send {counted(requests, 'request')} to {model}?")

    return may_send


@contextmanager
def stoppable() -> Iterator[None]:
    """Ctrl-C becomes a sentence.

    Raises:
        StoppedError: The user ended the command.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise StoppedError("stopped. What was recorded is kept; the same command goes on from there.") from None
