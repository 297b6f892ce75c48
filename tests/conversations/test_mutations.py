"""Whatever is wrong with a file, all in it is accounted for, and nothing that is right in it is lost or altered."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from mutations import Mutation, Values, mutate
from shapes import WRITERS, conversations

from metrics_pipeline.conversations.adapters.registry import choose
from metrics_pipeline.conversations.identity import hash_of
from metrics_pipeline.conversations.landing import land_folder
from metrics_pipeline.conversations.merge import merge
from metrics_pipeline.conversations.receipts import Receipt, receipts
from metrics_pipeline.conversations.redaction.redactor import Redactor
from metrics_pipeline.data_folder import DataFolder, open_data_folder

STAR = Path(__file__).parents[3] / "shared" / "data" / "star" / "v3"
UTC = ZoneInfo("UTC")
FILE_CONVERSATIONS = 4


class Clean(NamedTuple):
    """What a conversation is when it is left alone."""

    conversation_id: str
    content_hash: str
    turn_count: int
    logged_names: frozenset[str]


class Mutated(NamedTuple):
    """A mutation, and what it was made from."""

    mutation: Mutation
    clean: tuple[Clean, ...]

    @property
    def untouched(self) -> set[tuple[str, str]]:
        return {self.clean[index][:2] for index in self.mutation.unharmed}


def star() -> list[Values]:
    pages = sorted(STAR.glob("page_*.json.gz"))
    if not pages:
        pytest.skip(f"the STAR conversations are not at {STAR}")
    return [one for page in pages for one in json.loads(gzip.open(page).read())["conversations"]]


def own() -> list[Values]:
    """Of every platform, those of one shape in a row."""
    return [json.loads(json.dumps(writer(one))) for writer in WRITERS.values() for one in conversations(12)]


def mutated(corpus: Sequence[Values], count: int, seed: int) -> Iterator[Mutated]:
    rng, redactor = random.Random(seed), Redactor()
    known: dict[int, Clean] = {}
    for _ in range(count):
        first = rng.randrange(len(corpus) - FILE_CONVERSATIONS)
        chosen = range(first, first + FILE_CONVERSATIONS)
        for index in chosen:
            if index not in known:
                known[index] = clean(corpus[index], redactor)
        yield Mutated(mutate(rng, [corpus[index] for index in chosen]), tuple(known[index] for index in chosen))


def clean(one: Values, redactor: Redactor) -> Clean:
    raw = json.dumps(one).encode()
    record = choose(raw).convert(raw, UTC)
    assert record is not None
    record, _ = redactor.redact(record)
    names = frozenset(value.metric for value in record.logged_metrics)
    return Clean(record.conversation_id, record.content_hash, len(record.turns), names)


def prove(found: Sequence[Mutated], root: Path) -> Counter[str]:
    """Land all of them, and say how many places were kept, quarantined and so on."""
    landing, folder = root / "landing", open_data_folder(root / "data")
    landing.mkdir()
    paths = {}
    for number, one in enumerate(found):
        path = landing / f"{number:04d}{one.mutation.format}"
        path.write_bytes(one.mutation.content)
        paths[path.name] = one
    land_folder(landing, folder, UTC)
    by_hash = {receipt.file_hash: receipt for receipt in receipts(folder)}
    counts: Counter[str] = Counter()
    for name, one in paths.items():
        receipt = by_hash[hash_of(landing / name)]
        check_file(receipt, one, folder)
        counts += Counter(kept=receipt.kept_count, quarantined=receipt.quarantined_count)
        counts += Counter(duplicate=receipt.duplicate_count, waiting=receipt.waiting_count)
        counts[one.mutation.kind] += 1
    merge(folder)
    check_tables(folder, counts)
    return counts


def check_file(receipt: Receipt, one: Mutated, folder: DataFolder) -> None:
    mutation = one.mutation
    rows = [
        row
        for shard in (folder.landed / receipt.file_hash).glob("day=*.parquet")
        for row in pq.read_table(shard).to_pylist()
    ]
    quarantine = folder.quarantine / f"{receipt.file_hash}.jsonl"
    named = quarantine.read_text().splitlines() if quarantine.exists() else []
    assert receipt.kept_count == len(rows), mutation
    assert receipt.quarantined_count == len(named), mutation
    accounted = len(rows) + len(named) + receipt.duplicate_count + receipt.waiting_count
    assert receipt.read_count == accounted > 0, mutation
    if mutation.read_count is not None:
        assert receipt.read_count == mutation.read_count, (mutation, named)

    kept = {(row["conversation_id"], row["content_hash"]) for row in rows}
    missing = one.untouched - kept
    assert not missing, (mutation, named)
    if mutation.kind.startswith("packed"):
        assert kept <= {known[:2] for known in one.clean}, "what a checksum could tell to be altered was kept"
    for row in rows:
        check_row(row)
    if mutation.loses_words:
        check_words(rows, one)


def check_row(row: dict[str, Any]) -> None:
    """No row without content, and no part of one."""
    assert all(row[name] for name in ("conversation_id", "started_at", "source"))
    about = ("duration_seconds", "channel", "language", "variant", "environment", "handoff")
    says = any(row[name] is not None for name in about) or json.loads(row["attributes"])
    assert row["turns"] or row["logged_metrics"] or says, row
    assert [turn["turn_index"] for turn in row["turns"]] == list(range(len(row["turns"])))
    for turn in row["turns"]:
        if turn["speaker"] == "function":
            assert any(turn[f"function_{part}"] is not None for part in ("name", "arguments", "result")), row
        else:
            assert turn["text"].strip(), row
    assert all(value["metric"] is not None and value["value"] is not None for value in row["logged_metrics"])


def check_words(rows: Sequence[dict[str, Any]], one: Mutated) -> None:
    """What was said or judged, and is of no type that could be read, is counted as not understood."""
    (harmed,) = (known for index, known in enumerate(one.clean) if index not in one.mutation.unharmed)
    for row in rows:
        if (row["conversation_id"], row["content_hash"]) not in one.untouched:
            names = {value["metric"] for value in row["logged_metrics"]}
            is_less = len(row["turns"]) < harmed.turn_count or (harmed.logged_names and not names)
            assert not is_less or "not_understood" in json.loads(row["attributes"]), (one.mutation.kind, row)


def check_tables(folder: DataFolder, counts: Counter[str]) -> None:
    """What was kept, and nothing else, stands in the tables of its day."""
    days = folder.days()
    rows = [row for day in days for row in pq.read_table(folder.day_file("conversations", day)).to_pylist()]
    turns = Counter(
        one for day in days for one in pq.read_table(folder.day_file("turns", day))["conversation_id"].to_pylist()
    )
    assert 0 < len(rows) <= counts["kept"]
    assert all(row["conversation_id"] and row["conversation_date"] and row["content_hash"] for row in rows)
    assert sum(turns.values()) > len(rows)
    assert set(turns) <= {row["conversation_id"] for row in rows}


CORPORA = {"star": star, "own": own}


@pytest.mark.parametrize("name", CORPORA)
def test_a_share_of_the_mutated_files_is_accounted_for_place_by_place(name, tmp_path):
    counts = prove(list(mutated(CORPORA[name](), 120, seed=5)), tmp_path)

    assert counts["kept"] > 250
    assert counts["quarantined"] > 25


@pytest.mark.slow
@pytest.mark.parametrize("name", CORPORA)
def test_two_thousand_mutated_files_are_accounted_for_place_by_place(name, tmp_path):
    counts = prove(list(mutated(CORPORA[name](), 2_000, seed=2_000)), tmp_path)

    assert counts["kept"] > 4_000
    assert counts["quarantined"] > 400
    assert counts["duplicate"] > 20
    assert len(counts) > 40, "every kind of change was drawn"
