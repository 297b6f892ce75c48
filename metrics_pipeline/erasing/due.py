"""What is to be erased: what somebody names, what the settings call too old, and what was begun and not done."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta

from metrics_pipeline.data_folder import DataFolder, open_data_folder
from metrics_pipeline.erasing.erasure import Erasure, OnWait, erase, finish, look_for, older_than
from metrics_pipeline.erasing.places import Look
from metrics_pipeline.erasing.unfinished import read_unfinished
from metrics_pipeline.files import locked
from metrics_pipeline.publishing.generation import Publication, publish
from metrics_pipeline.publishing.warehouse import build_marts
from metrics_pipeline.settings import Settings


def first_day_kept(settings: Settings, moment: datetime) -> date | None:
    """The first day whose conversations are not too old; None where none is ever."""
    if settings.retention_days is None:
        return None
    return moment.astimezone(settings.zone).date() - timedelta(days=settings.retention_days)


def erase_what_is_due(
    settings: Settings, folder: DataFolder, moment: datetime, on_wait: OnWait = lambda: None
) -> list[Erasure]:
    """Finish an erasing that was killed, and erase what is too old; who calls it holds the lock on what landed."""
    landing = settings.landing_folder
    finished = finish(folder, landing, on_wait)
    done = [] if finished is None else [finished]
    before = first_day_kept(settings, moment)
    if before is not None and (ids := older_than(folder, before)):
        done.append(erase(folder, ids, landing, moment, is_forever=False, on_wait=on_wait))
    return done


def look_before_erasing(
    settings: Settings, conversation_ids: Collection[str], too_old: bool, moment: datetime
) -> tuple[int, Look]:
    """How many conversations `erase_conversations` would erase, and where they stand. Nothing of it changes.

    Raises:
        ErasingError: One of them is not known.
    """
    folder = open_data_folder(settings.data)
    before = first_day_kept(settings, moment) if too_old else None
    ids = set(conversation_ids) | (older_than(folder, before) if before else set())
    return len(ids), look_for(folder, ids, settings.landing_folder)


def erase_conversations(
    settings: Settings,
    conversation_ids: Collection[str],
    too_old: bool,
    now: Callable[[], datetime],
    on_wait: OnWait = lambda: None,
) -> tuple[list[Erasure], Publication | None]:
    """Erase the conversations from the whole data folder, and publish the tables without them.

    Args:
        too_old: Those that are more than `retention_days` old as well.
        on_wait: Called where another process holds a lock.

    Returns:
        What was done, an erasing that was killed before first; and what was published, if anything was before.

    Raises:
        ErasingError: A conversation is not known, and nothing was recorded.
        PublishError: The tables cannot be built anew. Everything is erased, from what is published as well.
    """
    folder = open_data_folder(settings.data)
    with locked(folder.landed / ".lock", on_wait):
        unfinished = read_unfinished(folder)
        finished = finish(folder, settings.landing_folder, on_wait, forever=conversation_ids)
        done = [] if finished is None else [finished]
        # Before those that are too old: some may be both, and these stay out whatever lands.
        if ids := set(conversation_ids) - set(unfinished.conversation_ids if unfinished else ()):
            done.append(erase(folder, ids, settings.landing_folder, now(), on_wait=on_wait))
        if too_old:
            done += erase_what_is_due(settings, folder, now(), on_wait)
    publication = None
    if done and (folder.published / "current").exists():
        with locked(folder.warehouse / ".lock", on_wait):
            build_marts(folder)
            publication = publish(folder, now(), settings.keep_generations, settings.keep_generation_days)
    return done, publication
