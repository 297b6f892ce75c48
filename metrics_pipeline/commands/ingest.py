"""`metrics ingest status`: what was taken in, by file and by pull, and what became of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metrics_pipeline.commands.pull import as_values, in_words
from metrics_pipeline.commands.unmapped import find_unmapped, unmapped_lines
from metrics_pipeline.wording import counted

if TYPE_CHECKING:
    from metrics_pipeline.conversations.ingested import Counts, Ingested

SHOWN_FILES = 20
SHOWN_PULLS = 5

ingest = typer.Typer(no_args_is_help=True, help="What was taken in, and what became of it.")


@ingest.callback()
def _group() -> None:
    pass


@ingest.command()
def status(
    every: Annotated[bool, typer.Option("--all", help="Every file and pull, not only the last ones.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
) -> None:
    """Of each file and each pull: read, kept, duplicate, waiting, quarantined, erased, taken out, bytes, and seconds.

    The files that have something in quarantine come first. The table `ingest_files` holds the same. Logged values that
    no definition maps stand last.

    \b
    Example:
        metrics ingest status
    """
    from metrics_pipeline.conversations.ingested import ingested
    from metrics_pipeline.data_folder import DataFolder
    from metrics_pipeline.metrics.catalog import load_catalog
    from metrics_pipeline.settings import load_settings

    settings = load_settings()
    folder = DataFolder(settings.data)
    found = ingested(folder)
    # What is taken in may be looked at before there is any definition.
    metrics = load_catalog(settings.definitions).definitions if settings.definitions.is_dir() else ()
    logged = find_unmapped(folder, metrics)
    if as_json:
        values = _as_json(found) | {"unmapped_logged": [one._asdict() for one in logged]}
        typer.echo(json.dumps(values, indent=2, ensure_ascii=False))
    else:
        typer.echo("\n".join([*_lines(found, every), *unmapped_lines(logged)]))


def _as_json(found: Ingested) -> dict[str, Any]:
    import msgspec

    return {
        "total": found.total._asdict(),
        "pulls": [as_values(pulled.record) | {"landed": pulled.landed._asdict()} for pulled in found.pulls],
        "files": [msgspec.to_builtins(file) for file in found.files],
    }


def _lines(found: Ingested, every: bool) -> list[str]:
    if not found.files and not found.pulls:
        return ["Nothing has landed yet. Put exports into the landing folder, or say metrics pull, then metrics run."]
    lines = [f"landed     {counted(found.total.file_count, 'file')}, {_counts(found.total)}", *_parts(found.total)]
    pulls = found.pulls if every else found.pulls[-SHOWN_PULLS:]
    for pulled in pulls:
        lines += ["", in_words(pulled.record)]
        if pulled.record.outcome != "complete":
            lines.append(f"           {pulled.record.outcome}. {pulled.record.reason}".rstrip())
        lines.append(f"           landed of it: {counted(pulled.landed.file_count, 'file')}, {_counts(pulled.landed)}")
    files = sorted(found.files, key=lambda file: -file.quarantined_count)
    shown = files if every else files[:SHOWN_FILES]
    lines.append("")
    for file in shown:
        lines.append(
            f"{file.file}: read {file.read_count:,}, kept {file.kept_count:,}, duplicate {file.duplicate_count:,}, "
            f"waiting {file.waiting_count:,}, quarantined {file.quarantined_count:,}, erased {file.erased_count:,}"
        )
    if len(shown) < len(files) or len(pulls) < len(found.pulls):
        more_files, more_pulls = len(files) - len(shown), len(found.pulls) - len(pulls)
        lines.append(f"and {counted(more_files, 'more file')}, {counted(more_pulls, 'more pull')}: --all shows them")
    return lines


def _counts(counts: Counts) -> str:
    return (
        f"{counts.bytes / 1_000_000:,.1f} MB in {counts.seconds:,.1f} s: read {counts.read_count:,}, "
        f"kept {counts.kept_count:,}, duplicate {counts.duplicate_count:,}, waiting {counts.waiting_count:,}, "
        f"quarantined {counts.quarantined_count:,}, erased {counts.erased_count:,}"
    )


def _parts(counts: Counts) -> list[str]:
    lines = [f"           {counted(number, 'time')}: {reason}" for reason, number in counts.reasons.items()]
    if counts.redactions:
        lines.append(f"taken out  {', '.join(f'{kind} {number:,}' for kind, number in counts.redactions.items())}")
    lines += [f"unknown    {counted(number, 'time')}: {what}" for what, number in counts.not_understood.items()]
    return lines
