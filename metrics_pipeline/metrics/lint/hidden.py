"""What a transcript cannot show: a sound, a thought, a feeling, a sight, or the time after the conversation."""

from __future__ import annotations

import re
from collections.abc import Sequence

from metrics_pipeline.metrics.lint.closed import BE, NEGATIONS, SENTENCE_ENDS, SUBORDINATORS
from metrics_pipeline.metrics.lint.english import is_by_account, is_person, is_reported, is_speech, reports
from metrics_pipeline.metrics.lint.grammar import Clause, Word, clauses

MENTAL = frozenset(
    "know think believe understand realize realise trust doubt suspect remember forget hope intend mind worry fear wonder "
    "assume feel like love hate enjoy want care appreciate regret perceive expect sense imagine grasp comprehend fathom digest resent "
    "dread crave despise admire envy dislike distrust mistrust suppose".split()
)
PERCEIVED = frozenset("see watch notice listen stare glance view".split())
FEELINGS = frozenset(
    "afraid agitated alarmed amazed amused angry annoyed anxious apprehensive ashamed astonished aware bewildered bitter "
    "bored calm certain cheerful comfortable confident confused content contented convinced cross curious dejected "
    "delighted depressed desperate despondent devastated disappointed discontented discouraged disgusted disheartened "
    "dismayed dissatisfied distraught distressed eager ecstatic elated embarrassed enraged enthusiastic envious "
    "exasperated excited fearful flustered frightened frustrated furious glad glum grateful grumpy happy heartbroken "
    "hesitant homesick hopeful horrified impatient impressed indifferent indignant insecure irate irritable irritated "
    "jealous keen livid lonely miserable nervous nostalgic offended optimistic outraged overwhelmed panicky patient "
    "pessimistic petrified pleased proud puzzled reassured relaxed relieved reluctant resentful restless sad satisfied "
    "scared sceptical shocked skeptical sore startled stressed sulky sure surprised suspicious sympathetic tense "
    "terrified thankful thrilled tired uncomfortable uneasy unhappy unmoved unnerved unsettled unsure upset wary worried".split()
)
COPULAS = frozenset("feel seem appear look sound leave become remain end hang stay turn come grow get keep go".split())
STATED = frozenset("want mean expect like".split())
"""What people say so plainly that it counts as said."""
SOUND = re.compile(
    r"\b(?:in|of|how) (?:the|their|his|her|\w+['’]s) (?:\w+ )?voice\b|\b(?:the|their|his|her|\w+['’]s) voice (?!mail|menu|message|note)\w+|"
    r"\btone of (?:voice|the (?:agent|caller|customer))\b|\b(?:in|with) an? (?:\w+ ){1,3}(?:tone|voice)\b|"
    r"\b(?:agent|caller|customer|their|his|her)(?:['’]s)? (?:\w+ )?(?:tone|voice|accent)\b|\bintonation\b|\bbody language\b|\b(?:a|the|their|his|her) (?:smile|sigh|laugh|whisper)\b|"
    r"\b(?:pace|speed|volume) of (?:speech|speaking|the voice)\b|\b(?:speaking|talking) (?:speed|pace|style)\b|"
    r"\b(?:spoke|speaks?|talk(?:s|ed)?) (?:too |very |so |more |rather )?(?:\w+ly|softer|louder|faster|slower|loud|soft|fast|slow)\b"
    r"(?= (?:and|or|but|enough|to|when|for|throughout)\b|[,.;]|$)",
    re.IGNORECASE,
)
"""How somebody spoke; a slow zone that they speak of, and a loud neighbour, is what they said."""
UTTERING = frozenset("smile sigh laugh giggle chuckle whisper yell shout scream sob groan mumble sound".split())
"""What a voice or a face does while it says something."""
LATER = re.compile(
    r"\bafter (?:the|this|that|a) (?:call|conversation|chat|interaction|contact)\b(?! (?:was|is) (?:transferred|connected))|"
    r"\bafter (?:hanging|(?:they|he|she) hung) up|\b(?:that|which) followed\b|"
    r"\b(?:the )?(?:next|following) (?:day|week|month|morning|invoice|bill|statement|visit|appointment)\b|"
    r"\b(?:for|in|over|within) (?:the |those |these |another )?(?:\w+ )?(?:hours?|days?|weeks?|months?) (?:after|afterwards|following)\b|"
    r"\bin (?:those|these) (?:\w+ )?(?:hours|days|weeks|months)\b|"
    r"\bin the (?:\w+ )?(?:hours|days|weeks|months|year) (?:after|that|to come|since)|\bfollowing (?:the|this|that) (?:call|chat|conversation|contact)\b|\b(?:on|at|by) a later (?:day|date|time|point)|"
    r"\bwithin (?:the|a|an|\d+|\w+) (?:working |business )?(?:hours?|days?|weeks?|months?|year)\b(?! of (?:the |an? |its |their )?(?:order|purchase|delivery|receipt|payment|booking)\b)|"
    r"\b(?:did not|didn't|never|not) (?:have to )?(?:call|contact|phone|ring|write|come|return|get)\w* (?:\w+ )?(?:again|back)\b|"
    r"\b(?<!be )(?<!been )(?<!being )(?:called|rang|phoned|wrote|came|contacted \w+) (?:\w+ ){0,2}(?:back|again)\b(?! (?:with|to the (?:line|call|chat|caller|conversation)))|"
    r"\b(?:later|subsequently|eventually|afterwards|in the end) (?:\w+ )?(?:\w+ed|came|paid|got|went|bought|left)\b",
    re.IGNORECASE,
)
WITHIN = re.compile(
    r"\b(?:in|at|to) (?:their|his|her|the) (?:own |\w+'s )?(?:mind|heart|head)\b|"
    r"\bt(?:ake|akes|ook) (?:no |not |any )?(?:offen[cs]e|umbrage|heart|comfort|pride|pity)\b|"
    r"\b(?:los[et]s?|ke(?:pt|ep|eps)) (?:all |any )?(?:their|his|her) (?:temper|cool|patience|nerve|composure|calm)\b|"
    r"\b(?:los[et]s?|gained?|gains) (?:faith|confidence|interest|hope|trust) in\b|\bfed up\b|"
    r"\bha(?:d|s|ve) (?:no|any|some|few|many|still|\w+ )(?: ?\w+ )?(?:doubts|worries|fears|qualms|misgivings|illusions)\b|"
    r"\bpeace of mind\b|\b(?:inwardly|secretly|privately)\b|\b(?:at|with) (?:ease|peace)\b|\bin front of (?:them|him|her)\b|"
    r"\b(?:is|are|was|were) (?:not |never )?(?:displayed|visible)\b|"
    r"\b(?:page|screen|map|form|tab|app|pop-?up)\b(?: \w+){0,5} (?:open|opened|displayed|visible|loaded)\b|"
    r"\b(?:display|screen|panel|monitor|lights?|lamps?|leds?|indicator|dial|gauge|needle|bulb|siren)\b(?: (?:on|of|at|in) "
    r"(?:\w+ ){1,3}| )(?:show(?:s|ed)|lit|turn(?:s|ed)|blink(?:s|ed)|flash(?:es|ed)|glow(?:s|ed)|flicker(?:s|ed)|went|goes|"
    r"switch(?:es|ed)|stays?|stayed)\b|\b(?:make|makes|making|made) (?:any |no )?sense (?:to|of)\b|"
    r"\bon (?:the|their|his|her|\w+(?:'s|’s)) (?:screen|display|tablet|laptop|monitor)\b|"
    r"\bon (?:their|his|her|\w+(?:'s|’s)) phone\b|"
    r"\b\w+(?:'s|’s) (?:\w+ )?(?:mood|temper|attention|patience|confidence|trust|hopes?|nerves|spirits|manner|demeanou?r|"
    r"feelings?|emotions?|state of mind|impression|perception|thoughts|motives?|attitude)\b",
    re.IGNORECASE,
)


