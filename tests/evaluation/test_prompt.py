"""What every judge is told: a change of it is a new version, and every cell is asked anew."""

from __future__ import annotations

from pathlib import Path

from worlds import DELIVERY, REFUND, conversation, metric

from metrics_pipeline.conversations.redaction.redactor import Redactor
from metrics_pipeline.evaluation.prompt import correction, instructions, prompt_version, render, with_left_out

SNAPSHOT = Path(__file__).with_name("prompt_snapshot.txt")
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


def test_the_whole_prompt_is_what_its_snapshot_shows():
    """The snapshot is there to be read: a change of any word of the prompt shows in a review."""
    asked = [
        metric(REFUND + "applies_when: Once money is spoken of.\nattempts: last\n"),
        metric(DELIVERY, "delivery_day"),
    ]
    one = conversation(1, "Hello, the shop.", "Where is my\u200b money?", "We pay it back today.")

    messages = with_left_out(render(one.turns, asked, "hash", b"secret"), (3, 9))
    messages += (correction({"refund_promised": "the answer must be one of the metric's own list, letter by letter."}),)

    shown = "\n\n".join(f"=== {message['role']}\n{message['content']}" for message in messages) + "\n"
    assert shown == SNAPSHOT.read_text(encoding="utf-8"), "If the change is meant, write prompt_snapshot.txt anew."
