"""`metrics publish`: build and publish the tables, only rehearse it, or go back to an older generation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from metrics_pipeline.commands.options import stoppable
from metrics_pipeline.errors import PublishError, SettingsError
from metrics_pipeline.wording import counted

if TYPE_CHECKING:
    from metrics_pipeline.health.releasing import Rehearsal

NEXT_RUN = (
    "the next `metrics run`, `metrics publish` or night builds from the data folder as it is then, and publishes that: "
    "mend before what made you go back. What was erased since is in no generation."
)


def publish(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Build, test and check; say what would be published, and publish nothing.")
    ] = False,
    rollback: Annotated[
        str | None, typer.Option(metavar="GENERATION", help="Let readers have this older generation again.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Build the tables from what is judged, audit them, and let readers have them. No judge is asked.

    What was expected and found is said, and which row broke what. Exit code 1 where they may not be published: then
    readers stay where they are.

    \b
    Examples:
        metrics publish --dry-run
        metrics publish --rollback 20261101T030000000Z
    """
    from metrics_pipeline.data_folder import data_folder_to_read, open_data_folder
    from metrics_pipeline.files import locked
    from metrics_pipeline.health.releasing import publish_rehearsed, rehearse
    from metrics_pipeline.pipeline import now
    from metrics_pipeline.publishing.rollback import roll_back
    from metrics_pipeline.settings import load_settings

    settings = load_settings()
    if rollback is not None:
        if dry_run:
            raise SettingsError("--rollback builds nothing that could be rehearsed: leave out --dry-run.")
        folder = data_folder_to_read(settings.data)
        with stoppable(), locked(folder.warehouse / ".lock"):
            path = roll_back(folder, rollback, now())
        if as_json:
            typer.echo(json.dumps({"generation": path.name, "published": str(path), "next": NEXT_RUN}, indent=2))
        else:
            typer.echo(f"read again {path}\nnote       {NEXT_RUN}")
        return
    folder = open_data_folder(settings.data)
    with stoppable(), locked(folder.warehouse / ".lock"):
        rehearsal = rehearse(settings, folder, now())
        if not as_json:
            _print(rehearsal)
        if dry_run:
            refused, generation, published = _refusal(rehearsal), None, None
        else:
            publication = publish_rehearsed(settings, folder, rehearsal, now())
            refused, generation, published = None, publication.generation, str(publication.path)
    if as_json:
        said = None if refused is None else str(refused)
        typer.echo(json.dumps(_as_json(rehearsal, said, generation, published), indent=2))
    elif published is not None:
        typer.echo(f"published  {published}")
    elif refused is None:
        typer.echo("rehearsed  it would be published; nothing was")
    if refused is not None:
        raise refused


def _refusal(rehearsal: Rehearsal) -> PublishError | None:
    try:
        rehearsal.refuse()
    except PublishError as error:
        return error
    return None


def _print(rehearsal: Rehearsal) -> None:
    from metrics_pipeline.terminal import console, print_findings

    out, build = console(), rehearsal.build
    out.print(f"built      {counted(build.model_count, 'model')}; {counted(build.test_count, 'test')} passed")
    for check in rehearsal.checks:
        out.print(f"{'agrees' if check.is_passed else 'differs':<10} {check}", soft_wrap=True)
    print_findings(out, rehearsal.findings)
    for table, (before, after) in rehearsal.rows.items():
        if before is None:
            out.print(f"new        {table}: {counted(after, 'row')}")
        elif before != after:
            out.print(f"changed    {table}: {before:,} → {counted(after, 'row')}")


def _as_json(
    rehearsal: Rehearsal, refused: str | None, generation: str | None, published: str | None
) -> dict[str, object]:
    from metrics_pipeline.health.finding import as_json

    return {
        "generation": generation,
        "published": published,
        "refused": refused,
        "models": rehearsal.build.model_count,
        "tests": rehearsal.build.test_count,
        "counts": [check._asdict() for check in rehearsal.checks],
        "findings": [as_json(finding) for finding in rehearsal.findings],
        "rows": {table: {"before": before, "after": after} for table, (before, after) in rehearsal.rows.items()},
    }
