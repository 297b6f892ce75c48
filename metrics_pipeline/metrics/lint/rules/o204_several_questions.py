"""Several questions in one metric."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from metrics_pipeline.metrics.lint.english import ACTS, has_verb, is_reported
from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each
from metrics_pipeline.metrics.lint.words import ACTORS, content, stem, stem_set, words

BAD = """\
name: "Refund: issued"
type: boolean
definition: The caller was greeted and a refund was issued.
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


SUBORDINATE = re.compile(
    r"\b(?:that|which|who|whose|because|when|where|before|after|once|if|unless|until|while|so|without|whether|to|as|for|of|"
    r"about|by)\b[^,;.]*?(?=,|;|\.|\band\b|\bor\b|$)"
)
ASKS = re.compile(r"\b(?:and|or) (?:also |if |whether |how |what |why |who )")
LINK = re.compile(r"\b(?:it|its|them|they|their|this|these|those|one|both|so|him|her|his|again|back)\b")
CONFIRMATION = re.compile(
    r"\b(?:message|e-?mail|text|sms|confirm\w*|receipt|letter|reference|match\w*|agree\w*|accept\w*|ended)\b"
)
SETTING = stem_set("call phone come go continue contact stay wait return ring try look search check hang then")
INTRANSITIVE = frozenset(("apologised", "apologized"))
JOINED = re.compile(r"\b(?:and|or|as well as)\b")


def check(subject: Subject) -> Iterator[Hit]:
    text = subject.metric.definition.lower().removeprefix("whether ")
    asks = ASKS.search(text)
    if asks and re.search(r"\b(?:how|what|why|when|who|whether|if)[ ,]*$", text[: asks.start()]):
        return
    if asks and not is_reported(text, asks.start()) and has_verb(text[: asks.start()]) and has_verb(text[asks.end() :]):
        yield Hit(subject, ("definition",), "the definition asks several questions at once.")
        return
    if subject.metric.type != "boolean" or JOINED.search(text) is None:
        return
    main = SUBORDINATE.sub(" ", text)
    parts = [part.strip(" ,.") for part in JOINED.split(main)]
    for one, other in pairwise(parts):
        if _stands_alone(one) and _stands_alone(other) and not LINK.search(other) and not CONFIRMATION.search(other):
            yield Hit(subject, ("definition",), f"the definition joins several outcomes: {one!r} and {other!r}.")
            return


def _stands_alone(clause: str) -> bool:
    """Whether a clause has a verb of its own that says an outcome, and something that the verb is about."""
    listed = words(clause)
    verbs = [
        word
        for word in listed
        if (word.endswith("ed") and len(word) > 4) or (stem(word) in ACTS and word != stem(word))
    ]
    verbs = [word for word in verbs if stem(word) not in SETTING and not word.endswith(("ing", "s"))]
    passive = re.search(r"\b(?:was|were|is|are|been)\b", clause)
    return bool(verbs) and bool(
        passive or INTRANSITIVE & set(verbs) or content(clause) - ACTORS - set(map(stem, verbs))
    )


RULE = Rule(
    code="O204",
    title="Several questions in one metric",
    wrong="The definition joins outcomes that can come apart.",
    why="When one holds and the other does not, neither answer is right.",
    fix="Make a metric of each, or say in true_when how they are one outcome.",
    bad=BAD,
    good=GOOD,
    check=judged_each(check),
)
