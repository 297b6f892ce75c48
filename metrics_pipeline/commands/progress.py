"""How far a command has come: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from metrics_pipeline.errors import StoppedError
from metrics_pipeline.wording import counted

if TYPE_CHECKING:
    from metrics_pipeline.evaluation.options import OnProgress, Progress
    from metrics_pipeline.evaluation.tally import Tally

REFRESH_SECONDS = 0.1


@contextmanager
def progress(doing: str, things: str, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """What it gives is told how many are done, of how many.

    Args:
        doing: What is done, such as `judging`.
        things: To what, such as `conversations`.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(doing), BarColumn(), MofNCompleteColumn(), TextColumn(things), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(doing, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def judging(quiet: bool = False) -> Iterator[OnProgress]:
    """What it gives is told how far judging has come: a bar with what was sent and what it cost, on a terminal.

    Raises:
        StoppedError: The user ended the command while it judged; it says what is kept.
    """
    last: list[Progress] = []
    try:
        if quiet or not sys.stderr.isatty():
            yield lambda progress: last.__setitem__(slice(None), [progress])
        else:
            with _bar() as show:
                shown_at = 0.0

                def on_progress(progress: Progress) -> None:
                    nonlocal shown_at
                    last[:] = [progress]
                    moment = time.monotonic()
                    # A terminal is slower than a judge that answers at once.
                    if moment - shown_at >= REFRESH_SECONDS or progress.done == progress.total:
                        shown_at = moment
                        show(progress)

                yield on_progress
    except KeyboardInterrupt:
        replies = last[0].tally.replies if last else 0
        if not replies:
            raise
        raise StoppedError(
            f"stopped. What was recorded is kept, {counted(replies, 'reply', 'replies')} of this run among it, and is "
            "not asked for again; the same command goes on from there."
        ) from None


@contextmanager
def _bar() -> Iterator[OnProgress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("judging"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("cells{task.fields[spent]}"),
        TimeRemainingColumn(compact=True),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("judging", total=None, spent="")
        yield lambda progress: bar.update(
            task, completed=progress.done, total=progress.total, spent=spent(progress.tally, progress.in_flight)
        )


def spent(tally: Tally, in_flight: int) -> str:
    """What judging has taken so far, on part of a line; nothing before the first call."""
    if not tally.requests:
        return ""
    failed = tally.failures.total()
    parts = [
        counted(tally.requests, "call"),
        f"{in_flight:,} in flight",
        counted(tally.prompt_tokens + tally.reply_tokens, "token"),
        "" if tally.cost_dollars is None else f"${tally.cost_dollars:,.2f}",
        f"{failed:,} failed" if failed else "",
    ]
    return "".join(f" · {part}" for part in parts if part)
