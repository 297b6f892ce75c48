"""Judged where it does not apply."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.metrics.lint.closed import BE, SUBORDINATORS
from metrics_pipeline.metrics.lint.english import has_verb, is_by_account, is_person, is_reported, is_speech
from metrics_pipeline.metrics.lint.given import given_thing
from metrics_pipeline.metrics.lint.grammar import Clause, clauses, sentences, verb_groups
from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each
from metrics_pipeline.metrics.lint.words import ACTORS

BAD = """\
name: "Loyalty: accepted"
type: boolean
definition: The caller accepted the loyalty offer.
true_when: The agent said that the money goes back to the card the order was paid with.
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


END = r"(?:the |this |a )?(?:end|start|beginning|opening|close|call|conversation|chat|interaction|contact|session|dialogue|line)\b"
TIED = re.compile(
    r"\b(?:during|within|in|throughout|amid) (?:the|a|an|their|its) (?:\w+ ){0,2}(?:flow|process|procedure|step|check|"
    r"stage|phase|journey|funnel|enrol\w+|sign-?up|checkout|registration|application|onboarding|booking|set-?up)\b|"
    rf"\bduring (?:the|a|an|their) (?!{END}|\w+ (?:call|conversation|chat)\b)|\bupon (?!{END})|"
    r"\b(?:eligible|ineligible|entitled|qualif(?:y|ies|ied|ying))\b|"
    r"\b(?:the|our|its|their) (?:[\w-]+ ){0,3}(?:offer|upsell|promotion|survey|cross-sell|loyalty \w+|trial|promo)\b|"
    r"\b(?:was|were|been|being) (?:offered|proposed|quoted)\b",
    re.IGNORECASE,
)
EVENT_OPENERS = frozenset("after once when whenever while whilst if before".split())
OWN_SIDE = frozenset("agent bot assistant system advisor adviser representative operator we".split())
RESPONSES = frozenset("prove agree accept decline refuse reject approve".split())
"""What somebody says to what was put to them."""
VOICED = frozenset("want wish object contest raise bring voice dispute complain volunteer hang".split())
CONDITION = re.compile(
    r"\b(?:true|false|answer is|counts?|counted|(?:yes|no),? (?:if|when|where|only))\b", re.IGNORECASE
)
OPENING = re.compile(r"^(?:whether|if|did|does|was|were|is|has)\b", re.IGNORECASE)
MAKES = re.compile(
    r"\bagent\b[^,;.]*\b(?:made|offer\w*|mention\w*|present\w*|explain\w*|extend\w*|pitch\w*|propos\w*|describ\w*|rais\w*)\b[^,;.]*$",
    re.IGNORECASE,
)


def check(subject: Subject) -> Iterator[Hit]:
    metric = subject.metric
    if metric.applies_when is not None or metric.applies_if is not None:
        return
    for sentence in sentences(metric.definition):
        found = _dependence(sentence, metric) if _states(sentence) else None
        if found:
            yield Hit(
                subject, ("definition",), f"it depends on something ({found!r} …), and nothing says when it applies."
            )
            return


def _states(sentence: str) -> bool:
    """Whether a sentence says what happened, and is neither a bare noun nor the condition of an answer."""
    return has_verb(sentence) and not CONDITION.search(sentence)


def _dependence(sentence: str, metric: MetricDefinition) -> str | None:
    """The words of a sentence that take for granted what does not happen in every conversation."""
    for found in TIED.finditer(sentence):
        before = sentence[: found.start()]
        is_made = MAKES.search(before) and found.group().lower().startswith(("the", "our", "its", "their"))
        if not is_made and not is_reported(sentence, found.start()):
            return found.group().strip()
    opened = clauses(sentence)
    # `If the vet is away the owner gets …` is a condition, `If the caller asks for a person` the question itself.
    is_condition = bool(opened) and opened[0].opener == "if" and (len(verb_groups(opened[0])) > 1 or "," in sentence)
    if is_condition and _is_event(opened[0]) and not _is_volunteered(opened[0]):
        return "if"
    read = clauses(OPENING.sub("", sentence).strip())
    is_volunteered = is_by_account(sentence) or any(
        _is_volunteered(clause) for clause in read[:2] if clause.opener not in EVENT_OPENERS
    )
    for index, clause in enumerate(read):
        earlier = read[:index]
        is_below_main = index < 2 or read[index - 1].opener in ("", ",", "and", "or", "but", "whether")
        is_near = is_below_main or clause.opener == "before"
        if (
            is_near
            and not is_volunteered
            and not _is_of_order(earlier, clause)
            and not _is_asked(earlier, clause)
            and clause.opener in EVENT_OPENERS
            and _is_event(clause)
        ):
            return f"{clause.opener} {clause.words[0].text}"
        is_relative = metric.type == "boolean" and earlier and clause.opener in ("that", "which", "who", "whose")
        if is_relative and _takes_for_granted(earlier, clause):
            return f"{earlier[-1].words[-1].text} {clause.opener}"
        if index < 2 and _is_of_a_group(clause):
            return f"{clause.words[0].text} {clause.words[1].text}"
        if index == 0 and _is_conditional_phrase(clause):
            return clause.words[0].text
    # Where there was no such thing, false is no failure of what is not wanted, or neither good nor bad.
    return given_thing(read) if metric.good is True and not is_volunteered else None


