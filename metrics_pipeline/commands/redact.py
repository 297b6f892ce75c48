"""`metrics redact`: what the rules of redaction take out of the exports at hand, shown without showing it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from metrics_pipeline.errors import SettingsError
from metrics_pipeline.wording import counted


def redact(
    landing: Annotated[Path | None, typer.Option(metavar="FOLDER", help="The folder of export files.")] = None,
    report: Annotated[bool, typer.Option("--report", help="Show counts and masked examples by kind.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what is taken out of the export files before they land: counts by kind, and the forms that it has.

    Of an example every letter reads a and every digit 9: its form says what was taken for what. Nothing is written.

    \b
    Example:
        metrics redact --report --landing exports
    """
    if not report:
        raise SettingsError("metrics redact needs --report. Redaction itself is a part of landing, in metrics run.")
    from metrics_pipeline.authoring.redactions import look
    from metrics_pipeline.settings import load_settings

    found = look(load_settings({"landing": landing}))
    if as_json:
        sys.stdout.write(
            f"{json.dumps(found._asdict() | {'kinds': [kind._asdict() for kind in found.kinds]}, indent=2)}\n"
        )
        return
    lines = [
        f"{counted(found.conversation_count, 'conversation')}, {found.changed_count:,} of them with something personal "
        f"(rules {found.redaction})"
    ]
    for kind in found.kinds:
        lines.append(f"{kind.kind:12} {kind.replaced_count:>8,} in {counted(kind.conversation_count, 'conversation')}")
        lines += [f"    {example['count']:>6,} × {example['form']}" for example in kind.examples]
    sys.stdout.write("\n".join(lines) + "\n")
