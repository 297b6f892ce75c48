"""What the words of a sentence are about: who speaks, what is said, and what can be found in a transcript."""

from __future__ import annotations

import re

from metrics_pipeline.metrics.lint.closed import BE
from metrics_pipeline.metrics.lint.grammar import Clause, Word, clauses, tagged
from metrics_pipeline.metrics.lint.lexicon import noun_base
from metrics_pipeline.metrics.lint.words import ACTORS, stem, stem_set, words

SPEECH = frozenset(
    "confirm read answer spell verify check hear identify recognize hang log quote ring call text email book refuse decline "
    "accept agree reject approve object give write type submit contest dispute claim protest greet thank wish welcome congratulate complain apologize apologise insist haggle".split()
)
"""Acts that a transcript shows, though the lexicon files most of them under thought, or knows them little."""
GENERIC = frozenset(
    "call conversation interaction issue problem request matter query concern thing everything task need process experience "
    "chat contact session case outcome result purpose goal job enquiry inquiry exchange visit aim objective dialogue way "
    "end point time person people side part kind sort lot bit stuff business service customer support care help step "
    "question right sense position situation expectation standard quality level progress success effort best place topic subject".split()
)
POINTING = re.compile(
    r"\b(?:either|both|all|any|one|each|none) of (?:the|these|them)\b|\b(?:all|the) (?:two|three|four|five)\b",
    re.IGNORECASE,
)
REPORTING = stem_set(
    "say tell state mention ask write express complain reply answer explain announce claim report describe promise confirm "
    "inquire enquire add admit insist thank call name warn note declare indicate agree remark quote repeat apologize suggest"
)
NOUN = (
    "".join(rf"(?<!\b{word} )" for word in "the a an this their his her its our every each no any one of".split())
    + r"(?<!'s )(?<!s' )"
)
SPEAKS = (
    r"(?:sa(?:y|ys|id|ying)|wr(?:ite|ites|ote|itten|iting)|(?:complain|report|mention|claim|prais|object|protest|"
    r"shout|yell|curs|insult|"
    r"express|remark|exclaim|accus|alleg|grumbl|rant|vent|argu|describ|swear)(?:e|es|s|ed|d|ing)?|swore|call(?:s|ed)|"
    r"stat(?:e|es|ed|ing)|cit(?:e|es|ed|ing))\b"
)
"""What they say is their object."""
TELLS = (
    r"(?:tell|told|ask|inform|warn|assur|remind|notif|advis|hear|answer|repl|respond|agree|check|explain|announc|"
    r"promis|confirm|admit|add|indicat|insist|repeat|acknowledg|clarif|declar|suggest|apologi)\w*"
)
"""They need a clause: whom is told comes first."""
CLAUSE = r"(?:that|whether|if|how|why|what|where|when|who|because)\b"
SAID = re.compile(
    rf"\b{NOUN}(?!(?:claim|report|mention)s? (?:about|for|of|on|to(?! (?:have|be)\b)|under)\b){SPEAKS}(?! (?:is|are|was|were|has|does|match|matches|differs|equals)\b)|"
    rf"\b{TELLS} (?:(?:to |of |for )?(?:(?:the|a|an|each|every|their) )?[\w-]+ )?{CLAUSE}|\b(?:words?|phrases?|"
    rf"sentences?) (?:such|like|as)\b",
)
ABBREVIATION = re.compile(r"\b([ei])\.(g|e)\.")
BY_ACCOUNT = re.compile(
    r"\b(?:according to (?:the|a|an|their|each) |by (?:the|their|his|her|\w+['’]s) (?:own )?(?:account|words|report)\b|"
    r"in (?:the|their|his|her|(?:\w+ )?\w+['’]s) (?:own )?words\b|(?:as|so) (?:they|he|she|(?:the |a )?\w+) "
    r"(?:sa[iy]|tell|told|put|report|describ|call|claim|mention|state|writ|wrote)|"
    r"as (?:told|described|reported|named|given|stated|said|put|claimed) by )",
    re.IGNORECASE,
)
BREAK = re.compile(r"[.;!?]|, (?:which|who|whose|where)\b")


def is_speech(word: Word) -> bool:
    """Whether a word is a verb of saying, asking, writing or answering."""
    return word.kind == "verb" and (word.base in SPEECH or word.meaning == "communication")


def reports(word: Word) -> bool:
    """Whether a word is a verb that has what was said as its object."""
    return word.kind == "verb" and stem(word.base) in REPORTING


def is_person(word: Word) -> bool:
    """Whether a word names somebody who takes part in a conversation."""
    return word.base in ACTORS or word.text.lower() in ACTORS or (word.kind == "noun" and word.meaning == "person")


def is_concrete(word: Word) -> bool:
    """Whether a word names something that one can find in a transcript."""
    if word.kind == "noun" and word.text.lower().endswith(("'s", "s'")):
        # Of somebody's matter the matter counts.
        owner = word.text.lower().removesuffix("'s").removesuffix("'")
        return not is_person(Word(owner, "noun", noun_base(owner) or owner))
    if word.kind == "noun":
        return word.base not in GENERIC and word.base not in ACTORS and word.text.lower() not in ACTORS
    return word.base.isdigit() or (word.kind == "adjective" and word.base not in GENERIC and word.meaning == "")


def has_verb(text: str) -> bool:
    """Whether the text is more than a noun."""
    return any(word.kind in ("verb", "auxiliary") and not word.text.endswith("ing") for word in tagged(text))


def is_reported(text: str, position: int) -> bool:
    """Whether what stands at `position` is what somebody in the conversation said."""
    before, after = re.split(r"[.;]", text[:position])[-1], re.split(r"[.;]", text[position:])[0]
    if is_by_account(before + after):
        return True
    if re.search(r"\b(?:notice|news|warning|word|announcement|reminder) that\b", before):
        return True
    return any(stem(word) in REPORTING for word in words(before) if word != "not")


def is_by_account(sentence: str) -> bool:
    """Whether a sentence names whose words it goes by: `in the parent's words`, `as the guest calls it`."""
    return BY_ACCOUNT.search(sentence) is not None


def is_account(text: str) -> bool:
    """Whether a text asks for what somebody other than the agent says: what meets it then is what they say."""
    return any(_tells(clause, index) for clause in clauses(text) for index in clause.verbs)


def _tells(clause: Clause, index: int) -> bool:
    """Whether a person on the other side reports, is said to have reported, or is asked."""
    before, verb, after = clause.words[:index], clause.words[index], clause.words[index + 1 :]
    is_passive = any(word.base in BE for word in before)
    by = next((place for place, word in enumerate(after) if word.base == "by"), len(after))
    tellers = before if verb.base == "ask" or not is_passive else after[by + 1 : by + 4]
    people = [word for word in tellers if is_person(word)]
    return reports(verb) and bool(people) and people[-1].base not in ("agent", "bot", "assistant")


def is_said(text: str, position: int) -> bool:
    """Whether what stands at `position` is what somebody in the conversation said: quoted, or told in its own clause.

    `Told the guest that …` is, `told the poor guest the price` is not, nor is `the price that was said is …`.
    """
    before = ABBREVIATION.sub(r"\1\2", text[:position].lower())
    is_quoted = before.count('"') % 2 == 1 or before.count("“") > before.count("”")
    clause = BREAK.split(before)[-1]
    return is_quoted or clause.lstrip().startswith("that ") or SAID.search(clause) is not None


def points_back(text: str) -> bool:
    """Whether a condition counts what another text of the definition names: `either of the two`."""
    return POINTING.search(text) is not None
