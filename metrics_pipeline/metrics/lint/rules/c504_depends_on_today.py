"""It depends on the day it is read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each

BAD = """\
name: "Refund: issued"
type: boolean
definition: The agent refunded an order that the caller had returned.
true_when: The agent said that the money goes back to the card the order was paid with, by the rules of this month.
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


ALWAYS = re.compile(
    r"\b(?:recently|nowadays|these days|currently|(?:today|yesterday|tomorrow)(?:'s|’s)|this (?:month|week|year|quarter|season|summer|winter|spring|autumn|fall)(?:'s|’s)?|"
    r"(?:last|past|next|coming|previous) (?:\w+ )?(?:months?|weeks?|years?|quarters?|season)(?:'s|’s)?|"
    r"current(?:ly valid)? (?:\w+ )?(?:month|week|year|quarter|season|promotions?|campaigns?|offers?|prices?|pricing|rates?|tariffs?|polic(?:y|ies)|fees?|deals?|guidelines?|rules?|terms|regulations?|version|"
    r"script|menu|discounts?|opening|price|conditions|law|process)|latest (?:\w+ )?(?:promotions?|campaigns?|offers?|prices?|polic(?:y|ies)|rules?|version|guidelines?|script|terms|tariffs?)|up-to-date|at the moment|at present|right now|as of now|until now|so far this|ongoing (?:promotion|campaign|sale))\b",
    re.IGNORECASE,
)
UNSAID = re.compile(r"\b(?:today|yesterday|tomorrow|tonight|now)\b", re.IGNORECASE)
SAID = re.compile(
    r"\b(?:want|ask|offer|promis|said|say|told|request|schedul|book|arrang|wish|need)\w*\b[^.;]*$", re.IGNORECASE
)
CALENDAR = re.compile(r"month|week|year|quarter|season|moment|right now|currently", re.IGNORECASE)


def check(subject: Subject) -> Iterator[Hit]:
    for loc, text in subject.prose:
        for found in (*ALWAYS.finditer(text), *UNSAID.finditer(text)):
            loose = found.re is UNSAID or (
                CALENDAR.search(found.group()) and not found.group().lower().startswith(("this", "current "))
            )
            if loose and SAID.search(text[: found.start()]):
                continue
            yield Hit(subject, loc, f"{found.group()!r} means something else on another day.")
            break


RULE = Rule(
    code="C504",
    title="It depends on the day it is read",
    wrong="The text speaks of today, this month, or what is current.",
    why="The same conversation gets another answer when it is judged again.",
    fix="Name the date, the offer or the price list.",
    bad=BAD,
    good=GOOD,
    check=judged_each(check),
)
