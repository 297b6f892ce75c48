"""Every platform's conversations become the records that its fixture expects, and each is known by its content."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from metrics_pipeline.cli import cli
from metrics_pipeline.conversations.adapters.lenient import Unreadable
from metrics_pipeline.conversations.adapters.registry import ADAPTERS, choose
from metrics_pipeline.conversations.adapters.shape import PARTS
from metrics_pipeline.conversations.landing import land_folder
from metrics_pipeline.conversations.merge import merge, read_conversations
from metrics_pipeline.conversations.reading import read_export
from metrics_pipeline.conversations.redaction.redactor import Redactor
from metrics_pipeline.data_folder import open_data_folder

FIXTURES = Path(__file__).parent / "fixtures"
FILES = sorted(path for path in FIXTURES.iterdir() if ".expected." not in path.name)
UTC = ZoneInfo("UTC")


def records(path: Path) -> list[object]:
    """What an export file becomes, in order; None is a conversation in progress."""
    found = []
    for place in read_export(path):
        assert place.raw is not None, place
        record = choose(place.raw).convert(place.raw, UTC)
        found.append(None if record is None else slim(msgspec.to_builtins(record)))
    return found


def slim(record: dict) -> dict:
    """Without what is not given, so that a person can read it."""
    kept = {key: value for key, value in record.items() if value not in (None, [], ()) and key != "redaction"}
    kept["attributes"] = json.loads(record["attributes"])
    for name in ("turns", "logged_metrics"):
        kept[name] = [{key: value for key, value in one.items() if value is not None} for one in record[name]]
    return kept


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_platforms_file_becomes_the_records_that_are_expected_of_it(path):
    expected = json.loads((FIXTURES / f"{path.name}.expected.json").read_text())

    assert records(path) == expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_conversation_is_known_by_exactly_the_adapter_that_its_file_is_named_for(path):
    for place in read_export(path):
        keys = frozenset(json.loads(bytes(place.raw)))
        assert [adapter.name for adapter in ADAPTERS if adapter.recognises(keys)] == [path.name.split(".")[0]]


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ({"message": "Internal Server Error"}, "end-of-call-report"),
        ({"agent_id": "a", "conversation_id": "c", "status": "done"}, "with its details"),
        ({"id": "1", "created_at": 1788256800, "source": {}, "state": "closed"}, "by its id"),
        ({"messages": [{"role": "user", "content": "secret words"}]}, "started_at, which must stand beside"),
        ({"secret words": 1}, "see `metrics adapters`"),
    ],
)
def test_what_is_no_whole_conversation_says_what_to_export_instead(found, says):
    raw = json.dumps(found).encode()

    with pytest.raises(Unreadable, match=says) as error:
        choose(raw).convert(raw, UTC)
    assert "secret" not in str(error.value)


def test_every_adapter_has_a_fixture():
    assert {adapter.name for adapter in ADAPTERS} == {path.name.split(".")[0] for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_telephone_number_address_or_name_of_a_person_is_kept(path):
    kept = (FIXTURES / f"{path.name}.expected.json").read_text()

    assert "0794600" not in kept
    assert "example.com" not in kept
    assert "full_name" not in kept


ODD = '[null, true, -1, 1180591620717411303424, 1e300, 0.5, "", "x", "2026-13-40", [], [null], [[]], {}, {"x": null}]'


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix != ".csv"], ids=lambda path: path.name)
def test_whatever_stands_in_any_one_field_a_conversation_is_read_or_refused_in_a_sentence(path):
    outcomes = Counter()
    for place in read_export(path):
        found = json.loads(bytes(place.raw))
        for holder, key in list(places(found)):
            kept = holder[key]
            for odd in [*json.loads(ODD), "9" * 400]:
                holder[key] = odd
                outcomes[outcome(json.dumps(found).encode())] += 1
            holder[key] = kept
    assert outcomes["read"] > 100


def outcome(raw: bytes) -> str:
    try:
        record = choose(raw).convert(raw, ZoneInfo("Europe/Berlin"))
    except Unreadable as error:
        return str(error)
    if record is None:
        return "waiting"
    assert record.content_hash
    assert [turn.turn_index for turn in record.turns] == list(range(len(record.turns)))
    return "read"


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a JSON value where another could stand."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield value, key
        yield from places(inner)


def test_what_lands_is_read_back_as_it_was(tmp_path):
    landing, folder = tmp_path / "landing", open_data_folder(tmp_path / "data")
    landing.mkdir()
    wanted = {}
    for path in FILES:
        shutil.copy(path, landing)
        for place in read_export(path):
            if (record := choose(place.raw).convert(place.raw, UTC)) is not None:
                wanted[record.conversation_id] = Redactor().redact(record)[0]
    report = land_folder(landing, folder, UTC)
    merge(folder)

    found = {one.conversation_id: one for day in folder.days() for one in read_conversations(folder, day)}

    assert report.quarantined_count == 0
    assert {key: one.content_hash for key, one in found.items()} == {
        key: one.content_hash for key, one in wanted.items()
    }
    assert {row["source"] for row in pq.read_table(folder.whole_file("ingest_files")).to_pylist()} == {
        adapter.name for adapter in ADAPTERS
    }


def table() -> list[str]:
    """One row for each adapter, as the page shows it."""
    rows = [f"| adapter | platform | recognised by | {' | '.join(PARTS)} |", "|---" * (3 + len(PARTS)) + "|"]
    for adapter in ADAPTERS:
        marks = " | ".join("yes" if part in adapter.carries else "" for part in PARTS)
        rows.append(f"| {adapter.name} | {adapter.platform} | {adapter.recognised_by} | {marks} |".replace("  ", " "))
    return rows


def test_the_page_shows_what_the_adapters_declare():
    page = (Path(__file__).parents[2] / "docs" / "adapters.md").read_text()

    shown = [line for line in page.split("| shape |")[0].splitlines() if line.startswith("|")]
    assert shown == table(), "\n".join(["write the table anew:", *table()])


def test_the_command_lists_what_the_adapters_declare():
    listed = CliRunner().invoke(cli, ["adapters"])
    read = json.loads(CliRunner().invoke(cli, ["adapters", "--json"]).stdout)

    assert [one["name"] for one in read] == [adapter.name for adapter in ADAPTERS]
    for one in read:
        assert sorted(one["carries"] + one["carries_not"]) == sorted(PARTS)
        assert f"{one['name']}  ({one['platform']})" in listed.stdout


def test_the_example_of_the_plain_shape_reads_as_the_page_says():
    page = (Path(__file__).parents[2] / "docs" / "adapters.md").read_text()
    example = page.split("```json\n")[1].split("```")[0].encode()

    found = choose(example).convert(example, UTC)

    assert found is not None
    assert [turn.speaker for turn in found.turns] == ["agent", "user", "function", "agent"]
    assert json.loads(found.attributes) == {"end_reason": "the caller hung up", "source_channel": "voice"}
