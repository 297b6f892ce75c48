"""It refers to something that the judge does not see."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metrics_pipeline.metrics.lint.english import is_reported, is_said
from metrics_pipeline.metrics.lint.project import Hit, Project, Rule
from metrics_pipeline.metrics.lint.words import ACTORS

BAD = """\
name: "Refund: issued"
type: boolean
definition: The agent refunded an order that the caller had returned.
true_when: The agent said so, as defined above.
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


BACK = re.compile(
    r"\b(?:as|see|described|defined|mentioned|listed|stated|explained|given|outlined|set out|specified|(?:rules?|"
    r"conditions?|criteria|"
    r"definitions?|questions?|points?|paragraphs?|sections?|lists?)) (?:\w+ )?(?:above|below|earlier|previously)\b|"
    r"\bthe above\b|\b(?:above|below)[- ]mentioned|\baforementioned|\bas before\b|\bditto\b|\bidem\b|\bsame here\b|"
    r"^\W*vice versa|(?:^|[.;(]\s*)(?:see|cf|refer to)\b|"
    r"\bsame (?:\w+ ){0,2}(?:as|like) (?:before|above|in|for|with|the other)\b|\b(?:like|just as|as) (?:also "
    r")?(?:for|with) the \w+s\W*$|\bsame (?:conditions?|rules?|criteria|criterion|definition|logic)\b|"
    r"\b(?:that|our|another|any|each|which|other|previous|related|the (?:[\w-]+ ){1,2})\s*(?:other |previous |related "
    r")?(?:metric|kpi)s?\b(?! (?:system|unit|ton))|"
    r"\b(?:other|another|previous|related|sister|companion|same) (?:\w+ )?definitions?\b|\b(?:previous|related|"
    r"sister|companion) measures?\b|"
    r"\b(?:true|false|yes|no) (?:in|for|of|on|under|by) (?:the )?\w+_\w+|\b\w+_\w+ (?:is|was|says|being) (?:true|"
    r"false|yes|no)\b",
)
"""Another metric, or an earlier place in the file."""
REST = re.compile(r"\b(?:none|any|neither|one|all) of the above\b")

