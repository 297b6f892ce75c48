"""What every judge is told: a change of it is a new version, and every cell is asked anew."""

from __future__ import annotations

from worlds import REFUND, conversation, metric

from metrics_pipeline.conversations.redaction.redactor import Redactor
from metrics_pipeline.evaluation.prompt import instructions, prompt_version, render

VERSION = "a7cebc80a257"


def test_the_prompt_changes_only_with_its_version_which_asks_every_cell_anew_and_marks_a_break():
    assert prompt_version() == VERSION, "If the change is meant, set VERSION to it: every judged cell is paid again."


def test_the_judge_is_told_what_the_tokens_are_that_it_sees():
    one = conversation(1, "Your card?", "4111 1111 1111 1111", "The security code?", "one two three")
    turns = Redactor().redact(one).conversation.turns

    system, user = render(turns, [metric(REFUND)], "hash", b"secret")

    assert "⟦CARD_1⟧" in user["content"]
    assert "⟦CODE⟧" in user["content"]
    (told,) = [line for line in instructions().splitlines() if "⟦" in line]
    assert "⟦CARD_1⟧" in told
    assert "⟦CODE⟧" in told
    assert told in system["content"]
