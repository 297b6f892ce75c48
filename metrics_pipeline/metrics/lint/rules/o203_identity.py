"""Identity without its details."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metrics_pipeline.metrics.lint.english import is_reported
from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each
from metrics_pipeline.metrics.lint.words import ACTORS

BAD = """\
name: "Auth: verified"
type: boolean
definition: The caller was authenticated.
true_when: The agent said that the check was passed.
false_when: The agent refused the refund, or the conversation ended without one.
good: true
"""
GOOD = """\
name: "Auth: verified"
type: boolean
definition: The caller was authenticated.
true_when: The caller gave two details, name and postcode, and the agent said that they match.
false_when: The agent refused the refund, or the conversation ended without one.
good: true
"""


PERSON = "(?:" + "|".join(sorted(ACTORS)) + ")"
PROOF = "(?:verif|authentic|identif|validat|vetted)"
IDENTITY = re.compile(
    rf"\bidentit(?:y|ies)\b|\bwho (?:they|he|she|the {PERSON}) (?:really |actually )?(?:claim|say|said|are|is|was|were)|"
    r"\bauthenticat|\bkyc\b|\b(?:id|identification) (?:check|verification)|\bsecurity (?:check|verification|clearance)|"
    rf"\b(?:pass|clear|complet|fail)\w* (?:the |our |all )?(?:security|verification|identification|id&v|dpa)|"
    rf"\b{PERSON} (?:was|is|were|has been|had been|got|gets|could be|be) (?:\w+ )?{PROOF}|"
    rf"\b{PROOF}\w* (?:the |a |this |our )?{PERSON}s?\b(?!'s|’s)|\bproved? who\b",
    re.IGNORECASE,
)
CONTEXT = re.compile(
    r"\b(?:after|once|before|until|when|if|although|unless|without|who|whose|ask(?:ed|s)?|refus\w+|declin\w+|why)\b[^,;.]*$",
    re.IGNORECASE,
)
WHICH = re.compile(
    r"\b(?:names?|surname|birth\w*|post ?codes?|postal|zip|address\w*|numbers?|pin|passcode|password|passphrase|passport|"
    r"codes?|digits|ssn|e-?mail|maiden|security questions?|fingerprint|licen[cs]e|card|signature|memorable|token|phone|"
    r"reference|plate)\b",
    re.IGNORECASE,
)
COUNT = re.compile(r"\b(?:one|two|three|four|five|six|both|single|each|every|[1-9])\b", re.IGNORECASE)
OPEN_LIST = re.compile(r"\b(?:such as|or|like|for example|e\.g)\b", re.IGNORECASE)


def check(subject: Subject) -> Iterator[Hit]:
    metric = subject.metric
    about = [
        (loc, text)
        for loc, text in ((("definition",), metric.definition), (("true_when",), metric.true_when or ""))
        for found in IDENTITY.finditer(text)
        if not CONTEXT.search(text[: found.start()]) and not is_reported(text, found.start())
    ]
    if not about:
        return
    text = " ".join((metric.definition, *subject.conditions))
    named = {found.group().lower() for found in WHICH.finditer(text)}
    if not named or (OPEN_LIST.search(text) and len(named) > 1 and not COUNT.search(text)):
        yield Hit(
            subject, about[0][0], "it speaks of a proven identity, and not of how many details and which prove it."
        )


RULE = Rule(
    code="O203",
    title="Identity without its details",
    wrong="It says that somebody was verified, and not by how many details and which.",
    why="One detail or three: the judge decides anew in each conversation.",
    fix="Say how many details must be given, which, and that they must match.",
    bad=BAD,
    good=GOOD,
    check=judged_each(check),
)
