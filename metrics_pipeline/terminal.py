"""What a command prints when it is done, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from metrics_pipeline.pipeline import Summary
from metrics_pipeline.serving.agreement import Agreement
from metrics_pipeline.serving.summary import MetricSummary, sparkline, summaries
from metrics_pipeline.wording import counted

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
    cost = "" if tally.cost_dollars is None else f", {tally.cost_dollars:.2f} dollars"
    clients = summary.evaluation.clients
    through = f" through {' and '.join(clients)}" if clients else ""
    out.print(
        f"judged     {counted(len({result.day for result in summary.evaluation.results}), 'day')}: "
        f"{counted(tally.requests, 'request')}, {counted(tally.replies, 'reply', 'replies')}, "
        f"{counted(tally.prompt_tokens + tally.reply_tokens, 'token')}{cost}{through}; "
        f"{counted(summary.evaluation.open_count, 'cell')} left open"
    )
    for note in summary.evaluation.notes:
        out.print(f"note       {note}")
    if summary.publication is not None:
        out.print(f"published  {summary.publication.path}")


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
