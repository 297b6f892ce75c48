"""The conversations of one day, a slice at a time, so that a large day takes no more memory than a small one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from metrics_pipeline.conversations.merge import conversation_hashes, read_conversations
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.evaluation.standing import Subject, subject

SLICE = 2_000
"""Conversations that are held at a time. A smaller day is read once and kept while it is in hand."""


class DaySubjects:
    """The conversations of one day. Nothing of what was said is read before a slice is asked for."""

    def __init__(self, folder: DataFolder, day: date) -> None:
        self._folder, self._day = folder, day
        self._hashes = dict(conversation_hashes(folder, day))
        self._whole: list[Subject] | None = None

    def __len__(self) -> int:
        return len(self._hashes)

    @property
    def hashes(self) -> set[str]:
        """What the conversations are judged by."""
        return set(self._hashes.values())

    def in_hash_order(self) -> Iterator[list[Subject]]:
        """To be asked about: a day cut short is a random sample of it and not its morning."""
        yield from self._slices(sorted(self._hashes, key=self._hashes.__getitem__))

    def in_id_order(self) -> Iterator[list[Subject]]:
        """To be written down, as the day's file has them."""
        yield from self._slices(list(self._hashes))

    def _slices(self, ids: Sequence[str]) -> Iterator[list[Subject]]:
        for start in range(0, len(ids), SLICE):
            chosen = ids[start : start + SLICE]
            found = {one.conversation.conversation_id: one for one in self._read(chosen)}
            # One that another run took to another day meanwhile is judged with that.
            yield [found[key] for key in chosen if key in found]

    def _read(self, ids: Sequence[str]) -> list[Subject]:
        if len(self._hashes) > SLICE:
            return self._subjects(ids)
        if self._whole is None:
            self._whole = self._subjects(None)
        return self._whole

    def _subjects(self, ids: Sequence[str] | None) -> list[Subject]:
        # Hashed anew, and so known by what was read, whatever another run has merged since the day was looked at.
        return [subject(one) for one in read_conversations(self._folder, self._day, ids)]
