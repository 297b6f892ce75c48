"""Which conversations were erased, and what keeps them out: keyed hashes of their ids, and an age.

An id is not kept once its conversation is gone. What lands again is known by a hash under a key that stands beside
the hashes and nowhere else, so that the hashes alone say nothing.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import DataFolderError
from metrics_pipeline.files import explained, write_atomically

MARK_CHARACTERS = 32
ERASED = "⟦ERASED⟧"
"""What stands in a file's name in place of an erased conversation's id."""
SHORTEST_IN_NAME = 8
"""Characters of an id that is looked for inside a longer text: a shorter one stands in many by chance."""


class Erased:
    """The erased conversations of a data folder, known by their marks."""

    def __init__(self, folder: DataFolder) -> None:
        """Read what is there; nothing is created.

        Raises:
            DataFolderError: There are marks and no key to know them by.
        """
        self._key_file, self._marks_file = folder.erased / "key", folder.erased / "marks"
        with explained(folder.erased):
            self._key = self._key_file.read_bytes() if self._key_file.exists() else b""
            self.marks = frozenset(self._marks_file.read_text().split()) if self._marks_file.exists() else frozenset()
        if self.marks and not self._key:
            raise DataFolderError(
                f"{self._key_file}: is gone, and without it an erased conversation that lands again is not known. Put "
                f"it back from a copy; or remove {self._marks_file}, and erase again what must stay out."
            )

    @property
    def has_key(self) -> bool:
        return bool(self._key)

    def mark(self, conversation_id: str) -> str:
        """What stands for an id: the first 32 digits of an HMAC-SHA-256 under the folder's own key.

        The first time it makes the key: whoever calls it holds the lock on judging.
        """
        if not self._key:
            self._key = secrets.token_bytes(32)
            write_atomically(self._key_file, self._key, mode=0o600)
        return hmac.digest(self._key, conversation_id.encode(), "sha256").hex()[:MARK_CHARACTERS]

    def derived(self, name: str) -> str:
        """Another secret from the same key, 32 hexadecimal digits: the same each time."""
        return self.mark(f"\x00{name}")

    def __contains__(self, conversation_id: str) -> bool:
        return bool(self.marks) and self.mark(conversation_id) in self.marks

    def add(self, conversation_ids: Iterable[str]) -> None:
        """Keep these out from now on."""
        marks = self.marks | {self.mark(conversation_id) for conversation_id in conversation_ids}
        if marks != self.marks:
            write_atomically(self._marks_file, "".join(f"{mark}\n" for mark in sorted(marks)).encode(), mode=0o600)
            self.marks = marks


class KeptOut(NamedTuple):
    """What does not land."""

    erased: Erased
    before: date | None = None
    """Nothing of an earlier day."""

    def holds(self, conversation_id: str, day: date) -> bool:
        return (self.before is not None and day < self.before) or conversation_id in self.erased


class Gone:
    """The ids of the conversations that are being erased, and the ways to find them."""

    def __init__(self, ids: Iterable[str]) -> None:
        self.ids = frozenset(ids)
        self._array = pa.array(sorted(self.ids), pa.string())
        self._long = [one for one in self.ids if len(one) >= SHORTEST_IN_NAME]
        self._named: dict[str, list[str]] = {}

    def rows(self, column: pa.ChunkedArray | pa.Array) -> pa.Array:
        """Which rows are theirs, by the column of ids."""
        return pc.fill_null(pc.is_in(column, value_set=self._array), False)

    def counts(self, column: pa.ChunkedArray | pa.Array) -> Counter[str]:
        """Rows by id, of those alone."""
        found = pc.value_counts(column.filter(self.rows(column)))
        return Counter({pair["values"]: pair["counts"] for pair in found.to_pylist()})

    def named_in(self, name: str) -> list[str]:
        """The ids that a file's name names."""
        if name not in self._named:
            stem = Path(name).name.partition(".")[0]
            # The same few names are looked at in many places, and the ids may be many.
            self._named[name] = [*{stem, *(one for one in self._long if one in name)} & self.ids]
        return self._named[name]

    def cleaned(self, name: str) -> str:
        """`name` without them."""
        for one in sorted(self.named_in(name), key=len, reverse=True):
            whole = re.compile(rf"(?<![0-9A-Za-z]){re.escape(one)}(?![0-9A-Za-z])")
            name = whole.sub(ERASED, name) if whole.search(name) else name.replace(one, ERASED)
        return name
