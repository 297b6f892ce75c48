"""Every way a reply can come back is one state of the verdict."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import DELIVERY, REFUND, metric, says

from metrics_pipeline.conversations.record import Turn
from metrics_pipeline.evaluation.judge import JudgeReply
from metrics_pipeline.evaluation.reading import Reading, read_reply

TURNS = (Turn(0, "agent", "Hello?"), Turn(1, "user", "My money!"), Turn(2, "agent", "We pay it back."))
REFUND_METRIC = metric(REFUND)
DELIVERY_METRIC = metric(DELIVERY, "delivery_day")
GATED_METRIC = metric(REFUND + "applies_when: Once the caller has asked for money.\n")


def read(said: object, asked=REFUND_METRIC, finish="complete") -> Reading:
    text = said if isinstance(said, str) else json.dumps({asked.key: said})
    return read_reply(JudgeReply(text=text, finish=finish), asked, TURNS)


def test_an_answer_with_a_quote_that_holds_counts():
    reading = read(says("true", "pay it back", 2))

    assert (reading.state, reading.answer) == ("answered", "true")
    assert [(item.turn_index, item.tier) for item in reading.evidence] == [(2, "exact")]


def test_an_answer_whose_quote_does_not_hold_is_no_answer_and_may_be_asked_again():
    reading = read(says("true", "you get the money", 2))

    assert (reading.state, reading.answer, reading.detail) == ("undecided", None, "evidence_failed")
    assert reading.problem is not None


def test_a_positive_answer_without_a_quote_is_no_answer():
    assert read(says("true")).detail == "evidence_failed"
    assert read(says("agreed"), DELIVERY_METRIC).detail == "evidence_failed"


def test_a_negative_answer_may_quote_nothing_but_must_not_quote_what_is_not_there():
    assert read(says("false")).answer == "false"
    assert read(says("false", "never said", 2)).detail == "evidence_failed"


def test_one_quote_that_holds_is_enough_and_only_it_is_kept():
    said = says("true", "pay it back", 2)
    said["evidence"].append({"turn_index": 0, "quote": "not there"})

    reading = read(said)

    assert reading.answer == "true"
    assert [item.quote for item in reading.evidence] == ["pay it back"]


def test_a_metric_that_does_not_apply_has_no_answer():
    reading = read(says("true", "My money!", 1, applies=False), GATED_METRIC)

    assert (reading.state, reading.answer) == ("not_applicable", None)


def test_evidence_from_before_the_metric_applied_does_not_count():
    early = says("true", "My money!", 1, applies=True, applies_from_turn=2)

    assert read(early, GATED_METRIC).detail == "evidence_failed"
    assert read(early | {"applies_from_turn": 1}, GATED_METRIC).answer == "true"


def test_a_metric_without_a_condition_always_applies():
    assert read(says("true", "My money!", 1, applies=False)).answer == "true"


@pytest.mark.parametrize("answer", ["maybe", "True", "", None, 1, ["true"], "agreed"])
def test_an_answer_off_the_list_is_an_error_that_may_be_asked_again(answer):
    reading = read(says("true", "pay it back", 2) | {"answer": answer})

    assert (reading.state, reading.detail) == ("error", "off_list")
    assert reading.problem is not None


def test_a_boolean_answered_with_a_json_boolean_is_read():
    assert read(says("true", "pay it back", 2) | {"answer": True}).answer == "true"


def test_undecided_is_an_answer_of_its_own_and_is_not_asked_again():
    reading = read(says("undecided"))

    assert (reading.state, reading.detail, reading.problem) == ("undecided", None, None)


@pytest.mark.parametrize("finish", ["truncated", "filtered", "refused", "too_long"])
def test_how_a_reply_ended_comes_before_what_it_says(finish):
    reading = read(says("true", "pay it back", 2), finish=finish)

    assert (reading.state, reading.detail, reading.problem) == ("error", finish, None)


@pytest.mark.parametrize(
    "text", ["", "Sure!", "[]", "{}", '{"refund_promised": 1}', '{"refund_promised"', "[" * 50_000]
)
def test_what_cannot_be_read_is_an_error_and_is_not_asked_again(text):
    reading = read(text)

    assert (reading.state, reading.detail, reading.problem) == ("error", "unreadable", None)


def test_json_in_a_markdown_fence_is_read():
    text = json.dumps({"refund_promised": says("true", "pay it back", 2)})

    assert read(f"```json\n{text}\n```").answer == "true"


def test_a_quote_that_is_not_an_object_is_a_quote_that_fails():
    assert read(says("true") | {"evidence": ["We pay it back."]}).detail == "evidence_failed"
    assert read(says("true") | {"evidence": "We pay it back."}).detail == "evidence_failed"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
replies = st.fixed_dictionaries(
    {},
    optional={
        "applies": json_values,
        "applies_from_turn": json_values,
        "evidence": json_values | st.lists(st.fixed_dictionaries({"turn_index": json_values, "quote": json_values})),
        "reason": json_values,
        "answer": json_values | st.sampled_from(["true", "false"]),
    },
)


@given(replies)
def test_no_reply_whatever_makes_reading_fail_or_lets_an_unverified_answer_through(said):
    reading = read(said, GATED_METRIC)

    if reading.state == "answered":
        assert reading.answer in GATED_METRIC.answers
        assert reading.evidence or reading.answer == "false"
    else:
        assert reading.answer is None
    for item in reading.evidence:
        assert item.quote in TURNS[item.turn_index].text
