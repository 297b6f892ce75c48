"""A transcript cannot show it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metrics_pipeline.metrics.lint.english import is_observable, is_reported
from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each
from metrics_pipeline.metrics.lint.words import ACTORS

BAD = """\
name: "Refund: issued"
type: boolean
definition: The agent refunded an order that the caller had returned.
true_when: The caller was satisfied with the refund.
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


PERSON = r"(?:" + "|".join(sorted(ACTORS)) + "|they|he|she|who)s?"
STATE = (
    r"(?:satisf|happ|frustrat|ang(?:ry|er)|annoy|confus|pleas|upset|disappoint|delight|content\b|relie|stress|worried|calm|unhapp|bored|"
    r"impress|comfortabl|dissatisf|glad|sad\b|anxious|nervous|reassur|convinced|confident|grateful|irritat|impatient|curious|tired|distress|overwhelm)"
)
HIDDEN = re.compile(
    rf"\b{PERSON} (?:was|were|is|are|felt|feels|feel|seemed|seems|appeared|appears|left|leaves|became|becomes|got|remained|looked|sounded|sounds|ended up|hung up) (?:\w+ ){{0,2}}{STATE}\w*|"
    rf"\b{PERSON} (?:really |truly |actually |secretly |probably )?(?:felt|feels|thought|thinks|believed|believes|trusted|trusts|liked|likes|loved|enjoyed|enjoys|understood|"
    r"understands|knew|knows|realised|realized|appreciated|hoped|worried|feared|minded|cared|intended|intends|meant|perceived|experienced)\b|"
    rf"\bhow (?:\w+ )?{STATE}\w*|\bhow (?:the |a )?{PERSON} (?:felt|feels)|\b{PERSON}(?:'s|’s) (?:\w+ )?(?:mood|feelings?|emotions?|satisfaction|frustration|happiness|state of mind|opinion|impression|perception|trust|intentions?|thoughts)\b|"
    r"\b(?:tone(?: of voice)?|intonation|accent|pitch of|body language|facial|smil(?:e|es|ed|ing)|sigh(?:s|ed|ing)?|loud(?:ly)?|shout(?:s|ed|ing)?|whisper\w*|pace of speech|speaking (?:speed|pace)|volume of)\b|"
    r"\bsound(?:s|ed|ing) (?:\w+ )?[a-z]+|\bvoice (?:was|sounded|is|sounds|of the)|\braised (?:their|his|her) voice|\b(?:calm|friendly|warm|angry|trembling|shaky|cheerful|tired|monotonous) (?:tone|voice)\b|"
    r"\bafter (?:the|this|that) (?:call|conversation|chat|interaction|contact)\b(?! (?:was|is) (?:transferred|connected))|\bafter (?:hanging|they hung) up|"
    r"\b(?:never|not|again|called|contacted|call|contact) (?:\w+ ){0,3}(?:back |again )?within \w+ (?:hours|days|weeks|months)\b|"
    r"\b(?:did not|didn't|never) (?:have to )?(?:call|contact|phone|ring|write|came?|return)(?:ed|s)?(?: (?:us|back|in))? again\b|"
    r"\b(?:the )?(?:next|following) (?:day|week|month|morning|invoice|bill|statement)\b|\b(?:later|subsequently|eventually|afterwards) (?:\w+ )?(?:\w+ed|came|paid|got|went|bought|left)\b|"
    r"\bin the (?:days|weeks|months) (?:after|that followed|following)",
    re.IGNORECASE,
)


def check(subject: Subject) -> Iterator[Hit]:
    anchored = any(map(is_observable, subject.conditions))
    for loc, text in subject.prose:
        if loc == ("applies_when",) or (loc == ("definition",) and anchored and not _is_sound(text)):
            continue
        for found in HIDDEN.finditer(text):
            if not is_reported(text, found.start()):
                yield Hit(subject, loc, f"{found.group()!r} is nothing that a transcript shows.")
                break


def _is_sound(text: str) -> bool:
    """Whether the definition itself asks for a sound or the time after the call: no condition makes that visible."""
    return re.search(r"\b(?:tone|voice|sound\w*|after the|within|again)\b", text, re.IGNORECASE) is not None


RULE = Rule(
    code="C503",
    title="A transcript cannot show it",
    wrong="It asks for a tone of voice, what somebody felt or thought, or what happened after the call.",
    why="The judge has words alone: it would make the answer up.",
    fix="Ask for what was said about it, or for an action in the conversation.",
    bad=BAD,
    good=GOOD,
    check=judged_each(check),
)
