"""What a command prints when it is done, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from metrics_pipeline.health.finding import Finding
from metrics_pipeline.pipeline import Summary
from metrics_pipeline.serving.agreement import Agreement
from metrics_pipeline.serving.summary import MetricSummary, sparkline, summaries
from metrics_pipeline.wording import counted

MOST_METRICS = 20
"""Lines of figures: with what else is said, no more than a screen."""
MOST_FINDINGS = 8
"""Findings that are printed, those of one check about one metric as one."""
HEADINGS = {"block": "blocks    ", "warn": "warning   ", "info": "note      "}
WIDEST_METRIC = 28
FIGURES = {
    "taken up": "planned",
    "in ledger": "held",
    "asked": "asked",
    "calls": "call",
    "failed": "failure",
    "answered": "answered",
    "n/a": "not_applicable",
    "undecided": "undecided",
    "error": "error",
    "left": "",
    "tokens": "",
    "dollars": "",
}
"""Columns by heading, with the count that each shows, if it is one."""
NARROW = ("asked", "calls", "left", "tokens", "dollars")
ROOMY = 130
"""Columns of a terminal that has room for all figures; a narrower one shows those of `NARROW`."""
WIDTH = 160
"""Columns where there is no terminal to ask: a pipe, a log, a test."""


def console() -> Console:
    """Standard output, as wide as the terminal, without colours where it is none."""
    plain = Console(highlight=False, markup=False)
    return plain if plain.is_terminal else Console(highlight=False, markup=False, width=WIDTH, color_system=None)


def print_run(summary: Summary) -> None:
    """What a run did, in the order in which it did it."""
    out, landing, tally = console(), summary.landing, summary.evaluation.tally
    if summary.erased_count:
        erased = counted(summary.erased_count, "conversation")
        out.print(f"erased     {erased} too old to be kept, or left by an erase that was killed")
    out.print(
        f"landed     {counted(landing.file_count, 'new file')} ({landing.skipped_count} landed before): "
        f"{landing.read_count:,} read = {landing.kept_count:,} kept + {landing.duplicate_count:,} duplicate + "
        f"{landing.waiting_count:,} waiting + {landing.quarantined_count:,} quarantined + "
        f"{landing.erased_count:,} erased"
    )
    for name in landing.changing:
        out.print(f"waiting    {name} changed while it was read; the next run takes it in")
    merged = summary.merged
    out.print(
        f"merged     {counted(merged.conversation_count, 'conversation')}, {merged.superseded_count:,} superseded, "
        f"{counted(len(merged.changed_days), 'day')} changed"
    )
    cost = "" if tally.cost_dollars is None else f", {tally.cost_dollars:,.2f} dollars"
    clients = summary.evaluation.clients
    through = f" through {' and '.join(clients)}" if clients else ""
    retries = f" ({counted(tally.retries, 'retry', 'retries')})" if tally.retries else ""
    cached = f" ({tally.cached_tokens:,} of them cached)" if tally.cached_tokens else ""
    out.print(
        f"judged     {counted(len({result.day for result in summary.evaluation.results}), 'day')}: "
        f"{counted(tally.requests, 'request')}{retries}, {counted(tally.replies, 'reply', 'replies')}, "
        f"{counted(tally.prompt_tokens + tally.reply_tokens, 'token')}{cached}{cost}{through}; "
        f"{counted(summary.evaluation.open_count, 'cell')} left open"
    )
    if tally.failures:
        out.print(f"failed     {', '.join(f'{kind} {count:,}' for kind, count in tally.failures.most_common())}")
    print_figures(out, summary.evaluation.rows)
    for note in summary.evaluation.notes:
        out.print(f"note       {note}")
    seconds = ", ".join(f"{stage.name} {stage.wall_seconds:,.1f} s" for stage in summary.stages)
    out.print(f"took       {seconds}; {max(stage.peak_rss_bytes for stage in summary.stages) / 1e6:,.0f} MB at most")
    print_findings(out, summary.findings)
    if summary.publication is not None:
        out.print(f"published  {summary.publication.path}")


def print_findings(out: Console, findings: Sequence[Finding]) -> None:
    """What the checks found: of each check and metric the newest day, and on how many more it is so."""
    alike: dict[tuple[str, str | None], list[Finding]] = {}
    for finding in findings:
        alike.setdefault((finding.check, finding.metric), []).append(finding)
    for found in list(alike.values())[:MOST_FINDINGS]:
        others = f" The same on {counted(len(found) - 1, 'day')} more." if len(found) > 1 else ""
        out.print(f"{HEADINGS[found[0].severity]} {found[0].sentence}{others} {found[0].look_at}", soft_wrap=True)
    if len(alike) > MOST_FINDINGS:
        out.print(f"warning    and {counted(len(alike) - MOST_FINDINGS, 'warning')} more: see `metrics audit --json`")


def print_figures(out: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """What a run came to by metric, those with most calls first; metrics for which there was no work are left out.

    Args:
        rows: Of the table `evaluation_runs`.
    """
    worked = [row for row in rows if row["planned_count"] or row["call_count"]]
    if not worked:
        return
    worked.sort(key=lambda row: (-row["call_count"], row["metric"]))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    table.add_column("metric", no_wrap=True, max_width=WIDEST_METRIC)
    shown = {heading: count for heading, count in FIGURES.items() if out.width >= ROOMY or heading in NARROW}
    for heading in shown:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in worked[:MOST_METRICS]:
        dollars = "not known" if row["dollars"] is None else f"{row['dollars']:,.4f}"
        left = f"{row['open_count']:,}" + (f" {row['open_reason']}" if row["open_reason"] else "")
        tokens = row["prompt_tokens"] + row["reply_tokens"]
        figures = {heading: f"{row[f'{count}_count']:,}" for heading, count in FIGURES.items() if count}
        figures |= {"left": left, "tokens": f"{tokens:,}", "dollars": dollars}
        table.add_row(" " * 8, row["metric"], *(figures[heading] for heading in shown))
    out.print(table)
    if len(worked) > MOST_METRICS:
        out.print(
            f"           and {counted(len(worked) - MOST_METRICS, 'metric')} more: see --json, or `evaluation_runs`"
        )


def print_metrics(generation: Path, agreements: Mapping[str, Agreement] | None = None) -> None:
    """Each metric's rate with its interval and trend, and below it what the rate is not out of.

    Args:
        generation: A published generation.
        agreements: How far each metric agrees with a truth, where there is one.
    """
    out, metrics = console(), summaries(generation)
    width = max((len(metric.name) for metric in metrics), default=0)
    for metric in metrics:
        out.print(f"{metric.name:<{width}}  {_rate(metric)}  {sparkline(metric.weekly_rates)}".rstrip(), style="bold")
        agreement = (
            "" if agreements is None else f" · agrees with the truth: {_agreement(agreements.get(metric.metric))}"
        )
        out.print(
            f"    not applicable {metric.not_applicable_count:,} · undecided {metric.undecided_count:,} · "
            f"error {metric.error_count:,} · unjudged {metric.unjudged_count:,}{agreement}"
        )


def _rate(metric: MetricSummary) -> str:
    if metric.rate_of is None:
        shares = ", ".join(f"{label} {share:.0%}" for label, share in metric.top_labels)
        return f"{shares or 'no answers'} of {metric.answered_count:,}"
    if metric.rate is None or metric.rate_low is None or metric.rate_high is None:
        return "no answers"
    interval = f"({metric.rate_low:.1%} to {metric.rate_high:.1%})"
    return f"{metric.rate:6.1%}  {interval:<18} of {metric.rate_denominator:>6,}"


def _agreement(agreement: Agreement | None) -> str:
    if agreement is None or agreement.share is None:
        return "not measured"
    kappa = "" if agreement.kappa is None else f", kappa {agreement.kappa:.2f}"
    return f"{agreement.share:.0%} of {agreement.pair_count:,}{kappa}"
