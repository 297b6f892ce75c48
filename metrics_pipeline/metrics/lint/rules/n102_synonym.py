"""Another word for the same thing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

from metrics_pipeline.metrics.lint.lexicon import noun_base, senses, verb_base
from metrics_pipeline.metrics.lint.project import Hit, Project, Rule
from metrics_pipeline.metrics.lint.words import words

BAD = """\
name: "Reservation: named"
type: boolean
definition: The agent refunded an order that the caller had returned.
true_when: The agent said that the money goes back to the card the order was paid with.
false_when: The agent refused the refund, or the conversation ended without one.
good: true
"""
GOOD = """\
name: "Booking: named"
type: boolean
definition: The agent refunded an order that the caller had returned.
true_when: The agent said that the money goes back to the card the order was paid with.
false_when: The agent refused the refund, or the conversation ended without one.
good: true
"""


GROUPS: tuple[tuple[str, ...], ...] = tuple(
    tuple(group.split())
    for group in (
        "handoff handover transfer escalation",
        "handed transferred escalated",
        "booking reservation",
        "booked reserved",
        "verified authenticated identified",
        "authentication verification identification",
        "refund reimbursement",
        "refunded reimbursed",
        "resolved solved",
        "cancellation termination",
        "complaint grievance",
        "invoice bill",
        "delivery shipment",
        "parcel package",
        "voucher coupon",
        "car vehicle",
        "flat apartment",
        "luggage baggage",
        "holiday vacation",
        "medicine medication",
        "doctor physician",
        "technician engineer",
        "pickup collection",
        "hold reservation",
        "quote quotation",
        "enrolment registration",
        "farewell goodbye",
        "callback ringback",
        "bot chatbot",
    )
)
"""Words for the same thing, each as it stands in a name; a plural or another tense of it counts as well."""
PEOPLE = ("caller", "customer", "client", "consumer", "user")
"""What anybody can be called who is served; a trade's own word is better than each of them."""
STAFF = frozenset(
    "agent assistant bot colleague specialist supervisor manager representative adviser advisor operator clerk staff "
    "employee human person people somebody anybody nobody".split()
)
SPELT = {"auth": "authentication", "enrollment": "enrolment"}
PARTY = "person people human colleague specialist supervisor manager representative adviser advisor operator department team queue staff desk"
PROOF = "identity identification password passcode pin birth birthday security postcode proof caller customer detail"
SENSES = {
    term: frozenset(context.split())
    for terms, context in (
        ("transfer transferred handed", PARTY),
        ("verified authenticated identified authentication verification identification", PROOF),
        ("package", "courier parcel deliver delivery ship post address carrier"),
        ("bill", "invoice charge pay payment amount"),
        ("engineer", "visit technician repair appointment site callout fault"),
        ("hold", "reservation reserve shelf title copy cancel"),
        ("collection", "pickup bin parcel waste driver courier"),
        ("flat", "rent tenant lease home landlord viewing"),
    )
    for term in terms.split()
}
"""Of a word that means several things: words of which the metric uses one where it means this."""
SHARE = 0.6
FEWEST = 3


def check(project: Project) -> Iterator[Hit]:
    named = [_terms(subject.metric.name) for subject in project.subjects]
    told = [
        name | _terms(" ".join((subject.metric.definition, *subject.conditions)))
        for subject, name in zip(project.subjects, named, strict=True)
    ]
    for group in _joined(GROUPS, project.synonyms):
        of_name = [_of_group(group, name, text) for name, text in zip(named, told, strict=True)]
        of_text = Counter(term for text in told for term in _of_group(group, text, text))
        common = _common_term(of_name, of_text)
        for subject, terms in zip(project.subjects, of_name, strict=True):
            for term in sorted(terms - {common}) if common else ():
                yield Hit(subject, ("name",), f"the name says {term!r}; others say {common!r}.")
    yield from _people(project, named)


