"""The published JSON Schema and the loader say the same of a file, as far as a schema can."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from metrics_pipeline.metrics.definition import MetricDefinition, definition_schema

SCHEMA = Draft202012Validator(definition_schema())
BOOLEAN: dict[str, Any] = {
    "name": "Refund: promised",
    "type": "boolean",
    "definition": "The agent promised a refund.",
    "true_when": "It said so.",
    "good": True,
    "applies_if": {"channel": ["voice"], "turn_count": {"min": 2}, "logged_metric": {"refund": None}},
    "applies_when": "Once money is spoken of.",
    "evidence": {"true": "required"},
    "logged": {"metric": "refund", "values": {"yes": True, "no*": "false"}, "absent": "false"},
    "source": ["judged", "logged", "rule"],
    "rule": {"true_if": {"said": {"any_of": ["refund"], "by": "agent"}, "handoff": False}},
    "examples": [{"transcript": "user: Hi.\nagent: Refunded.", "answer": True, "why": "It said so."}],
    "sample": 0.5,
    "tags": ["money"],
}
CATEGORICAL: dict[str, Any] = {
    "name": "Call: size",
    "type": "categorical",
    "definition": "How long it went on.",
    "labels": [{"name": "short", "when": "Few turns.", "outcome": "success"}, {"name": "long"}],
    "rule": {"labels": {"short": {"turn_count": {"max": 3.5}}}, "otherwise": "long"},
    "source": "rule",
    "attempts": "best",
}
NUMERIC: dict[str, Any] = {
    "name": "Call: calls",
    "type": "numeric",
    "definition": "How many calls.",
    "source": ["rule", "logged"],
    "rule": {"number": "function_call_count", "function": "pay"},
    "logged": {"metric": "calls"},
    "good": "down",
    "unit": "calls",
}
FIELDS = [name for name in MetricDefinition.model_fields if name != "key"]
VALUES = [None, True, False, 0, 1, 0.3, 2, -1, "", " ", "x", "up", "true", "false", "first", "best", "judged", "rule"]
VALUES += ["logged", "numeric", "categorical", "boolean", "a" * 90, [], ["x"], [1], [""], ["rule"], {}, {"x": "y"}]
VALUES += [{"min": 1}, {"min": "1"}, [{"name": "x"}], [{"name": "x"}, {"name": "y"}], {"number": "turn_count"}]


def loads(values: dict[str, Any]) -> bool:
    try:
        MetricDefinition(key="refund", **values)
    except ValidationError:
        return False
    return True


def places(value: Any, loc: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [loc, *(place for name, part in inner for place in places(part, (*loc, name)))]


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """A good definition with one to three places set to something else, removed, or added to."""
    values = copy.deepcopy(draw(st.sampled_from([BOOLEAN, CATEGORICAL, NUMERIC])))
    for _ in range(draw(st.integers(1, 3))):
        *path, last = draw(st.sampled_from([place for place in places(values) if place] + [(name,) for name in FIELDS]))
        parent: Any = values
        for part in path:
            parent = parent[part]
        what = draw(st.sampled_from(["set", "remove", "add"]))
        if what == "set":
            parent[last] = copy.deepcopy(draw(st.sampled_from(VALUES)))
        elif what == "remove" and (isinstance(parent, list) or last in parent):
            del parent[last]
        elif what == "add" and isinstance(parent, dict):
            parent["colour"] = "red"
    return values


@pytest.mark.parametrize("values", [BOOLEAN, CATEGORICAL, NUMERIC], ids=lambda values: values["type"])
def test_what_is_good_is_good_for_both(values):
    assert loads(values)
    assert list(SCHEMA.iter_errors(values)) == []


@settings(deadline=None, max_examples=200)
@given(mutated())
def test_what_the_schema_refuses_does_not_load(values):
    if not SCHEMA.is_valid(values):
        assert not loads(values)


@pytest.mark.parametrize("base", [BOOLEAN, CATEGORICAL, NUMERIC], ids=lambda values: values["type"])
def test_a_field_of_the_wrong_kind_is_refused_by_both(base):
    cases = [base | {field: value} for field in FIELDS for value in VALUES]
    loaded, valid = [loads(values) for values in cases], [SCHEMA.is_valid(values) for values in cases]
    only_schema = [values for values, one, other in zip(cases, loaded, valid, strict=True) if one and not other]
    only_loader = [values for values, one, other in zip(cases, loaded, valid, strict=True) if other and not one]

    assert only_schema == []
    # What is left to the loader: an answer, a source or a rule that only the other parts can show to be wrong.
    assert len(only_loader) < 0.02 * loaded.count(False)
