"""`metrics adapters`: whose exports are read, how they are recognised, and what they carry."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def adapters(as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False) -> None:
    """List the platforms whose exports are read: how each is recognised, what it carries, and what it does not.

    \b
    Example:
        metrics adapters --json
    """
    from metrics_pipeline.conversations.adapters.registry import ADAPTERS
    from metrics_pipeline.conversations.adapters.shape import PARTS

    if as_json:
        rows = [
            {
                "name": adapter.name,
                "platform": adapter.platform,
                "recognised_by": adapter.recognised_by,
                "carries": [part for part in PARTS if part in adapter.carries],
                "carries_not": [part for part in PARTS if part not in adapter.carries],
            }
            for adapter in ADAPTERS
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    for adapter in ADAPTERS:
        typer.echo(f"{adapter.name}  ({adapter.platform})")
        typer.echo(f"    recognised by  {adapter.recognised_by.replace('`', '')}")
        typer.echo(f"    carries        {', '.join(part for part in PARTS if part in adapter.carries)}")
        missing = [part for part in PARTS if part not in adapter.carries]
        typer.echo(f"    carries not    {', '.join(missing) or 'nothing is missing'}")
