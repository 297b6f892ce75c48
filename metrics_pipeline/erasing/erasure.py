"""Conversations are erased: from every place, in one pass over each, however many they are.

What is being erased is noted first, then what keeps it out; only then is anything removed, and what leads to something
else is removed after it. So whoever is killed, at whatever moment, is finished by the next erasing or run. Every file
is there whole at any time.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

import pyarrow.parquet as pq

from metrics_pipeline.conversations.erased import Erased, Gone
from metrics_pipeline.conversations.merge import merge
from metrics_pipeline.conversations.receipts import write_ingest_files
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.erasing.landed import erase_from_quarantine, erase_from_shards
from metrics_pipeline.erasing.places import Look, leftovers, look, row_files, table_files
from metrics_pipeline.erasing.rows import erase_rows
from metrics_pipeline.erasing.tombstones import erase_from_feed
from metrics_pipeline.erasing.unfinished import Unfinished, close_unfinished, read_unfinished, write_unfinished
from metrics_pipeline.errors import ErasingError
from metrics_pipeline.evaluation.ledger import Ledger
from metrics_pipeline.files import explained, locked
from metrics_pipeline.publishing.rewriting import generations, rewrite_generation
from metrics_pipeline.publishing.warehouse import discard_build

SHOWN_IDS = 5
OnWait = Callable[[], None]
"""Called where another process holds a lock, before it is waited for."""


class ErasedPlace(NamedTuple):
    """One place that was looked in, before and after."""

    place: str
    unit: str
    """What is counted there."""
    found: int
    left: int


class Erasure(NamedTuple):
    """What an erasing did."""

    conversation_count: int
    places: tuple[ErasedPlace, ...]
    """Every place that was looked in."""
    raw_files: tuple[str, ...]
    """The export files that the conversations landed from, by their names in the landing folder: they stay."""
    tombstones: Path
    """The file of the feed that tells who holds a copy."""

    @property
    def left_count(self) -> int:
        return sum(place.left for place in self.places)


def look_for(folder: DataFolder, conversation_ids: Collection[str], landing: Path) -> Look:
    """Where the conversations stand.

    Raises:
        ErasingError: One of them is not known. Nothing was recorded of any.
    """
    found = look(folder, Gone(conversation_ids), landing)
    erased, unfinished = Erased(folder), read_unfinished(folder)
    known = found.known_ids.union(unfinished.conversation_ids if unfinished else ())
    if unknown := sorted(one for one in set(conversation_ids) - known if one not in erased):
        shown = ", ".join(map(_in_one_line, unknown[:SHOWN_IDS])) + (
            f" and {len(unknown) - SHOWN_IDS:,} more" if unknown[SHOWN_IDS:] else ""
        )
        raise ErasingError(
            f"{folder.root}: nothing is known of {shown}. Correct the ids, or leave them out. Nothing was erased or "
            "recorded. What still waits in the landing folder has no conversation yet: delete its file there."
        )
    return found


def erase(
    folder: DataFolder,
    conversation_ids: Collection[str],
    landing: Path,
    moment: datetime,
    *,
    is_forever: bool = True,
    on_wait: OnWait = lambda: None,
) -> Erasure:
    """Take the conversations out of everything in the data folder; who calls it holds the lock on what landed.

    The tables are not built anew, and nothing is published: every published generation is rewritten.

    Args:
        landing: The landing folder, which stays as it is.
        moment: Now.
        is_forever: Keep them out whatever lands. Else their age does.
        on_wait: Called where another process holds a lock.

    Raises:
        ErasingError: A conversation is not known, and nothing was recorded.
        DataFolderError, LedgerError, PublishError: A place cannot be read or written; erase again to go on there.
    """
    with _nobody_else_writes(folder, on_wait):
        # Files that do not add up are found before anything counts as erased.
        merge(folder)
        found = look_for(folder, conversation_ids, landing)
        ids = tuple(sorted(set(conversation_ids)))
        return _erase(folder, Unfinished(ids, moment, is_forever, found.raw_files), found, landing)


def finish(
    folder: DataFolder, landing: Path, on_wait: OnWait = lambda: None, forever: Collection[str] = ()
) -> Erasure | None:
    """Go on where an erasing was killed; None where none was. Who calls it holds the lock on what landed.

    Args:
        forever: Those of its conversations that are to stay out whatever lands, though it was for their age.
    """
    unfinished = read_unfinished(folder)
    if unfinished is None:
        return None
    with _nobody_else_writes(folder, on_wait):
        Erased(folder).add({*forever} & {*unfinished.conversation_ids})
        return _erase(folder, unfinished, look(folder, Gone(unfinished.conversation_ids), landing), landing)


def older_than(folder: DataFolder, before: date) -> set[str]:
    """The conversations of earlier days."""
    files = [folder.day_file("conversations", day) for day in folder.days() if day < before]
    return {one for path in files for one in pq.read_table(path, columns=["conversation_id"])[0].to_pylist()}


def _erase(folder: DataFolder, erasing: Unfinished, before: Look, landing: Path) -> Erasure:
    gone = Gone(erasing.conversation_ids)
    write_unfinished(folder, erasing)
    if erasing.is_forever:
        Erased(folder).add(gone.ids)
    for path in list(leftovers(folder)):
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    # The shards come after everything that they lead to.
    if folder.ledger.exists():
        with Ledger(folder.ledger) as ledger:
            ledger.forget(before.judged_hashes)
            ledger.compact()
    for path in [
        *table_files(folder, "verdicts"),
        *table_files(folder, "second_opinions"),
        *row_files(folder, landing),
    ]:
        erase_rows(path, gone)
    erase_from_quarantine(folder, gone)
    erase_from_shards(folder, gone)
    write_ingest_files(folder)
    merge(folder)
    with explained(folder.warehouse):
        discard_build(folder)
        shutil.rmtree(folder.warehouse / "spill", ignore_errors=True)
    for generation in generations(folder):
        rewrite_generation(generation, gone, erasing.began_at)
    tombstones = erase_from_feed(folder, gone, erasing.began_at)
    after = {(place.name, place.unit): place.found for place in look(folder, gone, landing).places}
    close_unfinished(folder)
    places = tuple(
        ErasedPlace(place.name, place.unit, place.found, after.pop((place.name, place.unit), 0))
        for place in before.places
    )
    new = tuple(ErasedPlace(name, unit, count, count) for (name, unit), count in after.items() if count)
    return Erasure(len(gone.ids), places + new, erasing.raw_files, tombstones)


def _in_one_line(conversation_id: str) -> str:
    """An id as a line of --ids can hold it."""
    return conversation_id if conversation_id.isprintable() else json.dumps(conversation_id)


@contextmanager
def _nobody_else_writes(folder: DataFolder, on_wait: OnWait) -> Iterator[None]:
    with ExitStack() as locks:
        for place in (folder.judging_lock, folder.table("verdicts") / ".lock", folder.warehouse / ".lock"):
            locks.enter_context(locked(place, on_wait))
        yield
