"""`metrics ledger`: what was ever paid for, looked at, looked after, copied and restored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metrics_pipeline.errors import LedgerError
from metrics_pipeline.wording import counted

if TYPE_CHECKING:
    from metrics_pipeline.evaluation.bookkeeping.batches import Batch
    from metrics_pipeline.evaluation.ledger import Ledger

ledger = typer.Typer(no_args_is_help=True, help="What was ever asked and paid for: figures, checks, copies.")

AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]


@ledger.command()
def stats(as_json: AsJson = False) -> None:
    """Calls by outcome, judge and metric, with their tokens and dollars, and the size of the file.

    What a request about several metrics took is divided between them.

    \b
    Example:
        metrics ledger stats
    """
    from metrics_pipeline.evaluation.bookkeeping.statistics import figures

    with _opened(to_read=True) as (opened, path), opened.connection.reading() as db:
        found = {"path": str(path), "bytes": path.stat().st_size, **figures(db)}
        found["batches"] = [_batch(batch) for batch in opened.batches.open()]
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    typer.echo(f"{found['path']}: {found['bytes'] / 1e6:,.1f} MB, {_sum_text(found)}")
    typer.echo("\nBY OUTCOME")
    for outcome, count in found["outcomes"].items():
        typer.echo(f"  {outcome:<32} {count:>12,}")
    if found["batches"]:
        typer.echo("\nBATCHES AT THEIR PROVIDER")
    for batch in found["batches"]:
        typer.echo(f"  {batch['batch']:<32} {counted(batch['requests'], 'request'):>20}, sent {batch['sent_at']}")
    for heading, key in (("judges", "judge"), ("metrics", "metric")):
        typer.echo(f"\nBY {key.upper()}")
        for row in found[heading]:
            typer.echo(f"  {row[key]:<32} {_sum_text(row)}")


def _batch(batch: Batch) -> dict[str, Any]:
    sent_at = None if batch.creating_at is None else f"{batch.creating_at:%Y-%m-%d %H:%M} UTC"
    return {"batch": batch.provider_id or "not known to be there", "requests": batch.request_count, "sent_at": sent_at}


def _sum_text(row: dict[str, Any]) -> str:
    text = f"{counted(row['requests'], 'request')}, {counted(row['replies'], 'reply', 'replies')}"
    if row["prompt_tokens"] is not None:
        text += f", tokens {row['prompt_tokens']:,} + {row['reply_tokens'] or 0:,}"
    if row["cost_dollars"] is not None:
        text += f", ${row['cost_dollars']:,.4f}"
    return text


@ledger.command()
def verify(as_json: AsJson = False) -> None:
    """Look through the whole file: that it is sound, and that every answer is there and can be read.

    Exit code 1 where something is wrong. A request without an outcome is nothing wrong: it is in flight, or was when
    its process ended.

    \b
    Example:
        metrics ledger verify
    """
    from metrics_pipeline.evaluation.bookkeeping.upkeep import verify as look_through

    with _opened(to_read=True) as (opened, path):
        found = look_through(opened.connection)
    if as_json:
        typer.echo(json.dumps(found._asdict(), indent=2))
    else:
        for problem in found.problems:
            typer.echo(problem)
        lost = f"; in flight or lost, and possibly paid: {found.unsettled:,}" if found.unsettled else ""
        whole = counted(found.replies, "reply", "replies")
        typer.echo(f"{counted(found.requests, 'request')}, {whole} that can be read{lost}")
    if found.problems:
        raise LedgerError(
            f"{path}: is not whole. Put a good copy in its place, or rebuild it with `metrics ledger import`."
        )


@ledger.command()
def compact(as_json: AsJson = False) -> None:
    """Make the file smaller: drop failures that gave way to replies, compress anew, give free space back.

    Nothing that counts changes. It needs as much free space as the file takes, and waits until nobody writes.

    \b
    Example:
        metrics ledger compact
    """
    from metrics_pipeline.evaluation.bookkeeping.upkeep import compact as make_smaller

    with _opened() as (opened, _):
        done = make_smaller(opened.connection, opened.names)
    if as_json:
        typer.echo(json.dumps(done._asdict(), indent=2))
        return
    typer.echo(
        f"{done.bytes_before / 1e6:,.1f} MB before, {done.bytes_after / 1e6:,.1f} MB now; "
        f"failures dropped: {done.dropped_failures:,}"
    )


@ledger.command()
def export(
    folder: Annotated[Path, typer.Argument(help="A folder that is not there yet.")], as_json: AsJson = False
) -> None:
    """Copy the ledger as Parquet files, which only you may read: replies quote transcripts.

    docs/ledger.md describes the columns. The copy is of one moment, whatever runs meanwhile.

    \b
    Example:
        metrics ledger export backup/2026-11-25
    """
    from metrics_pipeline.evaluation.bookkeeping.exchange import write_copy

    with _opened() as (opened, _):
        count = write_copy(opened.connection, opened.names, folder)
    typer.echo(
        json.dumps({"folder": str(folder), "requests": count})
        if as_json
        else f"{counted(count, 'request')} in {folder}"
    )


@ledger.command("import")
def import_(
    folder: Annotated[Path, typer.Argument(help="What `metrics ledger export` wrote.")], as_json: AsJson = False
) -> None:
    """Add what a copy holds. Where there is no ledger, it is rebuilt as it was.

    Where there is one nothing in it is lost, and what it holds already is passed over. `metrics run` then writes the
    verdicts, and asks nothing that was answered.

    \b
    Example:
        metrics ledger import backup/2026-11-25
    """
    from metrics_pipeline.evaluation.bookkeeping.exchange import read_copy

    with _opened(must_be_there=False) as (opened, _):
        done = read_copy(opened.connection, opened.names, folder)
    if as_json:
        typer.echo(json.dumps(done._asdict(), indent=2))
        return
    typer.echo(f"added {counted(done.requests, 'request')}, answered {done.replies:,}; known before {done.known:,}")


@contextmanager
def _opened(must_be_there: bool = True, to_read: bool = False) -> Iterator[tuple[Ledger, Path]]:
    from metrics_pipeline.data_folder import DataFolder
    from metrics_pipeline.evaluation.ledger import Ledger
    from metrics_pipeline.settings import load_settings

    path = DataFolder(load_settings().data).ledger
    if must_be_there and not path.exists():
        raise LedgerError(f"{path}: there is no ledger. `metrics run` makes one, `metrics ledger import` restores one.")
    with Ledger.to_read(path) if to_read else Ledger(path) as opened:
        yield opened, path
