"""Everything that a conversation holds but what was said: its texts, to be searched, and put back where they stood."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter

from msgspec.structs import replace

from metrics_pipeline.conversations.record import InColumns, LoggedValue, Turn
from metrics_pipeline.conversations.redaction.values import (
    Visit,
    leaves,
    spoken_name,
    visited_json,
    with_humps_apart,
)

FIELDS = ("channel", "language", "variant", "environment", "agent_version")
FIELD_NAMES = frozenset(map(spoken_name, FIELDS))
_FIELD_VALUES = attrgetter(*FIELDS)


def held_texts(found: InColumns) -> list[tuple[str, str]]:
    """What each text is called, and the text, in the order in which `with_held` visits them."""
    held: list[tuple[str, str]] = []
    for turn in found.calls:
        if turn.speaker == "function":
            held += [("", turn.function_name)] if turn.function_name else []
            held += leaves(turn.function_arguments) if turn.function_arguments else []
            held += leaves(turn.function_result) if turn.function_result else []
    head = found.head
    for value in head.logged_metrics:
        held.append(("", value.metric))
        held += leaves(value.value, spoken_name(value.metric))
    held += [(spoken_name(name), text) for name in FIELDS if (text := getattr(head, name))]
    held += leaves(head.attributes)
    return held


def held_as_it_stands(found: InColumns) -> list[tuple[str, str | None]]:
    """What each text is called, and the text, with all JSON undivided."""
    head = found.head
    held = [("", head.attributes), *zip(FIELDS, _FIELD_VALUES(head), strict=True)]
    held += [(value.metric, value.value) for value in head.logged_metrics]
    for turn in found.calls:
        if turn.speaker == "function":
            held += [("", turn.function_name), ("", turn.function_arguments), ("", turn.function_result)]
    return held


def as_it_is_read(held: Iterable[tuple[str, str | None]]) -> list[tuple[str, str]]:
    """Names as words, and texts; JSON also with the words of its names apart."""
    return [(spoken_name(name), one) for name, text in held if text for one in _with_names_apart(text)]


def _with_names_apart(text: str) -> tuple[str, ...]:
    """`text`; of JSON also with the words of its names apart, as each leaf is read."""
    if not text.lstrip().startswith(("{", "[")) or (apart := with_humps_apart(text)) == text:
        return (text,)
    return text, apart


def with_held(found: InColumns, visit: Visit) -> InColumns:
    """`found` with each of the texts visited: always the same ones in the same order."""
    calls = [_function_turn(turn, visit) if turn.speaker == "function" else turn for turn in found.calls]
    head = found.head
    logged = tuple([_logged(value, visit) for value in head.logged_metrics])
    fields = {name: visit(spoken_name(name), value) for name in FIELDS if (value := getattr(head, name))}
    attributes = visited_json(head.attributes, visit)
    changed = replace(head, logged_metrics=logged, attributes=attributes, **fields)
    return replace(found, head=changed, calls=calls)


def _function_turn(turn: Turn, visit: Visit) -> Turn:
    name = visit("", turn.function_name) if turn.function_name else turn.function_name
    arguments = visited_json(turn.function_arguments, visit) if turn.function_arguments else turn.function_arguments
    result = visited_json(turn.function_result, visit) if turn.function_result else turn.function_result
    return replace(turn, function_name=name, function_arguments=arguments, function_result=result)


def _logged(value: LoggedValue, visit: Visit) -> LoggedValue:
    name = visit("", value.metric)
    text = visited_json(value.value, visit, spoken_name(value.metric))
    if name == value.metric and text == value.value:
        return value
    value_type = value.value_type if value.value_type == "json" else "string"
    return replace(value, metric=name, value=text, value_type=value_type)
