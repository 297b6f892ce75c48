"""Another word for the same thing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

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


GROUPS = tuple(
    tuple(group.split())
    for group in (
        "handoff handover transfer escalation",
        "caller customer user client",
        "verified authenticated identified",
        "auth authentication verification identification",
        "refund reimbursement",
        "resolved solved",
        "declined refused rejected",
        "cancellation termination",
        "complaint grievance",
        "invoice bill",
        "delivery shipment",
        "parcel package",
        "agent bot assistant",
    )
)
BOOKING = ("booking", "reservation")


def check(project: Project) -> Iterator[Hit]:
    said = [set(words(subject.metric.name)) for subject in project.subjects]
    for group in _joined((*GROUPS, BOOKING), project.synonyms):
        counts = Counter(term for name in said for term in group if term in name or f"{term}s" in name)
        if len(counts) < 2:
            continue
        common, count = counts.most_common(1)[0]
        if count < 2 or count < 0.6 * counts.total():
            continue
        for subject, name in zip(project.subjects, said, strict=True):
            for term in sorted(name & set(group) - {common}):
                yield Hit(subject, ("name",), f"the name says {term!r}; others say {common!r}.")


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
