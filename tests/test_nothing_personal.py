"""Planted personal data goes through the whole job, and nothing of it is anywhere but in the landing folder."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
from exports import raw, write
from planted import Planted, conversations

from metrics_pipeline import pipeline
from metrics_pipeline.evaluation.ledger import Ledger
from metrics_pipeline.settings import load_settings
from metrics_pipeline.tables import DataFolder

DETAILS_GIVEN = """\
name: "Details: given"
type: boolean
definition: The caller gave a card, a number, an address or another detail.
true_when: The caller said a card number, a phone number, an email address, a password or a date of birth.
false_when: The caller gave no detail.
"""
SHORTEST = 8
"""Characters of an item that is searched for: three digits stand in every file by chance."""


def export(number: int, one: Planted) -> dict[str, Any]:
    place = one.pieces[0].turn_index
    turns = [{"user_input" if speaker == "user" else "agent_response": text} for speaker, text in one.turns]
    return raw(
        number,
        turns=turns,
        metrics={"told": one.turns[place][1]},
        state={"heard": one.turns[place][1]},
        started_at=f"2026-09-0{1 + number % 2}T10:00:00Z",
    )


def everything_in(root: Path) -> dict[Path, str]:
    """The text of every file below `root` but those in its landing folder: tables read, replies decompressed."""
    found = {}
    for path in root.rglob("*"):
        if not path.is_file() or (root / "landing") in path.parents:
            continue
        text = f"{path.relative_to(root)} {path.read_bytes().decode('utf-8', 'replace')}"
        if path.suffix == ".parquet":
            text += repr(pq.read_table(path).to_pylist())
        elif path.suffix == ".duckdb":
            with duckdb.connect(str(path), read_only=True) as database:
                # A view is of files that are read here themselves.
                tables = database.execute(
                    "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE'"
                ).fetchall()
                for schema, table in tables:
                    text += repr(database.execute(f'select * from "{schema}"."{table}"').fetchall())
        elif path.name == "ledger.sqlite":
            text += _replies(path)
        found[path] = text
    return found


def _replies(path: Path) -> str:
    with Ledger(path) as ledger:
        rows = ledger._rows("select body from replies")
        assert rows
        assert {version for (version,) in ledger._rows("select redaction from requests")} != {""}
        return "".join(zlib.decompress(body).decode() for (body,) in rows)


def test_no_planted_item_is_in_any_file_that_a_run_writes(tmp_path):
    data, landing = tmp_path / "data", tmp_path / "data" / "landing"
    items = [one for one in conversations(31) if isinstance(one, Planted)][::3]
    write(landing / "ana.lopez@example.org.jsonl", *(export(number, one) for number, one in enumerate(items)))
    broken = [export(number, one) | {"started_at": items[0].pieces[0].item} for number, one in enumerate(items[:5])]
    write(landing / "broken.jsonl", *broken, '{"id": "my card is 4111 1111 1111 1111", ')
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions" / "details_given.yaml").write_text(DETAILS_GIVEN)
    settings = load_settings({"data": data, "definitions": tmp_path / "definitions"}, environment={}, folder=tmp_path)

    summary = pipeline.run(settings)

    assert summary.landing.kept_count == len(items)
    assert summary.landing.quarantined_count == 6
    written = everything_in(data)
    assert {path.suffix for path in written} >= {".parquet", ".duckdb", ".sqlite", ".jsonl", ".json"}
    planted = [piece.item for one in items for piece in one.pieces if len(piece.item) >= SHORTEST]
    assert len(planted) > 150
    left = [(item, path.name) for path, text in written.items() for item in planted if item in text]
    assert left == []
    assert not any("ana.lopez@example.org" in text or "4111 1111" in text for text in written.values())
    assert any("⟦CARD_1⟧" in text for text in written.values())
    with duckdb.connect(str(pipeline.published_database(DataFolder(data))), read_only=True) as database:
        versions = database.execute("select distinct redaction from dim_conversations").fetchall()
        (taken_out,) = database.execute("select sum(redaction_count) from ingest_files").fetchone()
    assert versions == [(pipeline.redactor(settings).version,)]
    assert taken_out >= len(items)
