"""What landed of a conversation: its rows in the shards, and its id in names of files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from metrics_pipeline.conversations.erased import Gone
from metrics_pipeline.conversations.quarantine import PLACES
from metrics_pipeline.conversations.receipts import HOW_TO_LAND_ANEW, RECEIPT, Receipt, receipts
from metrics_pipeline.conversations.shard_files import (
    SHARDS,
    read_shard,
    remove_remains,
    remove_shard,
    replace_shard,
)
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import DataFolderError
from metrics_pipeline.files import write_atomically


class HeldInShards(NamedTuple):
    """What the shards hold of the conversations that go."""

    rows: Counter[str]
    """By conversation: as many as there are versions of it."""
    judged_hashes: frozenset[str]
    """Of what was asked about them."""
    files: tuple[str, ...]
    """The export files that they landed from, by their names in the landing folder."""


def held_in_shards(folder: DataFolder, gone: Gone) -> HeldInShards:
    """Read the ids of everything that landed.

    Raises:
        DataFolderError: A shard or a receipt is damaged.
    """
    rows: Counter[str] = Counter()
    hashes: set[str] = set()
    files: set[str] = set()
    for receipt in receipts(folder):
        for shard in _shards(folder, receipt):
            table = _columns(shard, "conversation_id", "judged_hash")
            if found := gone.counts(table["conversation_id"]):
                rows += found
                hashes.update(table["judged_hash"].filter(gone.rows(table["conversation_id"])).to_pylist())
                files.add(receipt.file)
    return HeldInShards(rows, frozenset(hashes), tuple(sorted(files)))


def hashes_that_stay(folder: DataFolder, gone: Gone, hashes: Counter[str]) -> set[str]:
    """Of `hashes`, those of words that another conversation said as well: what was asked about them is also its."""
    wanted = pa.array(sorted(hashes), pa.string())
    found: set[str] = set()
    for receipt in receipts(folder):
        for shard in _shards(folder, receipt):
            table = _columns(shard, "conversation_id", "judged_hash")
            stay = table["judged_hash"].filter(pc.invert(gone.rows(table["conversation_id"])))
            found.update(stay.filter(pc.is_in(stay, value_set=wanted)).to_pylist())
    return found


def erase_from_shards(folder: DataFolder, gone: Gone) -> None:
    """Take them out of all that landed, and count them as erased in the receipts.

    A receipt is written after its shards, from what they hold: an erasing that was ended is made up for by the next.
    """
    for receipt in receipts(folder):
        days = []
        kept_count = 0
        for shard in _shards(folder, receipt):
            mask = gone.rows(_columns(shard, "conversation_id")[0])
            left = len(mask) - (pc.sum(mask).as_py() or 0)
            if left == 0:
                remove_shard(shard)
                continue
            if left < len(mask):
                replace_shard(read_shard(shard).filter(pc.invert(mask)), shard)
            kept_count += left
            days.append(shard.stem.removeprefix("day="))
        remove_remains(folder.landed / receipt.file_hash)
        changed = msgspec.structs.replace(
            receipt,
            file=gone.cleaned(receipt.file),
            kept_count=kept_count,
            erased_count=receipt.erased_count + receipt.kept_count - kept_count,
            days=tuple(days),
        )
        if changed != receipt:
            write_atomically(folder.landed / receipt.file_hash / RECEIPT, msgspec.json.encode(changed))


def named_in_receipts(folder: DataFolder, gone: Gone) -> Counter[str]:
    """Receipts by conversation that the file's name names."""
    return Counter(one for receipt in receipts(folder) for one in gone.named_in(receipt.file))


def named_in_quarantine(folder: DataFolder, gone: Gone) -> Counter[str]:
    """Places in quarantine, by conversation that their file's name names."""
    return Counter(one for path in _quarantine(folder) for line in _lines(path) for one in gone.named_in(line["file"]))


def erase_from_quarantine(folder: DataFolder, gone: Gone) -> None:
    """Take their ids out of the names of files that could not be read."""
    for path in _quarantine(folder):
        lines = _lines(path)
        changed = [line | {"file": gone.cleaned(line["file"])} for line in lines]
        if changed != lines:
            write_atomically(path, b"".join(msgspec.json.encode(line) + b"\n" for line in changed))


def _shards(folder: DataFolder, receipt: Receipt) -> Iterator[Path]:
    return iter(sorted((folder.landed / receipt.file_hash).glob(SHARDS)))


def _columns(shard: Path, *names: str) -> pa.Table:
    try:
        return pq.read_table(shard, columns=list(names))
    except pa.ArrowException:
        raise DataFolderError(f"{shard}: is damaged. {HOW_TO_LAND_ANEW.format(shard.parent)}") from None


def _quarantine(folder: DataFolder) -> list[Path]:
    return sorted(folder.quarantine.glob(PLACES))


def _lines(path: Path) -> list[dict[str, str]]:
    try:
        return msgspec.json.Decoder(dict[str, str]).decode_lines(path.read_bytes())
    except (msgspec.DecodeError, UnicodeError):
        raise DataFolderError(f"{path}: is damaged. Remove it: `metrics quarantine retry` writes it anew.") from None
