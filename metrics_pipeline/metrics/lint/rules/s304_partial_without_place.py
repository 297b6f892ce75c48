"""Partial success has no place."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.metrics.lint.english import REPORTING
from metrics_pipeline.metrics.lint.grammar import tagged
from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each
from metrics_pipeline.metrics.lint.words import stem, words

BAD = """\
name: "Refund: issued"
type: boolean
definition: The agent refunded an order; partial success is possible.
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

KINDS = r"(?![ -](?:time|day|board|term)\b)"
WHOLE = (
    rf"(?:whole|wholly|all|full|fully|entire|entirely|complete|completely|total|totally|altogether|everything|every|outright|"
    rf"unconditional|unconditionally|not at all){KINDS}"
)
PART = (
    rf"(?:part|parts|partly|partial|partially|share|portion|fraction|half|halfway|some|several|a few|a bit|a little|most|"
    rf"mostly|proportion|percentage|remainder|remnant|residue|incomplete|incompletely|provisional|provisionally|conditional|conditionally|temporary|"
    rf"temporarily|interim){KINDS}"
)
OR = r"(?:,(?=[^.;]*\bor\b)|\bor\b)"
DONE = (
    r"(?:(?:re)?solv|complet|done\b|met\b|answer|fulfil|succe|address|achiev|accomplish|finish|settl|help|handl|verif|"
    r"authenticat|serv|satisf|fix|repair|sort|clear|grant|refund|reimburs|(?:re)?paid\b|restor|there\b|dealt|carried|process)\w*"
)
NEARLY = (
    r"(?:partly|partially|half|halfway|part-way|incompletely|in part|mostly|largely|mainly|nearly|almost|somewhat|"
    r"more or less|for the most part|to some)"
)
RESULT = (
    r"(?:success|resolution|completion|answer|fulfill?ment|result|outcome|verification|solution|compliance|settlement|"
    r"progress|improvement)"
)
HALF = r"(?:partial|partially|partly|in part|incomplete|incompletely|half|halfway|half-way|mixed|in between|only some)"
MAY_BE = r"(?:possible|may|might|can|could|sometimes|often|happens?|occurs?|allowed|exists?|conceivable)"
DEGREE = re.compile(
    r"\bto (?:what|which|some|any|an?(?: \w+)?) (?:extent|degree)\b|\b(?:extent|degree) to which\b|\bextent of\b|"
    r"\bhow (?:far|complete(?:ly)?|full(?:y)?|thorough(?:ly)?|much of|many of)\b(?! (?:away|back|ahead|apart|from|in))|\bup to a point\b|"
    r"\bwhat (?:share|part|portion|proportion|fraction|percentage) of\b",
    re.IGNORECASE,
)
QUALITY = re.compile(r"\bhow well\b", re.IGNORECASE)
PARTIAL = re.compile(
    rf"\b{WHOLE}\b[^.,;]{{0,30}}?{OR}[^.,;]{{0,20}}?\b{PART}\b|\b{PART}\b[^.,;]{{0,30}}?{OR}[^.,;]{{0,20}}?\b{WHOLE}\b|"
    rf"(?<!\ba )(?<!\bthe )(?<!\bany )\b{NEARLY}[ -]{DONE}|\b{DONE} (?:only |just )?{NEARLY}\b|\b(?:partial|half|halfway) {RESULT}|"
    rf"\b{HALF}\b[^.;]{{0,40}}\b{MAY_BE}\b|\b{MAY_BE}\b[^.;]{{0,40}}\b{HALF}\b|"
    r"\b(?:only|just|merely) (?:an? )?(?:some|part|half|portion|few|most) of\b|\bor (?:an? )?(?:some|part|half|portion|most) of\b|"
    r"\bor\b[^.;]{0,30}\b(?:share|part|portion|fraction|half|some|few|most) of (?:it|them|these|those|the)\b|"
    r"\bsome but not (?:all|every)|\bin between\b|\bhalf[ -](?:measures?|hearted)\b|"
    r"\b(?:is|as|be|for) (?:only |just |but )?half\b(?! (?:an? )?(?:hour|past|dozen|price|board|day|term|year|mile|pint|kilo|pound))|\bmiddle ground\b",
    re.IGNORECASE,
)
PLACE = re.compile(
    rf"\b(?:{PART}|half-\w+|less|fewer|lower|smaller|reduced|limited|mixed|not (?:all|every|everything)|at least one|any of)\b",
    re.IGNORECASE,
)
NO_MATTER = re.compile(
    r"(?:[,—–]|\b(?:no matter|regardless of)) (?:whether|be it|even if|either|if)\b[^.;]*$", re.IGNORECASE
)
COUNTED = re.compile(
    r"^[^.;]*\b(?:counts?|counted|treated|qualif(?:y|ies)|suffices?|is (?:enough|true|false))\b", re.IGNORECASE
)
COMPLEMENT = frozenset("that whether if how what which why about to extent".split())
MOST_LABELS_WITHOUT_MIDDLE = 3


