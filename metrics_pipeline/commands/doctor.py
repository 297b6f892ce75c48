"""`metrics doctor`: whether a night would end well, and what to do where it would not."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from metrics_pipeline.health.nights import Nights

WIDTH = 13


def doctor(
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask no server: neither models, one token each, nor the platform.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Look whether a night would end well: settings, folders, locks, ledger, Dagster, libraries, servers.

    Each model is sent one request of one token, which it may charge, and no budget counts. Exit code 0: nothing fails;
    1: something does; 2: a setting cannot be used.

    \b
    Example:
        metrics doctor --offline
    """
    from metrics_pipeline.health.doctor import examine
    from metrics_pipeline.settings import load_settings

    settings = load_settings()
    now = datetime.now(UTC)

    def seen() -> Nights | None:
        from metrics_pipeline.defs.nights_seen import nights_seen

        return nights_seen(settings, (), now)

    found = []
    for one in examine(settings, seen, now, offline):
        found.append(one)
        if not as_json:
            typer.echo(f"{one.state:<5} {one.name:<{WIDTH}} {one.said}")
            if one.to_do:
                typer.echo(f"{'':<{WIDTH + 7}}{one.to_do}")
    if as_json:
        typer.echo(json.dumps([one._asdict() for one in found], indent=2, ensure_ascii=False))
    else:
        states: Counter[str] = Counter(one.state for one in found)
        typer.echo("\n" + ", ".join(f"{states[state]} {state}" for state in ("ok", "warn", "fail")))
    raise typer.Exit(1 if any(one.state == "fail" for one in found) else 0)