def _is_volunteered(clause: Clause) -> bool:
    """Whether somebody on the line says or asks something of their own accord: that can be told of every conversation."""
    if any(word.base in ("unprompted", "unasked", "words") for word in clause.words):
        return True
    if not clause.verbs:
        return False
    first = clause.verbs[0]
    doers = [word for word in clause.words[:first] if word.kind in ("noun", "pronoun")]
    is_agents = any(word.text.lower() in OWN_SIDE for word in doers)
    verbs = [clause.words[index] for index in clause.verbs]
    says = any((is_speech(verb) and verb.base not in RESPONSES) or verb.base in VOICED for verb in verbs)
    is_passive = any(word.base in BE for word in clause.words[:first])
    names_speaker = bool(doers) and not is_passive
    by_speaker = is_passive and any(
        word.base == "by"
        and any(map(is_person, clause.words[place + 1 : place + 3]))
        and not any(other.text.lower() in OWN_SIDE for other in clause.words[place + 1 : place + 4])
        for place, word in enumerate(clause.words)
    )
    return says and (by_speaker or (names_speaker and not is_agents))


def _is_of_order(earlier: Sequence[Clause], clause: Clause) -> bool:
    """Whether it is asked which of two came first: `before the agent names a price`, `only after asking`."""
    if clause.opener == "after":
        return bool(earlier) and earlier[-1].words[-1].base == "only"
    is_own = bool(clause.verbs) and clause.verbs[0] == 0 and is_speech(clause.words[0])
    points = bool(clause.words) and clause.words[-1].base in ("it", "so", "them", "this", "that", "does", "did")
    return clause.opener == "before" and bool(earlier) and (is_own or points)


def _is_asked(earlier: Sequence[Clause], clause: Clause) -> bool:
    """Whether `if` stands for whether: `asks if anything else is needed`."""
    last = next((word for word in reversed(earlier[-1].words) if word.kind == "verb"), None) if earlier else None
    return clause.opener == "if" and last is not None and (is_speech(last) or last.meaning == "cognition")


def _is_event(clause: Clause) -> bool:
    """Whether a clause tells of something that happens in some conversations: its end happens in all of them."""
    nouns = {word.base for word in clause.words if word.kind == "noun"}
    return (bool(clause.verbs) and not nouns & {"call", "conversation", "chat", "line", "end"}) or (
        not clause.verbs and bool(nouns) and not nouns & {"call", "conversation", "chat", "hour", "end", "sale"}
    )


def _takes_for_granted(earlier: Sequence[Clause], relative: Clause) -> bool:
    """Whether `the offer that the agent made`, `customers who asked` stands in the clause: a definite thing or all of a
    kind of people, and an act that makes it what it is."""
    head = earlier[-1]
    said = head.verbs and head.words[head.verbs[-1]].meaning == "communication"
    after = head.words[head.verbs[-1] + 1 :][:1] if said else ()
    if any(word.kind == "preposition" and word.base != "to" for word in after):
        return False
    is_alone = len(earlier) == 1 and not head.verbs and len(verb_groups(relative)) < 2
    # `Customers who ask about a fee`: nothing is said of them but that.
    if (
        is_alone
        or head.opener in SUBORDINATORS
        or relative.is_set_off
        or not head.words
        or head.words[-1].kind != "noun"
    ):
        return False
    start = max((place for place, word in enumerate(head.words[:-1]) if word.kind == "determiner"), default=-1)
    is_definite = start >= 0 and head.words[start].base in ("the", "their", "each", "every", "any", "all", "its")
    noun = head.words[-1]
    is_many = start == -1 and noun.text.lower().endswith("s") and len(head.words) <= 2
    is_kind = is_many and (is_person(noun) or relative.opener == "who")
    has_doer = any(
        word.kind in ("noun", "pronoun") for word in relative.words[: relative.verbs[0] if relative.verbs else 0]
    )
    # `A reading that the customer dictated was accepted`: the sentence is about those alone.
    is_definite = is_definite or (len(earlier) == 1 and start == 0 and not head.verbs)
    is_third = is_person(noun) and noun.base not in ACTORS and relative.opener == "who"
    return is_kind or (is_definite and (is_third or (has_doer and not is_person(noun))))


def _is_of_a_group(clause: Clause) -> bool:
    """Whether it tells of people of one kind: `households new to the practice were told`, `a guest with a dog paid`."""
    people = (
        clause.words[1:] if clause.words[0].base in ("a", "an", "every", "each", "any", "all", "no") else clause.words
    )
    is_many = people is not clause.words or people[0].text.lower().endswith("s")
    if len(people) < 3 or not is_many or not is_person(people[0]):
        return False
    second, third, rest = people[1], people[2], people[2:]
    is_past = second.kind == "verb" and not second.text.endswith("ing") and third.kind == "preposition"
    is_told_apart = (second.kind in ("preposition", "adjective") and second.base not in ("like", "of")) or is_past
    is_doing = second.text.endswith("ing") and second.kind == "verb"
    return (is_told_apart or is_doing) and any(
        word.kind == "auxiliary" or (word.kind == "verb" and not word.text.endswith("ing")) for word in rest
    )


def _is_conditional_phrase(clause: Clause) -> bool:
    """`After a refund, the agent …`"""
    first = [word.base for word in clause.words[:2]]
    noun = next((word for word in clause.words if word.kind == "noun"), None)
    is_event = noun is not None and noun.meaning in ("act", "event", "phenomenon", "process", "state")
    # `With the title put aside, …`
    is_given = first[0] == "with" and any(word.kind == "verb" for word in clause.words)
    return len(clause.words) > 3 and (
        is_given
        or first[0] in ("upon", "following", "during", "having")
        or (is_event and first in (["in", "a"], ["in", "an"]))
    )


RULE = Rule(
    code="A401",
    title="Judged where it does not apply",
    wrong="The text depends on something that does not happen in every conversation, and nothing says when it applies.",
    why="Every other conversation counts as a failure, and the rate says nothing.",
    fix="Add applies_when: once what must have happened first.",
    bad=BAD,
    good=GOOD,
    check=judged_each(check),
)
