"""The built-in judge compares words: right where words tell, undecided where they do not, and never in the way."""

from __future__ import annotations

import asyncio
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import REFUND, conversation, metric

from metrics_pipeline.conversations.record import Turn
from metrics_pipeline.evaluation.baseline_judge import BaselineJudge
from metrics_pipeline.evaluation.judge import JudgeRequest
from metrics_pipeline.evaluation.phrases import read_phrase, stem
from metrics_pipeline.evaluation.reading import read_reply

PRESCRIPTION = metric(
    """\
name: "Prescription: renewed"
type: boolean
definition: The pharmacy renewed the patient's prescription.
true_when: The agent said that the prescription is renewed and ready to be picked up.
false_when: The agent refused the renewal, or said that the doctor has to sign it first.
applies_when: Once the patient has asked for a prescription.
""",
    "prescription_renewed",
)
TOPIC = metric(
    """\
name: "Topic"
type: categorical
definition: What a library visitor asked about.
labels:
  - {name: opening_hours, when: "When the library opens or closes."}
  - {name: fine, when: "Overdue books and the fee to pay for them."}
  - {name: other, when: "None of the others."}
""",
    "topic",
)


def ask(asked, *texts: str):
    turns = conversation(1, *texts).turns
    request = JudgeRequest(turns, (asked,), (), {}, 0)
    reply = asyncio.run(BaselineJudge().ask(request))
    return read_reply(reply, asked, turns), json.loads(reply.text)[asked.key]


def test_the_condition_whose_words_are_said_wins_and_the_turn_that_says_them_is_cited():
    reading, _ = ask(
        PRESCRIPTION,
        "Corner pharmacy, hello.",
        "I need my prescription again.",
        "Your prescription is renewed and ready for pick up.",
        "Thanks.",
    )
    assert (reading.answer, reading.evidence[0].turn_index, reading.applies_from_turn) == ("true", 2, 1)

    reading, _ = ask(
        PRESCRIPTION, "Corner pharmacy.", "Can I renew my prescription?", "Sorry, the doctor must sign it first."
    )
    assert (reading.answer, reading.evidence[0].turn_index) == ("false", 2)


def test_a_question_is_not_an_answer():
    reading, _ = ask(
        PRESCRIPTION, "Hello.", "A prescription please.", "The doctor has to sign first.", "Is it ready, renewed?"
    )
    assert reading.answer == "false"


def test_what_nothing_speaks_of_does_not_apply_or_is_false_without_a_quote():
    reading, _ = ask(PRESCRIPTION, "Corner pharmacy.", "When do you close?", "At six.")
    assert reading.state == "not_applicable"
    reading, _ = ask(metric(REFUND), "Hello.", "Nice weather.", "Indeed.")
    assert (reading.answer, reading.evidence) == ("false", ())


def test_a_label_is_known_by_its_own_words_and_the_rest_is_other():
    assert ask(TOPIC, "Library.", "What is the fee for an overdue book?")[0].answer == "fine"
    assert ask(TOPIC, "Library.", "Until when are you open, when do you close?")[0].answer == "opening_hours"
    found, said = ask(TOPIC, "Hello.", "My cat is blue.")
    assert said["answer"] == "other"
    # Nothing can be quoted for it, and the definition asks for a quote.
    assert (found.state, found.detail) == ("undecided", "evidence_failed")


def test_what_was_taken_out_is_read_as_the_words_of_its_kind_and_never_as_a_number():
    proof = metric(
        "name: P\ntype: categorical\ndefinition: With what the patient was identified.\n"
        "labels: [{name: birth, when: A date of birth.}, {name: insurance, when: A policy with number 1.}]\n",
        "proof",
    )
    assert ask(proof, "And when were you born?", "⟦BIRTH_DATE_1⟧.")[0].answer == "birth"
    assert ask(proof, "Hello.", "It is ⟦CODE⟧, ⟦API_KEY_1⟧.")[0].state == "undecided"
    assert read_phrase("⟦CARD_1⟧").stems == read_phrase("card").stems
    assert read_phrase("⟦⟧ ⟦_⟧").stems == frozenset()


def test_conditions_that_are_met_alike_leave_it_undecided():
    twins = metric(
        "name: T\ntype: categorical\ndefinition: What came.\n"
        "labels: [{name: one, when: A red parcel.}, {name: two, when: A blue parcel.}]\n",
        "twins",
    )
    reading, said = ask(twins, "Hello.", "A parcel!")
    assert (reading.state, said["answer"]) == ("undecided", "undecided")
    assert ask(twins, "Hello.", "A blue parcel!")[0].answer == "two"


def test_everything_it_answers_is_marked_as_its_own():
    judge = BaselineJudge()
    assert (judge.kind, judge.name, judge.reads_prompt) == ("baseline", "baseline", False)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("booked", "booking"),
        ("reservation", "reservations"),
        ("cancelled", "cancel"),
        ("stopped", "stopping"),
        ("city", "cities"),
    ],
)
def test_forms_of_a_word_have_one_stem(one, other):
    assert stem(one) == stem(other)


def test_cues_are_read():
    assert read_phrase("Sorry, we can't.").is_negated
    assert not read_phrase("Gladly.").is_negated
    assert read_phrase("Shall I? ").is_question
    assert read_phrase("The agent said so.").speaks_of == "agent"
    assert read_phrase("The agent told the caller.").speaks_of is None


@settings(deadline=None)
@given(st.lists(st.text(max_size=60), max_size=6), st.randoms(use_true_random=False))
def test_it_answers_whatever_was_said_the_same_each_time_and_quotes_only_what_is_there(texts, rng: random.Random):
    turns = tuple(Turn(index, rng.choice(["user", "agent", "function"]), text) for index, text in enumerate(texts))
    asked = (PRESCRIPTION, TOPIC, metric(REFUND))
    request = JudgeRequest(turns, asked, (), {}, 0)

    first, second = (asyncio.run(BaselineJudge().ask(request)) for _ in range(2))

    assert first == second
    for one in asked:
        reading = read_reply(first, one, turns)
        assert reading.state != "error"


def test_a_very_long_turn_costs_no_more_than_a_long_one():
    reading, _ = ask(metric(REFUND), "a" * 1_000_000, "money " * 200_000)
    assert reading.state in ("answered", "undecided")
