"""`metrics pull`: what an agent's platform has becomes files in the landing folder."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metrics_pipeline.commands.options import day_of, stoppable
from metrics_pipeline.wording import counted

if TYPE_CHECKING:
    from metrics_pipeline.conversations.pull_state import PullRecord


def pull(
    first: Annotated[
        date | None,
        typer.Option("--from", parser=day_of("--from"), metavar="DAY", help="From this day on; else where it ended."),
    ] = None,
    last: Annotated[
        date | None, typer.Option("--to", parser=day_of("--to"), metavar="DAY", help="Up to and with this day.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
) -> None:
    """Fetch conversations from a Conversations API v3 into the landing folder; `metrics run` lands them.

    The token stands in METRICS_PULL_TOKEN; METRICS_PULL_URL, METRICS_PULL_ACCOUNT and METRICS_PULL_PROJECT say where.
    The first pull needs --from; each further one goes on where the last ended, with an overlap. One that was killed or
    refused is finished by the next.

    \b
    Example:
        metrics pull --from 2026-09-01
    """
    from metrics_pipeline.pipeline import pull_conversations
    from metrics_pipeline.settings import load_settings

    with stoppable():
        records = pull_conversations(load_settings(), first, last)
    if as_json:
        typer.echo(json.dumps([as_values(record) for record in records], indent=2))
    else:
        for record in records:
            typer.echo(in_words(record))


def in_words(record: PullRecord) -> str:
    """One pull in one line."""
    retried = f" ({record.retry_count} of them again)" if record.retry_count else ""
    return (
        f"pulled     {counted(record.received_count, 'conversation')} from {record.first:%Y-%m-%d %H:%M} to "
        f"{record.last:%Y-%m-%d %H:%M} UTC: {counted(record.request_count, 'request')}{retried}, "
        f"{counted(len(record.files), 'page')}, {record.byte_count / 1_000_000:,.1f} MB, {record.seconds:,.1f} s"
    )


def as_values(record: PullRecord) -> dict[str, Any]:
    """One pull as JSON can hold it."""
    import msgspec

    values: dict[str, Any] = msgspec.to_builtins(record)
    return values
