"""What a sentence of a definition says: something that a transcript shows, or only a judgement of it."""

from __future__ import annotations

import re
from functools import lru_cache

from metrics_pipeline.metrics.lint.words import ACTORS, stem, stem_set, words

ACTS = stem_set(
    "abandon accept access acknowledge activate add adjust admit advise agree allow alter announce answer apologize apply "
    "appoint approve argue arrange ask assign attach authorize bill block book break bring buy call calculate cancel change "
    "charge check choose cite claim clarify close collect come commit communicate compare compensate complain confirm "
    "connect consent contact continue contradict correct create credit cut deactivate debit declare decline deduct delay "
    "delete deliver demand deny describe detail dial direct disclose disconnect discuss dispatch dispute dismiss disagree "
    "display divert donate drop email enable enrol enroll enter enquire escalate exchange explain express extend file fill "
    "find fix follow forward freeze fund give grant greet guide hand hang hear help highlight hold identify ignore indicate "
    "inform initiate inquire insist install instruct insult insure interrupt introduce invite issue join keep launch leave "
    "list locate lock lodge log look lower mail mention modify move name note notify obtain offer open opt order pass pay "
    "pick place pledge point post postpone present print proceed process promise propose prove provide purchase put query "
    "question quote raise read reactivate rearrange rebook receive recite recommend record redirect redeem refer refund "
    "refuse register reimburse reissue reject release remind remove renew repair repeat rephrase replace reply report request "
    "reroute reschedule reserve reset respond restart restate restore return reveal reverse revoke run say schedule search "
    "select sell send set settle share ship show sign speak specify spell start state stop submit subscribe suggest "
    "summarize supply suspend swap switch take talk tell terminate text thank top trace track transfer transmit type unblock "
    "unlock unsubscribe update upgrade upload use use verify authenticate validate visit void volunteer waive want warn "
    "withdraw withhold write yell threaten swear curse connect route rang ring bear match exist remain stay lack lose end "
    "search want request wish mention hear happen occur appear begin wait cost fail make get need bring turn go "
    "understand meet greet pronounce recap outline interrupt complete book ship"
) - stem_set(
    "go need meet understand happen occur appear begin help process remain get make end fail use want complete want"
)
LIGHT = stem_set(
    "give receive provide offer get make take bring show use deliver leave find keep have reach end come pass"
)
VAGUE = stem_set(
    "handle manage perform satisfy please treat serve support help assist succeed achieve fulfil fulfill work go happen deal "
    "address tackle conclude process do be have expect suppose need want hope like desire require intend delight impress "
    "interest concern involve relate base deserve seem feel meet get make end finish complete resolve solve settle measure "
    "rate score judge assess evaluate decide think believe know understand consider care appreciate enjoy improve excel"
)
COMPLETION = stem_set(
    "complete finish fulfil fulfill resolve solve settle conclude process do make get happen end fail"
)
GENERIC = stem_set(
    "call conversation interaction issue problem request matter query concern thing everything task need process experience "
    "chat contact session case outcome result purpose goal job enquiry inquiry exchange visit aim objective it all dialogue"
)
EVALUATION = re.compile(
    r"(?<!as )\bwell\b(?! as|,|-)|\b(badly|poorly|nicely|properly|correctly|adequately|appropriately|satisfactorily|"
    r"satisfactory|satisfying|satisfied|successfully|successful|unsuccessful|success|smooth|smoothly|effective|effectively|"
    r"efficient|efficiently|professional|professionally|excellent|great|pleasant|decent|acceptable|acceptably|adequate|"
    r"appropriate|proper|helpful|unhelpful|happy|unhappy|as (?:expected|intended|hoped|planned|required|desired|it should)|"
    r"competent(?:ly)?|perfect(?:ly)?|suitabl[ey]|meaningful|worthwhile|valuable|impressive|flawless(?:ly)?|"
    r"seamless(?:ly)?|fine|okay|ok|in a (?:good|bad|nice|fair|friendly|sensible|reasonable) (?:way|manner)|"
    r"in the (?:right|proper|best|correct) (?:way|manner)|"
    r"(?:right|correct|best|wrong) (?:thing|way|answer|information|outcome|result|solution|help)|"
    r"(?:good|bad|poor|positive|negative|nice|high.quality|first.class|desired|favou?rable|strong|weak|better) "
    r"(?!faith|standing|morning|day|evening|afternoon|will|bye|friday)[a-z]+|(?:was|is|were|went|be|been) "
    r"(?:all |very |really |quite |so )?(?:good|bad|poor|right|positive|negative|nice|fair|better))\b"
)
SPLIT = re.compile(
    r"[,;:.?!()]|\b(?:and|or|but|that|which|who|because|when|whenever|after|before|once|if|unless|until|while|so|then|without|whether)\b"
)
REPORTING = stem_set(
    "say tell state mention ask write express complain reply answer explain announce claim report describe promise confirm "
    "inquire enquire add admit insist thank call name warn note declare indicate agree remark quote repeat apologize suggest"
)
SUBJECTS = ACTORS | {"system", "nobody", "somebody", "anyone", "someone", "who", "they", "he", "she", "it"}


