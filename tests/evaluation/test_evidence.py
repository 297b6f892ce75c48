"""A quote counts only if it stands in the turn that it names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_pipeline.conversations.record import Turn
from metrics_pipeline.evaluation.containment import visible
from metrics_pipeline.evaluation.evidence import Quote, check_quotes, find

TURNS = (Turn(0, "agent", "Hello, how can I help?"), Turn(1, "user", "I’d like my  money\nback, “please”."))


@pytest.mark.parametrize(
    ("quote", "tier"),
    [
        ("my  money\nback", "exact"),
        ("my money back", "folded"),
        ("i'd like MY money", "folded"),
        ('back, "please"', "folded"),
        ("my money, back", None),
        ("Hello", None),
        ("", None),
        (" .”", None),
    ],
)
def test_a_quote_holds_exactly_or_after_folding_or_not_at_all(quote, tier):
    assert find(quote, TURNS[1].text) == tier


def test_a_quote_of_another_turn_or_of_none_does_not_count():
    quotes = [Quote(0, "Hello"), Quote(1, "Hello"), Quote(7, "Hello"), Quote(-1, "Hello")]

    checked = check_quotes(quotes, TURNS)

    assert [(item.turn_index, item.quote) for item in checked.evidence] == [(0, "Hello")]
    assert checked.failed_count == 3


def test_a_quote_from_before_the_metric_applied_does_not_count():
    quotes = [Quote(0, "Hello"), Quote(1, "back")]

    assert [item.turn_index for item in check_quotes(quotes, TURNS, applies_from_turn=1).evidence] == [1]


def test_a_quote_of_a_function_is_checked_against_what_the_judge_is_shown():
    call = Turn(2, "function", "", None, "book", '{"room": 4}', "booked")

    assert check_quotes([Quote(2, 'book({"room": 4}) -> booked')], (*TURNS, call)).failed_count == 0


@given(st.text(min_size=1, max_size=60), st.data())
def test_whatever_was_copied_from_what_is_shown_holds(text, data):
    shown = visible(text)
    start = data.draw(st.integers(0, len(shown) - 1))
    end = data.draw(st.integers(start + 1, len(shown)))
    quote = shown[start:end]

    expected = "exact" if any(character.isalnum() for character in quote) else None
    assert find(quote, text) == expected


@given(st.text(alphabet="abc ", min_size=1, max_size=12), st.text(alphabet="abc ", max_size=30))
def test_what_does_not_stand_there_never_holds(quote, text):
    if " ".join(quote.split()) not in " ".join(text.split()):
        assert find(quote, text) is None
