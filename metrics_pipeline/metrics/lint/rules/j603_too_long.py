"""The prompt is over the limit."""

from __future__ import annotations

from collections.abc import Iterator

from metrics_pipeline.metrics.lint.project import Hit, Project, Rule, Seen
from metrics_pipeline.wording import counted

BAD = """\
name: "Refund: issued"
type: boolean
definition: The agent refunded an order.
true_when: The agent said that the money goes back to the card the order was paid with.
false_when: The agent refused the refund, or the conversation ended without one.
good: true
"""
GOOD = """\
name: "Refund: issued"
type: boolean
definition: The agent refunded an order that the caller had returned.
true_when: The agent said that the money goes back to the card the order was paid with.
false_when: The agent refused the refund, or the conversation ended without one.
good: true
"""


LIMIT_TOKENS = 4_000
CHARACTERS_A_TOKEN = 4


def check(project: Project) -> Iterator[Hit]:
    known = project.seen.prompt_tokens if project.seen else {}
    for subject in project.subjects:
        tokens = known.get(subject.metric.key, len(subject.text) // CHARACTERS_A_TOKEN)
        if tokens > LIMIT_TOKENS:
            yield Hit(subject, (), f"about {counted(tokens, 'token')} of the prompt; the limit is {LIMIT_TOKENS:,}.")


RULE = Rule(
    code="J603",
    title="The prompt is over the limit",
    wrong="The text of the definition needs more tokens than one metric may.",
    why="Long conversations no longer fit beside it, and each costs more.",
    fix="Shorten the conditions, or the examples.",
    bad=BAD,
    good=GOOD,
    check=check,
    seen=Seen(prompt_tokens={"example": 5_000}),
    seen_good=Seen(prompt_tokens={"example": 80}),
)
