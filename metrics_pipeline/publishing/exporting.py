"""One export from its beginning to its end: which generation, which rows, where to, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Literal, NamedTuple

import msgspec
import pyarrow as pa

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import SettingsError
from metrics_pipeline.files import can_write, locked
from metrics_pipeline.publishing import database_tables, feed
from metrics_pipeline.publishing.conversation_lines import conversation_line
from metrics_pipeline.publishing.destinations import Place, Written, is_database, place_of, put
from metrics_pipeline.publishing.export_formats import Format, OpenLine, as_it_is, write_rows
from metrics_pipeline.publishing.exports import Wanted, exported, shown_names
from metrics_pipeline.publishing.generation import resolve_current, tell_feed
from metrics_pipeline.settings import Settings

Kind = Literal["conversations", "verdicts", "feed"]
Rows = Callable[[], AbstractContextManager[pa.RecordBatchReader]]


class Asked(NamedTuple):
    """What somebody wants to have."""

    kind: Kind
    to: str
    form: Format | None = None
    first: date | None = None
    last: date | None = None
    with_evidence: bool = False
    since: str | None = None
    """The cursor of the feed from which on; None: everything."""


class Exported(NamedTuple):
    """What was exported."""

    kind: Kind
    generation: str
    rows: dict[str, int]
    """Rows by the file or table that they stand in."""
    files: tuple[str, ...]
    """Where they stand, without a secret; none in a database."""
    cursor: str
    """Of the feed: what to say next time; else empty."""
    names: dict[str, str]
    """Metrics that are called otherwise than by their key, with what they are called."""


def export(settings: Settings, folder: DataFolder, asked: Asked, now: datetime) -> Exported:
    """Write rows of the current generation, or changes of it, to where they are wanted.

    Raises:
        SettingsError: What is asked for cannot be.
        PublishError: Nothing is published, or it cannot be read.
        DataFolderError, ExportError: It cannot be written. What stood there before still does.
    """
    _refuse(asked)
    place = None if is_database(asked.to) else place_of(asked.to, asked.kind, asked.form)
    if asked.kind == "feed":
        return _export_feed(folder, asked, place, now)
    generation = resolve_current(folder)
    in_v3 = asked.kind == "conversations" and place is not None and place.form == "jsonl"
    days = (asked.first or date.min, asked.last or date.max)
    wanted = Wanted(asked.kind, *days, asked.with_evidence, settings.export_names, in_v3)
    names = shown_names(generation, settings.export_names) if asked.kind == "conversations" else {}
    names = {metric: name for metric, name in names.items() if name != metric}
    if place is None:
        with database_tables.connected(asked.to) as connection, exported(generation, wanted) as reader:
            table = f"export_{asked.kind}"
            rows = {table: database_tables.replace_rows(connection, table, reader, *days)}
        return Exported(asked.kind, generation.name, rows, (), "", names)
    line: OpenLine = as_it_is
    if in_v3:
        line = partial(conversation_line, account=settings.pull_account or "", project=settings.pull_project or "")
    written = [_put(place, place.stem + place.suffix, asked, partial(exported, generation, wanted), line)]
    said = {
        "from": asked.first.isoformat() if asked.first else None,
        "to": asked.last.isoformat() if asked.last else None,
        "with_evidence": asked.with_evidence,
        "names": names,
    }
    return _finished(asked, place, generation, written, said, "", names)


def _refuse(asked: Asked) -> None:
    """
    Raises:
        SettingsError: Options that do not go together.
    """
    if asked.kind != "feed" and asked.since is not None:
        raise SettingsError(f"--since goes with the feed: metrics export feed, or export {asked.kind} with --from.")
    if asked.kind == "feed" and (asked.with_evidence or asked.first or asked.last):
        raise SettingsError("The feed holds all days and no quotes: leave out --from, --until and --with-evidence.")
    if asked.first and asked.last and asked.first > asked.last:
        raise SettingsError(f"--from {asked.first} is after --until {asked.last}. Swap them.")
    if asked.form is not None and is_database(asked.to):
        raise SettingsError("A database has tables: leave out --format.")


def _export_feed(folder: DataFolder, asked: Asked, place: Place | None, now: datetime) -> Exported:
    with _feed_at_rest(folder, now) as generation:
        found = feed.parts(folder)
        after = 0 if asked.since is None else feed.sequence_of(asked.since, found)
        cursor = feed.cursor_of(found)
        changes, counts = partial(feed.changes_since, folder, found, after), partial(exported, generation, _COUNTS)
        if place is None:
            with database_tables.connected(asked.to) as connection:
                with changes() as reader:
                    added = database_tables.add_changes(connection, "verdict_changes", reader, after)
                with counts() as reader:
                    days = (date.min, date.max)
                    counted = database_tables.replace_rows(connection, "verdict_counts", reader, *days)
            rows = {"verdict_changes": added, "verdict_counts": counted}
            return Exported("feed", generation.name, rows, (), cursor, {})
        names = (place.stem + place.suffix, f"{place.stem}.counts{place.suffix}")
        written = [_put(place, name, asked, rows_of) for name, rows_of in zip(names, (changes, counts), strict=True)]
        return _finished(asked, place, generation, written, {"since": asked.since, "cursor": cursor}, cursor, {})


_COUNTS = Wanted("counts")


@contextmanager
def _feed_at_rest(folder: DataFolder, now: datetime) -> Iterator[Path]:
    """The current generation, with a feed that comes to it; nobody publishes or erases meanwhile."""
    if not can_write(folder.warehouse / ".lock"):
        yield resolve_current(folder)
        return
    with locked(folder.warehouse / ".lock"):
        generation = resolve_current(folder)
        if not feed.is_told(folder, generation):
            tell_feed(folder, generation, now)
        yield generation


def _put(place: Place, name: str, asked: Asked, rows: Rows, line: OpenLine = as_it_is) -> Written:
    def write(file: BinaryIO) -> int:
        with rows() as reader:
            return write_rows(reader, file, place.form, line)

    return put(place, name, 0o600 if asked.with_evidence or asked.kind == "feed" else 0o666, write)


def _finished(
    asked: Asked,
    place: Place,
    generation: Path,
    written: list[Written],
    said: Mapping[str, Any],
    cursor: str,
    names: dict[str, str],
) -> Exported:
    """Write the manifest, last: who sees it finds the files that it names."""
    manifest = {
        "kind": asked.kind,
        "generation": generation.name,
        "format": place.form,
        "files": {one.name: {"rows": one.row_count, "sha256": one.sha256} for one in written},
        **said,
    }
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    name = f"{place.stem}.manifest.json"
    put(place, name, 0o666, lambda file: file.write(text))
    files = tuple(place.shown(name) for name in (*(one.name for one in written), name))
    return Exported(asked.kind, generation.name, {one.name: one.row_count for one in written}, files, cursor, names)
