"""Whether a sentence tells of something said or done that a transcript shows, or only judges it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from metrics_pipeline.metrics.lint.closed import BE
from metrics_pipeline.metrics.lint.english import GENERIC, is_concrete, is_person, is_speech, reports
from metrics_pipeline.metrics.lint.evaluation import evaluates
from metrics_pipeline.metrics.lint.grammar import Clause, Word, clauses, tagged

JUDGED = frozenset(
    "handle manage perform satisfy please treat serve support help assist succeed achieve fulfil fulfill work happen deal "
    "address tackle conclude process expect suppose need want hope like desire require intend delight impress interest "
    "concern involve relate deserve seem feel finish complete resolve solve settle measure rate score judge assess evaluate "
    "decide think believe know understand consider care appreciate enjoy improve excel act behave matter occur proceed sort "
    "meet engage guide cater attend accommodate wrap conduct run go fare cope fail match suit fit reassure calm learn".split()
)
"""Verbs that say how it went rather than what was done."""
LIGHT = frozenset(
    "make take get put see keep come do have give bring let live turn look leave find set go stand hold run work play "
    "carry pull push end start begin".split()
)
"""Verbs that mean what their object means."""
NEEDS = frozenset("need want require deserve hope expect wish desire merit warrant demand".split())
"""Verbs of a wish that stands where a measure should."""
EARNS = frozenset("deserve merit warrant entitle".split())
COMPLETED = frozenset(
    "clear finish complete resolve solve settle conclude process fulfil fulfill address fix sort".split()
)
COMPLIES = frozenset(
    "follow keep stick hold observe obey respect adhere comply conform abide uphold honour honor breach violate infringe".split()
)
"""Verbs that hold an act against a rule, and do not say which act."""
PHRASAL = frozenset(
    (verb, particle)
    for particle, verbs in (
        ("away", "turn send walk"),
        ("down", "turn take write note put jot"),
        ("forward", "put bring"),
        ("off", "break cut put call ring read"),
        ("on", "pass"),
        ("out", "back pull drop point read spell lay set give hand call rule"),
        ("over", "hand pass read put"),
        ("through", "put"),
        ("up", "give bring come"),
        ("short", "cut break"),
    )
    for verb in verbs.split()
)
"""Verbs that by their particle say, refuse or give up."""
STANDS = frozenset("occur appear stand hold contain include".split())
"""What words do in a passage."""
PASSAGES = frozenset("turn transcript wording summary".split())
"""Where in a transcript it stands."""
UTTERANCES = frozenset(
    "question request remark reply answer mention complaint objection statement promise offer apology message word words".split()
)
ABSTRACT = frozenset("feeling motive".split())
PARTICLES = frozenset("out up off down away back over".split())
ASIDES = frozenset("who whose when whenever after once while whilst because although though since until till".split())
"""What opens a clause that tells of whom or when, and not what came of it."""
LEAD = re.compile(
    r"\b(?:(?:mark|count|score|take|answer|judge|call)\w* (?:it |this |as |a conversation )*|(?:it|this|that|the answer) (?:is|holds|counts as) )?"
    r"(?:true|yes|met|so|positive|the case)\b,? (?:only )?(?:when|if|where|once)\b",
    re.IGNORECASE,
)
"""What only introduces the condition."""
CLEFT = re.compile(r"^\W*it (?:is|was) ((?:the |an? )?[\w-]+) (?:who|that)\b", re.IGNORECASE)
INLINE = re.compile(
    r"\b(that is,|i\.e\.|meaning|namely|which means|(?:this|it) is so (?:only )?(?:if|when)|counts? (?:as|when|if|only)|in the sense that|"
    r"only (?:when|if)|is met when|is the case when|which is to say|in other words|success means|makes it (?:true|false)|counts as such|defined as|yes,? (?:when|if))|\btrue\b",
    re.IGNORECASE,
)


@lru_cache(maxsize=20_000)
def is_observable(text: str) -> bool:
    """Whether some clause says what somebody did or said, and not only how good it was."""
    read = clauses(CLEFT.sub(r"\1", LEAD.sub("", text)))
    return any(_shows_an_act(read, index) for index in range(len(read)))


def _shows_an_act(read: Sequence[Clause], place: int) -> bool:
    clause, following = read[place], read[place + 1 : place + 2]
    if clause.opener in ASIDES or evaluates(str(clause)):
        return False
    if _is_measured(following) and not any(map(reports, clause.words)):
        return False
    if _is_measure(clause) and not (place and any(map(reports, read[place - 1].words))):
        return False
    if _is_uttered(clause):
        return True
    if clause.opener in ("what", "whatever") and place and _only_judges(read[place - 1]):
        return False
    # `In a way that the caller can use` says of what kind; `the number that the agent named`, what was said.
    is_relative = clause.opener in ("that", "which") and place > 0 and _ends_in_noun(read[place - 1])
    return any(
        _is_act(read, place, index) for index in clause.verbs if not is_relative or is_speech(clause.words[index])
    )


def _only_judges(clause: Clause) -> bool:
    """Whether a clause only says how somebody dealt with what comes next: `coped with what …`."""
    return bool(clause.verbs) and all(clause.words[index].base in JUDGED for index in clause.verbs)


def _is_uttered(clause: Clause) -> bool:
    """Whether it tells of what somebody uttered, by a noun: `a question by the player is about …`, `put as a question`."""
    verbs = {clause.words[index].base for index in clause.verbs}
    if verbs & (JUDGED - STANDS - {"concern", "relate", "involve"} | COMPLETED):
        return False
    if any(word.base in ("function", "tool") for word in clause.words) and verbs & {
        "run",
        "return",
        "call",
        "respond",
        "fail",
    }:
        return True
    stands = [word for word in clause.words if word.kind == "noun" and word.base not in PASSAGES]
    if _is_in_a_passage(clause) and any(is_concrete(word) or word.base in UTTERANCES for word in stands):
        return True
    for place, word in enumerate(clause.words):
        following = clause.words[place + 1 : place + 5]
        is_theirs = bool(following) and following[0].base in ("by", "from", "of") and any(map(is_person, following[1:]))
        is_topic = (
            bool(following)
            and following[0].base in ("on", "about", "for")
            and any(is_concrete(other) or is_person(other) for other in following[1:])
        )
        if (
            word.kind == "noun"
            and word.base in UTTERANCES
            and (is_topic or is_theirs or verbs & {"put", "pose", "raise", "use"})
        ):
            return True
    return False


def _is_in_a_passage(clause: Clause) -> bool:
    """Whether something stands in a turn; `by the last turn` only says when."""
    return any(
        (
            word.base in PASSAGES
            or (word.base in ("answer", "reply", "message", "result") and _follows_in(clause, place))
        )
        and not {other.base for other in clause.words[max(0, place - 3) : place]} & {"by", "at", "until"}
        for place, word in enumerate(clause.words)
    )


def _follows_in(clause: Clause, place: int) -> bool:
    """Whether something stands `in the answer`, or `a message holds` it."""
    return any(clause.words[index].base in STANDS for index in clause.verbs) or any(
        word.base == "in" for word in clause.words[max(0, place - 3) : place]
    )


def _is_measured(following: Sequence[Clause]) -> bool:
    """Whether how far an act went is left to a need or a verdict: `what they needed`, `until the sum made sense`."""
    return any(
        _is_measure(clause) or (clause.opener in ("until", "till", "so") and clause.verbs and evaluates(str(clause)))
        for clause in following
    )


def _is_measure(clause: Clause) -> bool:
    """Whether a clause measures by somebody's need: `what they needed`, `in the depth that it calls for`."""
    if clause.opener not in ("what", "whatever", "that", "which", "as", "than") or not clause.verbs:
        return False
    verb, after = clause.words[clause.verbs[0]], clause.words[clause.verbs[0] + 1 :]
    is_for = bool(after) and after[0].base == "for"
    is_earned = verb.base in EARNS or (verb.base == "call" and is_for)
    is_needed = verb.base in NEEDS or (verb.base in ("come", "look") and is_for)
    # `The room that they wanted` is a room; `the depth that the case calls for` is no more than a need.
    return is_earned or (is_needed and clause.opener not in ("that", "which"))


