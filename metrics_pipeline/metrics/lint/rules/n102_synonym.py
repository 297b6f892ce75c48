"""Another word for the same thing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from metrics_pipeline.metrics.lint.lexicon import noun_base
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
TRADES = tuple(
    "guest patient member passenger traveller traveler citizen subscriber shopper policyholder tenant resident student "
    "renter rider buyer claimant cardholder player viewer visitor learner lessee diner donor driver applicant".split()
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
        ("engineer", "visit technician repair appointment"),
        ("flat", "rent tenant lease home landlord viewing"),
    )
    for term in terms.split()
}
"""Of a word that means several things: words of which the metric uses one where it means this."""
SHARE = 0.6


def check(project: Project) -> Iterator[Hit]:
    named = [_terms(subject.metric.name) for subject in project.subjects]
    told = [
        name | _terms(" ".join((subject.metric.definition, *subject.conditions)))
        for subject, name in zip(project.subjects, named, strict=True)
    ]
    for group in (*GROUPS, (*PEOPLE, *TRADES)):
        of_name = [_of_group(group, name, text) for name, text in zip(named, told, strict=True)]
        # The other definitions show which word is the project's; what is reported stands in a list of names.
        if len(set().union(*of_name)) < 2:
            continue
        counts = Counter(term for name in of_name for term in name)
        of_text = Counter(term for text in told for term in _of_group(group, text, text))
        common = max(counts, key=lambda term: (counts[term], of_text[term]))
        rivals = [term for term in of_text if term in PEOPLE or term == common] if group[0] in PEOPLE else list(counts)
        most = counts[common] >= 2 and counts[common] >= SHARE * sum(counts[term] for term in rivals)
        if not most and of_text[common] < max(3, SHARE * sum(of_text[term] for term in rivals)):
            continue
        for subject, terms in zip(project.subjects, of_name, strict=True):
            for term in sorted(terms - {common}):
                if term not in TRADES and not (term in PEOPLE and common in terms):
                    yield Hit(subject, ("name",), f"the name says {term!r}; others say {common!r}.")


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
