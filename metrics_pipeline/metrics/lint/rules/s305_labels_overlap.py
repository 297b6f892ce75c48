"""Labels overlap."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

from metrics_pipeline.metrics.lint.closed import NEGATIONS
from metrics_pipeline.metrics.lint.english import has_verb, is_person
from metrics_pipeline.metrics.lint.grammar import tagged
from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each
from metrics_pipeline.metrics.lint.question import (
    asks_for_one,
    asks_for_result,
    asks_what_was_done,
    has_order,
    is_open,
)
from metrics_pipeline.metrics.lint.spans import Span, span
from metrics_pipeline.metrics.lint.words import content, stem, stems, words
from metrics_pipeline.metrics.parts import Label

BAD = """\
name: "Contact: reason"
type: categorical
definition: What the caller first asked the shop about.
labels:
  - {name: delivery, when: The caller asked where a parcel is.}
  - {name: return, when: The caller asked where a parcel is.}
  - {name: other, when: The caller asked about something else.}
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

SAME = {
    stem(word): group.split()[0]
    for group in (
        "resolve solve fix resolution solution",
        "decline refuse reject refusal",
        "accept agree approve acceptance approval",
        "bill invoice billing",
        "problem issue trouble",
        "caller customer user guest client",
        "ask inquire enquire request question query enquiry inquiry",
        "other misc miscellaneous else",
        "late later delay long slow wait overdue",
        "delivery shipping shipment",
        "refund reimburse reimbursement",
        "staff employee personnel",
        "buy purchase",
        "say tell mention state",
        "software app application program programme",
        "discontent unhappy dissatisfied unsatisfied displeased",
    )
    for word in group.split()
}
TELLS_APART = NEGATIONS | set(
    "only but before instead rather except unless other else elsewhere outside beyond otherwise different alone "
    "solely just".split()
)
REFUSES = frozenset(
    "refuse decline reject deny oppose withhold disagree dispute fail omit skip ignore lack neglect forget overlook refrain "
    "hang leave end stop abandon postpone defer delay cancel".split()
)
"""Verbs that deny what another label affirms, or tell of an end before it."""
QUALIFIES = frozenset(
    "all whole wholly full fully entire entirely every everything everybody everyone complete both partly partially "
    "partial part half some most least new existing old current former still already yet several first last".split()
)
IS_TROUBLE = re.compile(
    r"\b(?:of|for|from) not \w+ing\b|\bthat (?:they|he|she|it) (?:did|do|does|has|have|had|could|can) ?(?:not|n't)\b|\b(?:has|have|is|are|can) ?not\b|\b(?:has|have|is|are|ca)n't\b|\bcannot\b",
    re.IGNORECASE,
)
LISTED = re.compile(
    r"\b(?:about|with|concerning|regarding|to do with|for instance|for example|such as|including|e\.g\.|like|(?<!up )to|be it|whether)[\s,]"
)
INCLUDED = re.compile(r"\b(?:its|their|the) ([\w-]+) included\b", re.IGNORECASE)
AGENTS = frozenset("agent assistant bot adviser advisor representative operator clerk dispatcher receptionist".split())
FREE = re.compile(
    r",? (?:at once|now|today|immediately|straight ?away|right away|sooner) or (?:at a |some )?(?:later|other|another)(?: \w+)?|"
    r",? (?:with|in) or (?:without|out)\b|,? whether or not\b[^.,;]*|,? (?:in full|wholly|fully) or (?:in part|partly)|,? or not\b|"
    r",? no matter \w+[^.,;]*|,? by whatever \w+|,? in any \w+",
    re.IGNORECASE,
)
"""Both of two opposites: what is left open narrows nothing."""
NOT_YET = re.compile(
    r"(?:\bnot|n't|\bno|\bnever|\bnothing)\b[^.;]*\byet\b|\b(?:is|are) yet to\b|\bstill (?:not|to be|has to|have to)\b"
)
UNDER_WAY = re.compile(r"\b(?:is|are|was|were) (?:still |now |currently )?(?!missing)(?:being \w+|\w+ing)\b")
STEPS = frozenset("ask request need require check look open begin start promise offer propose forward".split())
"""Verbs of what comes before the thing itself."""
SHARED_WORDS = 2
SENTENCE_WORDS = 3


