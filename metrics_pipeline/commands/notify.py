"""`metrics notify`: what is new since the last message, told to those who are to know."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from metrics_pipeline.errors import NotifyError, SettingsError


def notify(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the message; send and remember nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Tell those in `notify_urls` what moved, what broke and what it cost since the last message; once.

    Dagster does so by itself after each night. Where nothing is new, nothing is sent.

    \b
    Example:
        metrics notify --dry-run
    """
    from metrics_pipeline.notifying.telling import tell
    from metrics_pipeline.settings import load_settings

    settings = load_settings()
    if not settings.notify_urls and not dry_run:
        raise SettingsError("Nobody is to be told. Set METRICS_NOTIFY_URLS, or say --dry-run.")
    told = tell(settings, datetime.now(UTC), dry_run=dry_run)
    if as_json:
        found = None if told.message is None else told.message._asdict()
        typer.echo(json.dumps({"message": found, "problems": told.problems}, indent=2, ensure_ascii=False))
    else:
        typer.echo("nothing is new" if told.message is None else f"{told.message.title}\n\n{told.message.body}")
    if told.problems:
        raise NotifyError(f"{'; '.join(told.problems)}. Correct METRICS_NOTIFY_URLS, or see what the service says.")
