"""Every conversation that a vendor publishes as an example loads; skipped where the interface descriptions are not.

Those descriptions hold examples of Intercom, Twilio and Vapi. Of ElevenLabs, Retell, LiveKit and OpenAI the
documentation does: its shape stands here in other words. Of PolyAI none was found: its fields are read one by one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from metrics_pipeline.conversations.adapters.lenient import Unreadable
from metrics_pipeline.conversations.adapters.registry import choose
from metrics_pipeline.conversations.record import shown_text

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


def said(record) -> list[tuple[str, str]]:
    """What was said, and each function with its arguments and result."""
    return [(turn.speaker, shown_text(turn)) for turn in record.turns]


def webhook(kind: str, **data: Any) -> dict[str, Any]:
    return {"type": kind, "event_timestamp": 1739537297, "data": {"agent_id": "a", "conversation_id": "c"} | data}


def test_a_webhook_as_elevenlabs_documents_it_loads():
    # The shape of https://elevenlabs.io/docs/eleven-agents/workflows/post-call-webhooks, in other words.
    silent = {"tool_calls": None, "tool_results": None, "feedback": None, "conversation_turn_metrics": None}
    called = {"request_id": "1", "tool_name": "find_fact"}
    entries = [
        silent | {"role": "agent", "message": "Good morning.", "time_in_call_secs": 0},
        silent | {"role": "user", "message": "Tell me something.", "time_in_call_secs": 2},
        silent | {"role": "agent", "message": None, "tool_calls": [called | {"params_as_json": "{}"}]},
        silent | {"role": "agent", "message": "A fact.", "tool_results": [called | {"result_value": "it"}]},
    ]
    one = webhook(
        "post_call_transcription",
        status="done",
        user_id="u",
        transcript=entries,
        metadata={
            "start_time_unix_secs": 1739537297,
            "call_duration_secs": 22,
            "cost": 296,
            "feedback": {"overall_score": None, "likes": 2, "dislikes": 0},
            "termination_reason": "",
        },
        analysis={
            "evaluation_criteria_results": {},
            "data_collection_results": {},
            "call_successful": "success",
            "transcript_summary": "A fact was asked for.",
        },
        conversation_initiation_client_data={"conversation_config_override": {"agent": {"language": "en"}}},
    )

    name, record = load(one)

    assert (name, record.language, record.duration_seconds) == ("elevenlabs", "en", 22)
    assert said(record) == [
        ("agent", "Good morning."),
        ("user", "Tell me something."),
        ("function", "find_fact({}) -> it"),
        ("agent", "A fact."),
    ]
    assert {(value.metric, value.value) for value in record.logged_metrics} == {
        ("call_successful", "success"),
        ("feedback_likes", "2"),
    }
    assert "not_understood" not in json.loads(record.attributes)


@pytest.mark.parametrize("kind", ["post_call_audio", "call_initiation_failure"])
def test_another_webhook_of_elevenlabs_is_no_conversation_and_says_so(kind):
    with pytest.raises(Unreadable, match="no transcript"):
        load(webhook(kind, full_audio="SUQz", failure_reason="busy"))


RETELL = {
    # The shape of https://docs.retellai.com/api-references/get-call, in other words.
    "call_type": "web_call",
    "access_token": "secret",
    "call_id": "c",
    "agent_id": "a",
    "agent_version": 1,
    "call_status": "ended",
    "metadata": {},
    "retell_llm_dynamic_variables": {"customer_name": "x"},
    "start_timestamp": 1703302407333,
    "end_timestamp": 1703302428855,
    "duration_ms": 10000,
    "transcript": "Agent: good morning\nUser: where is it?\n",
    "transcript_object": [
        {"role": "agent", "content": "good morning", "words": [{"word": "good", "start": 0.7, "end": 1.3}]},
        {"role": "user", "content": "where is it?", "words": []},
    ],
    "transcript_with_tool_calls": [
        {"role": "agent", "content": "good morning", "words": [{"word": "good", "start": 0.7, "end": 1.3}]},
        {"role": "user", "content": "where is it?", "words": []},
        {"role": "tool_call_invocation", "tool_call_id": "t", "name": "find", "arguments": '{"what": "it"}'},
    ],
    "latency": {"e2e": {"p50": 650, "values": [400, 650]}},
    "disconnection_reason": "agent_hangup",
    "call_analysis": {
        "call_summary": "It was asked for.",
        "in_voicemail": False,
        "user_sentiment": "Positive",
        "call_successful": True,
        "custom_analysis_data": {"asked_for": "it"},
    },
}


@pytest.mark.parametrize("event", [None, "call_ended", "call_analyzed"])
def test_a_call_as_retell_documents_it_loads(event):
    name, record = load({"event": event, "call": RETELL} if event else RETELL)

    assert (name, record.duration_seconds, record.agent_version) == ("retell", 10, "1")
    assert said(record) == [
        ("agent", "good morning"),
        ("user", "where is it?"),
        ("function", 'find({"what": "it"})'),
    ]
    assert {(value.metric, value.value) for value in record.logged_metrics} == {
        ("asked_for", "it"),
        ("call_successful", "true"),
        ("in_voicemail", "false"),
        ("user_sentiment", "Positive"),
    }
    assert load(RETELL | {"call_status": "ongoing"}) == ("retell", None)


@pytest.mark.parametrize("is_newer", [False, True])
def test_a_report_as_livekits_agents_write_it_loads(is_newer):
    # The keys of SessionReport.to_dict and ChatContext.to_dict in livekit-agents; newer ones also say when it began.
    one = {
        "job_id": "j",
        "room_id": "r",
        "room": "front desk",
        "events": [
            {"type": "agent_state_changed", "old_state": "initializing", "new_state": "listening"},
            {"type": "close", "reason": "participant_disconnected", "error": None},
        ],
        "audio_recording_path": None,
        "audio_recording_started_at": None,
        "options": {"allow_interruptions": True, "max_tool_steps": 3},
        "chat_history": {
            "items": [
                {"id": "1", "type": "message", "role": "system", "content": ["Be kind."], "created_at": 1756720800.0},
                {"id": "2", "type": "message", "role": "user", "content": ["Hello?"], "interrupted": False},
                {"id": "3", "type": "function_call", "call_id": "f", "name": "find", "arguments": "{}"},
                {"id": "4", "type": "function_call_output", "call_id": "f", "output": "no", "is_error": True},
                {"id": "5", "type": "agent_handoff", "new_agent_id": "other"},
                {
                    "id": "6",
                    "type": "message",
                    "role": "assistant",
                    "content": ["Here."],
                    "metrics": {"e2e_latency": 0.9},
                },
            ]
        },
        "timestamp": 1756720860.0,
        "usage": [{"type": "llm_usage", "provider": "x", "model": "y", "input_tokens": 7}],
    }

    name, record = load(one | ({"started_at": 1756720790.0, "duration": 66.0} if is_newer else {}))

    attributes = json.loads(record.attributes)
    assert (name, record.duration_seconds) == ("livekit", 66.0 if is_newer else None)
    assert said(record) == [("user", "Hello?"), ("function", "find({}) -> no"), ("agent", "Here.")]
    assert attributes["end_reason"] == "participant_disconnected"
    assert attributes["model_usage"][0]["input_tokens"] == 7
    assert "not_understood" not in attributes


@pytest.mark.parametrize("way", ["tools", "legacy", "items"])
def test_messages_as_openai_documents_function_calling_load(way):
    # The three shapes of https://platform.openai.com/docs/guides/function-calling over the years, in other words.
    call = {"name": "get_weather", "arguments": '{"city":"Rome"}'}
    middle = {
        "tools": [
            {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function", "function": call}]},
            {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "12"}]},
        ],
        "legacy": [
            {"role": "assistant", "content": None, "function_call": call},
            {"role": "function", "name": "get_weather", "content": "12"},
        ],
        "items": [
            {"type": "reasoning", "id": "rs", "summary": []},
            {"type": "function_call", "id": "fc", "call_id": "1", "status": "completed"} | call,
            {"type": "function_call_output", "call_id": "1", "output": "12"},
        ],
    }[way]
    question = (
        [{"type": "input_text", "text": "How warm is it in Rome?"}] if way == "items" else "How warm is it in Rome?"
    )
    answer = [{"type": "output_text", "text": "12 degrees.", "annotations": []}] if way == "items" else "12 degrees."
    messages = [{"role": "user", "content": question}, *middle, {"role": "assistant", "content": answer}]

    name, record = load({"id": "c", "created": 1756720800, "messages": messages})

    assert name == "openai"
    assert said(record) == [
        ("user", "How warm is it in Rome?"),
        ("function", 'get_weather({"city":"Rome"}) -> 12'),
        ("agent", "12 degrees."),
    ]


@pytest.mark.parametrize(
    "one",
    [
        {key: value for key, value in RETELL.items() if not key.startswith("transcript_")},
        {
            **{"id": "c", "orgId": "o", "createdAt": "2026-09-01T10:00:00Z", "status": "ended"},
            "artifact": {"transcript": "AI: good morning\nUser: where is it?"},
        },
    ],
    ids=["retell", "vapi"],
)
def test_words_that_stand_in_one_text_alone_are_counted_and_not_passed_over(one):
    _, record = load(one)

    assert record.turns == ()
    assert json.loads(record.attributes)["not_understood"] == {"transcript in one text, without turns": 1}


def test_what_a_customer_remarks_beside_a_rating_is_kept():
    one = {
        **{"id": "1", "created_at": 1756720800, "state": "closed", "conversation_parts": {"conversation_parts": []}},
        "source": {"type": "conversation", "body": "<p>Hello</p>", "author": {"type": "user"}},
        "ai_agent_participated": True,
        "ai_agent": {"resolution_state": "confirmed_resolution", "rating": 5, "rating_remark": "quick"},
        "conversation_rating": {"rating": 4, "remark": "kind"},
    }

    _, record = load(one)

    found = {value.metric: value.value for value in record.logged_metrics}
    assert (found["conversation_rating_remark"], found["ai_agent_rating_remark"]) == ("kind", "quick")
