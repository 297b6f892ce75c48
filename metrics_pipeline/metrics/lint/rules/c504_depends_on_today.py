"""It depends on the day it is read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metrics_pipeline.metrics.lint.english import is_by_account, is_said
from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each
from metrics_pipeline.metrics.lint.words import ACTORS

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


THING = (
    r"(?:prices?|pricing|rates?|tariffs?|fees?|fares?|co-?pay\w*|surcharges?|discounts?|offers?|promos?|promotions?|"
    r"campaigns?|deals?|specials?|sales?|vouchers?|coupons?|bonus(?:es)?|menus?|catalogues?|catalogs?|terms|"
    r"conditions|rules?|"
    r"polic(?:y|ies)|guidelines?|guidance|regulations?|laws?|legislation|versions?|scripts?|editions?|price lists?|"
    r"line-?ups?|programmes?|programs?|timetables?|opening (?:hours|times)|rebates?|incentives?|giveaways?|"
    r"patch(?:es)?|releases?|updates?|requirements?|criteria|procedures?|standards?|recommendations?|season)\b"
)
"""What an organisation changes from time to time."""
CHANGING = rf"(?:[\w-]+ ){{0,2}}{THING}"
PERIOD = (
    r"(?:months?|weeks?|weekends?|years?|quarters?|seasons?|summers?|winters?|springs?|autumns?|falls?|days|"
    r"fortnights?|decades?)"
)
DAY = r"(?:today|tonight|yesterday|tomorrow)"
APPLIES = (
    r"(?:in force|in effect|in place|open|closed|live|in stock|valid|on offer|on sale|applicable|appl(?:y|ies)|charged?|running|available|"
    r"offered|advertised|sold|active|effective|promoted|quoted|recommended|required)"
)
NOW = rf"(?:now|currently|presently|nowadays|at present|at the moment|right now|these days|today|tonight|this {PERIOD})"
BOUND = re.compile(
    rf"\b(?:{DAY}|(?:this|last|next) (?:\w+ )?{PERIOD})(?:['’]s?|s['’]) {CHANGING}|\b{THING} "
    rf"(?:of|for) (?:today|this {PERIOD})\b",
)
"""What changes, as it is in one day or month: whoever speaks of it, the judge cannot know it."""
CHANGES = re.compile(
    rf"\b(?:current(?:ly valid)?|present|present-day|prevailing|latest|newest|most recent|(?:most )?up[- ]to[- ]date|"
    rf"ongoing|going) {CHANGING}|"
    rf"\b{NOW} {APPLIES}\b|\b{APPLIES} {NOW}\b|\b{THING} (?:that (?:is|are) |which (?:is|are) )?(?:in force|in "
    rf"effect)\b(?! (?:on|when|at|from))|"
    rf"\b(?:the|our|a) recent (?:{CHANGING}|(?:\w+ )?(?:changes?|increases?|launch|outage|incident|recall|merger|"
    rf"migration|rebrand\w*))|"
    r"\blatest (?:changes?|increases?|launch|outage|incident|recall|news)\b",
)
"""What changes, as it is on the day of reading."""
MOMENT = re.compile(
    rf"\b(?:recently|lately|nowadays|these days|presently|currently|at the moment|at present|right now|as of now|so "
    rf"far this|{DAY}(?:['’]s)?|"
    rf"this (?:morning|afternoon|evening|{PERIOD})(?:['’]s)?|(?:last|past|next|coming|previous) (?:\w+ "
    rf")?{PERIOD}(?:['’]s?)?|(?:\w+ )?{PERIOD} ago)(?!\w)",
)
"""A moment that is counted from today, unless somebody in the conversation counts from theirs."""
ASKED = re.compile(r"\b(?:ask|enquir|inquir|want|wonder|request|wish|question)\w*\b[^.;]*$")
ARRANGED = re.compile(
    r"\b(?:offer|promis|schedul|book|arrang|need|plan|deliver|collect|pick|arriv|ship|send|sent|visit|appointment|"
    r"reserv|due|agree|propos|confirm|mov)\w*\b[^.;]*$",
)
PEOPLE = "|".join(sorted(ACTORS - {"agent", "bot", "assistant"}))
OWN = re.compile(rf"\b(?:their|his|her|its|(?:{PEOPLE})s?['’]s?) (?:\w+ )?$")
STATE = re.compile(rf"\b(?:they|he|she|who|{PEOPLE})(?: \w+)?(?: (?:is|are|was|were|has|have|had))? (?:\w+ )?$")
"""`The plan that the customer is currently on` holds at the time of the conversation."""
THAT = re.compile(
    r"\b(?:sa(?:y|id)|stat|writ|wrote|told|tell|confirm|explain|announc|report|claim|inform|warn)\w* (?:(?:the |a "
    r")?\w+ )?(?:that|whether)\b",
)
LATER = re.compile(rf"(?:{DAY}|this .*|next .*|coming .*|right now|at the moment)")
ANCHORED = re.compile(
    r"\b(?:day|date|time|month|week|moment|start|end)\w* (?:of|when) (?:the|this) (?:conversation|call|chat|contact|"
    r"session)\b|"
    r"\bbefore (?:the|this) (?:conversation|call|chat)\b|\b(?:today|this day)['’]s (?:date|call|conversation|chat|"
    r"session)\b",
)
MENTIONED_BEFORE = re.compile(r"\b(?:such as|namely|the words?)\b[^.;]*$")
MENTIONED_AFTER = re.compile(r"[^.;]*?(?:\b(?:said|spoken|written|named|used) by\b|\bcounts? (?:as|too|for)\b)")
"""The word itself is meant: `today, said by the agent, counts as a day`."""
EVENT = re.compile(r" (?:when|that|at which|in which|they|he|she|it|the|an?|their|his|her)\b")
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


def check(subject: Subject) -> Iterator[Hit]:
    for loc, text in subject.prose:
        sentences = (sentence for sentence in SENTENCE.split(text) if not ANCHORED.search(sentence.lower()))
        pointed = next((words for sentence in sentences for words in _pointers(sentence)), None)
        if pointed:
            yield Hit(subject, loc, f"{pointed!r} means something else on another day.")


def _pointers(sentence: str) -> Iterator[str]:
    """The words that point at the day of reading."""
    text = sentence.lower()
    for found in (*BOUND.finditer(text), *CHANGES.finditer(text), *MOMENT.finditer(text)):
        is_theirs = ASKED.search(text[: found.start()]) or _is_of_the_conversation(text, found)
        if not is_theirs and not _is_name(sentence, found.start()):
            yield found.group()


def _is_of_the_conversation(text: str, found: re.Match[str]) -> bool:
    """Whether the words count from the moment at which somebody in the conversation speaks or acts."""
    before, words = text[: found.start()], found.group()
    is_said_so = is_said(text, found.start())
    if found.re is BOUND:
        return is_said_so and "agent" not in before
    if found.re is CHANGES:
        return bool(OWN.search(before) or (is_said_so and ("agent" not in before or THAT.search(before))))
    is_ordinal = re.search(
        r"(?<!\bin )(?<!\bover )(?<!\bduring )(?<!\bwithin )(?<!\bfor )(?<!\bof )(?<!\bsince )\bthe $", before
    )
    # `At the moment the visitor booked`: a moment of the conversation.
    is_event = words == "at the moment" and EVENT.match(text[found.end() :])
    if is_ordinal or is_event or MENTIONED_BEFORE.search(before) or MENTIONED_AFTER.match(text[found.end() :]):
        return True
    is_state = words in ("currently", "presently", "at the moment", "right now") and STATE.search(before)
    is_arranged = LATER.fullmatch(words) and ARRANGED.search(before)
    after = text[found.end() :]
    return bool(is_said_so or is_state or is_arranged or is_by_account(text) or after.startswith(" of "))


def _is_name(sentence: str, position: int) -> bool:
    """Whether the word is part of a name: a capital within a sentence."""
    opens = re.search(r"(?:^|[.!?:]\s)\s*$", sentence[:position])
    return sentence[position].isupper() and not opens


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
