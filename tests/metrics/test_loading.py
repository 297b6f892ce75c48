"""A definition file loads, or says exactly what is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from metrics_pipeline.errors import DefinitionError
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.metrics.loading import load_definition, parse_definition

GOOD = """\
name: "Auth: verified"
type: boolean
definition: >
  The caller was verified
  with two details.
true_when: The agent said that both details match.
false_when: One did not match.
applies_when: Once the agent has asked for details.
applies_if: {channel: voice, turn_count: {min: 2}}
attempts: last
good: true
logged:
  metric: auth_result
  values: {"verified": "true", "no_match*": false}
tags: [auth]
"""
CATEGORICAL = """\
name: "Reason"
type: categorical
definition: Why the caller called.
labels:
  - {name: delivery, when: Asked where a parcel is.}
  - {name: other, when: Anything else.}
"""


def parse(text: str, name: str = "auth_verified.yaml") -> MetricDefinition:
    found = parse_definition(text, Path(name))
    assert isinstance(found, MetricDefinition), [str(problem) for problem in found]
    return found


def problems(text: str, name: str = "auth_verified.yaml") -> str:
    found = parse_definition(text, Path(name))
    assert isinstance(found, list), found
    return "\n".join(map(str, found))


def test_a_good_file_becomes_a_definition_with_its_text_on_one_line():
    metric = parse(GOOD)

    assert metric.key == "auth_verified"
    assert metric.definition == "The caller was verified with two details."
    assert metric.answers == ("true", "false")
    assert metric.outcomes == {"true": "success", "false": "failure"}
    assert metric.logged is not None
    assert metric.logged.values == {"verified": "true", "no_match*": "false"}


@pytest.mark.parametrize(
    ("broken", "line", "says"),
    [
        (GOOD.replace("true_when", "true_wen"), 6, "unknown key 'true_wen'"),
        (GOOD.replace("channel: voice", "chanel: voice"), 9, "unknown key 'applies_if.chanel'"),
        (GOOD.replace("type: boolean", "type: bool"), 2, "type must be one of 'boolean', 'categorical' or 'numeric'"),
        (GOOD.replace('name: "Auth: verified"', "name: yes"), 1, 'Put it in quotes: "yes"'),
        (GOOD.replace('name: "Auth: verified"', "name: 12"), 1, "name must be text"),
        (GOOD.replace("good: true", "good: true\ngood: false"), 12, "'good' is there twice"),
        (GOOD.replace("tags: [auth]", "tags: [*auth]"), 15, "alias"),
        (GOOD.replace("tags: [auth]", "tags: !!python/tuple [auth]"), 15, "tag"),
        (GOOD.replace('"no_match*": false', '"no_match*": maybe'), None, "'maybe' is not an answer of this metric"),
        (GOOD.replace("tags: [auth]", "key: other"), 15, "the file's name is the key"),
        (
            GOOD.replace("definition: >\n  The caller was verified\n  with two details.\n", ""),
            None,
            "definition is missing",
        ),
        (GOOD + "labels: [{name: x}, {name: z}]\n", None, "a boolean metric has no labels"),
        (CATEGORICAL.replace("delivery", "no"), 5, 'Put it in quotes: "no"'),
        (CATEGORICAL.replace("delivery", "Other"), None, "'other' is there twice"),
        (CATEGORICAL.replace("delivery", "undecided"), None, "cannot be a label"),
        (CATEGORICAL + "good: true\n", None, "a categorical metric has no good"),
        ("name: x: y\n", 1, "is not YAML"),
        ("- a\n", 1, "must be a mapping"),
        ("", None, "is empty"),
        (GOOD + "---\na: b\n", 16, "several documents"),
        ("a: \x00\n", 1, "the character U+0000"),
        ("x: " + "[" * 100 + "]" * 100 + "\n", 1, "nested more than"),
    ],
)
def test_a_broken_file_says_where_and_what_to_do(broken, line, says):
    text = problems(broken)

    assert says in text
    assert text.startswith("auth_verified.yaml:" + (f"{line}:" if line else ""))


@pytest.mark.parametrize(
    ("broken", "line", "says"),
    [
        (GOOD.replace('"no_match*": false', '"no_match*": maybe'), 14, "logged.values.no_match*: 'maybe' is not an"),
        (GOOD + "labels: [{name: x}, {name: z}]\n", 16, "remove them, or set type: categorical"),
        (CATEGORICAL.replace("delivery", "Other"), 6, "'other' is there twice: remove one or rename it"),
        (GOOD + "owner:\n  team: a\n", 16, "owner must be text"),
        (GOOD.replace("[auth]", "auth"), 15, "tags must be a list. Write each part on a line of its own"),
        (GOOD.replace("{channel: voice, turn_count: {min: 2}}", "voice"), 9, "applies_if must be a mapping"),
        (GOOD.replace("min: 2", "min: 0777"), 9, "turn_count.min must be a number. Write it in digits"),
        (GOOD.replace("good: true", 'good: "true"'), 11, "good must be one of true, false, 'up' or 'down'"),
        (GOOD.replace("Auth: verified", " "), 1, "name must not be empty. Write it"),
        (GOOD.replace("Auth: verified", "a" * 81), 1, "name is longer than 80 characters. Shorten it"),
        (GOOD.replace("true_when", "true_wen"), 6, "Write true_when; known here"),
        (
            CATEGORICAL + "source: rule\nrule: {otherwise: other, labels: {delivery: {sayd: {}}}}\n",
            8,
            "unknown key 'rule.labels.delivery.sayd'. Write said; known here: channel",
        ),
        (GOOD + "\tx: 1\n", 16, "is indented with a tab, which YAML does not allow. Use spaces"),
        (GOOD.replace("true_when: The", "true_when: One: the"), 6, "Put a text that holds `: `"),
        (GOOD + "  : x\n", 16, "is not YAML"),
        (
            GOOD.replace('"verified": "true"', '"verified": "true", " verified": "false"'),
            14,
            "'verified' is there twice",
        ),
        (GOOD.replace("Auth: verified", "\u0410uth"), 1, "mixes Cyrillic and Latin letters that look alike"),
        ("%TAG ! tag:yaml.org,2002:\n---\n" + GOOD, 1, "begins with a directive (%). Remove the line"),
    ],
)
def test_a_mistake_is_named_with_its_own_line_and_what_to_do(broken, line, says):
    found = problems(broken)

    assert says in found
    assert f"auth_verified.yaml:{line}: " in found


def test_all_parts_that_do_not_belong_together_are_named_at_once():
    found = problems(CATEGORICAL + "good: true\nunit: euros\ntrue_when: Always.\nevidence: {lost: optional}\n")

    assert [line.split(":")[1] for line in found.splitlines()] == ["7", "8", "9", "10"]


def test_a_logged_value_that_looks_like_a_number_is_matched_as_it_is_written():
    mapping = parse(GOOD.replace('"verified": "true"', "007: true, 1.50: false")).logged

    assert mapping is not None
    assert list(mapping.values or {}) == ["007", "1.50", "no_match*"]


def test_the_order_in_which_conditions_are_tried_is_in_the_version():
    rule = CATEGORICAL + "source: rule\nrule: {otherwise: other, labels: {FIRST, SECOND}}\n"
    delivery, other = "delivery: {handoff: true}", "other: {turn_count: {min: 2}}"

    one = parse(rule.replace("FIRST", delivery).replace("SECOND", other))
    assert one.version != parse(rule.replace("FIRST", other).replace("SECOND", delivery)).version


def test_the_order_of_logged_values_is_in_the_version_only_where_two_of_them_match_alike():
    first, second = '"verified": "true", "no_match*": false', '"no_match*": false, "verified": "true"'
    wide, narrow = '"*": "true", "no_match*": false', '"no_match*": false, "*": "true"'

    assert parse(GOOD.replace(first, second)).version == parse(GOOD).version
    assert parse(GOOD.replace(first, wide)).version != parse(GOOD.replace(first, narrow)).version


def test_everything_wrong_is_said_at_once():
    text = problems("name: 1\ntype: bool\nlabel: []\n")

    assert [line.split(": ")[0] for line in text.splitlines()] == [
        "bad.yaml:1".replace("bad", "auth_verified"),
        "auth_verified.yaml:1",
        "auth_verified.yaml:2",
        "auth_verified.yaml:3",
    ]


@pytest.mark.parametrize(
    "name", ["Auth.yaml", "1a.yaml", "a-b.yaml", "a" * 64 + ".yaml", "auth\n.yaml", "{{x}}.yaml", "a'b.yaml"]
)
def test_a_file_whose_name_cannot_be_a_key_is_refused(name):
    assert "the file's name is the metric's key" in problems(GOOD, name)


def test_what_only_a_dashboard_shows_changes_no_version():
    shown = GOOD.replace("Auth: verified", "Auth: ok").replace("good: true", "good: false").replace("[auth]", "[x]")

    assert parse(shown + "owner: team@example.com\nstatus: retired\n").version == parse(GOOD).version


@pytest.mark.parametrize(
    "changed",
    [
        GOOD.replace("with two details", "with three details"),
        GOOD.replace("both details match", "all details match"),
        GOOD.replace("min: 2", "min: 3"),
        GOOD.replace("attempts: last", "attempts: first"),
        GOOD.replace('"verified": "true"', '"ok": "true"'),
        GOOD + 'evidence: {"true": optional}\n',
    ],
)
def test_what_can_change_an_answer_changes_the_version(changed):
    assert parse(changed).version != parse(GOOD).version


def test_rewrapping_a_text_changes_no_version():
    assert parse(GOOD.replace("verified\n  with", "verified with")).version == parse(GOOD).version


def test_the_order_of_labels_and_their_conditions_are_in_the_version_and_their_outcome_is_not():
    swapped = "\n".join(CATEGORICAL.splitlines()[:4] + CATEGORICAL.splitlines()[:3:-1]) + "\n"

    assert parse(swapped).version != parse(CATEGORICAL).version
    assert parse(CATEGORICAL.replace("is.}", "is., outcome: success}")).version == parse(CATEGORICAL).version


def test_a_file_with_a_byte_order_mark_loads(tmp_path):
    path = tmp_path / "auth_verified.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())

    assert load_definition(path) == parse(GOOD)


def test_loading_one_bad_file_raises_its_problems(tmp_path):
    path = tmp_path / "auth_verified.yaml"
    path.write_text("type: bool\n")

    with pytest.raises(DefinitionError, match=r"auth_verified.yaml:1: type must be one of"):
        load_definition(path)