WILL = re.compile(r"^\W*(?:whether |that )?(?:the |an? )?[\w'-]+ (?:will|is going to|are going to)\b", re.IGNORECASE)
LIKELY = re.compile(
    r"\b(?:is|are|was|were|be|seems?|seemed|looks?|looked|appears?|appeared) (?:\w+ )?(?:un)?likely to\b|"
    r"\b(?:probably|presumably|in all (?:likelihood|probability)|chances are)\b|"
    r"\b(?:is|are|was|were) (?:bound|ready|willing|prepared|inclined|tempted|minded|poised|determined|loath) to\b",
    re.IGNORECASE,
)
UNREAL = frozenset("will would can could may might shall should must be to".split())
"""What follows is not said to have happened."""
ERRANDS = frozenset("arrive deliver visit install repair mend land turn show".split())
"""What is done at some other place, by whoever is sent there; to turn or to show only with up."""
MOVING = frozenset("artifact substance object phenomenon food plant animal".split())
"""Classes of things that change without a word."""
LIGHT = frozenset("come go run turn get".split())
"""Verbs of motion that mostly say something else: a match came, an offer ran."""
SPOKEN_THINGS = frozenset(
    "page form link app function tool system line call message menu site website account ticket software button chat "
    "bot agent assistant code database log record file price plan".split()
)
"""Things of which the transcript may tell by itself."""
ARRANGING = frozenset("want need wish like set put move keep arrange postpone reserve offer schedule fix".split())


