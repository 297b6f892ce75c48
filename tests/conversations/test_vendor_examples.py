"""Every conversation that a vendor publishes as an example loads; skipped where the interface descriptions are not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from metrics_pipeline.conversations.adapters.registry import choose

SPECS = Path(__file__).parents[3] / "shared" / "data" / "vendor_specs"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def description(name: str) -> dict[str, Any]:
    path = SPECS / name
    if not path.is_file():
        pytest.skip("the vendors' interface descriptions are not here")
    text = path.read_text()
    return json.loads(text) if name.endswith(".json") else yaml.load(text, LOADER)


def examples(value: Any, is_wanted: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict) and is_wanted(value):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        yield from examples(one, is_wanted)


def load(found: dict[str, Any]):
    raw = json.dumps(found, default=str).encode()
    adapter = choose(raw)
    return adapter.name, adapter.convert(raw, ZoneInfo("UTC"))


def test_every_conversation_of_intercoms_description_loads():
    published = list(
        examples(
            description("intercom_2.14.yaml")["paths"],
            lambda one: one.get("type") == "conversation" and isinstance(one.get("conversation_parts"), dict),
        )
    )
    assert len(published) >= 12
    for one in published:
        name, record = load(one)
        assert name == "intercom"
        assert (record is None) == (one["state"] in ("open", "snoozed"))
        _, closed = load(one | {"state": "closed"})
        said = [turn.text for turn in closed.turns if turn.speaker != "function"]
        assert said[:1] == ["this is the message body"]


def _page(one: dict[str, Any], name: str) -> bool:
    return isinstance(one.get(name), list) and bool(one[name])


def test_the_parts_of_twilios_description_load_together():
    paths = description("twilio_intelligence_v2.json")["paths"]
    sentences = next(page for page in examples(paths, lambda one: _page(one, "sentences")))
    operators = next(page for page in examples(paths, lambda one: _page(one, "operator_results")))
    transcripts = list(examples(paths, lambda one: "sid" in one and "language_code" in one and "links" in one))
    assert len(transcripts) >= 4
    for transcript in transcripts:
        whole = {"transcript": transcript, "sentences": sentences, "operator_results": operators}
        assert load(whole) == ("twilio", None), "it is queued"
        _, record = load(whole | {"transcript": transcript | {"status": "completed"}})
        assert [turn.text for turn in record.turns] == ["test test"]
        assert [(value.metric, value.value) for value in record.logged_metrics] == [("name", "predicted_label")]


def test_the_end_of_call_report_of_vapis_description_loads():
    path = SPECS / "vapi_events.mdx"
    if not path.is_file():
        pytest.skip("the vendors' interface descriptions are not here")
    block = next(part for part in path.read_text().split("```") if "end-of-call-report" in part and "artifact" in part)
    call = '{"id": "c", "orgId": "o", "createdAt": "2026-09-01T10:00:00Z"}'
    text = block.removeprefix("json").replace("{ /* Call Object */ }", call)
    text = text.replace("{ /* Recording object with URLs */ }", "{}")

    name, record = load(json.loads(text))

    assert name == "vapi"
    assert [(turn.speaker, turn.text) for turn in record.turns] == [
        ("agent", "How can I help?"),
        ("user", "What's the weather?"),
    ]
    assert json.loads(record.attributes)["end_reason"] == "hangup"


@pytest.mark.parametrize(
    ("file", "schema", "name"),
    [
        ("polyai_conversations_v3_openapi.json", "ConversationSummaryResponse", "polyai_v3"),
        ("polyai_conversations_v3_openapi.json", "ConversationDetailResponse", "polyai_v1"),
        ("elevenlabs_openapi.json", "GetConversationResponseModel", "elevenlabs"),
        ("vapi_openapi.json", "Call", "vapi"),
        ("intercom_2.14.yaml", "conversation", "intercom"),
    ],
)
def test_an_object_with_every_field_that_a_description_names_is_known_by_its_platform_alone(file, schema, name):
    fields = description(file)["components"]["schemas"][schema]["properties"]

    assert choose(json.dumps(dict.fromkeys(fields)).encode()).name == name
