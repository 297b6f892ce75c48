"""Labels overlap."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from math import inf
from typing import NamedTuple

from metrics_pipeline.metrics.lint.english import has_verb, is_person
from metrics_pipeline.metrics.lint.grammar import NEGATIONS, tagged
from metrics_pipeline.metrics.lint.lexicon import verb_base
from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each
from metrics_pipeline.metrics.lint.words import content, stem, words
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
    "only but before instead rather except unless other another else elsewhere outside beyond otherwise different alone "
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
IS_TROUBLE = re.compile(r"\b(?:has|have|is|are|can) ?not\b|\b(?:has|have|is|are|ca)n't\b|\bcannot\b", re.IGNORECASE)
OPEN = re.compile(
    r"\bwhat(?! (?:kind|type|sort|\w+ of)\b)|\bwhy\b|\b(?:reason|cause|topic|subject|theme)s?\b", re.IGNORECASE
)
LISTED = re.compile(
    r"\b(?:about|with|concerning|regarding|to do with|for instance|for example|such as|including|e\.g\.|like|to)[\s,]"
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
AGENTS = frozenset("agent assistant bot adviser advisor representative operator clerk dispatcher receptionist".split())
SHARED_WORDS = 2
SENTENCE_WORDS = 3

NUMBERS = {
    word: number
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
        "eighteen nineteen twenty".split()
    )
} | {"thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "ninety": 90, "hundred": 100, "thousand": 1000, "noon": 12}
HOURS = {"minute": 1 / 60, "hour": 1, "day": 24, "week": 168, "fortnight": 336, "month": 730, "year": 8760}
TINY = 1e-6
NUMBER = r"[$£€]?(?P<{}>\d+(?:\.\d+)?)%?"
UNIT = r"(?P<unit>[ -](?!or\b|and\b)[a-z]+)?"
MORE = r"(?:more|longer|later|greater|higher|larger|bigger|older|heavier|further)"
LESS = r"(?:fewer|less|shorter|lower|smaller|sooner|earlier|younger|lighter|cheaper)"
SPANS = tuple(
    (re.compile(rf"\b{pattern}"), low_shift, high_shift)
    for pattern, low_shift, high_shift in (
        (rf"{NUMBER.format('low')} ?(?:to|and|or|through|until|-|–) ?{NUMBER.format('high')}{UNIT}", 0.0, 0.0),
        (rf"(?:{MORE} than|over|above|beyond|exceed\w*) {NUMBER.format('low')}{UNIT}", TINY, 0.0),
        (rf"(?:{LESS} than|under|below) {NUMBER.format('high')}{UNIT}", 0.0, -TINY),
        (rf"(?:at least|from|minimum of) {NUMBER.format('low')}{UNIT}", 0.0, 0.0),
        (rf"(?:at most|up to|within|maximum of) {NUMBER.format('high')}{UNIT}", 0.0, 0.0),
        (rf"{NUMBER.format('low')}{UNIT} (?:or|and) (?:{MORE}|over|above|up|upwards)\b", 0.0, 0.0),
        (rf"{NUMBER.format('high')}{UNIT} (?:or|and) (?:{LESS}|under|below)\b", 0.0, 0.0),
    )
)


class Span(NamedTuple):
    """A range of numbers that a label names, both ends in it."""

    low: float
    high: float
    unit: str


def check(subject: Subject) -> Iterator[Hit]:
    metric = subject.metric
    has_order = ORDER.search(metric.definition) is not None
    asks_for_one = metric.attempts is not None or ONE_OF_MANY.search(metric.definition) is not None
    for (_, one), (index, other) in combinations(enumerate(metric.labels), 2):
        if problem := _same(one, other):
            yield Hit(subject, ("labels", index), f"the labels {one.name!r} and {other.name!r} {problem}.")
        elif not has_order and (
            _share_numbers(one, other)
            or any(_is_kind(*pair) or _lists(*pair) for pair in ((one, other), (other, one)))
            or (not asks_for_one and (_both_succeed(one, other) or _both_hold(metric.definition, one, other)))
        ):
            yield Hit(subject, ("labels", index), f"{one.name!r} and {other.name!r} can fit the same conversation.")


def _same(one: Label, other: Label) -> str | None:
    """What makes two labels the same, or one of them a case of the other."""
    if _meaning(_spoken(one.name)) == _meaning(_spoken(other.name)):
        return "mean the same"
    if not one.when or not other.when:
        return None
    small, large = sorted((_meaning(one.when), _meaning(other.when)), key=len)
    is_same = small == large and not _tells_apart(one.when)
    if one.when == other.when or is_same or (small and small <= large and not _qualify(one.when, other.when)):
        return "fit the same conversation"
    return None


def _is_kind(wide: Label, narrow: Label) -> bool:
    """Whether a name is another one with a qualifier, for the same event: appointment, weekend appointment."""
    if not wide.when or not narrow.when or not _meaning(_spoken(wide.name)) < _meaning(_spoken(narrow.name)):
        return False
    shared = _meaning(wide.when) & _meaning(narrow.when)
    return len(shared) >= SHARED_WORDS and not _qualify(narrow.name, wide.when, narrow.when)


def _lists(wide: Label, narrow: Label) -> bool:
    """Whether a label lists, among what it is about, the thing that another one is about."""
    found = LISTED.search(wide.when or "")
    name = _meaning(_spoken(narrow.name))
    if found is None or not wide.when or _tells_apart(wide.when, wide.name, narrow.name):
        return False
    items = re.split(r"[,;.:]|\b(?:or|and|whose|who|that|which)\b", wide.when[found.end() :])
    return any(name in (_meaning(item), {_head(item)}) for item in items)


def _both_succeed(one: Label, other: Label) -> bool:
    """Whether one success is what the agent did, and the other what the other party did."""
    if {one.outcome, other.outcome} != {"success"} or not one.when or not other.when:
        return False
    actors = _actor(one.when), _actor(other.when)
    return None not in actors and actors[0] != actors[1] and not _tells_apart(one.when, other.when)


def _both_hold(question: str, one: Label, other: Label) -> bool:
    """Whether nothing keeps two neutral answers to a question, which asks for no single one, from being true at once."""
    if {one.outcome, other.outcome} != {"neutral"} or not one.when or not other.when or RESULT.search(question):
        return False
    is_open = OPEN.search(question) is not None
    texts = [IS_TROUBLE.sub("", text) if is_open else text for text in (one.when, other.when)]
    if not all(map(_is_sentence, texts)) or _qualify(*texts) or (_span(one) and _span(other)):
        return False
    # `Which branch`: the agent named Leeds, the agent named York; but `who holds a card` and `who reported a fault` …
    is_parallel = _verbs(one.when) == _verbs(other.when) and (_span(one) is None) == (_span(other) is None)
    return is_open or not is_parallel


def _share_numbers(one: Label, other: Label) -> bool:
    first, second = _span(one), _span(other)
    if first is None or second is None or first.unit != second.unit:
        return False
    texts = one.when or "", other.when or ""
    return first.low <= second.high and second.low <= first.high and _verbs(texts[0]) == _verbs(texts[1])


def _span(label: Label) -> Span | None:
    """Where the numbers of a label meet; None where it names none, or denies what it counts."""
    spoken = (label.when or _spoken(label.name)).lower()
    text = " ".join(str(NUMBERS.get(word, word)) for word in re.findall(r"[^\s,;:()]+", spoken.rstrip(". ")))
    text = re.sub(rf"\b(?:no|not) {MORE} than\b", "at most", re.sub(rf"\b(?:no|not) {LESS} than\b", "at least", text))
    text = text.replace("half an hour", "30 minutes")
    text = re.sub(r"\ban? (?=(?:minute|hour|day|week|fortnight|month|year)\b)", "1 ", text)
    if _denies(text):
        return None
    low, high, unit = -inf, inf, ""
    for pattern, low_shift, high_shift in SPANS:
        for found in pattern.finditer(text):
            named = found.groupdict()
            unit = (named["unit"] or "").strip(" -").removesuffix("s")
            scale = HOURS.get(unit, 1)
            low = max(low, float(named.get("low") or -inf) * scale + low_shift)
            high = min(high, float(named.get("high") or inf) * scale + high_shift)
    return Span(low, high, "hour" if unit in HOURS else unit) if (low, high) != (-inf, inf) else None


def _denies(text: str) -> bool:
    return any(word in NEGATIONS or word.endswith("n't") for word in words(text))


def _tells_apart(*texts: str) -> bool:
    listed = [word for text in texts for word in words(_spoken(text))]
    return any(word in TELLS_APART or word.endswith("n't") or verb_base(word) in REFUSES for word in listed)


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
