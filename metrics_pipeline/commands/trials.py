"""`metrics preview`, `metrics diff`, `metrics estimate`: what a definition does, before it goes live."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metrics_pipeline.commands.options import asker, day_of, stoppable
from metrics_pipeline.errors import PipelineError, SettingsError
from metrics_pipeline.wording import counted

if TYPE_CHECKING:
    from metrics_pipeline.settings import Settings

First = Annotated[
    date | None, typer.Option("--from", parser=day_of("--from"), metavar="DAY", help="Only conversations from then.")
]
Last = Annotated[
    date | None, typer.Option("--to", parser=day_of("--to"), metavar="DAY", help="Only conversations up to then.")
]
Definitions = Annotated[Path | None, typer.Option(metavar="FOLDER", help="The folder of definitions.")]
Yes = Annotated[bool, typer.Option("--yes", help="Send however many requests it takes.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]


def preview(
    metric: Annotated[str, typer.Argument(help="The metric's key; a draft will do.")],
    sample: Annotated[int, typer.Option(min=1, max=10_000, help="Conversations to try it on.")] = 50,
    first: First = None,
    last: Last = None,
    definitions: Definitions = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write it as a page of its own.")] = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Judge a stable sample of past conversations with a metric, and publish nothing.

    What the sample costs is paid once: the metric goes live with these answers.

    \b
    Example:
        metrics preview auth_verified --sample 50
    """
    from metrics_pipeline.authoring.page import preview_page
    from metrics_pipeline.authoring.report import plain, preview_lines
    from metrics_pipeline.authoring.workbench import preview as look
    from metrics_pipeline.files import write_atomically
    from metrics_pipeline.settings import load_settings

    settings = load_settings({"definitions": definitions})
    # Before anything is paid for.
    if html is not None and (html.is_dir() or not html.absolute().parent.is_dir()):
        raise SettingsError(f"--html {html}: name a file in a folder that exists.")
    with stoppable():
        found = look(settings, metric, sample, first, last, asker(yes, settings.model))
    _note(settings)
    if found.stopped and not found.shown and not as_json:
        # Nothing answered: a page of empty rows would hide why.
        raise PipelineError(found.stopped)
    if html is not None:
        write_atomically(html.absolute(), preview_page(found).encode("utf-8", "replace"))
    print(json.dumps(plain(found), indent=2) if as_json else "\n".join(preview_lines(found)))
    if found.stopped:
        raise PipelineError(found.stopped)


def diff(
    metrics: Annotated[
        list[str] | None, typer.Argument(help="Keys; every definition that differs if left out.")
    ] = None,
    against: Annotated[
        str | None, typer.Option(metavar="GIT_REF", help="A git revision; what was last put to work if left out.")
    ] = None,
    sample: Annotated[int, typer.Option(min=1, max=10_000, help="Conversations to judge both ways.")] = 200,
    first: First = None,
    last: Last = None,
    definitions: Definitions = None,
    max_flips: Annotated[int | None, typer.Option(min=0, help="Exit with 1 when more conversations flip.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print it as a pull request comment.")] = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Judge the same conversations by the old and the new definition, and show what flips.

    \b
    Example:
        metrics diff --against main --max-flips 20
    """
    from metrics_pipeline.authoring.flips_report import comparison_lines, comparison_markdown
    from metrics_pipeline.authoring.report import plain
    from metrics_pipeline.authoring.workbench import compare_versions
    from metrics_pipeline.settings import load_settings

    if markdown and as_json:
        raise SettingsError("--markdown and --json exclude each other. Take one.")
    settings = load_settings({"definitions": definitions})
    with stoppable():
        found = compare_versions(settings, against, metrics or [], sample, first, last, asker(yes, settings.model))
    _note(settings)
    lines = comparison_markdown(found) if markdown else comparison_lines(found)
    print(json.dumps(plain(found), indent=2) if as_json else "\n".join(lines))
    if found.stopped:
        raise PipelineError(found.stopped)
    if max_flips is not None and not found.conversation_ids:
        raise PipelineError(f"--max-flips {max_flips}: no conversation was compared, so nothing says how many flip.")
    if max_flips is not None and found.flip_count > max_flips:
        raise PipelineError(f"{counted(found.flip_count, 'flip')}, more than --max-flips {max_flips}.")


def estimate(
    metrics: Annotated[list[str] | None, typer.Argument(help="Keys; every active metric if left out.")] = None,
    first: First = None,
    last: Last = None,
    definitions: Definitions = None,
    as_json: AsJson = False,
) -> None:
    """Say what a run would send, and send nothing: requests, tokens, dollars, time, expected and at most.

    Without days: what `metrics run` would judge now, with the exports that wait. With days: judging them with what is
    current.

    \b
    Example:
        metrics estimate --from 2026-10-01 --to 2026-10-31
    """
    from metrics_pipeline.authoring.report import estimate_lines, plain
    from metrics_pipeline.authoring.workbench import estimate_run
    from metrics_pipeline.settings import load_settings

    settings = load_settings({"definitions": definitions})
    found = estimate_run(settings, metrics or [], first, last)
    _note(settings)
    if as_json:
        print(json.dumps(plain(found), indent=2))
    else:
        print("\n".join(estimate_lines(found, settings)))


def _note(settings: Settings) -> None:
    from metrics_pipeline.authoring.desk import what_is_missing

    if missing := what_is_missing(settings):
        typer.echo(f"note: {missing}", err=True)
