"""What several commands share: days, a question before many requests, an end that says so."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

import typer

from metrics_pipeline.errors import SettingsError, StoppedError
from metrics_pipeline.wording import counted

DAY = re.compile(r"\d{4}-\d\d-\d\d")


def day_of(option: str) -> Callable[[str], date]:
    """What reads the day that `option` gives.

    Raises:
        SettingsError: From the reader: it is no day, or not written as one.
    """

    def read(text: str) -> date:
        try:
            # It takes other forms than ours as well.
            return date.fromisoformat(text if DAY.fullmatch(text) else "")
        except ValueError:
            raise SettingsError(f"{option} {text}: is not a day. Write it like 2026-09-30.") from None

    return read


def one_of(option: str, choices: tuple[str, ...]) -> Callable[[str], str]:
    """What reads the word that `option` gives.

    Raises:
        SettingsError: From the reader: it is none of `choices`.
    """

    def read(text: str) -> str:
        if text not in choices:
            raise SettingsError(f"{option} {text}: is none of {', '.join(choices)}. Take one of them.")
        return text

    return read


def asker(yes: bool, model: str) -> Callable[[int], bool]:
    """Whether so many requests may be sent: said on the command line, or answered at the terminal."""

    def may_send(requests: int) -> bool:
        if yes:
            return True
        return sys.stdin.isatty() and typer.confirm(f"Send {counted(requests, 'request')} to {model}?")

    return may_send


STOPPED = "stopped. What was recorded is kept; the same command goes on from there."


@contextmanager
def stoppable() -> Iterator[None]:
    """Ctrl-C becomes a sentence.

    Raises:
        StoppedError: The user ended the command.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise StoppedError(STOPPED) from None
