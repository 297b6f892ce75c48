"""What people are told after a night, and whether there is anything to tell. Never a word of a conversation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from metrics_pipeline.health.finding import Finding
from metrics_pipeline.health.nights import EvaluationRun
from metrics_pipeline.notifying.moved import Move
from metrics_pipeline.wording import counted

MOST_LINES = 15
FINDING = "finding"
"""How the key of what a check found begins."""
BETTER = {("up", "up"): ", better", ("down", "down"): ", better", ("up", "down"): ", worse", ("down", "up"): ", worse"}
"""By the direction that is good and the one that was taken."""


class Broken(NamedTuple):
    """One thing that went wrong, told once."""

    key: str
    """By which it is known as told."""
    sentence: str
    path: str = ""
    """Of its page in Dagster, below the address of the web server; empty where it has none."""


class Message(NamedTuple):
    """What is sent."""

    title: str
    body: str


def broken(
    runs: Sequence[EvaluationRun], findings: Sequence[Finding], failed_job: tuple[str, str] | None
) -> list[Broken]:
    """What went wrong, what keeps tables from being published first.

    Args:
        runs: Of judging, oldest first; the last one says what is left open now.
        failed_job: Name and run's id of the Dagster job that failed, if one did.
    """
    found = []
    if failed_job is not None:
        job, run_id = failed_job
        found.append(Broken(f"run:{run_id}", f"The job {job} failed: see its run in Dagster.", f"runs/{run_id}"))
    for finding in sorted(findings, key=lambda one: one.severity != "block"):
        if finding.severity == "info":
            continue
        kept = "Nothing new is published. " if finding.severity == "block" else ""
        key = f"{FINDING}:{finding.check}:{finding.metric or ''}:{finding.day or ''}:{finding.severity}"
        page = f"assets/metric/{finding.metric}" if finding.metric else ""
        found.append(Broken(key, f"{kept}{finding}", page))
    if runs and (last := runs[-1]).stopped_by is not None:
        found.append(Broken(f"stopped:{last.run_id}", f"Judging was stopped ({last.stopped_by})."))
    for metric, count in runs[-1].open.items() if runs else ():
        said = f"{metric}: {counted(count, 'cell')} left to the next run."
        found.append(Broken(f"open:{runs[-1].run_id}:{metric}", said, f"assets/metric/{metric}"))
    return found


def message(
    night: date, moves: Sequence[Move], broke: Sequence[Broken], runs: Sequence[EvaluationRun], link_base: str | None
) -> Message | None:
    """What is told of a night; None where nothing moved and nothing broke.

    Args:
        moves, broke: What has not been told yet.
        runs: Those that are paid for by this message's cost.
        link_base: The address of Dagster's web server.
    """
    if not moves and not broke:
        return None
    parts = []
    if broke:
        parts.append(["Broke", *_listed([one.sentence + _link(link_base, one.path) for one in broke])])
    if moves:
        heading = f"Moved, 28 days to {moves[0].last_day} against the 28 before"
        parts.append(
            [heading, *_listed([_moved(move) + _link(link_base, f"assets/metric/{move.metric}") for move in moves])]
        )
    parts.append([_cost(runs)])
    if link_base:
        parts.append([f"Days and runs: {link_base}"])
    counts = [f"{len(broke)} broke"] if broke else []
    counts += [f"{len(moves)} moved"] if moves else []
    return Message(f"Metrics, {night}: {', '.join(counts)}", "\n\n".join("\n".join(part) for part in parts))


def _moved(move: Move) -> str:
    step = 100 * (move.compared.after - move.compared.before)
    interval = f"{100 * move.compared.low:+.1f} to {100 * move.compared.high:+.1f}"
    better = BETTER.get((move.good_direction, move.direction), "")
    rates = f"{move.compared.before:.1%} to {move.compared.after:.1%}"
    return f"{move.name}: {rates} ({step:+.1f} points, {interval}){better}"


def _cost(runs: Sequence[EvaluationRun]) -> str:
    calls, tokens = sum(run.calls for run in runs), sum(run.tokens for run in runs)
    known = [run.dollars for run in runs if run.dollars is not None]
    dollars = f", {sum(known):,.2f} dollars" if len(known) == len(runs) else ", dollars not known"
    return f"Cost: {counted(calls, 'call')}, {counted(tokens, 'token')}{dollars}"


def _link(base: str | None, path: str) -> str:
    return f"\n    {base.rstrip('/')}/{path}" if base and path else ""


def _listed(sentences: Sequence[str]) -> list[str]:
    more = len(sentences) - MOST_LINES
    return [
        *(f"  {one}" for one in sentences[:MOST_LINES]),
        *([f"  and {more:,} more: metrics status"] if more > 0 else []),
    ]
