"""Whoever applies the feed, from wherever they had come, has what is published."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from datetime import date, datetime, timedelta, timezone

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from metrics_pipeline.conversations.erased import Gone
from metrics_pipeline.data_folder import open_data_folder
from metrics_pipeline.erasing.tombstones import erase_from_feed, held_in_feed
from metrics_pipeline.errors import DataFolderError, SettingsError
from metrics_pipeline.publishing import feed

NOW = datetime(2026, 11, 1, 3, tzinfo=timezone.utc)
SCHEMA = pa.schema(
    {
        "conversation_id": pa.string(),
        "conversation_date": pa.date32(),
        "metric": pa.string(),
        "source": pa.string(),
        "state": pa.string(),
        "answer": pa.string(),
        "answer_number": pa.float64(),
    }
)
OF_THE_FEED = ("sequence", "change", "changed_at", "salt", "conversation_sha256")


class Copy:
    """A consumer: a table, and the cursor of what it has applied. It knows nothing but the feed."""

    def __init__(self, rows=None, cursor=None):
        self.rows, self.cursor = dict(rows or {}), cursor

    def read(self, folder, at_most=None):
        found = feed.parts(folder)
        sequence = feed.sequence_of(self.cursor, found) if self.cursor else 0
        with feed.changes_since(folder, found, sequence) as reader:
            changes = reader.read_all().to_pylist()
        for change in changes[:at_most]:
            self._apply(change)
            self.cursor = f"{found[-1].note.feed}-{change['sequence']}"
        return changes

    def _apply(self, change):
        key = (change["conversation_id"], change.get("metric"), change.get("source"))
        if change["change"] == "set":
            self.rows[key] = {name: value for name, value in change.items() if name not in OF_THE_FEED}
        elif change["change"] == "removed":
            self.rows.pop(key)
        else:
            hashed = {one: hashlib.sha256((change["salt"] + one).encode()).hexdigest() for one, _, _ in self.rows}
            self.rows = {k: v for k, v in self.rows.items() if hashed[k[0]] != change["conversation_sha256"]}


def generation(folder, number, rows, schema=SCHEMA):
    path = folder.published / "generations" / f"g{number:04d}"
    path.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(list(rows.values()), schema=schema), path / "export_verdicts.parquet")
    return path


def read_generation(path):
    rows = pq.read_table(path / "export_verdicts.parquet").to_pylist()
    return {(row["conversation_id"], row["metric"], row["source"]): row for row in rows}


def verdict(rng, one, day, metric, source="judged"):
    state = rng.choice(["answered", "undecided", "error"])
    return {
        "conversation_id": one,
        "conversation_date": date(2026, 9, 1) + timedelta(days=day),
        "metric": metric,
        "source": source,
        "state": state,
        "answer": rng.choice(["true", "false"]) if state == "answered" else None,
        "answer_number": None,
    }


def changed(rng, rows, days):
    """The rows after a night: conversations come, are judged again, lose a metric, or move to another day."""
    rows, act = dict(rows), rng.choice(["come", "again", "lose", "move", "nothing"])
    ids = sorted({one for one, _, _ in rows})
    if act == "come" or not ids:
        for one in (f"c{rng.randrange(40)}" for _ in range(rng.randrange(1, 6))):
            if one not in ids:
                rows |= {(one, m, "judged"): verdict(rng, one, days[one], m) for m in ("flag", "steps")}
    elif act == "again":
        for key in rng.sample(sorted(rows), rng.randrange(1, len(rows) + 1)):
            rows[key] = verdict(rng, key[0], days[key[0]], key[1], key[2])
    elif act == "lose":
        lost = rng.choice(["flag", "steps"])
        rows = {key: row for key, row in rows.items() if key[1] != lost or rng.random() < 0.5}
    elif act == "move":
        one = rng.choice(ids)
        days[one] = rng.randrange(6)
        day = date(2026, 9, 1) + timedelta(days=days[one])
        rows = {key: row | {"conversation_date": day} if key[0] == one else row for key, row in rows.items()}
    return rows


@pytest.mark.parametrize("seed", range(12))
def test_a_consumer_that_applies_the_feed_from_any_cursor_has_what_is_published(tmp_path, seed):
    rng = random.Random(seed)
    folder = open_data_folder(tmp_path)
    days, rows, published = {f"c{number}": rng.randrange(6) for number in range(40)}, {}, []
    # One reads every night, and leaves a copy at each cursor; another stops in the middle of what it is given.
    nightly, left, halting = Copy(), [Copy()], Copy()
    for number in range(14):
        rows = changed(rng, rows, days)
        published.append(generation(folder, number, rows))
        current = published[-1]
        if published[3:] and rng.random() < 0.2:
            current = rng.choice(published[-3:])
            rows = read_generation(current)
        # Killed between the publish and the feed, the next night makes up for it.
        if rng.random() < 0.7:
            feed.append_changes(folder, current, NOW + timedelta(days=number))
        if rows and rng.random() < 0.25:
            gone = Gone(rng.sample(sorted({one for one, _, _ in rows}), 1))
            rows = {key: row for key, row in rows.items() if key[0] not in gone.ids}
            for path in published:
                kept = {key: row for key, row in read_generation(path).items() if key[0] not in gone.ids}
                pq.write_table(
                    pa.Table.from_pylist(list(kept.values()), schema=SCHEMA), path / "export_verdicts.parquet"
                )
            for _ in range(rng.randrange(1, 3)):
                told = erase_from_feed(folder, gone, NOW + timedelta(days=number))
            assert pq.read_metadata(told).num_rows == 1
            assert held_in_feed(folder, gone) == Counter()
        if rng.random() < 0.5:
            nightly.read(folder)
            left.append(Copy(nightly.rows, nightly.cursor))
        halting.read(folder, rng.randrange(5))
    feed.append_changes(folder, current, NOW + timedelta(days=20))

    for copy in (*left, halting, nightly):
        copy.read(folder)
        assert copy.rows == rows == read_generation(current)
        assert copy.read(folder) == []
    everything = Copy().read(folder)
    sequences = [change["sequence"] for change in everything]
    assert sequences == sorted(set(sequences))


def test_a_night_that_changes_nothing_adds_nothing_and_one_verdict_adds_one_row(tmp_path):
    folder, rng = open_data_folder(tmp_path), random.Random(1)
    rows = {(f"c{n}", "flag", "judged"): verdict(rng, f"c{n}", n % 3, "flag") for n in range(30)}
    feed.append_changes(folder, generation(folder, 1, rows), NOW)
    first = feed.parts(folder)
    feed.append_changes(folder, generation(folder, 2, rows), NOW)
    assert feed.parts(folder) == first
    assert feed.cursor_of(first).endswith("-30")

    key = ("c7", "flag", "judged")
    rows[key] = rows[key] | {"state": "answered", "answer": "another"}
    feed.append_changes(folder, generation(folder, 3, rows), NOW)

    (change,) = Copy(rows, feed.cursor_of(first)).read(folder)
    assert (change["sequence"], change["change"], change["answer"]) == (31, "set", "another")


def test_a_column_that_is_new_reaches_the_consumer(tmp_path):
    folder, rng = open_data_folder(tmp_path), random.Random(1)
    rows = {(f"c{n}", "flag", "judged"): verdict(rng, f"c{n}", 0, "flag") for n in range(3)}
    feed.append_changes(folder, generation(folder, 1, rows), NOW)
    copy = Copy()
    copy.read(folder)
    wider = {key: row | {"confidence": 0.5} for key, row in rows.items()}
    feed.append_changes(folder, generation(folder, 2, wider, SCHEMA.append(pa.field("confidence", pa.float64()))), NOW)

    copy.read(folder)

    assert copy.rows == wider


def test_a_cursor_of_another_feed_is_refused_and_a_damaged_file_is_named(tmp_path):
    folder = open_data_folder(tmp_path)
    rows = {("c1", "flag", "judged"): verdict(random.Random(1), "c1", 0, "flag")}
    feed.append_changes(folder, generation(folder, 1, rows), NOW)
    found = feed.parts(folder)
    own = feed.cursor_of(found)
    for cursor in ("", "7", "00000000-1", own + "0", f"{own}'", own.replace("-1", "-" + "9" * 30)):
        with pytest.raises(SettingsError, match="is not a cursor of this feed"):
            feed.sequence_of(cursor, found)
    assert found[0].path.stat().st_mode & 0o777 == 0o600
    found[0].path.write_bytes(b"PAR1")

    with pytest.raises(DataFolderError, match="damaged, so that the feed cannot go on"):
        feed.parts(folder)


def test_what_was_erased_for_its_age_and_lands_again_as_it_was_reaches_the_consumer(tmp_path):
    folder, rng, copy = open_data_folder(tmp_path), random.Random(1), Copy()
    rows = {(f"c{n}", "flag", "judged"): verdict(rng, f"c{n}", n % 2, "flag") for n in range(4)}
    feed.append_changes(folder, generation(folder, 1, rows), NOW)
    erase_from_feed(folder, Gone(["c1", "c3"]), NOW)
    copy.read(folder)
    assert {one for one, _, _ in copy.rows} == {"c0", "c2"}

    feed.append_changes(folder, generation(folder, 2, rows), NOW)

    copy.read(folder)
    assert copy.rows == rows
