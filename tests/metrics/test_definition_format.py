"""What a definition may say, and what makes a new version of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from metrics_pipeline.metrics.definition import MetricDefinition, definition_schema
from metrics_pipeline.metrics.gate import Facts
from metrics_pipeline.metrics.loading import parse_definition
from metrics_pipeline.metrics.rules import Spoken, rule_answer
from metrics_pipeline.metrics.sampling import is_sampled, position

ROOT = Path(__file__).parents[2]
REFUND = """\
name: "Refund: promised"
type: boolean
definition: The agent promised the caller a refund.
true_when: The agent said that the money will be paid back.
false_when: The agent refused a refund, or none was spoken of.
good: true
"""
WAIT = """\
name: "Call: length"
type: numeric
definition: How long the call took.
unit: seconds
good: down
source: rule
rule: {number: duration_seconds}
"""
EXAMPLE = """\
examples:
  - transcript: |
      user: Where is my money?
      agent: We will pay it back
        by Friday.
    answer: true
"""


def parsed(text: str, key: str = "refund_promised") -> MetricDefinition:
    found = parse_definition(text, Path(f"{key}.yaml"))
    assert isinstance(found, MetricDefinition), found
    return found


def refused(text: str) -> str:
    found = parse_definition(text, Path("refund_promised.yaml"))
    assert not isinstance(found, MetricDefinition)
    return "\n".join(map(str, found))


def test_a_version_outlives_the_growth_of_the_format():
    shipped = parse_definition((ROOT / "metric_definitions/auth_verified.yaml").read_text(), Path("auth_verified.yaml"))
    assert isinstance(shipped, MetricDefinition)
    assert shipped.version == "14976a49f1f5a153"


@pytest.mark.parametrize(
    "line", ["owner: a@example.com", "group: Money", "sample: 0.5", "model: openai/x", "tags: [a]", "status: draft"]
)
def test_what_cannot_change_an_answer_makes_no_new_version(line):
    text = REFUND.replace("good: true\n", "good: false\n")
    assert parsed(f"{text}{line}\n").version == parsed(REFUND).version


@pytest.mark.parametrize(
    "line",
    [
        "evidence_from: agent",
        "attempts: first",
        "applies_when: Once money is spoken of.",
        EXAMPLE,
        "applies_if: {handoff: true}",
    ],
)
def test_what_reaches_the_judge_or_the_gate_makes_a_new_version(line):
    assert parsed(f"{REFUND}{line}\n").version != parsed(REFUND).version


def test_an_example_is_read_as_turns_and_a_line_without_a_speaker_goes_on():
    (example,) = parsed(REFUND + EXAMPLE).examples or ()

    assert [tuple(turn) for turn in example.transcript] == [
        ("user", "Where is my money?"),
        ("agent", "We will pay it back by Friday."),
    ]
    assert example.answer == "true"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            REFUND + EXAMPLE.replace("answer: true", "answer: maybe"),
            "the answer of example 1, 'maybe' is not an answer of this metric; use one of: true, false",
        ),
        (REFUND + EXAMPLE.replace("user: Where", "caller: Where"), "each line begins with `user:`"),
        (REFUND + EXAMPLE + EXAMPLE.removeprefix("examples:\n") * 5, "examples has more than 5 parts"),
        (REFUND + "sample: 0\n", "greater than 0"),
        (REFUND + "sample: 1.5\n", "must be greater than 0 and at most 1"),
        (REFUND + "unit: euros\n", "a boolean metric has no unit"),
        (REFUND + "good: up\n".replace("good", "x"), "unknown key 'x'"),
        (REFUND.replace("good: true", "good: up"), "good of a boolean is true or false"),
        (REFUND + "source: rule\n", "source: rule and rule belong together"),
        (REFUND + "source: [judged, judged]\n", "names one thing twice"),
        (REFUND + "source: [judged, rule]\nrule: {number: turn_count}\n", "rule of a boolean metric has true_if"),
        (WAIT.replace("source: rule\nrule: {number: duration_seconds}\n", ""), "is logged or counted, not judged"),
        (WAIT + "true_when: It was long.\n", "a numeric metric has no true_when"),
        (WAIT.replace("down", "true"), "good of a numeric is up or down"),
        (REFUND + "source: logged\nlogged: {metric: refund}\n", "logged.values is missing"),
    ],
)
def test_parts_that_do_not_belong_together_are_refused_in_a_sentence(text, why):
    assert why in refused(text)


def turns(*texts: str) -> list[Spoken]:
    return [Spoken(("agent", "user")[index % 2], text) for index, text in enumerate(texts)]


def test_a_rule_finds_whole_words_of_the_one_who_must_say_them():
    text = REFUND + 'source: rule\nrule: {true_if: {said: {by: agent, any_of: ["pay back", refund]}}}\n'
    said = turns("A  refund is on its way.", "ok")

    assert rule_answer(parsed(text), Facts(), said).answer == "true"
    assert rule_answer(parsed(text), Facts(), turns("Refundable only.", "Give me a refund!")).answer == "false"
    assert rule_answer(parsed(text), Facts(), turns("I will pay\n back.")).answer == "true"


def test_a_rule_on_what_the_source_does_not_carry_is_undecided():
    text = REFUND + "source: rule\nrule: {true_if: {handoff: true}}\n"

    assert rule_answer(parsed(text), Facts(handoff=True), []).answer == "true"
    assert rule_answer(parsed(text), Facts(handoff=None), []).state == "undecided"


def test_a_rule_with_labels_takes_the_first_that_holds():
    text = """\
