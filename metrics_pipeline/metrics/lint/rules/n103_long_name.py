"""A name that is not concise."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metrics_pipeline.metrics.lint.project import Hit, Project, Rule

BAD = """\
name: "Whether the agent issued a refund for the order"
type: boolean
definition: The agent refunded an order that the caller had returned.
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


LONGEST, MOST_WORDS = 40, 6
SENTENCE = re.compile(r"^(?:whether|did|does|has|was|is|how|if|the (?:agent|caller|customer))\b|[.?!]$", re.IGNORECASE)


def check(project: Project) -> Iterator[Hit]:
    for subject in project.subjects:
        name = subject.metric.name
        if len(name) > LONGEST or len(name.split()) > MOST_WORDS:
            yield Hit(subject, ("name",), f"the name has {len(name)} characters and {len(name.split())} words.")
        elif SENTENCE.search(name):
            yield Hit(subject, ("name",), "the name is a sentence.")


RULE = Rule(
    code="N103",
    title="A name that is not concise",
    wrong="The name is a sentence, or too long for a list to choose from.",
    why="A dashboard cuts it off, often where names differ.",
    fix="Name it in a few words, at most 40 characters; the definition says the rest.",
    bad=BAD,
    good=GOOD,
    check=check,
)
