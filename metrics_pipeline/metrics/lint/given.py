"""What a sentence takes for granted: a definite thing that only some conversations have."""

from __future__ import annotations

from collections.abc import Sequence

from metrics_pipeline.metrics.lint.closed import BE
from metrics_pipeline.metrics.lint.english import GENERIC, is_person, is_speech
from metrics_pipeline.metrics.lint.grammar import Clause, Word

ANSWERED = frozenset("when where how why until whether what which".split())
"""`The agent said when …` is an answer: somebody asked."""
UTTERED = frozenset("question request complaint claim order booking objection query enquiry inquiry".split())
EVERYWHERE = frozenset(
    "greeting opening start beginning introduction notice recording disclosure disclaimer consent privacy transcript "
    "function tool talk course phone telephone line middle number language channel message reply turn word words name "
    "surname first last shop house website office company bank pharmacy clinic practice hotel school university store "
    "branch airline restaurant hospital garage agency firm museum zoo library council authority brand team department "
    "provider".split()
)
"""What a conversation has whatever it is about."""


def given_thing(read: tuple[Clause, ...]) -> str | None:
    """A definite thing of the main clause, or of what it hangs on, that only some conversations have."""
    said = [word for word in read[0].words if is_speech(word) and not word.text.endswith("ing")]
    # `The host is asked whether …`: that can be told of every conversation.
    is_passive = any(word.base in BE for word in read[0].words)
    is_told = any(word.base == "tell" for word in said) and not is_person(read[0].words[max(0, read[0].verbs[0] - 2)])
    is_asked = is_passive and (is_told or any(word.base == "ask" for word in said))
    if len(read) > 1 and said and not is_asked and read[1].opener in ANSWERED:
        return read[1].opener
    # `Learns how many people are in the boat`: what is asked takes nothing for granted but what it asks.
    for clause in read[:1] if len(read) > 1 and read[1].opener in ("how", "whether") else read[:2]:
        for place, word in enumerate(clause.words[:-1]):
            following = clause.words[place + 1 : place + 3]
            if word.text.lower().endswith(("'s", "s'")) and following[0].base in UTTERED:
                if len(following) == 2 and following[1].kind == "preposition":
                    return f"{word.text} {following[0].text}"
                continue
            is_asked_for = (
                place > 1
                and clause.words[place - 1].base == "for"
                and clause.words[place - 2].base in ("ask", "request")
            )
            is_name = following[0].text[0].isupper() or following[0].base in EVERYWHERE
            # `The host of the escape room` is always there.
            is_of_role = place > 1 and clause.words[place - 1].base == "of" and is_person(clause.words[place - 2])
            if word.base != "the" or is_asked_for or is_name or is_of_role:
                continue
            head = _head(clause.words[place + 1 :])
            is_made = head is not None and head.base in UTTERED and _is_of_what(clause.words, head)
            if head is not None and (is_made or _is_of_some(head)):
                return f"the {head.text}"
    return None


def _is_of_what(read: Sequence[Word], head: Word) -> bool:
    """Whether it is said what somebody asked for: `the request for a lower fee`."""
    place = read.index(head)
    is_answered = any(word.base in BE for word in read[place:])
    return is_answered and place + 1 < len(read) and read[place + 1].base in ("for", "to")


def _head(after: Sequence[Word]) -> Word | None:
    """The noun that a determiner belongs to: the last one of `larger corner room`."""
    head = None
    for word in after:
        if word.kind == "noun":
            head = word
        elif word.kind not in ("adjective", "determiner") or head is not None:
            break
    return head


def _is_of_some(noun: Word) -> bool:
    name = noun.text.lower().removesuffix("'s")
    is_known = noun.base in GENERIC or name in GENERIC or noun.base in EVERYWHERE or name in EVERYWHERE
    return not is_known and not is_person(noun) and noun.meaning not in ("group", "time", "person")
