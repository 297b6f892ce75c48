"""`metrics erase`: conversations leave the data folder, and everything that is published from it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metrics_pipeline.commands.options import stoppable
from metrics_pipeline.errors import ErasingError, SettingsError
from metrics_pipeline.wording import counted

if TYPE_CHECKING:
    from metrics_pipeline.erasing.erasure import Erasure
    from metrics_pipeline.erasing.places import Look
    from metrics_pipeline.publishing.generation import Publication

SHOWN_FILES = 20


def erase(
    conversation_ids: Annotated[list[str] | None, typer.Argument(metavar="CONVERSATION_ID...")] = None,
    ids_file: Annotated[
        Path | None,
        typer.Option(
            "--ids", metavar="FILE", help="A file of ids, one a line, plain or as JSON strings; - for standard input."
        ),
    ] = None,
    older_than_retention: Annotated[
        bool, typer.Option("--older-than-retention", help="Erase all that are more than retention_days old.")
    ] = False,
    landing: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="The folder of export files, which stay as they are.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Erase conversations from everything that was written about them, for good, and publish the tables anew.

    A conversation that lands again stays out. The export files themselves are yours: they stay, and are named, so that
    you can delete them. Killed at any moment, the same command goes on.

    \b
    Examples:
        metrics erase 9b2f6a1c --yes
        metrics erase --ids to_erase.txt --yes
    """
    from metrics_pipeline.erasing.due import erase_conversations, look_before_erasing
    from metrics_pipeline.erasing.id_file import read_ids
    from metrics_pipeline.pipeline import now
    from metrics_pipeline.settings import load_settings

    settings = load_settings({"landing": landing})
    named = [*(conversation_ids or []), *(read_ids(ids_file) if ids_file else [])]
    ids = list(dict.fromkeys(named))
    if not ids and not older_than_retention:
        raise SettingsError("Say which conversations: metrics erase CONVERSATION_ID, --ids or --older-than-retention.")
    if not all(map(_can_be_an_id, ids)):
        raise SettingsError("An id is empty or not UTF-8, and no conversation has such a one. Leave it out.")
    if older_than_retention and settings.retention_days is None:
        raise SettingsError("--older-than-retention needs to know how old: set METRICS_RETENTION_DAYS.")
    if not settings.data.is_dir():
        raise SettingsError(f"{settings.data}: is no data folder. Set METRICS_DATA.")
    with stoppable():
        if not yes:
            count, found = look_before_erasing(settings, ids, older_than_retention, now())
            _ask(count, found, settings.retention_days if older_than_retention else None)
        done, publication = erase_conversations(settings, ids, older_than_retention, now, _say_once())
    if as_json:
        typer.echo(json.dumps(_as_json(done, publication), indent=2, ensure_ascii=False))
    else:
        for erasure in done:
            _print(erasure, str(settings.landing_folder))
        if not done:
            typer.echo("Nothing is that old.")
        if publication is not None:
            typer.echo(f"published  {publication.path}")
    if left := [place for erasure in done for place in erasure.places if place.left]:
        raise ErasingError(
            f"{', '.join(dict.fromkeys(place.place for place in left))} in {settings.data}: still names an erased "
            "conversation, and nobody here may write to it. Remove what it holds, or the file."
        )


def _can_be_an_id(text: str) -> bool:
    # What is not UTF-8 on a command line comes as lone surrogates.
    return text != "" and not any("\ud800" <= sign <= "\udfff" for sign in text)


def _ask(count: int, found: Look, retention_days: int | None) -> None:
    """Show what is found, and go on only where somebody says so.

    Raises:
        SettingsError: Nobody can be asked, or the answer was no.
    """
    which = "" if retention_days is None else f" (those more than {counted(retention_days, 'day')} old among them)"
    for place in found.places:
        if place.found:
            typer.echo(f"{place.name}: {place.found:,} {place.unit}", err=True)
    question = f"Erase {counted(count, 'conversation')}{which} for good?"
    if not sys.stdin.isatty() or not typer.confirm(question, err=True):
        raise SettingsError(f"{question} Say --yes. Nothing was erased.")


def _say_once() -> Callable[[], None]:
    said: list[bool] = []

    def on_wait() -> None:
        if not said:
            said.append(True)
            typer.echo("Another run writes to the data folder. Waiting for it to end.", err=True)

    return on_wait


def _print(erasure: Erasure, landing: str) -> None:
    typer.echo(f"erased     {counted(erasure.conversation_count, 'conversation')}")
    width = max(len(place.place) for place in erasure.places)
    typer.echo(f"{'looked in':<{width}}  {'found':>9}  {'left':>6}")
    for place in erasure.places:
        typer.echo(f"{place.place:<{width}}  {place.found:>9,}  {place.left:>6,}  {place.unit}")
    typer.echo(f"tombstones {erasure.tombstones}")
    if not erasure.raw_files:
        return
    shown = erasure.raw_files[:SHOWN_FILES]
    typer.echo(f"not erased {landing} is yours and only read. These files still hold what landed from them:")
    for name in shown:
        typer.echo(f"           {name}")
    if len(shown) < len(erasure.raw_files):
        typer.echo(f"           and {len(erasure.raw_files) - len(shown):,} more: --json names them all")


def _as_json(done: list[Erasure], publication: Publication | None) -> dict[str, Any]:
    return {
        "erasures": [
            {
                "conversations": erasure.conversation_count,
                "places": [place._asdict() for place in erasure.places],
                "raw_files": list(erasure.raw_files),
                "tombstones": str(erasure.tombstones),
            }
            for erasure in done
        ],
        "generation": publication.generation if publication else None,
    }
