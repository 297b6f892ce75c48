"""`metrics status`: how the project is, for a person and for a monitor."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metrics_pipeline.wording import counted

if TYPE_CHECKING:
    from metrics_pipeline.health.coverage import Coverage
    from metrics_pipeline.health.nights import EvaluationRun, Nights
    from metrics_pipeline.health.status import Status

MOST_METRICS = 30
MOST_PARTS = 5


def status(
    every: Annotated[bool, typer.Option("--all", help="Also the settings that nobody has set.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print all of it as JSON.")] = False,
) -> None:
    """How the project is: nights, days by metric, what is published, checks, disk, settings, versions.

    Nothing is changed and nobody is asked. Exit code 0: nothing is wrong; 1: something is, and stands under WRONG;
    2: a setting cannot be used.

    \b
    Example:
        metrics status
    """
    from metrics_pipeline.health.status import status as look
    from metrics_pipeline.settings import load_settings, origins

    settings = load_settings()
    now = datetime.now(UTC)

    def seen(metrics: Sequence[str]) -> Nights | None:
        from metrics_pipeline.defs.nights_seen import nights_seen

        return nights_seen(settings, metrics, now)

    found = look(settings, origins(), seen, now)
    if as_json:
        typer.echo(json.dumps(_plain(found), indent=2, ensure_ascii=False))
    else:
        typer.echo("\n".join(_lines(found, every)))
    raise typer.Exit(1 if found.wrong else 0)


def _lines(found: Status, every: bool) -> list[str]:
    return [
        *_nights(found.nights, found.last_run),
        *_published(found),
        *_metrics(found),
        *_findings(found),
        *_storage(found),
        *_settings(found, every),
        f"versions   {', '.join(f'{name} {number}' for name, number in found.versions.items())}",
        "",
        *(["WRONG", *(f"  {sentence}" for sentence in found.wrong)] if found.wrong else ["nothing is wrong"]),
    ]


def _nights(nights: Nights | None, run: EvaluationRun | None) -> list[str]:
    if nights is None:
        lines = ["schedule   Dagster has no home here: nights are run by hand, or by something else"]
    else:
        turned = {True: "on", False: "off", None: "never turned on"}[nights.schedule_is_on]
        following = f", next run {_moment(nights.next_run_at)}" if nights.next_run_at else ""
        daemon = (
            f"daemon last heard of {_moment(nights.daemon_seen_at)}" if nights.daemon_seen_at else "no daemon so far"
        )
        lines = [f"schedule   nightly is {turned}{following}; {daemon}"]
        for one in nights.last:
            lines.append(f"           {one.job}: {one.status}, {_moment(one.began_at)} to {_moment(one.ended_at)}")
    if run is None:
        return [*lines, "last run   nothing was judged so far"]
    dollars = "" if run.dollars is None else f", {run.dollars:,.2f} dollars"
    left = f"; {counted(sum(run.open.values()), 'cell')} left open" if run.open else ""
    stopped = f"; stopped by {run.stopped_by}" if run.stopped_by else ""
    return [
        *lines,
        f"last run   {_moment(run.started_at)} to {_moment(run.ended_at)}: {counted(run.calls, 'call')}, "
        f"{counted(run.tokens, 'token')}{dollars}{left}{stopped}",
    ]


def _published(found: Status) -> list[str]:
    newest = _moment(found.newest_conversation) if found.newest_conversation else "none"
    age = ""
    if found.published is not None:
        hours = (found.at - found.published.published_at).total_seconds() / 3600
        age = f"{found.published.generation}, {hours:,.1f} hours old"
    return [f"published  {age or 'nothing yet'}", f"newest     conversation of {newest}"]


def _metrics(found: Status) -> list[str]:
    lines = [f"days       {counted(found.day_count, 'day')} with conversations; by metric:"]
    for one in found.metrics[:MOST_METRICS]:
        parts = [f"{len(one.judged)} judged"]
        for what, days in (("open", one.open), ("late", one.late), ("missing", one.missing)):
            parts += [f"{len(days)} {what}{_span(days)}"] if days else []
        if one.older_version:
            parts.append(f"{len(one.older_version)} by an older version{_span(one.older_version)}")
        hidden = _unmarked(found, one)
        parts += [f"{len(hidden)} not marked in Dagster{_span(hidden)}"] if hidden else []
        lines.append(f"           {one.metric}: {', '.join(parts)}")
    if len(found.metrics) > MOST_METRICS:
        lines.append(f"           and {counted(len(found.metrics) - MOST_METRICS, 'metric')} more: see --json")
    return lines


def _unmarked(found: Status, metric: Coverage) -> list[date]:
    """Days that are judged, and that Dagster's grid shows as missing: judged from the command line."""
    if found.nights is None:
        return []
    return sorted({*metric.judged, *metric.late} - found.nights.marked_days.get(metric.metric, frozenset()))


def _span(days: Sequence[date]) -> str:
    return f" ({days[0]})" if len(days) == 1 else f" ({days[0]} to {days[-1]})"


def _findings(found: Status) -> list[str]:
    if found.checked is None:
        return ["checks     none were made so far"]
    lines = [f"checks     of {_moment(found.checked.at)}: {counted(len(found.checked.findings), 'finding')}"]
    return lines + [f"           {one.severity}: {one}" for one in found.checked.findings]


def _storage(found: Status) -> list[str]:
    parts = list(found.storage.parts.items())[:MOST_PARTS]
    largest = ", ".join(f"{name} {_megabytes(size)}" for name, size in parts)
    return [
        f"disk       {_megabytes(found.storage.total)} in the data folder ({largest}), of it the ledger "
        f"{_megabytes(found.storage.ledger)}; {found.storage.free / 1e9:,.1f} GB free"
    ]


def _settings(found: Status, every: bool) -> list[str]:
    shown = [one for one in found.settings if every or one.origin != "default"]
    lines = [f"           {one.name} = {one.value or ''} ({one.origin})" for one in shown]
    rest = len(found.settings) - len(shown)
    if rest:
        lines.append(f"           {counted(rest, 'setting')} as they are by default: --all shows them")
    return ["settings", *lines]


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _moment(moment: datetime | None) -> str:
    return "-" if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"


def _plain(value: Any) -> Any:
    """The value in JSON's own kinds: records as objects, moments and paths as text."""
    if hasattr(value, "_asdict"):
        return {name: _plain(one) for name, one in value._asdict().items()}
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, frozenset):
        return [_plain(one) for one in sorted(value)]
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Path) else value
