"""`metrics list` and `metrics show`: which metrics there are, and what became of one."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from metrics_pipeline.commands.failures import failure_lines, failures_of_day
from metrics_pipeline.commands.options import day_of
from metrics_pipeline.commands.unmapped import find_unmapped, unmapped_lines
from metrics_pipeline.errors import PublishError, SettingsError
from metrics_pipeline.wording import counted, did_you_mean

if TYPE_CHECKING:
    from metrics_pipeline.evaluation.ledger import MetricDay
    from metrics_pipeline.metrics.catalog import Catalog
    from metrics_pipeline.serving.catalogue import Entry, Published, Step, Versions
    from metrics_pipeline.settings import Settings

Definitions = Annotated[Path | None, typer.Option("--definitions", metavar="FOLDER", help="The folder of definitions.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]
COLUMNS = (
    *("METRIC", "NAME", "TYPE", "STATUS", "OWNER", "VERSION", "SINCE"),
    *("DAYS JUDGED", "NEWEST DAY", "LAST JUDGED", "LOG AGREES", "RATE"),
)


class _Known(NamedTuple):
    catalog: Catalog
    versions: Versions
    days: list[MetricDay]
    published: Published | None


def list_metrics(definitions: Definitions = None, as_json: AsJson = False) -> None:
    """List all metrics, drafts, retired, broken and removed ones too: since when, on how many days, what they came to.

    \b
    Example:
        metrics list --json
    """
    from metrics_pipeline.data_folder import DataFolder
    from metrics_pipeline.serving.catalogue import entries
    from metrics_pipeline.settings import load_settings

    settings = load_settings({"definitions": definitions})
    known = _read(settings)
    found = entries(known.catalog, known.versions, known.published)
    if as_json:
        typer.echo(_json([entry._asdict() for entry in found]))
    else:
        rows = [COLUMNS, *map(_cells, found)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            typer.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        for line in unmapped_lines(find_unmapped(DataFolder(settings.data), known.catalog.definitions)):
            typer.echo(line)
    _warn(known.catalog)


def show(
    metric: Annotated[str, typer.Argument(metavar="METRIC", help="Its key.")],
    definitions: Definitions = None,
    failures: Annotated[
        date | None,
        typer.Option(
            parser=day_of("--failures"), metavar="DAY", help="Name the most telling failures of that day instead."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show one metric: its definition, what it came to, and how the file changed from version to version.

    The versions are those that were put to work, as the ledger recorded them. `--failures` quotes conversations.

    \b
    Example:
        metrics show auth_verified
    """
    from metrics_pipeline.serving.catalogue import close_matches, entries, history
    from metrics_pipeline.settings import load_settings

    settings = load_settings({"definitions": definitions})
    known = _read(settings)
    found = {one.metric: one for one in entries(known.catalog, known.versions, known.published)}
    _warn(known.catalog)
    entry, text = found.get(metric), known.catalog.texts.get(metric)
    if entry is None:
        near = close_matches(metric, {key: one.name for key, one in found.items()})
        advice = did_you_mean(near) or "`metrics list` shows all there are."
        raise SettingsError(f"there is no metric {metric!r}. {advice}")
    if failures is not None:
        defined = next((one for one in known.catalog.definitions if one.key == metric), None)
        if defined is None:
            raise SettingsError(f"no file defines {metric} now: what its answers mean is not known.")
        told = failures_of_day(settings, defined, known.days, failures)
        lines = failure_lines(settings, metric, failures, told)
        typer.echo(_json([one._asdict() for one in told]) if as_json else "\n".join(lines))
        return
    now = None if entry.metric_version is None or text is None else (entry.metric_version, text)
    steps = history(metric, known.versions, known.days, now)
    if as_json:
        shown = {"metric": metric, "entry": entry._asdict(), "definition": text}
        typer.echo(_json(shown | {"versions": [step._asdict() for step in steps]}))
        return
    typer.echo("\n".join([*_head(entry, text, steps), "", *_history(steps)]))


