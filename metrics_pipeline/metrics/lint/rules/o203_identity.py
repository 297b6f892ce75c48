"""Identity without its details."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metrics_pipeline.metrics.lint.english import is_said
from metrics_pipeline.metrics.lint.lexicon import noun_base, senses
from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each
from metrics_pipeline.metrics.lint.words import ACTORS
from metrics_pipeline.metrics.loading import Loc

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


PROOF = "(?:verif|authenticat|identif|validat|vetted|vetting)"
IDENTITY = re.compile(
    r"(?<!brand )(?<!gender )(?<!corporate )\bidentit(?:y|ies)\b(?! (?:theft|fraud|crime))|"
    r"\bwho (?:they|he|she|it|the \w+) (?:really |actually )?(?:claim|say|said|are|is|was|were|purport|profess)|"
    r"\bauthenticat|\bkyc\b|\b(?:id|identification|identity) (?:checks?|verification)|\bsecurity (?:check|"
    r"verification|clearance|questions)|"
    r"\b(?:pass|clear|complet|fail|perform|carr|did|does|ran|run)\w* (?:out )?(?:the |our |all |a )?(?:\w+ "
    r")?(?:security|verification|identification|id&v|dpa)\b|"
    r"\b(?:verification|identification|authentication) (?:of|was|is|has|succeeded|failed|took)|"
    r"\b(?:speaking|talking|dealing|chatting|spoke|speaks) (?:to|with) the (?:right|real|true|actual|rightful|"
    r"account|policy|card|registered|legal|named)\b|"
    r"\b(?:ma[dk]e?\w* sure|confirm\w*|check\w*|ensur\w*|verif\w*|establish\w*) (?:that )?(?:it|they|he|she|the "
    r"agent) (?:was|is|were|are) (?:\w+ )?"
    r"(?:speaking|talking|dealing|chatting) (?:to|with)\b|\b(?:confirm|check|verif|establish|ascertain)\w* who (?:is|"
    r"was) (?:calling|speaking|writing|on|at|it)\b|"
    r"\b(?:ma[dk]e?\w* (?:sure|certain)|find|found|establish\w*|determin\w*) who\b|\b(?:check|confirm|verif|ensur)\w* that they (?:were|are) "
    r"\w+ing (?:to|with) the\b|"
    r"\bsatisf\w+ (?:itself|himself|herself|themselves) that\b|\b(?:got|gets?|ran|runs?|put|took|takes?) (?:\w+ "
    r"){0,2}through (?:the )?(?:security|verification|identification)\b|"
    r"\b(?:confirm|verif|check|establish|validat)\w* (?:the |a )?(?:(?:their|his|her|\w+['’]s?) )id\b|\bid (?:was|is|"
    r"has been) (?:confirm|verif|check|validat)|"
    r"\b(?:establish|confirm|verif|ascertain|prov)\w* that (?:the |an? )?\w+ (?:is|are|was|were) (?:really |indeed |in fact )?"
    r"(?:the (?!one\b)(?:[\w-]+ )?(?:holder|owner|payer|borrower|tenant|member|patient|client|customer|insured)|theirs|his|hers)\b|"
    r"\b(?:know|knew|known|clear) whom?\b (?:it|they|he|she|is|was|the)\b|"
    r"\b(?:prov(?:e|es|ed|en)|proof) (?:of )?who\b|\bprov(?:e|es|ed|en) to be the\b|\bidentif\w+ (?:themsel\w+|"
    r"himself|herself)\b",
)
PASSIVE = re.compile(
    rf"\b([\w-]+) (?:was|is|were|are|has been|have been|had been|being|be|been|got|gets|could be|can be) (?:\w+ "
    rf")?{PROOF}\w*(?! (?:as|for)\b)",
)
ACTIVE = re.compile(rf"\b{PROOF}\w* (?:the |a |an |this |our |every |each )?(?:\w+ )?([\w-]+)\b(?!['’]|s['’])")
RELATIVE = re.compile(
    rf"\b(?:who|that|whose)\b [^,;.]*?(?=\b(?:was|is|were|are|has been|had been|being|be|been|got|gets) (?:\w+ )?{PROOF})"
)
"""What tells of whom: `the member who asks about a child was verified`."""
LEAD = re.compile(r"\b(?:true|yes|counts?|passed|positive|met|holds?|only) (?:only )?(?:when|if|where|once|after)\b")
CONTEXT = re.compile(r"\b(?:after|once|when|if|ask(?:s|ed|ing)?|refus\w+|declin\w+|why|how long)\b[^,;.]*$")
DETAIL = re.compile(
    r"\b(?:names?|surname|birth\w*|dob|post ?codes?|postal|zip|address\w*|numbers?|pin|pass(?:code|word|phrase|port)|"
    r"codes?|digits|ssn|"
    r"e-?mail|maiden|fingerprint|licen[cs]e|card|signature|memorable|token|otp|phone|reference|plate|voice ?print|"
    r"selfie)\b",
)
GIVEN = re.compile(
    r"\b(?:match\w*|on (?:file|record)|held|correct(?:ly)?|digits|birth|(?:at least|all|both|any) (?:\w+ )?(?:of|two|"
    r"three|four|five|six)|"
    r"by (?:his|her|their|its|the|means)|using|against|namely|details?|both|two|three|four|five|six|[2-9]|"
    r"(?<!agent )(?:gave|gives?|given|provid\w+|stat\w+|enter\w*|spel\w+|suppl\w+|read|answer\w*|quot\w+|typ\w+|"
    r"key\w*|show\w*|upload\w*|sent|said))\b",
)
"""What makes a detail one that proves: it was given, counted or compared."""
PURPOSE = re.compile(
    r"\b(?:ahead of|before|prior to|so that|in order to|and only then|and then)\b[^,;.:]*|"
    r"\b(?:new|chang\w+|updat\w+|another|different|replacement)(?: of| the)? (?:\w+ )?\w+",
)
"""What the identity is needed for, not what proves it."""
COUNT = re.compile(r"\b(?:one|two|three|four|five|six|both|all|single|each|every|[1-9])\b")
OPEN_LIST = re.compile(r"\b(?:such as|or|like|for example|e\.g|including|etc)\b")
DECIDED = re.compile(r"\b(?:function|tool|api)\b[^.;]*\b(?:return|respond|report|said|says|result|confirm|call)")


def check(subject: Subject) -> Iterator[Hit]:
    metric = subject.metric
    read: tuple[tuple[Loc, str], ...] = (
        (("definition",), metric.definition.lower()),
        (("true_when",), (metric.true_when or "").lower()),
    )
    read += tuple(
        (("labels", index, "when"), (label.when or "").lower())
        for index, label in enumerate(metric.labels)
        if label.outcome == "success"
    )
    loc = next((loc for loc, text in read if _speaks_of_identity(text)), None)
    text = " ".join((metric.definition, *subject.conditions)).lower()
    if loc and not _names_its_details(text) and not DECIDED.search(text):
        yield Hit(subject, loc, "it speaks of a proven identity, and not of how many details and which prove it.")


def _speaks_of_identity(text: str) -> bool:
    plain = LEAD.sub("", text)
    told = [(form, text) for text in {plain, RELATIVE.sub("", plain)} for form in (PASSIVE, ACTIVE)]
    people = (found for form, text in told for found in form.finditer(text) if _is_person(found[1]))
    return any(
        not CONTEXT.search(found.string[: found.start()]) and not is_said(found.string, found.start())
        for found in (*IDENTITY.finditer(plain), *people)
    )


def _is_person(word: str) -> bool:
    base = noun_base(word) or word
    kinds = senses(base)
    is_known = base in ACTORS or word in (
        "they",
        "he",
        "she",
        "them",
        "him",
        "her",
        "who",
        "person",
        "people",
        "somebody",
        "someone",
        "anybody",
        "anyone",
        "one",
    )
    is_doer = not kinds and base.endswith(("er", "or", "ee", "ist", "holder"))
    return is_known or is_doer or ("n" in kinds and kinds["n"].meaning == "person")


def _names_its_details(text: str) -> bool:
    """Whether details stand where something is given, counted or compared, and a list of them says how many it "
    "takes."""
    proving = [
        part for part in re.split(r"[.;]\s", PURPOSE.sub("", text)) if GIVEN.search(part) and DETAIL.search(part)
    ]
    named = {found.group().lower() for part in proving for found in DETAIL.finditer(part)}
    is_open = len(named) > 1 and OPEN_LIST.search(text) and not COUNT.search(text)
    return bool(named) and not is_open


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