name: "Call: size"
type: categorical
definition: How long it went on.
labels: [{name: short}, {name: long}, {name: lost}]
source: rule
rule:
  labels: {lost: {handoff: true}, short: {turn_count: {max: 3}}}
  otherwise: long
"""
    metric = parsed(text)

    assert rule_answer(metric, Facts(turn_count=2, handoff=True), []).answer == "lost"
    assert rule_answer(metric, Facts(turn_count=2, handoff=False), []).answer == "short"
    assert rule_answer(metric, Facts(turn_count=9, handoff=False), []).answer == "long"


def test_a_numeric_rule_counts():
    calls = [Spoken("function", "f()", "find_room"), Spoken("function", "g()", "pay"), Spoken("user", "hi")]
    count = WAIT.replace("{number: duration_seconds}", "{number: function_call_count, function: pay}")

    assert rule_answer(parsed(WAIT), Facts(duration_seconds=12.5), []).number == 12.5
    assert rule_answer(parsed(WAIT), Facts(), []).state == "undecided"
    assert rule_answer(parsed(count), Facts(functions_called={"pay"}), calls).number == 1


def test_a_sample_is_of_about_its_size_and_only_grows():
    ids = [f"c{number}" for number in range(4_000)]
    small, large = (
        {one for one in ids if is_sampled(metric, one)}
        for metric in (parsed(f"{REFUND}sample: {share}\n") for share in (0.1, 0.3))
    )

    assert small < large
    assert 320 < len(small) < 480
    assert all(0 <= position("refund_promised", one) < 1 for one in ids)


SCHEMA = Draft202012Validator(definition_schema())


@pytest.mark.parametrize("path", sorted((ROOT / "metric_definitions").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_schema_takes_what_the_shipped_files_say(path):
    assert list(SCHEMA.iter_errors(yaml.safe_load(path.read_text()))) == []


def test_the_schema_takes_and_refuses_what_the_loader_does():
    assert SCHEMA.is_valid(yaml.safe_load(REFUND + EXAMPLE + "source: [judged, logged]\n"))
    assert SCHEMA.is_valid(yaml.safe_load(WAIT))
    assert not SCHEMA.is_valid(yaml.safe_load(REFUND + "colour: red\n"))
    assert not SCHEMA.is_valid(yaml.safe_load(REFUND.replace("boolean", "bool")))
    assert not SCHEMA.is_valid(yaml.safe_load(REFUND + "sample: 2\n"))
