"""Intents and outcomes reach the ledger many at a time: one commit for all that came while the last one was written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from metrics_pipeline.evaluation.ledger import Intent, Ledger, Outcome, Spending

GROUP_SECONDS = 0.002
"""What a commit waits for company."""


class Recorder:
    """Writes to the ledger in a thread. Lives within one event loop."""

    def __init__(self, ledger: Ledger, now: Callable[[], datetime], today: Spending | None = None) -> None:
        """
        Args:
            today: What the day's budget leaves room for.
        """
        self._ledger, self._now, self._today = ledger, now, today
        self._entries: list[tuple[Intent | Outcome, asyncio.Future[int]]] = []
        self._loop = asyncio.get_running_loop()
        self._writing: asyncio.Task[None] | None = None

    async def record(self, entry: Intent | Outcome) -> int:
        """Wait until `entry` is committed.

        Returns:
            As `Ledger.apply`.

        Raises:
            LedgerError: It cannot be written.
        """
        done: asyncio.Future[int] = self._loop.create_future()
        self._entries.append((entry, done))
        if self._writing is None:
            self._writing = self._loop.create_task(self._write())
        return await done

    async def close(self) -> None:
        """Wait until everything is written."""
        if self._writing is not None:
            await self._writing

    async def _write(self) -> None:
        while self._entries:
            await asyncio.sleep(GROUP_SECONDS)
            batch, self._entries = self._entries, []
            try:
                entries = [entry for entry, _ in batch]
                ids = await asyncio.to_thread(self._ledger.apply, entries, self._now(), self._today)
            except Exception as error:
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
                continue
            for (_, done), number in zip(batch, ids, strict=True):
                if not done.done():
                    done.set_result(number)
        self._writing = None
