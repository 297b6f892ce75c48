"""Several questions in one metric."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from metrics_pipeline.metrics.lint.acts import JUDGED, is_observable
from metrics_pipeline.metrics.lint.closed import BE, SUBORDINATORS
from metrics_pipeline.metrics.lint.english import is_concrete, is_person, is_speech
from metrics_pipeline.metrics.lint.grammar import Clause, Word, clauses, sentences, tagged, verb_groups
from metrics_pipeline.metrics.lint.lexicon import IRREGULAR_VERBS
from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each

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


QUESTIONS = frozenset(("whether", "how", "what", "why", "who", "if"))
CONDITION = re.compile(r"\b(?:true|false|yes|no|answer|counts?)\b", re.IGNORECASE)
JOINED = re.compile(r"\band (?:also )?(?:that|whether|how|what|which|why|where|when)\b", re.IGNORECASE)
LISTED = re.compile(r"\b(?:namely|such as|for example|for instance|that is|means|e\.g|i\.e)\b", re.IGNORECASE)
BACK = frozenset("it its them their this these those one both that him her they so then".split())
SETTING = frozenset("call phone ring come go continue contact stay wait return try look search check".split())
"""Verbs that only lead up to what is asked."""
TOLD = frozenset("say explain tell".split())
PAST = frozenset((*IRREGULAR_VERBS, "would", "could")) - {"am", "is", "are", "be", "does"}
AFFIRMS = frozenset("accept agree approve grant allow confirm pay buy keep book renew".split())
DENIES = frozenset("refuse decline reject deny dispute cancel withdraw contest oppose".split())
CLOSING = frozenset("confirm agree accept match refuse decline reject".split())
"""What the other party says to the same thing."""


def check(subject: Subject) -> Iterator[Hit]:
    for index, label in enumerate(subject.metric.labels):
        opposites = _opposites(label.when or "") if label.outcome != "neutral" else None
        if opposites:
            yield Hit(subject, ("labels", index, "when"), f"one label stands for opposites: {opposites!r}.")
            return
    text = next(iter(sentences(subject.metric.definition)), "")
    if CONDITION.search(text) or LISTED.search(text):
        return
    if subject.metric.true_when and _is_one_act(subject.metric.true_when, text):
        return
    read = clauses(text)
    asked = [clause for clause in read if clause.opener in QUESTIONS]
    joined = [second for first, second in pairwise(read) if first.verbs and _asks_another(text, second)]
    if len(asked) > 1 and joined:
        yield Hit(subject, ("definition",), "the definition asks several questions at once.")
    elif subject.metric.type == "boolean":
        main = _main(read)
        for first, second in pairwise(main):
            is_joined = second.opener in ("and", "or", "but") and not _goes_on(first, second)
            if is_joined and _is_outcome(first) and _is_other_outcome(second, read[read.index(second) + 1 :]):
                parts = f"{str(first)!r} and {str(second)!r}"
                yield Hit(subject, ("definition",), f"the definition joins several outcomes: {parts}.")
                return


def _is_one_act(true_when: str, joined: str) -> bool:
    """Whether a condition says how what the definition joins is one outcome: a single act, on what it speaks of."""
    is_joined = any(clause.opener in ("and", ";", ".") and clause.verbs for clause in clauses(true_when))
    condition, definition = (
        {word.base for word in tagged(text) if word.kind in ("noun", "verb", "adjective") and not is_person(word)}
        for text in (true_when, joined)
    )
    is_about_it = not condition.isdisjoint(definition - {"say", "give"})
    return is_about_it and not (is_joined or JOINED.search(true_when)) and is_observable(true_when)


def _opposites(when: str) -> str | None:
    """The two verbs of a condition that affirm and deny the same: `accepted or declined it`."""
    for first, second in pairwise(clauses(when)):
        if second.opener == "or" and not (first.is_negated or second.is_negated):
            one = {first.words[index].base for index in _finite(first)[-1:]}
            other = {second.words[index].base for index in _finite(second)[:1]}
            if (one & AFFIRMS and other & DENIES) or (one & DENIES and other & AFFIRMS):
                return " or ".join((*one, *other))
    return None


def _asks_another(text: str, clause: Clause) -> bool:
    is_about_the_same = any(word.base in BACK for word in clause.words)
    return clause.opener in QUESTIONS and not is_about_the_same and _ends_joined(text, clause)


def _ends_joined(text: str, clause: Clause) -> bool:
    """Whether `and` or `or` stands right before the question word of a clause."""
    return re.search(rf"\b(?:and|or),? (?:also )?{clause.opener} {re.escape(str(clause)[:12])}", text) is not None


def _main(read: tuple[Clause, ...]) -> list[Clause]:
    """The clauses that no conjunction puts below another; what is joined to a lower one is lower, too."""
    main: list[Clause] = []
    is_main = True
    for index, clause in enumerate(read):
        # `Once a return is approved the label goes out, and …`: the main clause follows without a comma.
        is_both = index == 0 and clause.opener in SUBORDINATORS and len(verb_groups(clause)) > 1
        if is_both or clause.opener in ("", ".", ";") or (clause.opener == "whether" and index == 0):
            is_main = True
        elif clause.opener in ("and", "or", "but"):
            # A subject of its own, not a bare verb, takes the thread of the sentence up again.
            is_own = _has_subject(clause) or (bool(main) and _resumes(main[-1], read[index - 1], clause))
            is_main = is_main or (bool(read[index - 1].verbs) and is_own)
        elif clause.opener == ",":
            is_main = is_main or _has_subject(clause)
        else:
            is_main = False
        if is_main:
            main.append(clause)
    return main


def _resumes(main: Clause, lower: Clause, clause: Clause) -> bool:
    """Whether a bare verb is in the tense of the main clause and not of the lower one: `listed what it needs and had …`."""
    return _is_past(clause) == _is_past(main) != _is_past(lower)


def _is_past(clause: Clause) -> bool:
    carried = next((word.text.lower() for word in clause.words if word.kind in ("verb", "auxiliary")), "")
    return carried.endswith("ed") or carried in PAST


def _has_subject(clause: Clause) -> bool:
    verb = next((index for index, word in enumerate(clause.words) if word.kind in ("verb", "auxiliary")), 0)
    return clause.words[0].base not in ("with", "without") and any(map(_is_noun, clause.words[:verb]))


def _finite(clause: Clause) -> list[int]:
    """Where the verbs stand that can carry a sentence: `named`, not `naming` or `being named`."""
    before = [word.text for word in clause.words]
    return [
        index
        for index in clause.verbs
        if not clause.words[index].text.endswith("ing") and not _is_open(before[max(0, index - 3) : index])
    ]


def _is_noun(word: Word) -> bool:
    return word.kind == "noun"


def _is_open(before: list[str]) -> bool:
    """Whether `to` or a bare `being` stands before a verb: it names an act and does not say that it took place."""
    return (
        "to" in before[-2:]
        or "having" in before
        or ("being" in before[-2:] and not set(before) & {"is", "are", "was", "were"})
    )


def _is_outcome(clause: Clause) -> bool:
    if any(word.base in ("call", "conversation", "chat") for word in clause.words) and "end" in str(clause):
        return False
    return any(clause.words[index].base not in SETTING for index in _finite(clause)) or _is_rated(clause)


def _is_rated(clause: Clause) -> bool:
    """Whether a clause only says what somebody is like: `the agent was polite`."""
    linked = [place for place, word in enumerate(clause.words[:-1]) if word.base in BE]
    return not clause.verbs and any(clause.words[place + 1].kind in ("adjective", "adverb") for place in linked)


def _goes_on(first: Clause, second: Clause) -> bool:
    """Whether the second clause says more of the first: a thing that both name, or one thing that goes through several
    steps, as in `a booking was made and read back to the caller`."""
    doer = next(filter(_is_noun, first.words), None)
    is_of_thing = doer is not None and not is_person(doer) and any(word.base in BE for word in second.words)
    if is_of_thing and not _has_subject(second):
        return True
    is_passive = any(word.base in BE for word in first.words) and bool(first.verbs) and _is_past(second)
    things = (
        {word.base for word in clause.words if word.kind == "noun" and is_concrete(word)} for clause in (first, second)
    )
    is_denied = second.is_negated and not (_has_subject(second) and any(word.base in BE for word in second.words))
    if is_denied or set.intersection(*things):
        return True
    return is_passive and not _has_subject(second) and not any(word.kind == "auxiliary" for word in second.words)


def _is_other_outcome(clause: Clause, following: Sequence[Clause]) -> bool:
    """Whether a joined clause says something of its own, and not more of what was said before it."""
    verbs = _finite(clause)
    is_ahead = any(word.base in ("will", "would") for word in clause.words)
    if not verbs or (clause.words[verbs[0]].base in SETTING and not is_ahead):
        return False
    verb = clause.words[verbs[0]]
    after = clause.words[verbs[0] + 1 :]
    is_said_of_it = (
        is_speech(verb)
        and bool(following)
        and following[0].opener in QUESTIONS | {"that"}
        and bool(BACK & {word.base for word in following[0].words})
    )
    is_participle = bool(after) and after[0].base == "by" and verbs[0] == 0
    if (
        is_said_of_it
        or is_participle
        or any(word.base in BACK for word in clause.words[: verbs[0]])
        or (after and after[0].base in BACK)
    ):
        return False
    is_about_it = any(word.base in BACK for word in after) and all(map(is_person, filter(_is_noun, after)))
    if (
        is_speech(verb)
        and (is_about_it or (verb.base in TOLD and not after and not _has_subject(clause)))
        and not following
    ):
        return False
    if verb.base in CLOSING:
        return any(word.kind == "verb" or word.base in ("a", "an", "another") for word in after)
    if is_ahead:
        return True
    has_object = any(is_concrete(word) or word.kind == "determiner" for word in after[:3])
    has_content = bool(following) and following[0].opener in QUESTIONS | {"that", "which"} and not after
    return has_object or has_content or verb.base in JUDGED or is_speech(verb) or _has_subject(clause)


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
