"""`metrics quarantine`: what could not be read, and reading it again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

SHOWN = 50
OUTCOMES = {
    "landed": "landed {landed} of {total}",
    "unchanged": "none of {total} can be read yet",
    "gone": "its content is no longer in the landing folder: put the file back to read it again",
    "refused": "left as it was: conversations that had landed from it would be missing",
}

quarantine = typer.Typer(no_args_is_help=True, help="What could not be read, where, and why.")

Landing = Annotated[Path | None, typer.Option(metavar="FOLDER", help="The folder of export files.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]


@quarantine.command("list")
def list_quarantined(
    every: Annotated[bool, typer.Option("--all", help=f"Every place, not only the first {SHOWN}.")] = False,
    as_json: AsJson = False,
) -> None:
    """Every place that could not be read: its name, its file, where in it, and the reason.

    \b
    Example:
        metrics quarantine list
    """
    from metrics_pipeline.conversations.quarantine import quarantined
    from metrics_pipeline.data_folder import DataFolder
    from metrics_pipeline.settings import load_settings

    found = quarantined(DataFolder(load_settings().data))
    if as_json:
        typer.echo(json.dumps([one._asdict() for one in found], indent=2, ensure_ascii=False))
        return
    shown = found if every else found[:SHOWN]
    for one in shown:
        typer.echo("  ".join(filter(None, (one.name, one.file, one.position, one.reason))))
    if len(shown) < len(found):
        typer.echo(f"and {len(found) - len(shown):,} more: --all shows them")
    if not found:
        typer.echo("Nothing is in quarantine.")


@quarantine.command()
def show(
    name: Annotated[str, typer.Argument(help="A place's name from the list, such as 3f2a91bc:2.")],
    landing: Landing = None,
) -> None:
    """The shape of what stands there: fields by name, every other letter as x, every digit as 9.

    What was said may be personal; who may read it finds it in the file, at the place that is named.

    \b
    Example:
        metrics quarantine show 3f2a91bc:2
    """
    from metrics_pipeline.conversations.quarantine import named, quarantined
    from metrics_pipeline.conversations.quarantine import show as shape_of
    from metrics_pipeline.data_folder import DataFolder
    from metrics_pipeline.settings import load_settings

    settings = load_settings({"landing": landing})
    one = named(quarantined(DataFolder(settings.data)), name)[0]
    typer.echo(f"file       {one.file}\nplace      {one.position or 'the file itself'}\nreason     {one.reason}\n")
    shape = shape_of(one, settings.landing_folder)
    typer.echo(
        "Nothing can be cut out there, or the file is no longer in the landing folder." if shape is None else shape
    )


@quarantine.command()
def retry(
    names: Annotated[list[str] | None, typer.Argument(help="Names of places or files; all when none.")] = None,
    landing: Landing = None,
    as_json: AsJson = False,
) -> None:
    """Read files again, after an adapter was mended: what can be read now lands, the rest stays named.

    A file that would lose anything that had landed is left as it was. `metrics run` takes what landed to the tables.

    \b
    Example:
        metrics quarantine retry
    """
    from metrics_pipeline.conversations.quarantine import retry as read_again
    from metrics_pipeline.data_folder import DataFolder
    from metrics_pipeline.pipeline import redactor
    from metrics_pipeline.settings import load_settings

    settings = load_settings({"landing": landing})
    done = read_again(
        names or [], settings.landing_folder, DataFolder(settings.data), settings.zone, redactor(settings)
    )
    if as_json:
        typer.echo(json.dumps([one._asdict() for one in done], indent=2, ensure_ascii=False))
        return
    for one in done:
        said = OUTCOMES[one.outcome].format(landed=one.landed_count, total=one.landed_count + one.left_count)
        typer.echo(f"{one.file}: {said}")
    if not done:
        typer.echo("Nothing is in quarantine.")