def _common_term(of_name: Sequence[frozenset[str]], of_text: Counter[str]) -> str | None:
    """The one of several terms that most names say, or else most definitions; None where none stands out."""
    counts = Counter(term for name in of_name for term in name)
    # The definitions show which word is the project's; what is reported stands in a list of names.
    if len(counts) < 2:
        return None
    common = max(counts, key=lambda term: (counts[term], of_text[term]))
    is_of_names = counts[common] >= max(2, SHARE * counts.total())
    is_of_texts = of_text[common] >= max(FEWEST, SHARE * sum(of_text[term] for term in counts))
    return common if is_of_names or is_of_texts else None


def _people(project: Project, named: Sequence[frozenset[str]]) -> Iterator[Hit]:
    """Names that call the one who is served otherwise than the project does."""
    of_name = [frozenset(filter(is_served, name)) for name in named]
    of_text = [
        frozenset(filter(is_served, _terms(" ".join(text for _, text in subject.prose))))
        for subject in project.subjects
    ]
    counts = Counter(term for terms in of_name for term in terms)
    told = Counter(term for terms in of_text for term in terms)
    both = counts + told
    if not counts:
        return
    common = max(sorted(both), key=both.__getitem__)
    if counts[common] < 2 and told[common] < FEWEST:
        return
    for subject, terms, text in zip(project.subjects, of_name, of_text, strict=True):
        for term in sorted(terms - {common}):
            # Somebody else is told of under this name in the definition; the one served, under the common one.
            is_own_word = term in text or common not in text or _stands_before_noun(subject.metric.name, term)
            is_same = term in PEOPLE or not is_own_word
            if is_same and common not in terms and counts[term] < max(2, counts[common]):
                yield Hit(subject, ("name",), f"the name says {term!r}; others say {common!r}.")


def _stands_before_noun(name: str, term: str) -> bool:
    """Whether a person only tells of what kind a thing is: `beginner level`."""
    listed = words(name.replace("_", " "))
    pairs = pairwise(listed)
    return any(term in _terms(word) and noun_base(following) is not None for word, following in pairs)


@lru_cache(maxsize=20_000)
def is_served(word: str) -> bool:
    """Whether a word can name the one who is served: a person who is not of the staff."""
    base = noun_base(word)
    if word in PEOPLE or base in PEOPLE:
        return True
    known = senses(base or word)
    is_person = "n" in known and known["n"].meaning == "person"
    is_noun = is_person and all(known["n"].tagged_count >= sense.tagged_count for sense in known.values())
    is_participle = verb_base(word) not in (None, base)
    return is_noun and not is_participle and base not in STAFF and word not in STAFF


def _terms(text: str) -> frozenset[str]:
    """The words of a text in the forms that a group may list: as written, joined at a hyphen, in the singular."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    listed = [*words(apart), *words(apart.replace("-", ""))]
    return frozenset(form for word in listed for form in (SPELT.get(word, word), noun_base(word) or word))


def _of_group(group: tuple[str, ...], said: frozenset[str], text: frozenset[str]) -> frozenset[str]:
    """The terms that a name says; of a whole text those that mean one thing only."""
    return frozenset(
        term for term in group if term in said and (term not in SENSES or (said is not text and SENSES[term] & text))
    )


def _joined(groups: tuple[tuple[str, ...], ...], more: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
    """`groups` and `more`; of those that share a word, one group is made."""
    for group in more:
        same = [other for other in groups if set(other) & set(group)]
        joined = tuple(dict.fromkeys(word for one in (*same, group) for word in one))
        groups = (*(other for other in groups if other not in same), joined)
    return groups


RULE = Rule(
    code="N102",
    title="Another word for the same thing",
    wrong="The name uses a synonym of a word that other names use.",
    why="Who looks for one of the words misses the other.",
    fix="Use the word that the project uses elsewhere.",
    bad=BAD,
    good=GOOD,
    check=check,
    beside=(
        (
            "booking_dated",
            GOOD.replace("Booking: named", "Booking: dated").replace("refunded an order", "named the day of a stay"),
        ),
        (
            "booking_traced",
            GOOD.replace("Booking: named", "Booking: traced").replace(
                "refunded an order", "opened a search for a lost number"
            ),
        ),
        (
            "booking_given",
            GOOD.replace("Booking: named", "Booking: given").replace(
                "refunded an order", "gave a voucher worth ten euros"
            ),
        ),
    ),
)