PAPER = (
    r"(?:hand-?books?|play-?books?|run-?books?|rule-?books?|guide-?lines?|guidance|check-?lists?|scripts?|manuals?|"
    r"protocols?|rubrics?|"
    r"score-?cards?|(?:house|brand) style|style guides?|guides?|chapters?|appendi(?:x|ces)|annex(?:es)?|wiki|"
    r"intranet|knowledge base|faqs?|sops?|slas?|"
    r"service levels?|codes? of (?:conduct|practice)|best practices?|price lists?|rate cards?|tariff sheets?|(?:fee|"
    r"price) schedules?|"
    r"directives?|by-?laws?|regulations?|frameworks?|specifications?|circulars?|memos?|matrix|training(?: material)?)"
)
"""What tells staff what to do; hardly anything else goes by these names."""
STANDARD = (
    rf"(?:{PAPER}|polic(?:y|ies)|rules?|procedures?|standards?|requirements|criteria|norms?|principles|values|"
    rf"expectations|"
    r"instructions|conventions|practice|process(?:es)?|law|terms of (?:use|service)|templates?)"
)
PHRASE = r"(?:(?!and |or |but |that |which |who )[\w’'-]+ ){0,4}?"
USUAL = (
    r"(?:usual|standard|normal|required|prescribed|mandatory|mandated|approved|official|internal|agreed|established|"
    r"company|corporate|house|in-house|relevant|applicable|customary|recognised|recognized|published)"
)
DONE = (
    r"(?:followed|observed|respected|obeyed|met|kept|complied with|adhered to|stuck to|abided by|honou?red|fulfilled|"
    r"satisfied|applied|breached|violated|infringed|broken|ticked(?: off)?|worked through|gone through|completed|used)"
)
DOING = (
    r"(?:follow|observ|obey|respect|satisf|fulfil|meet|met\b|breach|violat|infring|break|broke|honou?r|appl(?:y|ies|"
    r"ied)|match|mirror|"
    r"(?:stick|stuck|adher|conform|keep|kept|held|hold)\w* to|compl(?:y|ies|ied|ying) with|abid\w* by|(?:deviat|"
    r"depart|stray)\w* from|liv\w* up to|(?:work|go|goes|went)\w* (?:through|by|against)|tick\w* off|reflect)"
)
WANTS = (
    r"(?:requir|want|prescrib|lay|laid|demand|set|say|stat|call|dictat|specif|ask|stipulat|expect|allow|permit|"
    r"mandat|tell|describ|defin|fores[ae]|has it|have it|list|give|name|show|recommend|suggest|contain|provid|would)"
)
AGREES = (
    r"(?:according to|in (?:line|accordance|keeping|compliance|conformity|agreement|step) with|consistent(?:ly)? "
    r"with|compliant with|"
    r"as per|per (?:the|our|company|internal|store|house)|pursuant to|contrary to|in (?:breach|violation) of|as in|"
    r"like in|"
    r"(?:laid down|set out|defined|required|described|listed|specified|prescribed|outlined|written|found|foreseen|"
    r"stipulated|given) (?:in|by|on|under)|measured against|judged (?:by|against)|in the sense of)"
)
SHEET = r"(?:agreements?|contracts?|charter|statutes?|sheets?|documents?|reports?|scheme|lists?)"
NAMED = re.compile(rf"\b(?:{STANDARD}|{SHEET}|the book)\b")
ELSEWHERE = re.compile(
    rf"\b{AGREES} (?:the |our |its |an? )?{PHRASE}(?:{STANDARD}|{SHEET})\b|"
    rf"\b(?:ones?|that|those) (?:in|on|from|of) (?:the|our|its) {PHRASE}{PAPER}\b|\bour {PHRASE}{STANDARD} (?:\w+ "
    rf")?{WANTS}\w*\b|"
    rf"\b(?:by|under|against|from|outside|within) (?:the|our|its|all|any|every|company|internal|house) {PHRASE}"
    rf"(?:{PAPER}|rules|requirements|procedures|standards)\b|"
    rf"\b{DOING}\w* (?:the|our|its|all|any|every|each|what|company|internal|house|official|standard) "
    rf"{PHRASE}{STANDARD}\b|\b{DOING}\w* (?:{PAPER}|policy|procedure|protocol|the book)\b|"
    rf"\b{STANDARD} (?:[\w’'-]+ ){{0,3}}?(?:was|were|is|are|been|be|being) (?:not |never |\w+ly )?{DONE}\b|"
    rf"\b(?:as|like|way|how|what|whatever|that|which|than|everything|all|steps|where|when|if) (?:the|our|its|company|"
    rf"internal|every)? ?{PHRASE}{STANDARD} (?:(?!polic)\w+ ){{0,3}}?{WANTS}\w*\b|"
    rf"\b(?:steps?|points?|items?|parts?|boxes|phrases?|sentences?|wording|elements?|stages?|requirements?|criteria|"
    rf"lines?|stipulations?|"
    rf"reasons?|questions?|checks?|actions?) (?:of|in|on|from|under) (?:the |our |its )?{PHRASE}{PAPER}\b",
)
"""A standard that the answer is held against, and that stands somewhere else."""
TABLE = re.compile(
    r"\b(?:match\w*|agree\w* with|correspond\w* (?:to|with)|differ\w* from|equals?|(?:the )?(?:ones?|same) (?:as )?(?:in|from)|"
    r"(?:listed|found|stands?|stated|shown|printed) (?:in|on)|(?:from|off)) (?:the|our|its|that) (?:[\w’'-]+ ){0,2}?"
    r"(?:tables?|sheets?|schedules?|booklets?|leaflets?|brochures?|catalog(?:ue)?s?|registers?|trackers?|charts?|calendars?|"
    r"grids?|tariffs?|terms|conditions)\b"
)
"""The same of a table or a leaflet."""
PHRASED = re.compile(
    r"\btick\w* (?:\w+ )?(?:\w+ )?box(?:es)?\b|\bby the book\b|\bto the letter\b|\bas (?:per )?usual\b|\bas "
    r"(?:trained|instructed|rehearsed)\b|"
    r"\b(?:as|like|way|how|what) we (?:\w+ )?(?:do|did|agreed|discussed|decided|defined|want|like|expect|require|"
    r"have|set|teach|taught|train)\w*\b|"
    r"\b(?:described|defined|listed|explained) in (?:the |our )?(?:confluence|sharepoint|document|spreadsheet|sheet|"
    r"page|ticket|slides?|deck)\b",
)
"""The same in a set phrase."""
CUSTOMARY = re.compile(
    rf"\b(?:the|our|all|every|each|any|its) (?:\w+ )?{USUAL} (?:[\w-]+ )?(?:{STANDARD}|steps|wording|form|way|manner|"
    rf"fashion|routine|checks)\b|"
    rf"\b{USUAL} (?:[\w-]+ ){{0,2}}(?:lists?|tables?|sheets?|catalogues?|catalogs?|matrix|registers?)\b",
)
"""The same without naming where it stands; what is told in these words is no standard of the answer."""
SHOWN = re.compile(
    r"\b(?:functions?|tools?|look-?ups?|returned by|retrieved|pasted|attached|just (?:listed|named|given)|in (?:the|"
    r"this) (?:call|chat|conversation)|"
    rf"(?:that|which|what) (?:the |an? )?(?:{'|'.join(sorted(ACTORS))}|they|he|she|it) (?:has |had )?(?:read|send|"
    rf"sent|quot|gave|gives?|shar|post|nam|describ|explain|recit|cit|list)\w*|"
    r"(?:that|which) (?:is|was|were|has been|had been) (?:sent|read|quoted|shared|posted|given|pasted)|(?:that|"
    r"which) it (?:\w+ )?sent)\b",
)
"""The document is part of the conversation."""
HANDED = re.compile(r"\b(?:sen[dt]|e-?mail|shar|g[ai]v|show|receiv|post|link)\w*\b[^,;.]*$")
ASKED_TO = re.compile(r"\b(?:ask|tell|told|urg|request|want|remind|instruct|advis|beg)\w*\b[^,;.]* to \w*[^;.]*$")
SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


