"""Texts inside of structures: function arguments, attributes and logged values, found and put back leaf by leaf."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from metrics_pipeline.conversations.redaction.spoken import SHORT, remembered

Visit = Callable[[str, str], str]
"""(name, text) of a leaf becomes the text that takes its place."""

_PLAIN = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d[\d:.]*(?:Z|[+-]\d\d:?\d\d)?)?|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
)
_INNER_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|[_\-.]+")


@remembered
def with_humps_apart(text: str) -> str:
    """`userPin` as `user Pin`, and nothing else changed."""
    return _INNER_CAPITAL.sub(" ", text)


@remembered
def spoken_name(key: str) -> str:
    """`cardNumber` and `card_number` as words."""
    return _HUMP.sub(" ", key)


def visited(value: Any, visit: Visit, name: str = "") -> Any:
    """`value` with each text and number in it, and each key, replaced by what `visit` says; unchanged leaves stay."""
    if isinstance(value, str):
        return (
            value
            if not value or (_PLAIN.fullmatch(value) and "birth" not in name and "dob" not in name)
            else visit(name, value)
        )
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        text = str(value)
        instead = visit(name, text)
        return value if instead == text else instead
    if isinstance(value, list):
        return [visited(item, visit, name) for item in value]
    if isinstance(value, dict):
        return {visit("", key): visited(item, visit, spoken_name(key).lower()) for key, item in value.items()}
    return value


def visited_json(text: str, visit: Visit, name: str = "") -> str:
    """JSON with its leaves visited, as it was written where none changed; what is no JSON is one leaf."""
    if not text.lstrip().startswith(("{", "[")):
        return visit(name, text)
    try:
        decoded = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return visit(name, text)
    if not isinstance(decoded, dict | list):
        return visit(name, text)
    changed = visited(decoded, visit, name)
    return text if changed == decoded else msgspec.json.encode(changed, order="sorted").decode()


def leaves(text: str, name: str = "") -> Sequence[tuple[str, str]]:
    """The names and texts of the leaves that `visited_json` visits, in their order."""
    return _short_leaves(text, name) if len(text) <= SHORT else _leaves(text, name)


def _leaves(text: str, name: str) -> Sequence[tuple[str, str]]:
    found: list[tuple[str, str]] = []

    def visit(name: str, text: str) -> str:
        found.append((name, text))
        return text

    visited_json(text, visit, name)
    return found


_short_leaves = lru_cache(maxsize=2_048)(_leaves)


def replaced(texts: Iterator[str]) -> Visit:
    """A visit that puts `texts` in the places of the leaves, in their order."""
    return lambda name, text: next(texts)
