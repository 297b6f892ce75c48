"""The same conversations in every platform's shape are the same record, but for what the shape is said not to carry."""

from __future__ import annotations

import json
from itertools import groupby
from zoneinfo import ZoneInfo

import msgspec
import pytest
from shapes import WRITERS, conversations, plain_csv

from metrics_pipeline.conversations.adapters.registry import ADAPTERS, choose
from metrics_pipeline.conversations.adapters.shape import PARTS
from metrics_pipeline.conversations.reading import read_export
from metrics_pipeline.conversations.record import Conversation

SAME = conversations(20)
DECLARED = {adapter.name: adapter.carries for adapter in ADAPTERS}
ONLY_VOICE = {"vapi", "twilio"}
"""Platforms that know calls and nothing else: there, a chat would have been a call."""
FIELDS = {
    "duration": "duration_seconds",
    "channel": "channel",
    "language": "language",
    "variant": "variant",
    "environment": "environment",
    "agent version": "agent_version",
    "handoff": "handoff",
}


def parts(found: Conversation) -> dict[str, object]:
    """What the comparison looks at: what was said, and each part that a shape may carry."""
    calls = [turn for turn in found.turns if turn.speaker == "function"]
    return {
        "id": (found.conversation_id, found.started_at),
        "said": [(turn.speaker, turn.text) for turn in found.turns if turn.speaker != "function"],
        "times of turns": [turn.said_at for turn in found.turns if turn.speaker != "function"],
        "functions": [(turn.turn_index, turn.function_name, turn.function_result) for turn in calls],
        "arguments": [turn.function_arguments for turn in calls if turn.function_arguments is not None],
        "logged": [(one.metric, one.position, one.value) for one in found.logged_metrics if one.source == "function"],
        # Each platform has its own names for them.
        "verdicts": [one.value for one in found.logged_metrics if one.value in ("success", "failure")],
        "end reason": json.loads(found.attributes).get("end_reason"),
        **{part: getattr(found, field) for part, field in FIELDS.items()},
    }


def read(content: dict, name: str) -> Conversation:
    raw = msgspec.json.encode(content)
    adapter = choose(raw)
    assert adapter.name == name
    found = adapter.convert(raw, ZoneInfo("UTC"))
    assert found is not None
    return found


@pytest.mark.parametrize("name", WRITERS)
def test_the_same_conversations_give_the_same_turns_and_all_that_the_shape_is_said_to_carry(name):
    for one in SAME:
        wanted, found = parts(one), parts(read(WRITERS[name](one), name))
        if name in ONLY_VOICE:
            wanted["channel"] = "voice"
        for part in ("id", "said", *DECLARED[name]):
            assert found[part] == wanted[part], part


@pytest.mark.parametrize("name", WRITERS)
def test_what_a_shape_is_said_not_to_carry_is_never_there(name):
    missing = [part for part in PARTS if part not in DECLARED[name]]
    for one in SAME:
        found = parts(read(WRITERS[name](one), name))
        for part in missing:
            assert not any(found[part]) if isinstance(found[part], list) else found[part] is None, part


def test_turns_keep_their_order_and_count_without_gaps():
    for name, writer in WRITERS.items():
        for one in SAME:
            found = read(writer(one), name)
            assert [turn.turn_index for turn in found.turns] == list(range(len(found.turns)))
            assert [key for key, _ in groupby(value.metric for value in found.logged_metrics)] == sorted(
                {value.metric for value in found.logged_metrics}
            )


def test_a_csv_file_gives_what_the_json_lines_give(tmp_path):
    (tmp_path / "same.csv").write_text(plain_csv(SAME), newline="")

    found = [read(json.loads(bytes(place.raw)), "plain") for place in read_export(tmp_path / "same.csv")]

    assert [parts(one) for one in found] == [parts(one) for one in SAME]