def beyond(text: str, *, is_label: bool = False) -> str | None:
    """A guess, a sound, something that happens elsewhere, or when the conversation is over.

    What somebody will do is a guess, but for a label, which says what was settled.
    """
    return (
        _guess(text, (LIKELY,) if is_label else (WILL, LIKELY)) or _after(text) or _uttering(text) or _elsewhere(text)
    )


def _guess(text: str, patterns: Sequence[re.Pattern[str]]) -> str | None:
    is_told = any(reports(word) for clause in clauses(text) if not clause.is_negated for word in clause.words)
    found = (pattern.search(text) for pattern in patterns)
    return None if is_told else next((one.group() for one in found if one), None)


def _after(text: str) -> str | None:
    # What the transcript itself marks is shown by it.
    is_marked = re.search(r"\btranscript\b", text) is not None
    sounds = [found for found in SOUND.finditer(text) if not is_marked and not is_reported(text, found.start())]
    # What will be done later may be promised now.
    later = [found for found in LATER.finditer(text) if not is_told_or_promised(text, found)]
    return next((found.group() for found in (*sounds, *later)), None)


def _uttering(text: str) -> str | None:
    """A person who is said to smile or to shout, where the transcript does not mark it."""
    if re.search(r"\btranscript\b", text):
        return None
    for clause in clauses(text):
        for index in clause.verbs:
            before = clause.words[:index]
            if (
                clause.words[index].base in UTTERING
                and any(map(_is_somebody, before))
                and not any(map(reports, before))
            ):
                return str(clause)
    return None


def _elsewhere(text: str) -> str | None:
    """What a thing did by itself, somebody swallowed, or an errand brought about, where nobody is said to tell of it."""
    read = clauses(text)
    for place, clause in enumerate(read):
        if (
            clause.is_negated
            or clause.opener in SUBORDINATORS
            or _is_said(read[:place])
            or any(map(reports, _sentence_of(read, place)))
            or is_by_account(text)
        ):
            continue
        for index in clause.verbs:
            doer, verb = _doer(clause, index), clause.words[index]
            is_done = any(word.base in BE for word in clause.words[:index])
            is_real = not (is_done and clause.words[index].base not in ERRANDS) and not any(
                word.base in UNREAL | NEGATIONS for word in clause.words[:index]
            )
            if is_real and doer is not None and _is_unheard(doer, verb, clause.words[index + 1 :]):
                return f"{doer.text} {verb.text}"
    return None


def _sentence_of(read: Sequence[Clause], place: int) -> list[Word]:
    """The words of the sentence that a clause stands in."""
    ends = [index for index, clause in enumerate(read) if clause.opener in SENTENCE_ENDS]
    start = max((index for index in ends if index <= place), default=0)
    end = min((index for index in ends if index > place), default=len(read))
    return [word for clause in read[start:end] for word in clause.words]


def _doer(clause: Clause, index: int) -> Word | None:
    """The noun that a verb tells of: before its first preposition, `the light on the panel switched`."""
    before = clause.words[:index]
    end = next((place for place, word in enumerate(before) if word.kind in ("preposition", "auxiliary")), index)
    nouns = [word for word in before[:end] if word.kind == "noun"]
    return nouns[-1] if nouns and not any(word.kind == "verb" for word in before) else None


def _is_unheard(doer: Word, verb: Word, after: Sequence[Word]) -> bool:
    if verb.base in ERRANDS and (verb.base not in ("turn", "show") or (after and after[0].base == "up")):
        return doer.base not in SPOKEN_THINGS
    if verb.base in LIGHT and not any(word.base in ("on", "off", "out") for word in after[:1]):
        return False
    if verb.meaning == "consumption":
        return (is_person(doer) or doer.meaning == "animal") and any(word.meaning in MOVING for word in after)
    changes = verb.meaning in ("change", "motion", "weather") and verb.text.lower() != verb.base
    return doer.meaning in MOVING and doer.base not in SPOKEN_THINGS and changes and not is_person(doer)


