"""One conversation of a v3 list response becomes one record."""

from __future__ import annotations

import json
from datetime import date, datetime, timezone
from zoneinfo import ZoneInfo

import pytest
from exports import raw

from metrics_pipeline.conversations.adapters.lenient import Unreadable
from metrics_pipeline.conversations.adapters.polyai_v3 import convert
from metrics_pipeline.conversations.adapters.registry import choose

UTC = ZoneInfo("UTC")


def read(found: object, zone: ZoneInfo = UTC):
    return convert(json.dumps(found).encode(), zone)


def test_each_exchange_gives_a_turn_of_each_side_in_order():
    found = read(raw())

    assert [(turn.turn_index, turn.speaker, turn.text) for turn in found.turns] == [
        (0, "user", "question 0 of 1"),
        (1, "agent", "answer 0"),
        (2, "user", "question 1 of 1"),
        (3, "agent", "answer 1"),
    ]
    assert found.turns[0].said_at == datetime(2026, 9, 2, 10, 1, tzinfo=timezone.utc)


def test_what_was_not_said_is_no_turn_and_keys_pressed_are_one():
    turns = [
        {"user_input": "", "agent_response": "Hello?"},
        {"user_input": "  ", "user_input_dtmf": "12#", "agent_response": None},
        {"user_input": "Two\nlines ", "agent_response": ""},
    ]

    found = read(raw(turns=turns))

    assert [(turn.speaker, turn.text) for turn in found.turns] == [
        ("agent", "Hello?"),
        ("user", "(keypad) 12#"),
        ("user", "Two\nlines "),
    ]


def test_logged_metrics_keep_every_value_in_order_with_its_type():
    metrics = {"b": "x", "a": ["1", "2"], "n": 4.5, "flag": True, "event": {"z": 1, "y": 2}, "nothing": None}

    found = read(raw(metrics=metrics))

    assert [(value.metric, value.position, value.value, value.value_type) for value in found.logged_metrics] == [
        ("a", 0, "1", "string"),
        ("a", 1, "2", "string"),
        ("b", 0, "x", "string"),
        ("event", 0, '{"y":2,"z":1}', "json"),
        ("flag", 0, "true", "boolean"),
        ("n", 0, "4.5", "number"),
    ]
    assert found.carries_logged
    assert not read(raw(metrics=...)).carries_logged


def test_attributes_keep_what_has_no_column_and_no_telephone_number():
    found = read(raw(handoff_reason="angry", from_number="+4402079460000", to_number="1", state={"b": 1, "a": [2]}))

    kept = json.loads(found.attributes)
    assert kept["handoff_reason"] == "angry"
    assert kept["state"] == {"a": [2], "b": 1}
    assert kept["source_channel"] == "VOICE-SIP"
    assert "from_number" not in kept
    assert "0207946" not in found.attributes


@pytest.mark.parametrize(
    ("said", "channel"),
    [("VOICE-SIP", "voice"), ("WEBCHAT", "chat"), ("chat.polyai", "chat"), ("SMS", "sms"), (None, None), (3, None)],
)
def test_channels_have_one_name(said, channel):
    assert read(raw(channel=said)).channel == channel


def test_a_conversation_in_progress_waits():
    assert read(raw(in_progress=True)) is None


def test_the_day_is_cut_in_the_projects_time_zone_also_when_clocks_change():
    late = raw(started_at="2026-10-24T22:30:00Z")

    assert read(late).conversation_date == date(2026, 10, 24)
    assert read(late, ZoneInfo("Europe/Berlin")).conversation_date == date(2026, 10, 25)
    after = raw(started_at="2026-10-25T22:30:00+00:00")
    assert read(after, ZoneInfo("Europe/Berlin")).conversation_date == date(2026, 10, 25)


def test_an_optional_field_of_an_odd_type_counts_as_not_given():
    odd = raw(total_duration="long", num_turns=-3, handoff="no", variant_id=7, language=["en"], turns=None)

    found = read(odd)

    assert found.duration_seconds is None
    assert found.reported_turn_count is None
    assert found.handoff is None
    assert found.variant is None
    assert found.language is None
    assert found.turns == ()


@pytest.mark.parametrize("huge", [10**400, -(10**400)], ids=["plus", "minus"])
def test_a_number_too_large_for_any_clock_counts_as_not_given(huge):
    found = read(raw(total_duration=huge, num_turns=huge, metrics={"n": huge}))

    assert (found.duration_seconds, found.reported_turn_count) == (None, None)
    assert found.logged_metrics[0].value == str(huge)


@pytest.mark.parametrize("literal", ["1" + "0" * 5_000, "1e999"], ids=["digits", "exponent"])
def test_a_number_that_no_reader_takes_anywhere_in_a_conversation_is_refused_in_a_sentence(literal):
    content = json.dumps(raw(latency="huge")).replace('"huge"', literal).encode()

    with pytest.raises(Unreadable, match="out of range"):
        convert(content, UTC)


def test_an_id_that_is_a_number_is_its_digits_exactly():
    assert read(raw(id=2**63 + 1)).conversation_id == str(2**63 + 1)


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (raw(id=...), "id is missing"),
        (raw(id=""), "id is missing"),
        (raw(id="x" * 201), "longer than 200"),
        (raw(started_at=...), "started_at is missing"),
        (raw(started_at="yesterday"), "started_at is missing"),
        (raw(started_at="1997-01-01T00:00:00Z"), "outside the years"),
        (raw(turns=[1]), "not readable as a conversation"),
        (raw(turns="secret words"), "not readable as a conversation"),
    ],
)
def test_what_cannot_be_read_says_which_field_and_quotes_nothing(broken, says):
    with pytest.raises(Unreadable, match=says) as error:
        read(broken)
    assert "secret" not in str(error.value)
    assert "yesterday" not in str(error.value)


@pytest.mark.parametrize("content", [b"[]", b"1", b'{"a": 1}', b"", b"\xff", b"[" * 100_000])
def test_an_object_of_no_known_platform_is_refused(content):
    with pytest.raises(Unreadable):
        choose(content)