def _read(settings: Settings) -> _Known:
    """What the definitions, the ledger and the current generation say; nothing is created."""
    from metrics_pipeline.data_folder import data_folder_to_read
    from metrics_pipeline.evaluation.ledger import Ledger
    from metrics_pipeline.metrics.catalog import load_catalog
    from metrics_pipeline.publishing.generation import resolve_current
    from metrics_pipeline.serving.catalogue import read_published

    catalog, folder = load_catalog(settings.definitions), data_folder_to_read(settings.data)
    with Ledger.to_read(folder.ledger) as ledger:
        versions, days = ledger.versions(), ledger.metric_days()
    published = None
    if (folder.published / "current").exists():
        try:
            published = read_published(resolve_current(folder))
        except PublishError as error:
            typer.echo(str(error), err=True)
    return _Known(catalog, versions, days, published)


def _cells(entry: Entry) -> tuple[str, ...]:
    return (
        entry.metric,
        entry.name,
        entry.type or "",
        entry.status,
        entry.owner or "",
        (entry.metric_version or "")[:8],
        f"{entry.since:%Y-%m-%d}" if entry.since else "",
        "" if entry.day_count is None else f"{entry.judged_day_count} of {entry.day_count}",
        str(entry.last_day or ""),
        f"{entry.last_judged_at:%Y-%m-%d}" if entry.last_judged_at else "",
        _agreement(entry),
        _rate(entry),
    )


def _agreement(entry: Entry) -> str:
    return "" if entry.agreement_share is None else f"{entry.agreement_share:.0%} of {entry.compared_count:,}"


def _rate(entry: Entry) -> str:
    if entry.mean is not None:
        return f"mean {entry.mean:,.4g} {entry.unit or ''}".rstrip()
    if entry.rate is None or entry.rate_low is None or entry.rate_high is None:
        return ""
    return f"{entry.rate:.1%} ({entry.rate_low:.1%} to {entry.rate_high:.1%}) of {entry.rate_denominator:,}"


def _head(entry: Entry, text: str | None, steps: list[Step]) -> list[str]:
    kind = ", ".join(filter(None, [entry.type, entry.status, entry.owner]))
    lines = [f"{entry.name}  ({entry.metric})", f"{kind}, version {entry.metric_version or 'unknown'}"]
    if entry.since:
        lines[-1] += f", at work since {entry.since:%Y-%m-%d}"
    if entry.day_count is not None:
        newest = f", the newest {entry.last_day}" if entry.last_day else ""
        at = f", last on {entry.last_judged_at:%Y-%m-%d %H:%M} UTC" if entry.last_judged_at else ""
        lines.append(f"judged on {entry.judged_day_count} of {counted(entry.day_count, 'day')}{newest}{at}")
    if entry.agreement_share is not None:
        kappa = "" if entry.agreement_kappa is None else f", kappa {entry.agreement_kappa:.2f}"
        lines.append(f"agrees with what was logged: {_agreement(entry)}{kappa}")
    if entry.second_agreement_share is not None:
        between = f"{entry.second_agreement_low:.0%} to {entry.second_agreement_high:.0%}"
        share = f"{entry.second_agreement_share:.0%} ({between}) of {entry.second_count:,}"
        lines.append(f"agrees with a second judge: {share}")
    lines += filter(None, [_rate(entry)])
    if text is None:
        gone = "its file does not load now" if entry.status == "broken" else "no file defines it now"
        lines.append(f"{gone}; this is what was last put to work:" if steps else gone)
    shown = text or (steps[-1].text if steps else "")
    return [*lines, *(["", shown.rstrip("\n")] if shown else [])]


def _history(steps: list[Step]) -> list[str]:
    if not steps:
        return ["No version of it was ever put to work."]
    lines = ["Versions, oldest first:"]
    for step in steps:
        seen = f"first seen {step.first_seen_at:%Y-%m-%d %H:%M} UTC" if step.first_seen_at else "the file as it is now"
        days = (
            f"in force on {counted(step.day_count, 'day')}, {step.first_day} to {step.last_day}"
            if step.day_count
            else ""
        )
        lines += ["", "  ".join(filter(None, [step.metric_version, seen, days]))]
        lines += [f"    {line}" for line in step.diff.splitlines()]
    return lines


def _warn(catalog: Catalog) -> None:
    for problem in catalog.problems:
        typer.echo(str(problem), err=True)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=_as_text)


def _as_text(value: date | datetime) -> str:
    return value.isoformat()
