"""Every place of a data folder in which something of a conversation can stand, and how much of it does."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb
import re2

from metrics_pipeline.conversations.erased import SHORTEST_IN_NAME, Erased, Gone
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.erasing.landed import (
    HeldInShards,
    hashes_that_stay,
    held_in_shards,
    named_in_quarantine,
    named_in_receipts,
)
from metrics_pipeline.erasing.rows import SUFFIXES, held_in_rows
from metrics_pipeline.erasing.tombstones import held_in_feed
from metrics_pipeline.evaluation.ledger import Ledger
from metrics_pipeline.files import explained
from metrics_pipeline.publishing.rewriting import generations, held_in_database, held_in_generation
from metrics_pipeline.publishing.warehouse import database_path

TABLES = ("conversations", "turns", "logged_metrics", "verdicts", "second_opinions")
BY_PEOPLE = ("labels", "calibration", "sets")
"""Folders of what people said about conversations, or chose: each is looked in, whether it is there or not."""
ROWS = (*BY_PEOPLE, "demo")
"""Folders whose files of rows are rewritten. Any other such file may be an export that somebody put there."""
LEFTOVER = re.compile(r"\..+\.[0-9a-f]{32}\.tmp(?:\.\w+)?")
"""What whoever was killed while writing left beside the place that it wrote to."""
OF_OTHERS = ("landing", "pulls", "dagster_home")
"""Folders whose half-written files are not ours to remove: others write there meanwhile."""


class Place(NamedTuple):
    """One place that was looked in."""

    name: str
    """Its path in the data folder."""
    unit: str
    """What is counted there."""
    found: int


class _Found(NamedTuple):
    name: str
    unit: str
    counts: Counter[str]
    """By conversation, where that is known."""


class Look(NamedTuple):
    """What a data folder holds of some conversations."""

    places: tuple[Place, ...]
    known_ids: frozenset[str]
    """Those of which anything was found."""
    judged_hashes: frozenset[str]
    """By which the ledger knows them, and no conversation that stays."""
    raw_files: tuple[str, ...]
    """The export files that they landed from: the owner's, which nobody here writes to."""


def look(folder: DataFolder, gone: Gone, landing: Path) -> Look:
    """Look everywhere. Nothing of it is changed.

    Args:
        landing: The landing folder, in which nobody looks.

    Raises:
        DataFolderError: A file is damaged, so that nobody can say what it holds.
    """
    shards = held_in_shards(folder, gone)
    hashes = _asked_about(folder, gone, shards)
    database = database_path(folder)
    found = [
        _Found("landed", "rows", shards.rows),
        _Found("landed/*/receipt.json", "names of files", named_in_receipts(folder, gone)),
        *_tables(folder, gone),
        _Found("ledger.sqlite", "requests, with their replies", hashes),
        _Found("quarantine", "names of files", named_in_quarantine(folder, gone)),
        _Found(_name(folder, database), "rows", _in_build(database, gone)),
        *(_Found(_name(folder, path), "rows", held_in_generation(path, gone)) for path in generations(folder)),
        _Found("feed", "rows", held_in_feed(folder, gone)),
        *_elsewhere(folder, gone, landing),
        _Found("half-written files", "files", Counter(path.name for path in leftovers(folder))),
    ]
    places = tuple(Place(one.name, one.unit, one.counts.total()) for one in found)
    known = gone.ids & {key for one in found for key in one.counts}
    return Look(places, known, frozenset(hashes), shards.files)


def _asked_about(folder: DataFolder, gone: Gone, shards: HeldInShards) -> Counter[str]:
    """Requests by judged hash, of those about words that no conversation that stays has said."""
    if not folder.ledger.exists():
        return Counter()
    erased = Erased(folder)
    # Without a key no mark was ever made, and none is made by looking.
    marks = erased.marks | {erased.mark(one) for one in gone.ids} if erased.has_key else frozenset()
    with Ledger(folder.ledger) as ledger:
        found = ledger.asked_about(shards.judged_hashes, marks)
    stay = hashes_that_stay(folder, gone, found) if found else set()
    return Counter({one: count for one, count in found.items() if one not in stay})


