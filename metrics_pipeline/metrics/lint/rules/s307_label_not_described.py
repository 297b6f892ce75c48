"""A label is never described."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile

from metrics_pipeline.metrics.lint.acts import COMPLETED, JUDGED
from metrics_pipeline.metrics.lint.english import has_verb
from metrics_pipeline.metrics.lint.grammar import tagged
from metrics_pipeline.metrics.lint.lexicon import verb_base
from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each
from metrics_pipeline.metrics.lint.words import ACTORS, content, stem, words

BAD = """\
name: "Contact: reason"
type: categorical
definition: What the caller first asked the shop about.
labels:
  - {name: delivery, when: The caller asked where a parcel is.}
  - {name: return}
  - {name: other, when: The caller asked about something else.}
"""
GOOD = """\
name: "Contact: reason"
type: categorical
definition: What the caller first asked the shop about.
labels:
  - {name: delivery, when: The caller asked where a parcel is.}
  - {name: return, when: The caller asked to send an article back.}
  - {name: other, when: The caller asked about something else.}
"""


GENERIC = ACTORS | content(
    "issue request problem call conversation matter label case when if chat contact topic subject question query enquiry "
    "inquiry thing something anything everything kind type category reason outcome result about regard regarding "
    "concern concerning relate related involve to do with all some generally general see say mention write talk speak discuss "
    "ask raise here applies apply used true holds hold means one i e eg etc"
)
REST = content(
    "other others none unknown else misc miscellaneous unclear something anything everything rest remaining remainder "
    "neither nothing of these any all not stated given specified determined mentioned applicable and or no more"
)
WISH = re.compile(r"\b(?:ask(?:s|ed|ing)? (?:for|to)|want(?:s|ed)?|wish(?:es|ed)?|requests|requested)\b", re.IGNORECASE)
CONCRETE = frozenset("animal plant food body substance object artifact person".split())
ROOT_LENGTH = 5
LONGEST_ENDING = 5
TOLD = r"""['"]? (?:label )?(?:means?|stands? for|covers?|is (?:for|when|if|given|used|where)|when|if|where|applies|holds|counts)\b"""
MARKED = r"""['"]? ?(?:[:=(]|[—–-] )"""


def check(subject: Subject) -> Iterator[Hit]:
    definition = subject.metric.definition.lower()
    for index, label in enumerate(subject.metric.labels):
        name = content(label.name.replace("_", " "))
        if name <= REST | GENERIC and name & REST:
            continue
        if label.when is None:
            spoken = re.escape(label.name.lower().replace("_", " "))
            if not re.search(rf"\b{spoken}(?:{TOLD}|{MARKED})", definition):
                yield Hit(subject, ("labels", index), f"the label {label.name!r} is never described.")
        elif not (
            WISH.search(label.when) or _adds_who(label.name, label.when) or _is_about_a_thing(label.when)
        ) and all(_is_in(word, name) for word in content(label.when) - GENERIC):
            yield Hit(subject, ("labels", index, "when"), f"what describes the label {label.name!r} is its name again.")


def _adds_who(name: str, when: str) -> bool:
    """Whether `when` makes a sentence of a name that says what was done to what: form_sent, `The agent sent the form.`"""
    spoken = words(name.replace("_", " "))
    is_act = len(spoken) > 1 or verb_base(spoken[0]) not in JUDGED | COMPLETED
    tells_what = is_act and any(verb_base(word) not in (None, word) for word in spoken)
    return tells_what and bool(content(when) & ACTORS - content(name))


def _is_about_a_thing(when: str) -> bool:
    """Whether a sentence names a thing that needs no description: `The call is about a dog.`, not `… about billing.`"""
    things = [word for word in tagged(when) if word.kind == "noun" and stem(word.base) not in GENERIC]
    return has_verb(when) and bool(things) and all(thing.meaning in CONCRETE for thing in things)


def _is_in(word: str, name: frozenset[str]) -> bool:
    """Whether the name has the word, or one derived from it: complain, complaint."""
    return any(word == other or _share_a_root(word, other) for other in name)


def _share_a_root(one: str, other: str) -> bool:
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    return shared >= ROOT_LENGTH and max(len(one), len(other)) - shared <= LONGEST_ENDING


RULE = Rule(
    code="S307",
    title="A label is never described",
    wrong="A label has a name and nothing that says when it holds.",
    why="The judge guesses its meaning from one word.",
    fix="Give the label a when: who must have said or done what.",
    bad=BAD,
    good=GOOD,
    check=judged_each(check),
)
