"""Planted personal data goes through the whole job, and nothing of it is anywhere but in the landing folder."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
from everything import everything_in
from exports import raw, write
from planted import Planted, conversations
from typer.testing import CliRunner

from metrics_pipeline import pipeline
from metrics_pipeline.cli import cli
from metrics_pipeline.conversations.quarantine import quarantined
from metrics_pipeline.conversations.receipts import receipts
from metrics_pipeline.data_folder import open_data_folder
from metrics_pipeline.evaluation.ledger import Ledger
from metrics_pipeline.settings import load_settings

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
    with Ledger(settings.data / "ledger.sqlite") as ledger:
        assert {
            version
            for (version,) in ledger._rows("select word from requests inner join words on word_id = redaction_id")
        } == {pipeline.redactor(settings).version}
    written = everything_in(data)
    assert {path.suffix for path in written} >= {".parquet", ".duckdb", ".sqlite", ".jsonl", ".json"}
    planted = [piece.item for one in items for piece in one.pieces if len(piece.item) >= SHORTEST]
    assert len(planted) > 150
    left = [(item, path.name) for path, text in written.items() for item in planted if item in text]
    assert left == []
    assert not any("ana.lopez@example.org" in text or "4111 1111" in text for text in written.values())
    assert any("⟦CARD_1⟧" in text for text in written.values())
    with duckdb.connect(str(data / "published" / "current" / "metrics.duckdb"), read_only=True) as database:
        versions = database.execute("select distinct redaction from dim_conversations").fetchall()
        (taken_out,) = database.execute("select sum(redaction_count) from ingest_files").fetchone()
    assert versions == [(pipeline.redactor(settings).version,)]
    assert taken_out >= len(items)


SECRETS = {
    "card": "4111 1111 1111 1111",
    "email": "ana.lopez@example.org",
    "phone": "+44 20 7946 0958",
    "iban": "DE89 3704 0044 0532 0130 00",
    "born": "22/05/1982",
}
LABELS = {"born": "date of birth"}


def everywhere(number: int, kind: str) -> dict[str, Any]:
    """A conversation with one secret in every place that a shape of our own has, and said in none."""
    secret = SECRETS[kind]
    label = LABELS.get(kind, kind)
    note = f"the {label} is {secret}"
    call = {
        "speaker": "function",
        "function_name": "look_up",
        "function_arguments": json.dumps({label.replace(" ", "_"): secret, "deep": [{"note": note}], note: 1}),
        "function_result": note,
    }
    return {
        "conversation_id": f"c{number}",
        "started_at": f"2026-09-0{number}T10:00:00Z",
        "turns": [{"speaker": "agent", "text": "Hello."}, call, {"speaker": "choir", "text": note}],
        "logged": {"told": [note, {"name": "told", "value": note}], note: "seen"},
        "verdicts": {"summary": {"text": note}},
        **dict.fromkeys(("variant", "agent_version", "environment", "language", "channel"), note),
        "custom": {"list": [note], note: note},
        note: "a key",
    }


def test_what_stands_in_arguments_attributes_logs_quarantine_and_errors_is_taken_out(tmp_path, monkeypatch):
    data, landing = tmp_path / "data", tmp_path / "data" / "landing"
    monkeypatch.setenv("METRICS_DATA", str(data))
    monkeypatch.chdir(tmp_path)
    kept = [everywhere(number, kind) for number, kind in enumerate(SECRETS, 1)]
    write(landing / "kept.jsonl", *kept)
    # No start, an id that is none, a start that is none, no JSON, cut in the middle, of no known platform.
    broken = [
        {name: value for name, value in kept[0].items() if name != "started_at"},
        kept[1] | {"conversation_id": [SECRETS["email"]]},
        kept[2] | {"started_at": SECRETS["phone"]},
        f"{SECRETS['iban']} is no JSON",
        json.dumps(kept[4])[:-40],
        {"tel_442079460958": SECRETS["phone"], "unknown": True},
    ]
    write(landing / f"from {SECRETS['email']}.jsonl", *broken)
    settings = load_settings()
    folder = open_data_folder(data)

    landed, _ = pipeline.take_in(settings, folder)

    assert (landed.kept_count, landed.quarantined_count) == (len(kept), len(broken))
    counts = Counter[str]()
    for receipt in receipts(folder):
        counts.update(receipt.redactions)
    assert counts.keys() == {"CARD", "EMAIL", "PHONE", "IBAN", "BIRTH_DATE"}
    assert min(counts.values()) >= 10
    shown = [CliRunner().invoke(cli, words.split()).output for words in ("ingest status", "quarantine list")]
    shown += [CliRunner().invoke(cli, ["quarantine", "show", one.name]).output for one in quarantined(folder)]
    assert len(shown) == 2 + len(broken)
    texts = everything_in(data) | {Path(f"shown {number}"): text for number, text in enumerate(shown)}
    assert len(texts) > 20
    looked_for = {*SECRETS.values(), *(re.sub(r"\W", "", secret) for secret in SECRETS.values())}
    assert [(secret, path.name) for path, text in texts.items() for secret in looked_for if secret in text] == []
