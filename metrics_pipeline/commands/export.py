"""`metrics export`: conversations, verdicts and their changes leave the house."""

from __future__ import annotations

import json
from datetime import date
from typing import Annotated

import typer

from metrics_pipeline.commands.options import day_of, one_of, stoppable
from metrics_pipeline.wording import counted

KINDS = ("conversations", "verdicts", "feed")


def export(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="conversations|verdicts|feed", parser=one_of("export", ("conversations", "verdicts", "feed"))
        ),
    ],
    to: Annotated[
        str, typer.Option("--to", metavar="PATH", help="A file, a folder, or the URL of a store or a database.")
    ],
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            parser=one_of("--format", ("parquet", "jsonl", "csv")),
            metavar="FORMAT",
            help="parquet, jsonl or csv; else as the file's name says.",
        ),
    ] = None,
    first: Annotated[
        date | None, typer.Option("--from", parser=day_of("--from"), metavar="DAY", help="From this day on.")
    ] = None,
    last: Annotated[
        date | None, typer.Option("--until", parser=day_of("--until"), metavar="DAY", help="Up to and with this day.")
    ] = None,
    with_evidence: Annotated[
        bool, typer.Option("--with-evidence", help="With transcripts, or reasons and quotes.")
    ] = False,
    since: Annotated[
        str | None, typer.Option(metavar="CURSOR", help="Of the feed: what changed since the export that printed it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was exported as JSON.")] = False,
) -> None:
    """Write what is published to where others read it: whole, or not at all.

    Conversations as JSON lines have the shape of a Conversations API v3, with the `metrics` field filled. The feed says
    what changed, and prints the cursor to go on from.

    \b
    Examples:
        metrics export conversations --to exports/conversations.jsonl
        metrics export verdicts --to exports/verdicts.csv --from 2026-10-01
        metrics export feed --to exports/ --since 5b0c81aa-2061
    """
    from metrics_pipeline.data_folder import data_folder_to_read
    from metrics_pipeline.pipeline import now
    from metrics_pipeline.publishing.exporting import Asked
    from metrics_pipeline.publishing.exporting import export as write
    from metrics_pipeline.settings import load_settings

    settings = load_settings()
    asked = Asked(kind, to, form, first, last, with_evidence, since)  # type: ignore[arg-type]
    with stoppable():
        done = write(settings, data_folder_to_read(settings.data), asked, now())
    if as_json:
        typer.echo(json.dumps(done._asdict(), indent=2, ensure_ascii=False))
        return
    for name, count in done.rows.items():
        typer.echo(f"exported   {name}: {counted(count, 'row')} of {done.generation}")
    for file in done.files:
        typer.echo(f"           {file}")
    for metric, name in done.names.items():
        typer.echo(f"called     {metric}: {name}")
    if done.cursor:
        typer.echo(f"cursor     {done.cursor}")
