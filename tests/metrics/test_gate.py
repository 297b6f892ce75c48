"""A gate decides from what is known, and says when it does not know."""

from __future__ import annotations

import pytest

from metrics_pipeline.metrics.gate import Facts, passes
from metrics_pipeline.metrics.parts import Gate

KNOWN = Facts(
    channel="voice",
    variant="B",
    language="en-GB",
    turn_count=10,
    duration_seconds=60.0,
    handoff=False,
    functions_called={"book"},
    logged={"auth": ["failed", "verified"]},
)


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        ({"channel": "Voice"}, True),
        ({"channel": ["chat", "sms"]}, False),
        ({"variant": "b"}, True),
        ({"language": "en"}, True),
        ({"language": "en-US"}, False),
        ({"turn_count": {"min": 10, "max": 10}}, True),
        ({"turn_count": {"min": 11}}, False),
        ({"duration_seconds": {"max": 59.9}}, False),
        ({"handoff": False}, True),
        ({"function_called": ["cancel", "book"]}, True),
        ({"function_called": "cancel"}, False),
        ({"logged_metric": {"auth": None}}, True),
        ({"logged_metric": {"auth": "verified"}}, True),
        ({"logged_metric": {"auth": ["none", "other"]}}, False),
        ({"logged_metric": {"other": None}}, False),
        ({"channel": "voice", "handoff": True}, False),
        ({"channel": "voice", "handoff": False}, True),
    ],
)
def test_every_part_must_hold(gate, expected):
    assert passes(Gate(**gate), KNOWN) is expected


@pytest.mark.parametrize(
    "gate",
    [
        {"channel": "voice"},
        {"variant": "a"},
        {"language": "en"},
        {"turn_count": {"min": 1}},
        {"duration_seconds": {"min": 1}},
        {"handoff": True},
        {"function_called": "book"},
        {"logged_metric": {"auth": None}},
        {"logged_metric": {"auth": "verified"}},
    ],
)
def test_what_the_source_does_not_carry_is_unknown(gate):
    assert passes(Gate(**gate), Facts()) is None


def test_one_part_that_does_not_hold_decides_whatever_is_unknown():
    assert passes(Gate(channel="chat", handoff=True), Facts(channel="voice")) is False


def test_no_gate_always_passes():
    assert passes(None, Facts()) is True


def test_a_source_that_carries_functions_and_called_none_is_known():
    assert passes(Gate(function_called="book"), Facts(functions_called=())) is False