def is_told_or_promised(text: str, later: re.Match[str]) -> bool:
    """Whether a later time is named, asked for or settled in the conversation, and is not when something took place.

    `Wants it on a later day`, `a visit within three days was offered`; `was offered, and came within three days` is not.
    """
    before = re.split(r"[.;]", text[: later.start()])[-1]
    if (
        is_reported(text, later.start())
        or re.search(r"\b(?:will|would|promis\w+|such as|offer\w*|agreed)\b", before) is not None
    ):
        return True
    clause = next((one for one in reversed(clauses(before))), None)
    verbs = [clause.words[index] for index in clause.verbs] if clause else []
    if verbs:
        return any(word.base in ARRANGING or word.meaning == "cognition" for word in verbs)
    following = next(iter(clauses(re.split(r"[.;,]", text[later.end() :])[0])), None)
    return following is not None and any(
        is_speech(word) or word.base in ARRANGING or word.meaning == "cognition" for word in following.words
    )


def inner(text: str) -> str | None:
    """A thought, a feeling, or something only to be seen."""
    for found in WITHIN.finditer(text):
        if not is_reported(text, found.start()):
            return found.group()
    read = clauses(text)
    for place, clause in enumerate(read):
        if _is_said(read[:place]) or is_by_account(text):
            continue
        whom = read[place - 1].words[-1:] if place and clause.opener in ("who", "that") else ()
        for index in clause.verbs or (len(clause.words),):
            found_words = _state_of_mind(clause, index, whom)
            if found_words:
                return found_words
    return None


def _is_said(earlier: tuple[Clause, ...]) -> bool:
    """Whether what follows is part of what somebody said: of the same sentence, after a verb or a noun of speech.

    `Said that …`, `put into words that …`, `gave the reason that …`.
    """
    start = max((place for place, clause in enumerate(earlier) if clause.opener in SENTENCE_ENDS), default=0)
    spoken = [clause for clause in earlier[start:] if not clause.is_negated]
    is_worded = bool(spoken) and spoken[-1].words[-1].meaning == "communication"
    return is_worded or any(is_speech(word) for clause in spoken for word in clause.words)


def _state_of_mind(clause: Clause, index: int, whom: tuple[Word, ...]) -> str | None:
    """What a verb says of somebody's mind; `whom` is the word that a relative clause tells of."""
    before, after = clause.words[:index], clause.words[index + 1 :]
    person = next(filter(_is_somebody, (*before, *whom)), None)
    if before and before[0].base in ("we", "i"):
        # What the organisation wants to know is no thought of anybody in the conversation.
        return None
    if any(map(is_speech, before)):
        return None
    verb = clause.words[index] if index < len(clause.words) else None
    if person is not None and verb is not None:
        is_seen = verb.base in PERCEIVED and not any(word.base in ("through", "to", "off") for word in after[:3])
        is_made_known = any(word.base == "make" for word in before[-2:])
        is_known = verb.base == "know" and (clause.is_negated or is_made_known)
        is_weighed = verb.base == "think" and any(word.base in ("better", "about", "over") for word in after[:2])
        is_state = (verb.base in MENTAL - STATED and not is_known and not is_weighed) or is_seen
        if is_state and not _is_of_speech(clause):
            return f"{person.text} {verb.text}"
        feeling = next((word for word in after[:3] if _is_feeling(word.text.lower(), word.meaning)), None)
        if verb.base in COPULAS and feeling is not None:
            return f"{person.text} {verb.text} {feeling.text}"
    if person is not None or verb is None:
        linked = [place for place, word in enumerate(clause.words) if word.kind == "auxiliary"]
        for place in linked:
            for word in clause.words[place + 1 : place + 4]:
                if _is_feeling(word.text.lower(), word.meaning) and any(map(_is_somebody, clause.words[:place])):
                    return f"{clause.words[place].text} {word.text}"
    if _is_of_speech(clause):
        return None
    if any(map(is_speech, clause.words)):
        return None
    felt = clause.words if person is not None else before
    worry = next((word for place, word in enumerate(felt) if _is_someones_feeling(felt, place)), None)
    return worry.text if worry is not None and worry.base not in ("concern", "interest", "preference") else None


def _is_someones_feeling(read: Sequence[Word], place: int) -> bool:
    """`Their worry`, `the caller's frustration`; of `fear of spiders` nobody is said to have it."""
    word, last = read[place], read[place - 1] if place else None
    is_had = last is not None and (last.base in ("the", "their", "his", "her") or last.text.endswith("'s"))
    return word.kind == "noun" and word.meaning == "feeling" and is_had


def _is_somebody(word: Word) -> bool:
    return is_person(word) or word.base in ("they", "he", "she", "who")


def _is_feeling(text: str, meaning: str) -> bool:
    return text in FEELINGS or (meaning == "emotion" and text.endswith("ed"))


def _is_of_speech(clause: Clause) -> bool:
    """Whether the thought is told in so many words: `when asked`, `in a turn`."""
    return any(word.base in ("turn", "word", "words", "message", "transcript") for word in clause.words)