def _ends_in_noun(clause: Clause) -> bool:
    said = next((place for place, word in enumerate(clause.words) if is_speech(word)), -1)
    return clause.words[-1].kind == "noun" and not all(
        map(is_person, filter(_can_be_subject, clause.words[said + 1 :]))
    )


def _is_act(read: Sequence[Clause], place: int, index: int) -> bool:
    clause = read[place]
    verb, before, after = clause.words[index], clause.words[:index], clause.words[index + 1 :]
    if place and (clause.opener in ("that", "which", "who") or not any(map(_can_be_subject, before))):
        # `…, or the date of the last one, is said by the agent`; `the number which the agent said`
        is_said = is_speech(verb) or any(word.base in BE for word in clause.words[:index])
        before = (*read[place - 1].words, *before) if is_said else before
    about = (*before, *after)
    if verb.base in COMPLETED:
        return any(map(is_concrete, about)) and not any(word.base in GENERIC for word in about)
    if verb.base in ("want", "wish") and clause.opener not in ("what", "whatever", "as", "than"):
        # What somebody wants by name, they have said; what they want is open.
        return any(map(is_person, before)) and any(map(is_concrete, after))
    if verb.base in JUDGED:
        return False
    if is_speech(verb):
        is_for_somebody = any(word.base == "for" for word in after) and any(map(is_person, after))
        is_said = any(map(is_concrete, about)) or _is_whole(after) or is_for_somebody
        return is_said or _is_followed_up(read[place + 1 : place + 2])
    if verb.base in COMPLIES and after and after[0].base == "to" and any(word.meaning == "time" for word in after):
        # Kept to the day that was planned.
        return True
    if verb.base in COMPLIES and any(word.meaning in ("communication", "cognition") for word in about):
        return False
    is_passive = any(word.base in BE for word in clause.words[max(0, index - 3) : index])
    if any((verb.base, word.base) in PHRASAL for word in after):
        return True
    if verb.base in ("stay", "remain", "stand") and any(word.kind == "noun" and is_concrete(word) for word in before):
        return True
    if verb.base in LIGHT:
        # `A slot went into the diary`
        is_led_on = verb.base in ("go", "come", "stand", "run") and not any(map(is_person, before)) and bool(after)
        things = before if is_passive or (is_led_on and any(map(is_concrete, after))) else _object(after)
        return any(word.kind == "noun" and is_concrete(word) and word.meaning not in ABSTRACT for word in things)
    if verb.meaning in ("emotion", "perception", "stative"):
        return False
    taken = [word for word in _object(after) if word.kind in ("noun", "pronoun")]
    if taken and verb.meaning == "possession" and all(word.kind == "pronoun" for word in taken):
        return True
    if taken and not any(map(is_concrete, taken)) and not any(map(is_person, taken)) and not _is_passed_on(after):
        return False
    doer = next(filter(_can_be_subject, before), None)
    # A voice has no body: the caller may leave or come, the agent that rises to it is a figure of speech.
    has_body = doer is not None and doer.base not in ("agent", "bot", "assistant")
    is_bare_act = verb.meaning in (
        ("possession", "motion", "contact") if has_body else ("possession",)
    ) and not _object(after)
    return any(map(is_concrete, about)) or (is_bare_act and doer is not None and is_person(doer))