def row_files(folder: DataFolder, landing: Path) -> Iterator[Path]:
    """Every file of rows that is the pipeline's own or written for it, and is no table's."""
    for path in _files(folder, landing):
        if path.suffix in SUFFIXES and path.relative_to(folder.root).parts[0] in ROWS:
            yield path


def table_files(folder: DataFolder, table: str) -> list[Path]:
    """The files of a table, in their order."""
    return sorted(path for path in folder.table(table).rglob("[!.]*.parquet"))


def leftovers(folder: DataFolder) -> Iterator[Path]:
    """Half-written files and folders that nobody writes to any more, where nobody but us writes."""
    for top in folder.root.iterdir() if folder.root.is_dir() else ():
        if top.name not in OF_OTHERS and not top.is_symlink():
            yield from (path for path in [top, *top.rglob("*")] if LEFTOVER.fullmatch(path.name))


def _tables(folder: DataFolder, gone: Gone) -> Iterator[_Found]:
    for table in TABLES:
        found: Counter[str] = Counter()
        for path in table_files(folder, table):
            found += held_in_rows(path, gone)
        yield _Found(table, "rows", found)


def _in_build(database: Path, gone: Gone) -> Counter[str]:
    try:
        return held_in_database(database, gone) if database.exists() else Counter()
    except duckdb.Error:
        # Half a build of a killed run: it is removed in any case.
        return Counter()


def _elsewhere(folder: DataFolder, gone: Gone, landing: Path) -> Iterator[_Found]:
    """The folders of people's files, and whatever else there is: of that, each file that has something."""
    handled = {"landed", "quarantine", "published", "feed", "erased", *TABLES}
    database = database_path(folder)
    rows: dict[str, Counter[str]] = {name: Counter() for name in BY_PEOPLE}
    named: dict[str, Counter[str]] = {name: Counter() for name in OF_OTHERS if name != "landing"}
    search = _search(gone)
    for path in _files(folder, landing):
        top = path.relative_to(folder.root).parts[0]
        if top in handled or path.name.startswith((folder.ledger.name, database.name)):
            continue
        held = held_in_rows(path, gone) if path.suffix in SUFFIXES else Counter()
        if held:
            rows.setdefault(top if top in ROWS else _name(folder, path), Counter()).update(held)
        elif search is not None and path.suffix != ".parquet" and search.search(_content(path)) is not None:
            named[_name(folder, path)] = Counter([path.name])
    yield from (_Found(name, "rows", counts) for name, counts in sorted(rows.items()))
    yield from (_Found(name, "files that name it", counts) for name, counts in sorted(named.items()))


def _content(path: Path) -> bytes:
    with explained(path):
        try:
            return path.read_bytes()
        except FileNotFoundError:
            # Others write to Dagster's home, and remove what they wrote there.
            return b""


def _search(gone: Gone) -> re2._Regexp | None:
    """Finds any of the ids in bytes; None where all of them are too short to mean anything there."""
    ids = [re2.escape(one.encode()) for one in sorted(gone.ids) if len(one) >= SHORTEST_IN_NAME]
    if not ids:
        return None
    options = re2.Options()
    options.max_mem, options.never_capture, options.log_errors = 1 << 29, True, False
    return re2.compile(b"(?:^|[^0-9A-Za-z])(?:" + b"|".join(ids) + b")(?:$|[^0-9A-Za-z])", options)


def _files(folder: DataFolder, landing: Path) -> Iterator[Path]:
    for path in sorted(folder.root.rglob("*")):
        if path.is_file() and not path.is_symlink() and landing not in path.parents:
            yield path


def _name(folder: DataFolder, path: Path) -> str:
    return str(path.relative_to(folder.root))