def check(subject: Subject) -> Iterator[Hit]:
    metric = subject.metric
    spoken = _categorical(metric) if metric.type == "categorical" else _boolean(metric)
    if spoken:
        yield Hit(subject, ("definition",), f"it speaks of a part or degree ({spoken!r}), and no answer stands for it.")


def _categorical(metric: MetricDefinition) -> str | None:
    outcomes = {label.outcome for label in metric.labels}
    if "partial" in outcomes or any(_has_place(f"{label.name} {label.when or ''}") for label in metric.labels):
        return None
    # Steps on the way are the degrees of an answer that has more labels than yes, no and unknown.
    has_steps = len(metric.labels) > MOST_LABELS_WITHOUT_MIDDLE or outcomes == {"neutral"}
    return _spoken(PARTIAL, metric.definition) or (None if has_steps else _spoken(DEGREE, metric.definition))


def _boolean(metric: MetricDefinition) -> str | None:
    has_place = any(_has_place(text) for text in (metric.true_when, metric.false_when) if text)
    # What part counts may be said in a condition; but yes and no never answer how far or to what extent.
    patterns = (DEGREE, QUALITY) if has_place else (DEGREE, QUALITY, PARTIAL)
    return next(filter(None, (_spoken(pattern, metric.definition, is_boolean=True) for pattern in patterns)), None)


def _has_place(text: str) -> bool:
    return PLACE.search(text.replace("_", " ")) is not None


def _spoken(pattern: re.Pattern[str], text: str, *, is_boolean: bool = False) -> str | None:
    """What `text` itself says of a degree, and nobody in the conversation; a boolean may say at once that either counts."""
    for found in pattern.finditer(text):
        before, after = text[: found.start()], text[found.start() :]
        is_placed = is_boolean and pattern is PARTIAL and (NO_MATTER.search(before) or COUNTED.search(after))
        if not is_placed and not _is_said(before, found.group()):
            return found.group()
    return None


def _is_said(before: str, spoken: str) -> bool:
    """Whether a verb of speech and its that, whether or how stand before."""
    read = tagged(re.split(r"[.;]", before)[-1])
    verbs = [index for index, word in enumerate(read) if word.kind == "verb" and stem(word.base) in REPORTING]
    return bool(verbs) and any(
        word in COMPLEMENT for word in [*(w.base for w in read[verbs[0] + 1 :]), words(spoken)[0]]
    )


RULE = Rule(
    code="S304",
    title="Partial success has no place",
    wrong="The text speaks of a partial success, or of a degree, and no answer stands for it.",
    why="Half a success is counted as a whole one or as none, as the judge likes.",
    fix="Use type: categorical with a label for it (outcome: partial), or say in true_when or false_when where it counts.",
    bad=BAD,
    good=GOOD,
    check=judged_each(check),
)
