"""The smallest project that a command can run in: ten conversations, and one metric."""

from __future__ import annotations

from pathlib import Path

from exports import raw, write

DEFINITION = """\
name: {name}
type: boolean
definition: The agent gave {what}.
true_when: The agent said {what}.
false_when: The agent gave none.
"""
ANSWER = DEFINITION.format(name="Answer", what="an answer")


def write_project(root: Path) -> None:
    """Into `root`, with the names that every setting has by default."""
    (root / "metric_definitions").mkdir()
    (root / "metric_definitions" / "answer_given.yaml").write_text(ANSWER)
    write(root / "data" / "landing" / "a.json", *(raw(number) for number in range(10)))
