"""Labels overlap."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import combinations
from math import inf
from typing import NamedTuple

from metrics_pipeline.metrics.lint.lexicon import senses, verb_base
from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each
from metrics_pipeline.metrics.lint.words import ACTORS, STOP, content, stem, stems, words
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
        "discontent unhappy dissatisfied unsatisfied displeased",
    )
    for word in group.split()
}
TELLS_APART = frozenset(
    "not no never neither nor without only nothing none but nobody before instead rather except unless cannot other "
    "another else first otherwise".split()
)
QUALIFIES = frozenset(
    "all whole wholly full fully entire entirely every both partly partially partial part half some most new existing still "
    "already yet".split()
)
BROAD = ACTORS | content(
    "something anything everything question problem issue matter concern trouble complaint request query enquiry inquiry thing "
    "case topic information help general generally all wrong contact call chat"
)
ABOUT = re.compile(r"\b(?:about|with|concerning|regarding|to do with|relat(?:ed|ing) to|involving)\s")
LISTED = re.compile(r"\b(?:about|concerning|regarding|for instance|for example|such as|including|e\.g\.|like)[\s,]|:\s")
ORDER = re.compile(
    r"\bfirst (?:label |one )?(?:that|which|to) (?:holds?|fits?|appl(?:y|ies)|match(?:es)?)\b|\bfrom the top\b|\btop to bottom\b|"
    r"\bin (?:this|the given|the listed|their) order\b|\b(?:priorit|precede)|\b(?:prevails?|outranks?|wins)\b|"
    r"\bif (?:both|several|two|more than one)\b|\bwhichever\b",
    re.IGNORECASE,
)
ONE_ATTEMPT = re.compile(
    r"\b(?:first|last|final|finally|best|latest|earliest|furthest|highest|how far)\b", re.IGNORECASE
)
AGENTS = frozenset("agent assistant bot adviser advisor representative operator clerk dispatcher receptionist".split())
NUMBERS = {word: index for index, word in enumerate("zero one two three four five six seven eight nine ten".split())}
SHARED_WORDS = 2
TOPIC_WORDS = 4
TINY = 1e-6
NUMBER = r"(\d+(?:\.\d+)?)"
SPANS: tuple[tuple[re.Pattern[str], Callable[[float, float], Span]], ...] = (
    (re.compile(rf"{NUMBER} ?(?:to|and|through|until|-|–) ?{NUMBER}( \w+)?"), lambda low, high: Span(low, high)),
    (re.compile(rf"\b(?:no|not) (?:more|longer|later) than (){NUMBER}( \w+)?"), lambda _, end: Span(0, end)),
    (re.compile(rf"\b(?:no|not) (?:fewer|less) than (){NUMBER}( \w+)?"), lambda _, end: Span(end, inf)),
    (
        re.compile(rf"\b(?:more|longer|later|greater|higher) than (){NUMBER}( \w+)?"),
        lambda _, end: Span(end + TINY, inf),
    ),
    (re.compile(rf"\b(?:over|above|beyond|exceeding) (){NUMBER}( \w+)?"), lambda _, end: Span(end + TINY, inf)),
    (re.compile(rf"\b(?:fewer|less|shorter|lower|sooner) than (){NUMBER}( \w+)?"), lambda _, end: Span(0, end - TINY)),
    (re.compile(rf"\b(?:under|below) (){NUMBER}( \w+)?"), lambda _, end: Span(0, end - TINY)),
    (re.compile(rf"\b(?:at least|from|minimum of) (){NUMBER}( \w+)?"), lambda _, end: Span(end, inf)),
    (re.compile(rf"\b(?:at most|up to|within|maximum of) (){NUMBER}( \w+)?"), lambda _, end: Span(0, end)),
    (re.compile(rf"(){NUMBER}( \w+)? or (?:more|longer|over|above|later)\b"), lambda _, end: Span(end, inf)),
    (re.compile(rf"(){NUMBER}( \w+)? or (?:less|fewer|under|below)\b"), lambda _, end: Span(0, end)),
)


class Span(NamedTuple):
    """A range of numbers that a label names, both ends in it."""

    low: float
    high: float
    unit: str = ""


def check(subject: Subject) -> Iterator[Hit]:
    metric = subject.metric
    has_order = ORDER.search(metric.definition) is not None
    has_one_attempt = metric.attempts is not None or ONE_ATTEMPT.search(metric.definition) is not None
    for (_, one), (index, other) in combinations(enumerate(metric.labels), 2):
        if problem := _same(one, other):
            yield Hit(subject, ("labels", index), f"the labels {one.name!r} and {other.name!r} {problem}.")
        elif not has_order and (
            _share_numbers(one, other)
            or any(_is_kind(*pair) or _is_within(*pair) or _lists(*pair) for pair in ((one, other), (other, one)))
            or (not has_one_attempt and _both_succeed(one, other))
        ):
            yield Hit(subject, ("labels", index), f"{one.name!r} and {other.name!r} can fit the same conversation.")


def _same(one: Label, other: Label) -> str | None:
    """What makes two labels the same, or one of them a case of the other."""
    if _meaning(_spoken(one.name)) == _meaning(_spoken(other.name)):
        return "mean the same"
    if not one.when or not other.when:
        return None
    small, large = sorted((_meaning(one.when), _meaning(other.when)), key=len)
    is_same = small == large and (stems(one.when) == stems(other.when) or not _tells_apart(one.when))
    if is_same or (small and small <= large and not _qualify(one.when, other.when)):
        return "fit the same conversation"
    return None


def _is_kind(wide: Label, narrow: Label) -> bool:
    """Whether a name is another one with a qualifier, for the same event: appointment, weekend appointment."""
    if not wide.when or not narrow.when or not _meaning(_spoken(wide.name)) < _meaning(_spoken(narrow.name)):
        return False
    shared = _meaning(wide.when) & _meaning(narrow.when)
    things = {word for word in shared if "n" in senses(word) and not _is_person(word)}
    return bool(things) and len(shared) >= SHARED_WORDS and not _qualify(narrow.name, wide.when, narrow.when)


def _is_within(wide: Label, narrow: Label) -> bool:
    """Whether a label takes whatever is about a thing that another label is about as well."""
    topic = _topic(wide.when or "")
    if not topic or _tells_apart(narrow.when or "", narrow.name):
        return False
    about = _meaning(f"{_spoken(narrow.name)} {narrow.when or ''}")
    return all(any(word == thing or (len(thing) > 3 and word.endswith(thing)) for word in about) for thing in topic)


def _topic(when: str) -> frozenset[str]:
    """The thing that `when` takes all talk of: `has a question about the room`; empty where it says more."""
    found = next(reversed(list(ABOUT.finditer(re.split(r"[,;.:(]", when)[0]))), None)
    if found is None or _tells_apart(when) or ":" in when:
        return frozenset()
    before = [word for word in words(when[: found.start()]) if word not in STOP and not _is_person(word)]
    after = re.split(r"[,;.(]", when[found.end() :])[0]
    named = frozenset(_meaning(after) - BROAD)
    is_plain = all(stem(word) in BROAD or _is_talk(word) for word in before)
    return named if is_plain and len(named) == 1 and len(words(after)) <= TOPIC_WORDS else frozenset()


def _is_talk(word: str) -> bool:
    """Whether a word only says that somebody spoke, or how they felt about it."""
    base = verb_base(word)
    known = senses(base) if base else {}
    is_talk = "v" in known and known["v"].meaning in ("communication", "emotion", "cognition", "stative")
    return is_talk or "a" in senses(word) or base in ("write", "have", "be")


def _lists(wide: Label, narrow: Label) -> bool:
    """Whether a label names the topic of another one among its own."""
    found = LISTED.search(wide.when or "")
    name = _meaning(_spoken(narrow.name))
    if found is None or not wide.when or _tells_apart(wide.when, wide.name, narrow.name):
        return False
    items = re.split(r",|;|\bor\b|\band\b", wide.when[found.end() :])
    is_spoken_of = any(name == _meaning(item) for item in items)
    example = re.search(r"\b(?:for instance|for example|such as|including|e\.g\.)", wide.when)
    return bool(name) and (is_spoken_of or (example is not None and name <= _meaning(wide.when[example.end() :])))


def _both_succeed(one: Label, other: Label) -> bool:
    """Whether one success is what the agent did, and the other what the other party did."""
    if {one.outcome, other.outcome} != {"success"} or not one.when or not other.when:
        return False
    actors = _actor(one.when), _actor(other.when)
    parties = {actor in AGENTS for actor in actors}
    return None not in actors and len(parties) == len(actors) and not _tells_apart(one.when, other.when)


def _actor(when: str) -> str | None:
    """The person that the first words of `when` speak of."""
    first = next((word for word in words(when) if word not in STOP), "")
    return first if _is_person(first) else None


def _is_person(word: str) -> bool:
    known = senses(word)
    is_named_so = known["n"].meaning == "person" if "n" in known else not known and word.endswith(("er", "or", "ee"))
    return is_named_so or word in ACTORS | AGENTS


def _share_numbers(one: Label, other: Label) -> bool:
    first, second = _span(one), _span(other)
    if first is None or second is None or first.unit != second.unit:
        return False
    return first.low <= second.high and second.low <= first.high and not _denies(one.when, other.when)


def _span(label: Label) -> Span | None:
    text = " ".join(str(NUMBERS.get(word, word)) for word in (label.when or _spoken(label.name)).lower().split())
    for pattern, made in SPANS:
        if found := pattern.search(text):
            low, high, unit = found.groups(default="")
            return made(float(low or 0), float(high))._replace(unit=stem(unit.strip()))
    return None


def _denies(*texts: str | None) -> bool:
    return any(text and re.match(r"\W*(?:not|neither|none|no)\b", text, re.IGNORECASE) for text in texts)


def _tells_apart(*texts: str) -> bool:
    return any(word in TELLS_APART or word.endswith("n't") for text in texts for word in words(_spoken(text)))


def _qualify(*texts: str) -> bool:
    """Whether two labels are told apart, or one takes the whole and the other a part, one the new and one the old."""
    return _tells_apart(*texts) or any(word in QUALIFIES for text in texts for word in words(_spoken(text)))


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
