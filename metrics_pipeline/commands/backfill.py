"""`metrics backfill`: a metric over days that were before it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metrics_pipeline.commands.options import asker, day_of, stoppable
from metrics_pipeline.commands.progress import judging
from metrics_pipeline.errors import PipelineError
from metrics_pipeline.wording import counted

if TYPE_CHECKING:
    from metrics_pipeline.defs.backfilling import Backfilled


def backfill(
    metric: Annotated[str, typer.Argument(help="The metric's key.")],
    first: Annotated[
        date | None,
        typer.Option("--from", parser=day_of("--from"), metavar="DAY", help="From this day; else the first."),
    ] = None,
    last: Annotated[
        date | None, typer.Option("--to", parser=day_of("--to"), metavar="DAY", help="Up to this day; else yesterday.")
    ] = None,
    definitions: Annotated[Path | None, typer.Option(metavar="FOLDER", help="The folder of definitions.")] = None,
    batch: Annotated[bool, typer.Option("--batch", help="Ask in the provider's batches: for less, in a day.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Send however many requests it takes.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
) -> None:
    """Judge a metric on past days by what its file says now, newest day first, and publish once at the end.

    Says first what it takes. Ended, it goes on where it was; beside the nightly run it asks nothing that the other
    asks. No Dagster need be running; where it is, the days show in its grid.

    \b
    Example:
        metrics backfill auth_verified --from 2026-09-01 --to 2026-10-30
    """
    from metrics_pipeline import consent, pipeline
    from metrics_pipeline.authoring.desk import find_metric
    from metrics_pipeline.authoring.report import estimate_text, plain
    from metrics_pipeline.authoring.workbench import estimate_run
    from metrics_pipeline.metrics.catalog import load_catalog
    from metrics_pipeline.settings import load_settings

    settings = load_settings({"definitions": definitions, "mode": "batch" if batch else None})
    pipeline.require_order(first, last)
    find_metric(load_catalog(settings.definitions), metric)
    # Dagster takes seconds to import.
    from metrics_pipeline.defs.backfilling import backfill as run
    from metrics_pipeline.defs.backfilling import range_to_backfill

    first, last = range_to_backfill(settings, metric, first, last)
    estimate = estimate_run(settings, [metric], first, last)
    if not as_json:
        typer.echo(f"estimate   {settings.model}: {estimate_text(estimate)}")
    if estimate.prompt_tokens:
        consent.ask_before_sending(settings, estimate.requests, asker(yes, settings.model), "narrow it with --from")
    with stoppable(), judging(quiet=as_json) as on_progress:
        done = run(settings, metric, first, last, on_progress)
    if as_json:
        print(json.dumps({"estimate": plain(estimate)} | _as_values(done), indent=2))
    else:
        typer.echo("\n".join(_lines(done)))
    if done.failure is not None:
        raise PipelineError(f"{done.failure} The same command goes on from there.")


def _lines(done: Backfilled) -> list[str]:
    tally = done.tally
    cost = "" if tally.cost_dollars is None else f", {tally.cost_dollars:,.2f} dollars"
    published = f"published  {done.generation}" if done.generation else "published  nothing: nothing was answered"
    return [
        f"judged     {done.metric} from {done.first} to {done.last}: {counted(tally.requests, 'request')}, "
        f"{counted(tally.replies, 'reply', 'replies')}, "
        f"{counted(tally.prompt_tokens + tally.reply_tokens, 'token')}{cost}",
        f"complete   {done.complete_count} of {counted(done.day_count, 'day')} with conversations",
        f"runs       {', '.join(done.run_ids)}",
        published,
    ]


def _as_values(done: Backfilled) -> dict[str, Any]:
    tally = done.tally
    values = done._asdict() | {"first": done.first.isoformat(), "last": done.last.isoformat()}
    del values["tally"]
    return values | {
        "requests": tally.requests,
        "replies": tally.replies,
        "failures": dict(tally.failures),
        "prompt_tokens": tally.prompt_tokens,
        "reply_tokens": tally.reply_tokens,
        "cost_dollars": tally.cost_dollars,
    }