@lru_cache(maxsize=20_000)
def clauses(text: str) -> tuple[str, ...]:
    """The stretches of `text` between conjunctions and punctuation, in small letters; a stretch without a verb is put
    to the one before it, so that what is said at the end of a list is said of its verb."""
    found: list[str] = []
    for part in SPLIT.split(text.lower()):
        stretch = part.strip()
        if not stretch:
            continue
        if found and not any(is_verb(word) for word in words(stretch)):
            found[-1] = f"{found[-1]} {stretch}"
        else:
            found.append(stretch)
    return tuple(found)


@lru_cache(maxsize=20_000)
def is_verb(word: str) -> bool:
    """Whether a word can be the verb of a clause."""
    root = stem(word)
    return root in ACTS or root in VAGUE or (word.endswith("ed") and len(word) > 4)


@lru_cache(maxsize=20_000)
def is_observable(text: str) -> bool:
    """Whether some clause says what somebody did or said, and not only how good it was."""
    return any(_shows_an_act(clause) for clause in clauses(text))


def _shows_an_act(clause: str) -> bool:
    if EVALUATION.search(clause):
        return False
    listed = words(clause)
    for index, word in enumerate(listed):
        root = stem(word)
        if word in (
            "call",
            "calls",
            "name",
            "names",
            "contact",
            "note",
            "record",
            "order",
            "list",
            "rate",
            "use",
        ) and not (index and listed[index - 1] in SUBJECTS | {"to", "not", "never"}):
            continue
        if root in COMPLETION:
            about = [stem(other) for other in listed if other != word]
            if any(other in GENERIC for other in about) or not _has_a_thing(listed, index):
                continue
            return True
        if root in VAGUE:
            continue
        if root in ACTS or (word.endswith("ed") and len(word) > 4 and word not in ("indeed", "unneeded", "need")):
            return True
        if index and listed[index - 1] in SUBJECTS and word.endswith("s") and not word.endswith("ss") and len(word) > 3:
            return True
    return False


def _has_a_thing(listed: list[str], index: int) -> bool:
    return any(word not in SUBJECTS and len(word) > 3 for word in listed[:index] + listed[index + 1 :])


def has_verb(text: str) -> bool:
    """Whether the text is more than a noun."""
    listed = words(text)
    for index, word in enumerate(listed):
        root = stem(word)
        if word in (
            "is",
            "was",
            "were",
            "are",
            "did",
            "does",
            "has",
            "had",
            "be",
            "been",
            "do",
            "went",
            "can",
            "could",
        ):
            return True
        if word.endswith("ed") and len(word) > 4:
            return True
        if root in (ACTS | VAGUE) and word != root and not word.endswith(("ing", "s")):
            return True
        if index and listed[index - 1] in SUBJECTS | {"to"} and root in ACTS | VAGUE:
            return True
    return False


def is_reported(text: str, position: int) -> bool:
    """Whether what stands at `position` is what somebody in the conversation said."""
    before = re.split(r"[.;]", text[:position])[-1]
    return any(stem(word) in REPORTING for word in words(before))


INLINE = re.compile(
    r"\b(that is,|i\.e\.|meaning|namely|which means|true (?:when|if|only)|counts? (?:as|when|if|only)|in the sense that|"
    r"only (?:when|if)|is met when|defined as)|: (?:the|an?|they|both|all) ",
    re.IGNORECASE,
)


def is_spelled_out(text: str) -> bool:
    """Whether a definition itself says its exact condition."""
    found = INLINE.search(text)
    return found is not None and is_observable(text[found.end() :])
