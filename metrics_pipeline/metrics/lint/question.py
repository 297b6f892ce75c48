"""What the definition of a categorical metric asks: for one answer of several, for a result, or for all that holds."""

from __future__ import annotations

import re

from metrics_pipeline.metrics.definition import MetricDefinition

OPEN = re.compile(
    r"\bwhat(?! (?:kind|type|sort|\w+ of)\b)|\bwhy\b|\b(?:reason|cause|topic|subject|theme)s?\b", re.IGNORECASE
)
ORDER = re.compile(
    r"\bfirst (?:label |one )?(?:that|which|to) (?:holds?|fits?|appl(?:y|ies)|match(?:es)?)\b|\bfrom the top\b|\btop to bottom\b|"
    r"\bin (?:this|the given|the listed|their) order\b|\b(?:priorit|precede)|\b(?:prevails?|outranks?|wins)\b|"
    r"\bif (?:both|several|two|more than one)\b|\bwhichever\b",
    re.IGNORECASE,
)
ONE_OF_MANY = re.compile(
    r"\b(?:first|last|final(?:ly)?|best|worst|latest|earliest|furthest|farthest|highest|lowest|longest|most|mostly|main|mainly|"
    r"chief|chiefly|primary|primarily|principal|initial|initially|opening|original|originally|ultimate|ultimately|"
    r"eventual|eventually|single|sole|how far)\b",
    re.IGNORECASE,
)
RESULT = re.compile(
    r"\b(?:came? of|becam?e of|came? to|ends?|ended|ending|outcome|result|status|state|stage|point)\b", re.IGNORECASE
)
ONE_PLACE = re.compile(
    r"^\W*(?:in |to |by |at |on )?(?:how (?:far|long|many|much|often|the|an?|their|its|this|it|they|is|are|was|were|did|does|do|will|would)|where|"
    r"which (?!kind|type|sort)|when|who|whom|whose)\b",
    re.IGNORECASE,
)
"""A question that a single manner, place or time answers."""
DOINGS = re.compile(r"\bwhat\b.*\b(?:did|does|done|do|happened|happens)\b", re.IGNORECASE)


def has_order(metric: MetricDefinition) -> bool:
    """Whether it says which label goes first where several fit."""
    return ORDER.search(metric.definition) is not None


def asks_for_one(metric: MetricDefinition) -> bool:
    """Whether only one answer can be right: the first, the main, the last, the place or the manner."""
    is_narrow = ONE_PLACE.search(metric.definition) or ONE_OF_MANY.search(metric.definition)
    return metric.attempts is not None or is_narrow is not None


def asks_for_result(question: str) -> bool:
    """Whether it asks how something stood in the end."""
    return RESULT.search(question) is not None


def asks_what_was_done(question: str) -> bool:
    return DOINGS.search(question) is not None


def is_open(question: str) -> bool:
    """Whether several answers may be true of one conversation: what, why, the reason."""
    return OPEN.search(question) is not None
