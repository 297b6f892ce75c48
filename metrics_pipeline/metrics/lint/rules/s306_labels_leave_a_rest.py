"""Labels do not cover the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metrics_pipeline.metrics.lint.closed import NEGATIONS, SUBORDINATORS
from metrics_pipeline.metrics.lint.grammar import Clause, clauses
from metrics_pipeline.metrics.lint.lexicon import senses, verb_base
from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each
from metrics_pipeline.metrics.lint.spans import leave_a_gap, span
from metrics_pipeline.metrics.lint.words import ACTORS
from metrics_pipeline.metrics.parts import Label

BAD = """\
name: "Contact: reason"
type: categorical
definition: What the caller first asked the shop about.
labels:
  - {name: delivery, when: The caller asked where a parcel is.}
  - {name: return, when: The caller asked to send an article back.}
"""
GOOD = """\
name: "Contact: reason"
type: categorical
definition: What the caller first asked the shop about.
labels:
  - {name: delivery, when: The caller asked where a parcel is.}
  - {name: return, when: The caller asked to send an article back.}
  - {name: other, when: The caller asked about something else.}
"""


REST_NAME = re.compile(
    r"\b(?:others?|else|elsewhere|none|neither|nothing|unknown|unclear|undetermined|unspecified|uncategori[sz]ed|unclassified|misc(?:ellaneous|ellany)?|"
    r"rest|remain(?:der|ing)|everything|anything|otherwise|catch ?all|mixed|various|indeterminate|inconclusive|ambiguous)\b"
)
REST_WHEN = re.compile(
    r"\b(?:(?:something|anything|everything|nothing|whatever|all) else|(?:any|all|every|some) (?:\w+ )?other|"
    r"other than (?:these|those|the|what)|(?:none|neither|outside|rest|remainder) of|whatever (?:is left|remains)|otherwise|"
    r"(?:fits?|falls?|belongs?) (?:under |in |into |to )?(?:no|none|neither)|cannot be (?:told|determined|decided))\b"
)
LACKS = frozenset("fail omit skip ignore lack neglect forget overlook refrain".split())
ENDS = frozenset(
    "end close finish stop hang drop disconnect leave abandon move go turn change continue pass break".split()
)
LEFT_OPEN = re.compile(
    r"\b(?:left open|open|pending|silen(?:t|ce)|abandon\w*|incomplete|missing|dropped|skipped|ignored|omitted)\b"
)
TOO_EARLY = re.compile(r"\b(?:before|first|without|with (?:no|nothing))\b")
PRESENT_TROUBLE = re.compile(r"\b(?:has|have|does|do|is|are|can|could|will|would) ?(?:not|n't)\b|\bcan(?:not|'t)\b")
FEWER = re.compile(r"\b(?:(?:fewer|less) than|at most|short of)\b")


def check(subject: Subject) -> Iterator[Hit]:
    metric = subject.metric
    if metric.type != "categorical":
        return
    named = [span(label.when or label.name) for label in metric.labels]
    ranges = [one for one in named if one is not None]
    if 1 < len(ranges) == len(named) and len({one.unit for one in ranges}) == 1 and leave_a_gap(ranges):
        yield Hit(subject, ("labels",), "the labels' numbers leave a gap that no label is for.")
        return
    is_rated = any(label.outcome != "neutral" for label in metric.labels)
    if not any(_takes_the_rest(label, is_rated) for label in metric.labels):
        yield Hit(subject, ("labels",), "no label is for what the others do not describe.")


def _takes_the_rest(label: Label, is_rated: bool) -> bool:
    name = label.name.lower().replace("_", " ").replace("-", " ")
    when = (label.when or "").lower()
    if REST_NAME.search(name) or REST_WHEN.search(when):
        return True
    main = _main_clauses(when)
    # In a list of topics what does not work, or has not come, is a topic too.
    if main and not is_rated and _is_trouble(main[0]):
        return False
    if _is_negative_name(name):
        return not main or any(_is_lacking(clause) for clause in main)
    if not main:
        return False
    # `It fails for all, or the chat closed with no word on it`: the rest stands as an alternative.
    if is_rated and any(clause.opener == "or" and _is_lacking(clause) and clause.is_negated for clause in main[1:]):
        return True
    return _says_only_what_lacks(main) or (_is_lacking(main[0]) and TOO_EARLY.search(when) is not None)


def _main_clauses(text: str) -> list[Clause]:
    """The clauses that nobody is said to have said, and that hang on no other."""
    return [clause for clause in clauses(text) if clause.opener not in SUBORDINATORS]


def _is_lacking(clause: Clause) -> bool:
    """Whether a clause says that something did not happen, or that all was over before it could."""
    return _is_denial(clause) or any(clause.words[index].base in ENDS for index in clause.verbs)


def _is_denial(clause: Clause) -> bool:
    said = [index for index in clause.verbs if clause.words[index].meaning == "communication"]
    denied = [index for index, word in enumerate(clause.words) if word.base in NEGATIONS or word.base.endswith("n't")]
    if denied:
        # `said no to it` and `said no code can be sent` are answers; `said nothing` and `gave no answer` are none.
        follows_speech = bool(said) and denied[0] > said[0] and clause.words[denied[0]].base in ("no", "not", "cannot")
        return not follows_speech or clause.words[said[0]].base not in ("say", "tell", "answer", "reply")
    return FEWER.search(str(clause)) is not None or any(clause.words[index].base in LACKS for index in clause.verbs)


def _says_only_what_lacks(main: list[Clause]) -> bool:
    added = [clause for clause in main[1:] if clause.opener in ("and", "but", "yet")]
    return _is_denial(main[0]) and all(_is_lacking(clause) for clause in added)


def _is_trouble(clause: Clause) -> bool:
    """Whether a thing has not come, or does not work: nobody is said to have kept silent or undone what was asked."""
    if PRESENT_TROUBLE.search(str(clause)):
        return True
    subject = next(
        (word for word in clause.words if word.kind != "determiner" or word.base in NEGATIONS), clause.words[0]
    )
    is_party = subject.meaning == "person" or subject.base in ACTORS | NEGATIONS or subject.kind != "noun"
    return not is_party and not any(
        clause.words[index].meaning == "communication" or clause.words[index].base in ENDS for index in clause.verbs
    )


def _is_negative_name(name: str) -> bool:
    return LEFT_OPEN.search(name) is not None or any(
        word in NEGATIONS or word == "non" or _is_undone(word) for word in name.split()
    )


def _is_undone(word: str) -> bool:
    """Whether `un` stands before a word of its own: unpaid, undecided, unable."""
    base = word.removeprefix("un")
    return base != word and len(base) > 2 and (verb_base(base) is not None or "a" in senses(base))


RULE = Rule(
    code="S306",
    title="Labels do not cover the rest",
    wrong="No label is for what none of the others describes.",
    why="What fits nowhere is pressed into the nearest label.",
    fix="Add a label for the rest, such as other, or none.",
    bad=BAD,
    good=GOOD,
    check=judged_each(check),
)
