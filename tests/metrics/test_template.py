"""A new definition file says what its author said, and every comment in it can be used as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.metrics.loading import parse_definition
from metrics_pipeline.metrics.template import SCHEMA_LINE, optional_parts, render_definition

HERE = Path("parking_asked.yaml")
COMMON = {"name": "Parking: asked", "status": "draft", "definition": "The caller asked about parking."}
SAID = {
    "boolean": COMMON | {"type": "boolean", "true_when": "The caller asked.", "false_when": "Nobody asked."},
    "categorical": COMMON
    | {
        "type": "categorical",
        "labels": ({"name": "yes", "when": "Free.", "outcome": "success"}, {"name": "full", "when": "None free."}),
    },
    "numeric": COMMON | {"type": "numeric", "source": "rule", "rule": {"number": "turn_count"}},
}
kinds = pytest.mark.parametrize("kind", SAID)


def parsed(text: str) -> MetricDefinition:
    found = parse_definition(text, HERE)
    assert isinstance(found, MetricDefinition), found
    return found


@kinds
def test_a_new_file_loads_and_says_what_was_said(kind):
    assert parsed(render_definition(SAID[kind])) == MetricDefinition(key="parking_asked", **SAID[kind])


@kinds
def test_every_commented_part_loads_when_its_comment_is_removed(kind):
    for part in optional_parts(SAID[kind]):
        assert parsed(render_definition(SAID[kind] | part)).model_fields_set >= set(part)


@kinds
def test_all_commented_parts_load_together_when_the_lines_that_are_yaml_are_uncommented(kind):
    text = render_definition(SAID[kind])
    found = parsed(re.sub(r"^# (?=[ a-z])", "", text, flags=re.MULTILINE))
    assert found.model_fields_set >= {name for part in optional_parts(SAID[kind]) for name in part}
    assert found.owner == "you@example.com"


def test_every_part_of_the_format_stands_in_the_file_of_one_type_or_another():
    shown = {
        name for said in SAID.values() for name in [*said, *(name for part in optional_parts(said) for name in part)]
    }
    assert set(MetricDefinition.model_fields) - {"key"} <= shown


def test_each_commented_part_is_explained_by_the_formats_own_words():
    text = render_definition(SAID["boolean"])
    for part in optional_parts(SAID["boolean"]):
        for name in part:
            explanation = MetricDefinition.model_fields[name].description
            assert explanation
            assert f"# {explanation}\n" in text


def test_what_was_said_is_not_suggested_again():
    text = render_definition(SAID["boolean"] | {"owner": "me@example.com"})
    assert "owner: me@example.com" in text
    assert "you@example.com" not in text


def test_the_schema_is_named_in_the_first_line_where_it_stands_beside_the_file():
    assert render_definition(SAID["boolean"], with_schema=True).startswith(SCHEMA_LINE + "\nname:")


@given(
    text=st.text(st.characters(exclude_categories=["Cc", "Cf", "Cn", "Cs"]), min_size=1).filter(
        lambda text: text.split()
    )
)
def test_whatever_text_is_said_is_read_back(text):
    expected = " ".join(text.split())
    try:
        wanted = MetricDefinition(key="parking_asked", **SAID["boolean"] | {"definition": text, "true_when": text})
    except ValueError:
        return
    found = parsed(render_definition(SAID["boolean"] | {"definition": text, "true_when": text}))
    assert (found.definition, found.true_when) == (expected, expected) == (wanted.definition, wanted.true_when)


@pytest.mark.parametrize(
    "word", ["yes", "no", "n", "~", "null", "true", "1", "1e3", "2026-01-01", "# x", "a: b", "&a", "!b"]
)
def test_a_word_that_yaml_reads_as_something_else_stays_a_label(word):
    labels = ({"name": word, "when": word}, {"name": "another label", "when": "Else."})
    assert parsed(render_definition(SAID["categorical"] | {"labels": labels})).answers[0] == word
