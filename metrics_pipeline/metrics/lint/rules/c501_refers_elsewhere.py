"""It refers to something that the judge does not see."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metrics_pipeline.metrics.lint.english import is_reported, is_said
from metrics_pipeline.metrics.lint.lexicon import noun_base, senses
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
    r"definitions?|questions?|points?|paragraphs?|sections?|lists?)) (?:\w+ )?(?:above|below|earlier|previously)\b(?! (?!and\b|or\b|is\b|are\b|was\b|were\b|hold|appl|in\b|that\b)\w)|"
    r"\bthe above\b|\b(?:above|below)[- ]mentioned|\baforementioned|(?<!\w )\bas before\b|\b(?:same|count\w*|handle[ds]?|judge[ds]?|treat\w*|rules?|true|false|condition\w*) as before\b|\bditto\b|\bidem\b|\bsame here\b|"
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
    rf"internal|every)? ?{PHRASE}{STANDARD} (?:(?!polic|(?:is|are|was|were|be|been)\b)\w+ ){{0,3}}?{WANTS}\w*\b|"
    rf"\b(?:steps?|points?|items?|parts?|boxes|phrases?|sentences?|wording|elements?|stages?|requirements?|criteria|"
    rf"lines?|stipulations?|"
    rf"reasons?|questions?|checks?|actions?) (?:of|in|on|from|under) (?:the |our |its )?{PHRASE}{PAPER}\b",
)
"""A standard that the answer is held against, and that stands somewhere else."""
TABLES = (
    r"(?:tables?|(?:spread|fact|crib|cheat|data)?-?sheets?|schedules?|booklets?|leaflets?|brochures?|pamphlets?|catalog(?:ue)?s?|"
    r"registers?|trackers?|charts?|calendars?|planners?|rotas?|rosters?|grids?|tariffs?|terms|conditions|director(?:y|ies)|"
    r"ledgers?|databases?|dashboards?|portals?|binders?|prospectus(?:es)?|memorand(?:um|a)|bulletins?|charters?|whitelists?|"
    r"blacklists?|glossar(?:y|ies)|inventor(?:y|ies)|timetables?)"
)
TABLE = re.compile(
    r"\b(?:match\w*|agree\w* with|correspond\w* (?:to|with)|compar\w* (?:to|with|against)|check\w* against|differ\w* from|equals?|"
    r"(?:the )?(?:ones?|same|those|that) (?:as )?(?:in|from|on)|(?:listed|found|stands?|stated|shown|printed|named|given|included|covered) "
    r"(?:in|on|by|under)|(?:from|off|outside|within|under)) (?:the|our|its|that) (?:[\w’'-]+ ){0,2}?"
    rf"{TABLES}\b"
)
"""The same of a table or a leaflet."""
THING = r"(?P<thing>(?:(?!(?:of|by|with|that|which|for|in|on|and|or|to|when|from|is|was|are|were)\b)[\w’'-]+ ?)+)"
AGAINST = re.compile(
    r"\b(?:according to|in (?:line|accordance|keeping|compliance|conformity|agreement|step) with|consistent(?:ly)? with|"
    r"compliant with|as per|per|pursuant to|contrary to|(?:going|judged|measured) (?:by|against)|"
    r"as (?:\w+ed|shown|given|written|found|set out|laid down|laid out) (?:in|on|under)) (?P<owner>the|our|its|your) "
    rf"{THING}"
)
"""A measure that is named as something definite, whatever its name."""
OURS = re.compile(
    r"\b(?:match\w*|agree\w* with|correspond\w* (?:to|with)|f[ae]ll\w* (?:under|within|outside)|covered by|stay\w* within|"
    rf"under|against) (?P<owner>our) {THING}"
)
ALLOWED = re.compile(
    r"\b(?P<owner>the|our) (?P<thing>(?:(?!that\b|which\b|who\b)[\w’'-]+ ){1,3}?)(?:allows|requires|prescribes|foresees|"
    r"stipulates|dictates|mandates|provides for|lays down|specifies|demands|entitles)\b"
)
"""A thing that allows or requires: nothing does but what is written."""
NO_DOCUMENT = frozenset(
    "time quantity attribute event state feeling phenomenon relation substance food animal plant body person process object".split()
)
"""Classes of nouns that hold no written rule."""
HEARD = frozenset(
    "message reply answer turn word sentence call conversation chat transcript request wish question function tool result "
    "response output reading account calculation figure amount number name date price booking order reservation choice "
    "preference instruction lookup search recording spelling description explanation".split()
)
"""What a conversation itself holds."""
PHRASED = re.compile(
    r"\b(?:sections?|clauses?|paragraphs?|articles?|chapters?|annex|appendix) (?:\d+|[a-e]\b|[ivx]+\b)|"
    r"\b(?:that|which|as) (?:legal|compliance|management|marketing|head office|headquarters|hr|the (?:board|head office|management|"
    r"legal team)) (?:has |have |had )?(?:clear|approv|agree|sign|releas|set|wr[io]t|provid|prescrib|want|lay|laid)\w*|"
    r"\btick\w* (?:\w+ )?(?:\w+ )?box(?:es)?\b|\bby the book\b|\bto the letter\b|\bas (?:per )?usual\b|\bas "
    r"(?:trained|instructed|rehearsed)\b|"
    r"\b(?:as|like|way|how|what) we (?:\w+ )?(?:do|did|agreed|discussed|decided|defined|require|"
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
THEIRS = re.compile(rf"\b(?:{'|'.join(sorted(ACTORS))})s?['’]s?\b")
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
            # What somebody complains of, or asks about, may be a rule that they name.
            is_topic = loc[0] == "labels" and {label.outcome for label in subject.metric.labels} == {"neutral"}
            what = back.group() if back else others[0] if others else None if is_topic else _standard(text)
            if what:
                yield Hit(subject, loc, f"it refers to {what.strip()!r}, which the judge does not see.")


def _standard(text: str) -> str | None:
    """The words that hold the answer against a document, unless the conversation shows it or somebody speaks of it."""
    for sentence in map(str.lower, SENTENCE.split(text)):
        found = next((place for place in _measures(sentence) if not is_said(sentence, place.start())), None)
        if found:
            return found.group()
    return None


def _measures(sentence: str) -> Iterator[re.Match[str]]:
    """Where a sentence names something written, and nobody in the conversation reads it out or sends it."""
    for found in (
        *AGAINST.finditer(sentence),
        *OURS.finditer(sentence),
        *ALLOWED.finditer(sentence),
        *TABLE.finditer(sentence),
    ):
        is_theirs = THEIRS.search(found.group()) or SHOWN.search(sentence[found.start() :])
        if not is_theirs and (found.re is TABLE or _is_written(found)):
            yield found
    if SHOWN.search(sentence):
        return
    held = ELSEWHERE.finditer(sentence) if NAMED.search(sentence) else ()
    for found in (*held, *PHRASED.finditer(sentence)):
        if not THEIRS.search(found.group()) and not ASKED_TO.search(sentence[: found.start()]):
            yield found
    for found in CUSTOMARY.finditer(sentence):
        if not is_reported(sentence, found.start()) and not HANDED.search(sentence[: found.start()]):
            yield found


def _is_written(measure: re.Match[str]) -> bool:
    """Whether a measure stands somewhere in writing: it is the organisation's, or nobody's in the conversation."""
    named = measure["thing"].split()
    head = noun_base(named[-1]) or named[-1]
    kind = senses(head).get("n")
    is_heard = head in HEARD or not ACTORS.isdisjoint(named) or (kind is not None and kind.meaning in NO_DOCUMENT)
    return re.fullmatch(TABLES, named[-1]) is not None or measure["owner"] == "our" or not is_heard


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
