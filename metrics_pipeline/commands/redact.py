"""`metrics redact`: what the rules of redaction take out of the exports at hand, shown without showing it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metrics_pipeline.commands.progress import progress
from metrics_pipeline.errors import SettingsError
from metrics_pipeline.wording import counted

if TYPE_CHECKING:
    from metrics_pipeline.authoring.redactions import Kind, Redactions
    from metrics_pipeline.settings import Settings


def redact(
    landing: Annotated[Path | None, typer.Option(metavar="FOLDER", help="The folder of export files.")] = None,
    report: Annotated[bool, typer.Option("--report", help="Show counts and masked examples by kind.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what is taken out of the export files before they land: counts by kind, and the forms that it has.

    Of an example every word reads aaa and every digit 9: its form says what was taken for what. With it stands where
    the first one is, to look it up in the export itself. Nothing is written.

    \b
    Example:
        metrics redact --report --landing exports
    """
    if not report:
        raise SettingsError("metrics redact needs --report. Redaction itself is a part of landing, in metrics run.")
    from metrics_pipeline.authoring.redactions import look
    from metrics_pipeline.settings import load_settings

    settings = load_settings({"landing": landing})
    with progress("redacting", "files", quiet=as_json) as on_file:
        found = look(settings, on_file)
    sys.stdout.write(
        f"{json.dumps(_as_json(found), indent=2)}\n" if as_json else "\n".join(_lines(found, settings)) + "\n"
    )


def _as_json(found: Redactions) -> dict[str, object]:
    kinds = [kind._asdict() | {"examples": [example._asdict() for example in kind.examples]} for kind in found.kinds]
    return found._asdict() | {"kinds": kinds}


def _lines(found: Redactions, settings: Settings) -> list[str]:
    share = found.changed_count / found.conversation_count if found.conversation_count else 0
    lines = [
        f"read       {counted(found.conversation_count, 'conversation')} in {counted(found.file_count, 'file')}"
        + (
            f"; {counted(found.unreadable_count, 'place')} without one that has ended" if found.unreadable_count else ""
        ),
        f"personal   something in {found.changed_count:,} of them ({share:.1%}), under the rules {found.redaction}",
    ]
    for kind in found.kinds:
        lines += ["", *_kind_lines(kind)]
    regions = ", ".join(settings.redact_phone_regions) or "no country"
    lines += [
        "",
        f"Words read aaa, digits 9. Telephone numbers of {regions} need no word before them (redact_phone_regions).",
        f"Names of people are {'' if settings.redact_names else 'not '}looked for (redact_names). Nothing was written.",
    ]
    return lines


def _kind_lines(kind: Kind) -> list[str]:
    if not kind.replaced_count:
        return [f"{kind.kind:<12} {0:>7}    matched nothing"]
    lines = [f"{kind.kind:<12} {kind.replaced_count:>7,}    in {counted(kind.conversation_count, 'conversation')}"]
    width = max(len(example.form) for example in kind.examples)
    for example in kind.examples:
        first = f"first in {example.conversation_id}, {example.file}"
        lines.append(f"    {example.replaced_count:>7,} × {example.form:<{width}}    {first}")
    if kind.form_count > len(kind.examples):
        rest = kind.replaced_count - sum(example.replaced_count for example in kind.examples)
        lines.append(f"    {rest:>7,} × in {counted(kind.form_count - len(kind.examples), 'more form')}")
    return lines
