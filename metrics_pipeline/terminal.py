"""What a command prints when it is done, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from metrics_pipeline.pipeline import Summary
from metrics_pipeline.serving.agreement import Agreement
from metrics_pipeline.serving.summary import MetricSummary, sparkline, summaries

WIDTH = 132
"""Columns where there is no terminal to ask: a pipe, a log, a test."""


def console() -> Console:
    """Standard output, as wide as the terminal, without colours where it is none."""
    plain = Console(highlight=False)
    return plain if plain.is_terminal else Console(highlight=False, width=WIDTH, color_system=None)


def print_run(summary: Summary) -> None:
    """What a run did, in the order in which it did it."""
    out, landing, tally = console(), summary.landing, summary.evaluation.tally
    out.print(
        f"landed     {landing.file_count} new files ({landing.skipped_count} landed before): "
        f"{landing.read_count:,} read = {landing.kept_count:,} kept + {landing.duplicate_count:,} duplicate + "
        f"{landing.waiting_count:,} waiting + {landing.quarantined_count:,} quarantined"
    )
    merged = summary.merged
    out.print(
        f"merged     {merged.conversation_count:,} conversations, {merged.superseded_count:,} superseded, "
        f"{len(merged.changed_days)} days changed"
    )
    cost = "" if tally.cost_dollars is None else f", {tally.cost_dollars:.2f} dollars"
    out.print(
        f"judged     {len({result.day for result in summary.evaluation.results})} days: {tally.requests:,} requests, "
        f"{tally.replies:,} replies, {tally.prompt_tokens + tally.reply_tokens:,} tokens{cost}; "
        f"{summary.evaluation.open_count:,} cells left open"
    )
    for note in summary.evaluation.notes:
        out.print(f"note       {note}")
    if summary.publication is not None:
        out.print(f"published  {summary.publication.path}")


def print_metrics(generation: Path, agreements: Mapping[str, Agreement] | None = None) -> None:
    """Each metric's rate with its interval, its denominators and its trend; beside it how far to trust it, if known."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("metric", "rate", "95 % interval", "out of"):
        table.add_column(heading, justify="left" if heading == "metric" else "right", no_wrap=True)
    for heading in ("not applicable", "undecided", "error", "unjudged"):
        table.add_column(heading.replace("not applicable", "n/a"), justify="right", no_wrap=True)
    table.add_column("by week", no_wrap=True)
    if agreements is not None:
        table.add_column("agrees with the truth", no_wrap=True)
    for metric in summaries(generation):
        row = [*_rate(metric), *_others(metric), sparkline(metric.weekly_rates)]
        if agreements is not None:
            row.append(_agreement(agreements.get(metric.metric)))
        table.add_row(*row)
    console().print(table)


def _rate(metric: MetricSummary) -> list[str]:
    if metric.rate_of is None:
        shares = ", ".join(f"{label} {share:.0%}" for label, share in metric.top_labels[:1])
        return [metric.name, shares, "", f"{metric.conversation_count - _without_answer(metric):,}"]
    if metric.rate is None or metric.rate_low is None or metric.rate_high is None:
        return [metric.name, "no answers", "", "0"]
    interval = f"{metric.rate_low:.1%} to {metric.rate_high:.1%}"
    return [metric.name, f"{metric.rate:.1%}", interval, f"{metric.rate_denominator:,}"]


def _without_answer(metric: MetricSummary) -> int:
    return metric.not_applicable_count + metric.undecided_count + metric.error_count + metric.unjudged_count


def _others(metric: MetricSummary) -> list[str]:
    counts = (metric.not_applicable_count, metric.undecided_count, metric.error_count, metric.unjudged_count)
    return [f"{count:,}" for count in counts]


def _agreement(agreement: Agreement | None) -> str:
    if agreement is None or agreement.share is None:
        return "not measured"
    kappa = "" if agreement.kappa is None else f", kappa {agreement.kappa:.2f}"
    return f"{agreement.share:.0%} of {agreement.pair_count:,}{kappa}"
