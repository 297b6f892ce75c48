"""The `metrics` command: a thin face over the pipeline. What a command does not need, it does not import."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metrics_pipeline.commands import trials
from metrics_pipeline.commands.adapters import adapters
from metrics_pipeline.commands.audit import audit
from metrics_pipeline.commands.backfill import backfill
from metrics_pipeline.commands.catalogue import list_metrics, show
from metrics_pipeline.commands.doctor import doctor
from metrics_pipeline.commands.erase import erase
from metrics_pipeline.commands.export import export
from metrics_pipeline.commands.ingest import ingest
from metrics_pipeline.commands.ledger import ledger
from metrics_pipeline.commands.lint import lint
from metrics_pipeline.commands.new import new
from metrics_pipeline.commands.notify import notify
from metrics_pipeline.commands.options import STOPPED, asker, day_of, stoppable
from metrics_pipeline.commands.progress import judging
from metrics_pipeline.commands.publish import publish
from metrics_pipeline.commands.pull import pull
from metrics_pipeline.commands.quarantine import quarantine
from metrics_pipeline.commands.redact import redact
from metrics_pipeline.commands.schema import schema
from metrics_pipeline.commands.status import status
from metrics_pipeline.errors import PipelineError, StoppedError

if TYPE_CHECKING:
    from metrics_pipeline.pipeline import Summary

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Custom conversation metrics: written as files, judged, published as tables that say how sure they are.",
)


def main() -> None:
    """Run a command; a deliberate error becomes one sentence on standard error and an exit code."""
    try:
        cli(standalone_mode=True)
    except PipelineError as error:
        from metrics_pipeline.logs import failed

        if not failed(error):
            print(f"metrics: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except SystemExit as ended:
        # Stopped before the command had begun: Typer ends without a word.
        if ended.code == StoppedError.exit_code:
            print(f"metrics: {STOPPED}", file=sys.stderr)
        raise


@cli.callback()
def _group() -> None:
    from metrics_pipeline.settings import unknown_variables

    if said := unknown_variables():
        typer.echo(f"note: {said}", err=True)


@cli.command()
def run(
    landing: Annotated[Path | None, typer.Option(metavar="FOLDER", help="The folder of export files.")] = None,
    definitions: Annotated[Path | None, typer.Option(metavar="FOLDER", help="The folder of definitions.")] = None,
    first: Annotated[
        date | None,
        typer.Option(
            "--from", parser=day_of("--from"), metavar="DAY", help="Judge from this day, whatever was before."
        ),
    ] = None,
    last: Annotated[
        date | None,
        typer.Option("--to", parser=day_of("--to"), metavar="DAY", help="Judge up to and with this day."),
    ] = None,
    batch: Annotated[bool, typer.Option("--batch", help="Ask in the provider's batches: for less, in a day.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Send however many requests it takes.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
) -> None:
    """Land new export files, judge what is new, build the tables, publish them.

    Without days: the days with new conversations, and what was left open. A new or edited metric, or another model,
    starts with the newest day; older days wait until you name them.

    \b
    Example:
        metrics run --landing exports --definitions metric_definitions
    """
    from metrics_pipeline import pipeline
    from metrics_pipeline.logs import log_to_stderr
    from metrics_pipeline.settings import load_settings

    settings = load_settings({"landing": landing, "definitions": definitions, "mode": "batch" if batch else None})
    log_to_stderr(settings.log_format)
    with stoppable(), judging(quiet=as_json) as on_progress:
        summary = pipeline.run(settings, first, last, asker(yes, settings.model), on_progress)
    if as_json:
        print(json.dumps(_as_json(summary), indent=2))
    else:
        from metrics_pipeline.terminal import print_metrics, print_run

        print_run(summary)
        if summary.publication is not None:
            print_metrics(summary.publication.path)
    if summary.evaluation.stopped is not None:
        raise PipelineError(summary.evaluation.stopped)


cli.command()(backfill)
cli.command()(pull)
cli.add_typer(ingest, name="ingest")
cli.add_typer(quarantine, name="quarantine")
cli.add_typer(ledger, name="ledger")
cli.command()(new)
cli.command()(schema)
cli.command()(lint)
cli.command()(redact)
cli.command()(erase)
cli.command()(trials.preview)
cli.command()(trials.diff)
cli.command()(trials.estimate)
cli.command("list")(list_metrics)
cli.command()(show)
cli.command()(adapters)
cli.command()(publish)
cli.command()(audit)
cli.command()(export)
cli.command()(status)
cli.command()(doctor)
cli.command()(notify)


@cli.command()
def demo() -> None:
    """Write two months of a hotel's conversations, run the whole job on them in Dagster, and show what came out.

    Needs no key and no network. It may be run again: nothing is judged twice.

    \b
    Example:
        metrics demo
    """
    from metrics_pipeline.demo.main_job import run_demo
    from metrics_pipeline.settings import load_settings

    with stoppable():
        run_demo(load_settings({"model": "baseline"}))


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of `evaluation_runs` in JSON's own kinds."""
    row = dict(row) | {"failures_by_kind": json.loads(row["failures_by_kind"])}
    row["dollars"] = None if row["dollars"] is None else float(row["dollars"])
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in row.items()}


def _as_json(summary: Summary) -> dict[str, Any]:
    from metrics_pipeline.health.finding import as_json

    publication, evaluation = summary.publication, summary.evaluation
    return {
        "generation": publication.generation if publication else None,
        "published": str(publication.path) if publication else None,
        "erased": summary.erased_count,
        "landed": {
            "files": summary.landing.file_count,
            "skipped_files": summary.landing.skipped_count,
            "read": summary.landing.read_count,
            "kept": summary.landing.kept_count,
            "duplicate": summary.landing.duplicate_count,
            "waiting": summary.landing.waiting_count,
            "quarantined": summary.landing.quarantined_count,
            "erased": summary.landing.erased_count,
        },
        "conversations": summary.merged.conversation_count,
        "superseded": summary.merged.superseded_count,
        "clients": evaluation.clients,
        "requests": evaluation.tally.requests,
        "retries": evaluation.tally.retries,
        "replies": evaluation.tally.replies,
        "failures": dict(evaluation.tally.failures),
        "prompt_tokens": evaluation.tally.prompt_tokens,
        "reply_tokens": evaluation.tally.reply_tokens,
        "cached_tokens": evaluation.tally.cached_tokens,
        "cost_dollars": evaluation.tally.cost_dollars,
        "states": evaluation.states,
        "open": evaluation.open_count,
        "at_provider": evaluation.at_provider._asdict(),
        "stopped": evaluation.stopped,
        "notes": evaluation.notes,
        "findings": [as_json(finding) for finding in summary.findings],
        "metrics": [_plain(row) for row in evaluation.rows],
        "stages": [stage._asdict() for stage in summary.stages],
    }
