"""A name that is not concise."""

from __future__ import annotations

from collections.abc import Iterator

from metrics_pipeline.metrics.lint.lexicon import noun_base, verb_base
from metrics_pipeline.metrics.lint.project import Hit, Project, Rule
from metrics_pipeline.metrics.lint.words import ACTORS, words

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


LONGEST, MOST_WORDS = 50, 8
SHORT_CLAUSE = 5
"""So many words a name with a finite verb may have and still be a name: `Refund was issued`."""
LINKS = frozenset("is are was were has have had does did can could must should would".split())
OPENERS = LINKS | {"do", "whether", "if"}
SUBJECTS = frozenset("i you he she it we they".split())
STARTS = SUBJECTS | frozenset("the a an this that their his her its our your any every".split())


def check(project: Project) -> Iterator[Hit]:
    for subject in project.subjects:
        name = subject.metric.name
        said = name.replace("_", " ").split()
        if len(name) > LONGEST or len(said) > MOST_WORDS:
            yield Hit(subject, ("name",), f"the name has {len(name)} characters and {len(said)} words.")
        elif name.endswith((".", "?", "!")) or any(_is_clause(part) for part in name.replace("_", " ").split(":")):
            yield Hit(subject, ("name",), "the name is a sentence.")


def _is_clause(text: str) -> bool:
    """Whether a part of a name asks or says something, in place of naming it."""
    listed = words(text)
    if len(listed) < 3:
        return False
    first, second = listed[:2]
    if first == "whether" or (first in OPENERS and (second in STARTS or _is_noun(second))):
        return True
    if first == "how" and len(listed) >= SHORT_CLAUSE and second in STARTS:
        return True
    if first in SUBJECTS and verb_base(second) is not None:
        return True
    if first in STARTS and (second in ACTORS or second in LINKS):
        return True
    if len(listed) < SHORT_CLAUSE or not (_is_noun(first) or first in STARTS):
        return False
    return any(word in LINKS for word in listed[1:4]) or (
        first in ACTORS and second.endswith("s") and verb_base(second) is not None and listed[2] in STARTS
    )


def _is_noun(word: str) -> bool:
    return noun_base(word) is not None and not word.endswith("ed")


RULE = Rule(
    code="N103",
    title="A name that is not concise",
    wrong="The name is a sentence, or too long for a list to choose from.",
    why="A dashboard cuts it off, often where names differ.",
    fix="Name it in a few words, at most 50 characters; the definition says the rest.",
    bad=BAD,
    good=GOOD,
    check=check,
)