def check(project: Project) -> Iterator[Hit]:
    keys = {subject.metric.key for subject in project.subjects if "_" in subject.metric.key}
    names: dict[str, set[str]] = {}
    """By their first word: a look at each name in each text would take long in a large project."""
    for subject in project.subjects:
        parts = subject.metric.name.split()
        if ":" in subject.metric.name or len(parts) > 2:
            names.setdefault(parts[0], set()).add(subject.metric.name)
    for subject in project.subjects:
        for loc, text in subject.prose:
            written = set(re.findall(r"[a-z0-9]+(?:_[a-z0-9]+)+", text))
            others = sorted(written & keys - {subject.metric.key})
            near = {name for word in re.findall(r"[^\s\"'(]+", text) for name in names.get(word, ())}
            others += sorted(name for name in near if name in text and name != subject.metric.name)
            is_rest = loc[0] == "labels" and REST.search(text.lower())
            is_title = loc == ("definition",) and len(text.split()) < 5
            back = None if is_rest or is_title else BACK.search(text.lower())
            what = back.group() if back else others[0] if others else _standard(text)
            if what:
                yield Hit(subject, loc, f"it refers to {what.strip()!r}, which the judge does not see.")


def _standard(text: str) -> str | None:
    """The words that hold the answer against a document, unless the conversation shows it or somebody speaks of it."""
    for sentence in map(str.lower, SENTENCE.split(text)):
        table = TABLE.search(sentence)
        if table and not SHOWN.search(sentence[table.start() :]) and not is_said(sentence, table.start()):
            return table.group()
        if SHOWN.search(sentence):
            continue
        held = list(ELSEWHERE.finditer(sentence)) if NAMED.search(sentence) else []
        for found in (*held, *PHRASED.finditer(sentence)):
            if not is_said(sentence, found.start()) and not ASKED_TO.search(sentence[: found.start()]):
                return found.group()
        for found in CUSTOMARY.finditer(sentence):
            before = sentence[: found.start()]
            if (
                not is_reported(sentence, found.start())
                and not is_said(sentence, found.start())
                and not HANDED.search(before)
            ):
                return found.group()
    return None


RULE = Rule(
    code="C501",
    title="It refers to something that the judge does not see",
    wrong="The text speaks of another metric, or of something above or before.",
    why="The judge reads one metric at a time, and guesses.",
    fix="Write the condition out.",
    bad=BAD,
    good=GOOD,
    check=check,
)
