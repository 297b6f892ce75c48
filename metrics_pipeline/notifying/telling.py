"""After a night: what is new is told once, in one message. Quiet when nothing happened; a night never fails by it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import PublishError
from metrics_pipeline.files import locked
from metrics_pipeline.health.kept_findings import last_findings
from metrics_pipeline.health.nights import evaluation_runs
from metrics_pipeline.health.told import Told, keep_told, read_told
from metrics_pipeline.notifying.message import FINDING, Message, broken, message
from metrics_pipeline.notifying.moved import moves
from metrics_pipeline.notifying.sending import send
from metrics_pipeline.publishing.generation import resolve_current
from metrics_pipeline.settings import Settings

NEWEST_RUNS = 50
FIRST_COST = timedelta(days=1)
"""How far back the cost of the first message reaches."""


class Telling(NamedTuple):
    """What came of it."""

    message: Message | None
    """None: nothing is new."""
    problems: tuple[str, ...] = ()
    """Why it did not get to some address, a sentence each."""


def tell(
    settings: Settings, now: datetime, failed_job: tuple[str, str] | None = None, dry_run: bool = False
) -> Telling:
    """Tell everybody in `notify_urls` what is new since the last message.

    What moved is told once a day, what broke at once. What got to nobody is told again by the next.

    Args:
        failed_job: Name and run's id of the Dagster job that has just failed, if one has.
        dry_run: Send nothing and remember nothing.

    Raises:
        DataFolderError, PublishError: What is to be told cannot be read.
    """
    folder = DataFolder(settings.data)
    with locked(folder.root / ".notified.lock"):
        told = read_told(folder)
        found, after = _news(settings, folder, told, now, failed_job)
        if found is None or dry_run:
            if not dry_run:
                keep_told(folder, after)
            return Telling(found)
        problems = tuple(send(settings.notify_urls, found))
        failure = "; ".join(problems) or None
        reached = len(problems) < len(settings.notify_urls)
        keep_told(folder, (after if reached else told)._replace(failure=failure))
    return Telling(found, problems)


def _news(
    settings: Settings, folder: DataFolder, told: Told, now: datetime, failed_job: tuple[str, str] | None
) -> tuple[Message | None, Told]:
    """What is new, and what will have been told by it."""
    night = now.astimezone(settings.zone).date()
    runs = evaluation_runs(folder, NEWEST_RUNS)
    unpaid = [run for run in runs if (run.run_id > told.last_run if told.last_run else run.ended_at > now - FIRST_COST)]
    checked = last_findings(folder)
    broke = broken(unpaid, checked.findings if checked else (), failed_job)
    new = [one for one in broke if one.key not in told.broken]
    try:
        holding = moves(resolve_current(folder))
    except PublishError:
        holding = []
    moved = [move for move in holding if told.moves.get(move.metric) != move.direction]
    if told.night == night:
        # Once a day: later tables of the same day wait for the next, unless something broke.
        moved = []
    found = message(night, moved, new, unpaid, settings.link_base)
    told_now = {move.metric: move.direction for move in moved}
    still = {move.metric: told.moves[move.metric] for move in holding if move.metric in told.moves} | told_now
    # A finding that is gone may come again, and is told again then; a run that failed stays told.
    holds = {one.key for one in broke}
    kept = tuple(key for key in told.broken if key in holds or not key.startswith(FINDING))
    if found is None:
        return None, told._replace(moves=still, broken=kept)
    keys = (*kept, *(one.key for one in new))
    return found, Told(now, night, still, keys, runs[-1].run_id if runs else told.last_run)
