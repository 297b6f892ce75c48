"""The same conversations in every platform's shape are the same record, but for what the shape is said not to carry."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import msgspec
import pytest
from shapes import ODD_ARGUMENTS, ODD_RESULTS, ODD_WORDS, WRITERS, conversations, plain_csv

from metrics_pipeline.conversations.adapters.registry import ADAPTERS, choose
from metrics_pipeline.conversations.adapters.shape import PARTS
from metrics_pipeline.conversations.reading import read_export
from metrics_pipeline.conversations.record import Conversation, Turn

SAME = conversations(200)
DECLARED = {adapter.name: adapter.carries for adapter in ADAPTERS}
LOSSES: dict[str, Callable[[Conversation], Conversation]] = {
    "that it was a chat": lambda one: msgspec.structs.replace(one, channel="voice"),
    "white space besides single spaces and lines": lambda one: with_turns(one, _spaced),
    "whether arguments and results were empty or missing": lambda one: with_turns(one, _empty_is_missing),
}
"""What a shape may lose of a part that it carries, and a conversation that has lost it."""
SHAPES = (*WRITERS, "csv")
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


def with_turns(one: Conversation, change: Callable[[Turn], Turn]) -> Conversation:
    return msgspec.structs.replace(one, turns=tuple(map(change, one.turns)))


def _spaced(turn: Turn) -> Turn:
    lines = (" ".join(line.split()) for line in turn.text.split("\n"))
    return msgspec.structs.replace(turn, text="\n".join(line for line in lines if line))


def _empty_is_missing(turn: Turn) -> Turn:
    return msgspec.structs.replace(
        turn, function_arguments=turn.function_arguments or None, function_result=turn.function_result or None
    )


def read(content: dict, name: str) -> Conversation:
    raw = msgspec.json.encode(content)
    adapter = choose(raw)
    assert adapter.name == name
    found = adapter.convert(raw, ZoneInfo("UTC"))
    assert found is not None
    return found


@cache
def as_read(name: str) -> list[Conversation]:
    """All of them, as they come back from one shape."""
    if name != "csv":
        return [read(WRITERS[name](one), name) for one in SAME]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "same.csv"
        path.write_text(plain_csv(SAME), newline="")
        return [read(json.loads(bytes(place.raw)), "plain") for place in read_export(path)]


def lost(name: str) -> list[str]:
    """Of the losses, those that make the difference between what was written in this shape and what comes back."""
    found = []
    for loss in LOSSES:
        others = [other for key, other in LOSSES.items() if key != loss]
        wanted = [carried(one, name, *others) for one in SAME]
        if wanted != [carried(one, name, *others) for one in as_read(name)]:
            found.append(loss)
    return found


def carried(one: Conversation, name: str, *losses: Callable[[Conversation], Conversation]) -> dict[str, object]:
    """The parts that a shape is declared to carry, after these losses."""
    for lose in losses:
        one = lose(one)
    declared = DECLARED["plain" if name == "csv" else name]
    return {part: value for part, value in parts(one).items() if part in ("id", "said", *declared)}


def test_the_conversations_that_are_compared_hold_every_oddity():
    turns = [turn for one in SAME for turn in one.turns]

    assert {turn.text for turn in turns} >= set(ODD_WORDS)
    calls = [turn for turn in turns if turn.speaker == "function"]
    assert {call.function_arguments for call in calls} >= set(ODD_ARGUMENTS)
    assert {call.function_result for call in calls} >= set(ODD_RESULTS)
    assert any(not one.turns for one in SAME)


@pytest.mark.parametrize("name", SHAPES)
def test_the_same_conversations_give_the_same_turns_and_all_that_the_shape_is_said_to_carry(name):
    losses = [LOSSES[loss] for loss in lost(name)]
    assert len(as_read(name)) == len(SAME) == 200
    for one, found in zip(SAME, as_read(name), strict=True):
        assert carried(found, name, *losses) == carried(one, name, *losses)


def test_the_page_lists_what_each_shape_loses_and_nothing_else():
    page = (Path(__file__).parents[2] / "docs" / "adapters.md").read_text()
    table = page.split("| shape | cannot say |\n|---|---|\n")[1].split("\n\n")[0].splitlines()

    found = [f"| {name} | {', '.join(losses)} |" for name in SHAPES if (losses := lost(name))]
    assert sorted(table) == sorted(found)


@pytest.mark.parametrize("name", WRITERS)
def test_what_a_shape_is_said_not_to_carry_is_never_there(name):
    missing = [part for part in PARTS if part not in DECLARED[name]]
    for one in as_read(name):
        found = parts(one)
        for part in missing:
            assert not any(found[part]) if isinstance(found[part], list) else found[part] is None, part


def test_turns_keep_their_order_and_count_without_gaps():
    for name in SHAPES:
        for found in as_read(name):
            assert [turn.turn_index for turn in found.turns] == list(range(len(found.turns)))
            assert [key for key, _ in groupby(value.metric for value in found.logged_metrics)] == sorted(
                {value.metric for value in found.logged_metrics}
            )
