"""The lint reads enough grammar to tell who is said to have done what."""

from __future__ import annotations

import pytest

from metrics_pipeline.metrics.lint.acts import is_observable, is_vague
from metrics_pipeline.metrics.lint.grammar import clauses, tagged
from metrics_pipeline.metrics.lint.hidden import beyond, inner
from metrics_pipeline.metrics.lint.lexicon import noun_base, verb_base


@pytest.mark.parametrize(
    ("form", "base"),
    [
        ("rang", "ring"),
        ("queries", "query"),
        ("stopped", "stop"),
        ("apologised", "apologise"),
        ("withheld", "withhold"),
    ],
)
def test_an_inflected_verb_leads_to_its_base(form, base):
    assert verb_base(form) == base


def test_a_plural_leads_to_its_noun_and_what_is_no_word_to_nothing():
    assert noun_base("policies") == "policy"
    assert noun_base("addresses") == "address"
    assert noun_base("zzyx") is verb_base("zzyx") is None


@pytest.mark.parametrize(
    ("sentence", "verbs"),
    [
        ("The agent addresses the person by their surname.", ["address"]),
        ("The agent made things clear.", ["make"]),
        ("Tenant calls a deduction wrong, or asks for it to be withdrawn.", ["call", "ask", "withdraw"]),
        ("Whether the resident reports a steady tone.", ["report"]),
        ("This season's price was quoted.", ["quote"]),
        ("The journey stood on firm ground.", ["stand"]),
        ("Two clock times, or one, were said.", ["say"]),
    ],
)
def test_verbs_are_told_from_nouns_and_adjectives_of_the_same_form(sentence, verbs):
    assert [word.base for word in tagged(sentence) if word.kind == "verb"] == verbs


def test_a_clause_ends_where_the_next_verb_has_its_own_conjunction():
    read = clauses("The agent named the fee, which the caller paid, and the caller hung up.")

    assert [(clause.opener, clause.is_set_off) for clause in read] == [("", False), ("which", True), ("and", True)]


@pytest.mark.parametrize(
    "text",
    [
        "The agent said which courier comes.",
        "The amount is read out by the agent.",
        "The caller declined.",
        "A figure and a currency are given for the excess.",
        "The booking was moved to another day.",
    ],
)
def test_what_somebody_said_or_did_is_observable(text):
    assert is_observable(text)
    assert not is_vague(text)


@pytest.mark.parametrize(
    "text",
    [
        "The agent made things clear.",
        "The agent lived up to it.",
        "The request was handled well.",
        "It went fine.",
        "The agent helped the customer with everything.",
    ],
)
def test_what_only_judges_is_vague(text):
    assert not is_observable(text)
    assert is_vague(text)


@pytest.mark.parametrize(
    "text", ["The member felt at ease.", "The patient was relieved.", "The renter had the map in front of them."]
)
def test_a_thought_a_feeling_and_a_sight_are_hidden(text):
    assert inner(text)


def test_a_feeling_that_is_told_is_in_the_transcript():
    assert inner("The guest said that they felt unsafe, or that they were angry.") is None


def test_a_sound_and_the_time_after_the_conversation_are_beyond_it():
    assert beyond("The agent sounded warm.")
    assert beyond("The form arrived in the week that followed.")
    assert beyond("The caller said that the form arrived in the week that followed.") is None