def check(subject: Subject) -> Iterator[Hit]:
    metric = subject.metric
    is_ordered, is_single = has_order(metric), asks_for_one(metric)
    for (_, one), (index, other) in combinations(enumerate(metric.labels), 2):
        if problem := _same(one, other):
            yield Hit(subject, ("labels", index), f"the labels {one.name!r} and {other.name!r} {problem}.")
        elif not is_ordered and (
            _share_numbers(one, other)
            or any(_is_kind(*pair) or _lists(*pair) for pair in ((one, other), (other, one)))
            or _is_on_the_way(metric.definition, one, other)
            or (not is_single and (_both_succeed(one, other) or _both_hold(metric.definition, one, other)))
        ):
            yield Hit(subject, ("labels", index), f"{one.name!r} and {other.name!r} can fit the same conversation.")


def _same(one: Label, other: Label) -> str | None:
    """What makes two labels the same, or one of them a case of the other."""
    if _meaning(_spoken(one.name)) == _meaning(_spoken(other.name)):
        return "mean the same"
    if not one.when or not other.when:
        return None
    free = [FREE.sub("", text) for text in (one.when, other.when)]
    small, large = sorted(map(_meaning, free), key=len)
    if one.when == other.when or (small == large and not _tells_apart(one.when)):
        return "fit the same conversation"
    is_free = free != [one.when, other.when]
    is_told_apart = (_tells_apart if is_free else _qualify)(one.when, other.when)
    shorter, longer = sorted(map(_order, free), key=len)
    is_within = (
        bool(small) and small <= large and not (_span(one) and _span(other)) and _is_told_in_order(shorter, longer)
    )
    return "fit the same conversation" if is_within and not is_told_apart else None


def _is_on_the_way(question: str, one: Label, other: Label) -> bool:
    """Whether a label holds until another does: `has not been repaired yet` and `is waiting for a part`; or names a step
    before it, where it is asked what somebody did: `asked for a proof` and `applied the discount`."""
    first, second = one.when or "", other.when or ""
    for early, late in ((first, second), (second, first)):
        if NOT_YET.search(early) and UNDER_WAY.search(late) and not NOT_YET.search(late):
            return True
    if (
        {one.outcome, other.outcome} != {"success", "partial"}
        or not asks_what_was_done(question)
        or _qualify(first, second)
    ):
        return False
    step, whole = (first, second) if one.outcome == "partial" else (second, first)
    return _actor(step) == _actor(whole) is not None and bool(_verbs(step) & STEPS) and _verbs(step) != _verbs(whole)


def _is_kind(wide: Label, narrow: Label) -> bool:
    """Whether a name is another one with a qualifier, for the same event: appointment, weekend appointment."""
    if _span(wide) and _span(narrow):
        return False
    if not wide.when or not narrow.when or not _meaning(_spoken(wide.name)) < _meaning(_spoken(narrow.name)):
        return False
    shared = _meaning(wide.when) & _meaning(narrow.when)
    return len(shared) >= SHARED_WORDS and not _qualify(narrow.name, wide.when, narrow.when)


def _lists(wide: Label, narrow: Label) -> bool:
    """Whether a label lists, among what it is about, the thing that another one is about."""
    if not wide.when or _tells_apart(wide.when, wide.name, narrow.name):
        return False
    if any(_meaning(found[1]) <= _meaning(narrow.when or "") for found in INCLUDED.finditer(wide.when)):
        return True
    found = LISTED.search(wide.when)
    name = _meaning(_spoken(narrow.name))
    # `A trainer or somebody at the desk.` is a list from its first word.
    listed = wide.when[found.end() :] if found else "" if has_verb(wide.when) else wide.when
    items = re.split(r"[,;.:]|\b(?:or|and|whose|who|that|which)\b", listed)
    return any(bool(name) and name in (_meaning(item), {_head(item)}) for item in items)


