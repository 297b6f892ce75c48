"""Leading or emotional wording."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metrics_pipeline.metrics.lint.english import is_reported
from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each

BAD = """\
name: "Refund: issued"
type: boolean
definition: The agent refunded an order that the caller had returned.
true_when: The agent said that the money goes back to the card the order was paid with.
false_when: The useless agent miserably refused the refund, or the conversation ended without one.
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


LEADING = re.compile(
    r"\b(?:awful\w*|terribl[ey]|horribl[ey]|horrendous\w*|disgust\w*|amazing\w*|awesome|fantastic\w*|wonderful\w*|brilliant\w*|shocking\w*|"
    r"outrageous\w*|ridiculous\w*|stupid\w*|idiot\w*|useless\w*|pathetic\w*|annoying\w*|sadly|unfortunately|hopefully|luckily|thankfully|"
    r"obviously|of course|needless to say|surely|undoubtedly|miserabl[ey]|incompeten\w+|hopeless\w*|nightmare|disaster|disastrous\w*|"
    r"scandal\w*|unacceptabl[ey]|inexcusabl[ey]|shameful\w*|disgraceful\w*|appalling\w*|dreadful\w*|lovely|superb\w*|magnificent|marvell?ous\w*|"
    r"lazy|lazily|clueless|careless\w*|carelessly|dumb|nasty|heroic\w*|outstanding(?! (?:balance|amount|bill|payment|invoice|debt|charge|issue|question|order|fee|sum|premium|claim|item))|"
    r"pointless\w*|infuriating\w*|frustrating|wretched|abysmal\w*|atrocious\w*|unbelievabl[ey]|incredibl[ey]|"
    r"(?:poor|unlucky|long-suffering|innocent|desperate|helpless) (?:caller|customer|guest|patient|passenger|client|member|user)|bother(?:ed)? to|dare[ds]? to|"
    r"isn't it|don't you|we all know|as everybody knows|yet again|once again failed|even manage)\b|!\s|!$",
    re.IGNORECASE,
)
WORDS_OF = re.compile(r"\b(?:call(?:s|ed|ing)?|words?|swear|insult\w*)\b[^.;]*$", re.IGNORECASE)


def check(subject: Subject) -> Iterator[Hit]:
    for loc, text in subject.prose:
        for found in LEADING.finditer(text):
            if not is_reported(text, found.start()) and not WORDS_OF.search(text[: found.start()]):
                yield Hit(subject, loc, f"{found.group()!r} says what to feel about it.")
                break


RULE = Rule(
    code="C502",
    title="Leading or emotional wording",
    wrong="The wording says what to feel about the answer.",
    why="It pushes the judge towards one answer.",
    fix="Say what happened, without a verdict on it.",
    bad=BAD,
    good=GOOD,
    check=judged_each(check),
)