def _is_passed_on(after: Sequence[Word]) -> bool:
    """Whether somebody is named who gets it: `transferred the call to a nurse`."""
    to = next((place for place, word in enumerate(after) if word.base == "to"), len(after))
    return any(word.kind == "noun" and word.meaning in ("person", "group") for word in after[to + 1 :])


def _can_be_subject(word: Word) -> bool:
    return word.kind in ("noun", "pronoun")


def _object(after: Sequence[Word]) -> Sequence[Word]:
    """The words up to the first preposition: `took the room` of `took the room for a week`."""
    if after and after[0].base in PARTICLES:
        after = after[1:]
    end = next((place for place, word in enumerate(after) if word.kind == "preposition"), len(after))
    return after[:end]


@lru_cache(maxsize=20_000)
def is_vague(text: str) -> bool:
    """Whether a condition leaves open what must have been said or done: it judges, names nothing, or only says that
    something was dealt with."""
    if is_observable(text):
        return False
    if any(map(_is_measure, clauses(text))):
        return True
    read = tagged(text)
    verbs = [word.base for word in read if word.kind == "verb"]
    names_nothing = not any(map(is_concrete, read))
    judges = any(base in JUDGED for base in verbs) or all(base in LIGHT for base in verbs)
    return bool(evaluates(text)) or names_nothing or judges


def _is_followed_up(following: Sequence[Clause]) -> bool:
    """Whether what was said comes in the clause after it: `said that …`, `asked whether …`."""
    opening = ("that", "whether", "if", "what", "which", "why", "how", "where", "when", "who", "until", "and", "")
    return any(clause.opener in opening and any(map(is_concrete, clause.words)) for clause in following)


def _is_whole(after: Sequence[Word]) -> bool:
    """Whether the act is complete without an object: `the caller declined`, `the agent said no`."""
    rest = [word for word in after if word.kind not in ("adverb", "preposition", "determiner")]
    return all(word.base in ("no", "yes", "it", "so", "this", "that", "sorry") for word in rest)


def is_spelled_out(text: str) -> bool:
    """Whether a definition itself says its exact condition; after a colon it does when an act stands there."""
    after_colon = text.partition(": ")[2]
    return (INLINE.search(text) is not None and is_observable(text)) or is_observable(after_colon)