def _both_succeed(one: Label, other: Label) -> bool:
    """Whether one success is what the agent did, and the other what the other party did."""
    if {one.outcome, other.outcome} != {"success"} or not one.when or not other.when:
        return False
    actors = _actor(one.when), _actor(other.when)
    return None not in actors and actors[0] != actors[1] and not _tells_apart(one.when, other.when)


def _both_hold(question: str, one: Label, other: Label) -> bool:
    """Whether nothing keeps two neutral answers to a question, which asks for no single one, from being true at once."""
    if {one.outcome, other.outcome} != {"neutral"} or not one.when or not other.when or asks_for_result(question):
        return False
    texts = [IS_TROUBLE.sub("", text) if is_open(question) else text for text in (one.when, other.when)]
    if not all(map(_is_sentence, texts)) or _qualify(*texts) or (_span(one) and _span(other)):
        return False
    # `Which branch`: the agent named Leeds, the agent named York; but `who holds a card` and `who reported a fault` …
    is_parallel = _verbs(one.when) == _verbs(other.when) and (_span(one) is None) == (_span(other) is None)
    return is_open(question) or not is_parallel


def _share_numbers(one: Label, other: Label) -> bool:
    first, second = _span(one), _span(other)
    if first is None or second is None:
        return False
    texts = one.when or "", other.when or ""
    return first.meets(second) and _verbs(texts[0]) == _verbs(texts[1])


def _span(label: Label) -> Span | None:
    return span(label.when or _spoken(label.name))


def _tells_apart(*texts: str) -> bool:
    listed = [word for text in texts for word in words(_spoken(text))]
    denies = any(word in TELLS_APART or word.endswith("n't") for word in listed)
    return denies or any(
        word.kind == "verb" and word.base in REFUSES for text in texts for word in tagged(_spoken(text))
    )


def _qualify(*texts: str) -> bool:
    """Whether two labels are told apart, or one takes the whole and the other a part, one the new and one the old."""
    return _tells_apart(*texts) or any(word in QUALIFIES for text in texts for word in words(_spoken(text)))


def _actor(when: str) -> str | None:
    """Whose act the first words tell of: the agent, or the other party."""
    first = next((word for word in tagged(when) if word.kind in ("noun", "pronoun")), None)
    if first is None or not is_person(first):
        return None
    return "agent" if first.base in AGENTS else "party"


def _head(item: str) -> str:
    """The thing that an item of a list begins with: software, of `the software running on it`."""
    first = next((word for word in tagged(item) if word.kind not in ("determiner", "adjective", "adverb")), None)
    return SAME.get(stem(first.base), stem(first.base)) if first and first.kind == "noun" else ""


def _is_sentence(text: str) -> bool:
    """Whether a text says more than a name such as `Preferred brand.` does."""
    return has_verb(text) and len(words(text)) >= SENTENCE_WORDS


def _verbs(when: str) -> frozenset[str]:
    return frozenset(word.base for word in tagged(when) if word.kind == "verb")


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _order(text: str) -> list[str]:
    return [SAME.get(word, word) for word in stems(text)]


def _is_told_in_order(shorter: list[str], longer: list[str]) -> bool:
    """Whether what one label says stands in another in the same order: `the driver pays` is not in `he pays and the driver …`."""
    rest = iter(longer)
    return all(word in rest for word in shorter if word in _meaning(word))


def _meaning(text: str) -> frozenset[str]:
    return frozenset(SAME.get(word, word) for word in content(text))


RULE = Rule(
    code="S305",
    title="Labels overlap",
    wrong="Two labels fit the same conversation.",
    why="The judge picks one by chance, and both shares mean less.",
    fix="Say in each what sets it apart from the other.",
    bad=BAD,
    good=GOOD,
    check=judged_each(check),
)
