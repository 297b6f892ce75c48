"""`metrics schema`: what a definition file may say, for editors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from metrics_pipeline.errors import SettingsError


def schema(
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Write it there instead.")] = None,
) -> None:
    """Print the JSON Schema of a definition file: an editor that knows it completes and checks while you type.

    A file names it in its first line: `# yaml-language-server: $schema=definition.schema.json`.

    \b
    Example:
        metrics schema --to metric_definitions/definition.schema.json
    """
    from metrics_pipeline.metrics.definition import definition_schema

    text = json.dumps(definition_schema(), indent=2, ensure_ascii=False) + "\n"
    if to is None:
        typer.echo(text, nl=False)
        return
    try:
        to.write_text(text, encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            f"{to}: cannot be written ({error.strerror}). Name a file in a folder that exists."
        ) from None
