"""Conversations are fetched into the landing folder, page by page; nothing is lost or doubled however it ends.

A window is cut into days. A day is walked by cursor, and each page is a file, whole and named by its content, before
the place of the next page is noted: whoever is killed goes on there. A day is done when the offsets that a server gives
with its pages show that none was left out, or else when another walk, in turn by offset and by cursor, finds the same
conversations: a server that skips or repeats is found out. Landing and merge know files and conversations by content,
so what comes twice counts once.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import msgspec

from metrics_pipeline.conversations.conversations_api import (
    CallLimits,
    ConversationsApi,
    Source,
    Span,
)
from metrics_pipeline.conversations.pages import Page, read_page
from metrics_pipeline.conversations.pull_state import (
    OpenPull,
    PullRecord,
    PullState,
    new_name,
    read_state,
    write_record,
    write_state,
)
from metrics_pipeline.conversations.walk import Walk
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import CursorRefusedError, PullError, SettingsError
from metrics_pipeline.files import locked, replacing

PULLED = "pulled"
"""The folder of the landing folder in which pages stand."""
MAX_WALKS = 6
LONGEST_OPEN = timedelta(days=7)
"""A conversation that is in progress for longer is not waited for."""
DAY = timedelta(days=1)


def pull(
    source: Source,
    landing: Path,
    folder: DataFolder,
    limits: CallLimits,
    overlap: timedelta,
    now: Callable[[], datetime],
    first: datetime | None = None,
    last: datetime | None = None,
) -> list[PullRecord]:
    """Fetch what started from `first` to `last`, or what is new since the last pull, into the landing folder.

    A pull that did not end is finished first, and has a record of its own.

    Args:
        overlap: How far before the end of the last pull the next begins, for what the server learns late.
        first: Where the last pull ended, less the overlap, when None.
        last: Now, when None or later.

    Raises:
        SettingsError: There is no last pull, and no `first`; or the window is empty.
        PullError: The source does not give everything. What came is kept, and the next pull goes on there.
        DataFolderError: A file cannot be written.
    """
    with locked(folder.pulls / ".lock"):
        records = []
        state = read_state(folder, source.fingerprint)
        if state.open is not None:
            records.append(_Pull(source, landing, folder, limits, now, state).run())
            state = read_state(folder, source.fingerprint)
        span = window(state, overlap, now(), first, last)
        if not records or (records[-1].first, records[-1].last) != span:
            opened = msgspec.structs.replace(state, open=OpenPull(span.start, span.end, span.start))
            records.append(_Pull(source, landing, folder, limits, now, opened).run())
        return records


def window(
    state: PullState, overlap: timedelta, now: datetime, first: datetime | None = None, last: datetime | None = None
) -> Span:
    """From when to when to pull.

    Raises:
        SettingsError: Nothing says where to begin, or the end is not after the beginning.
    """
    if first is None:
        if state.end is None:
            raise SettingsError(
                "Nothing has been pulled yet. Say from which day on: metrics pull --from 2026-09-01, or set "
                "METRICS_FIRST_DAY."
            )
        first = state.end - overlap
        if state.waiting_since is not None:
            first = min(first, max(state.waiting_since, state.end - LONGEST_OPEN))
    end = now if last is None else min(last, now)
    if first >= end and state.end is not None and state.end > now:
        raise SettingsError(
            f"The last pull ended at {state.end:%Y-%m-%d %H:%M} UTC, and by this machine's clock it is "
            f"{now:%Y-%m-%d %H:%M}: one of the two is wrong. Set the clock, and say from which day on: metrics pull "
            "--from 2026-09-01."
        )
    if first >= end:
        raise SettingsError(f"There is nothing to pull from {first:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC.")
    return Span(first, end)


def days_of(start: datetime, end: datetime) -> Iterator[Span]:
    """The days of UTC from `start` to `end`, the first and the last as much of them as there is."""
    while start < end:
        midnight = start.astimezone(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
        stop = min(midnight + DAY, end)
        yield Span(start, stop)
        start = stop


class _Pull:
    """One pull of one window."""

    def __init__(
        self,
        source: Source,
        landing: Path,
        folder: DataFolder,
        limits: CallLimits,
        now: Callable[[], datetime],
        state: PullState,
    ) -> None:
        assert state.open is not None
        self._source, self._landing, self._folder = source, landing, folder
        self._limits, self._now, self._state, self._open = limits, now, state, state.open
        self._began = time.monotonic()
        self._record = PullRecord(
            new_name(folder, now()),
            source.name,
            self._open.first,
            self._open.last,
            "running",
            "",
            0.0,
            0,
            0,
            0,
            0,
            0,
            self._open.files,
        )

    def run(self) -> PullRecord:
        self._note(self._open)
        write_record(self._folder, self._record)
        try:
            asyncio.run(self._run())
        except PullError as error:
            self._record = msgspec.structs.replace(self._record, outcome="incomplete", reason=str(error))
            raise
        else:
            self._finish()
            self._record = msgspec.structs.replace(self._record, outcome="complete")
        finally:
            seconds = round(time.monotonic() - self._began, 3)
            self._record = msgspec.structs.replace(self._record, seconds=seconds)
            write_record(self._folder, self._record)
        return self._record

    async def _run(self) -> None:
        async with ConversationsApi(self._source, self._limits, self._now) as api:
            try:
                for day in days_of(self._open.day_start, self._open.last):
                    await self._pull_day(api, day)
                    # Before the place: a kill between them must not leave the day's pages without a pull.
                    write_record(self._folder, self._record)
                    self._note(self._at(day.end))
            finally:
                self._record = msgspec.structs.replace(
                    self._record, request_count=api.request_count, retry_count=api.retry_count
                )

    async def _pull_day(self, api: ConversationsApi, day: Span) -> None:
        held = self._held()
        if held is None:
            self._note(self._at(day.start))
            held = {}
        known = set(held.values())
        for number in range(MAX_WALKS):
            if number == 0:
                walk = Walk(True, set(known), self._open.cursor, self._open.is_proven)
            else:
                walk = Walk(number % 2 == 0, set(), None, True)
            await self._walk(api, day, walk, held, is_first=number == 0)
            is_same = number > 0 and walk.keys == known == set(held.values())
            if walk.is_ended and (walk.is_proven or is_same):
                return
            known = set(held.values())
        raise PullError(
            f"{self._source.name}: gave other conversations of {day.start:%Y-%m-%d} each of {MAX_WALKS} times, or its "
            "cursors run in a circle. What came is kept; pull again, and that day is asked for anew."
        )

    async def _walk(
        self, api: ConversationsApi, day: Span, walk: Walk, held: dict[bytes, str], *, is_first: bool
    ) -> None:
        while True:
            try:
                page = await api.page(day, *((walk.cursor, 0) if walk.is_by_cursor else (None, walk.offset)))
            except CursorRefusedError:
                return
            has_more = walk.add(page, self._limits.page_size)
            self._keep(page, held)
            if not has_more:
                return
            # Only the first walk goes on after a crash: the files say what it has seen.
            if is_first:
                self._note(msgspec.structs.replace(self._open, cursor=walk.cursor, is_proven=walk.is_proven))

    def _keep(self, page: Page, held: dict[bytes, str]) -> None:
        """The page as a file, where it holds anything that the day's files do not hold yet."""
        record = self._record
        files = record.files
        if any(item.content_hash not in held for item in page.items):
            name = f"{PULLED}/{hashlib.sha256(page.content).hexdigest()[:32]}.json"
            if not (self._landing / name).exists():
                with replacing(self._landing / name) as beside:
                    beside.touch(mode=0o600)
                    beside.write_bytes(page.content)
            files = (*files, *({name} - set(files)))
            held.update((item.content_hash, item.key) for item in page.items)
            waiting = [item.waiting_since for item in page.items if item.waiting_since is not None]
            if self._open.waiting_since is not None:
                waiting.append(self._open.waiting_since)
            self._open = msgspec.structs.replace(
                self._open, files=(*self._open.files, name), waiting_since=min(waiting, default=None)
            )
        self._record = msgspec.structs.replace(
            record,
            page_count=record.page_count + 1,
            byte_count=record.byte_count + page.byte_count,
            received_count=record.received_count + len(page.items),
            files=files,
        )

    def _held(self) -> dict[bytes, str] | None:
        """What the day's files hold, key by content hash; None where one of them is gone."""
        held: dict[bytes, str] = {}
        for name in self._open.files:
            path = self._landing / name
            page = read_page(path.read_bytes()) if path.exists() else None
            if page is None:
                return None
            held.update((item.content_hash, item.key) for item in page.items)
        return held

    def _at(self, day_start: datetime) -> OpenPull:
        """The window with a day ahead of it of which nothing has come."""
        return OpenPull(self._open.first, self._open.last, day_start, waiting_since=self._open.waiting_since)

    def _note(self, opened: OpenPull) -> None:
        self._open = opened
        self._state = msgspec.structs.replace(self._state, open=opened)
        write_state(self._folder, self._source.fingerprint, self._state)

    def _finish(self) -> None:
        """Move the end on, but over no gap: what was never asked for is asked for by the next pull."""
        end, opened = self._state.end, self._open
        # An end that is still to come was a wrong clock's: nobody has asked for what is to happen until then.
        if end is None or end > self._now() or opened.first <= end < opened.last:
            self._state = PullState(opened.last, opened.waiting_since)
        else:
            self._state = msgspec.structs.replace(self._state, open=None)
        write_state(self._folder, self._source.fingerprint, self._state)
