"""What parts of speech English words have, and what kind of thing they mean.

The data is drawn from WordNet 3.0 (Princeton University; its license stands in `lexicon.LICENSE`) by
`scripts/make_lexicon.py`: counts of SemCor's tags, and the lexicographer class of a word's commonest sense.
"""

from __future__ import annotations

import gzip
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal, NamedTuple

Part = Literal["n", "v", "a", "r"]
"""Noun, verb, adjective, adverb."""
IRREGULAR_VERBS = {
    form: base
    for line in (
        "be am is are was were been|bear bore borne|beat beaten|become became|begin began begun|bend bent|bind bound|"
        "bite bit bitten|blow blew blown|break broke broken|bring brought|build built|burn burnt|buy bought|"
        "catch caught|choose chose chosen|cling clung|come came|creep crept|deal dealt|dig dug|do does did done|"
        "draw drew drawn|drink drank drunk|drive drove driven|eat ate eaten|fall fell fallen|feed fed|feel felt|"
        "fight fought|find found|flee fled|fling flung|fly flew flown|forbid forbade forbidden|forget forgot forgotten|"
        "forgive forgave forgiven|freeze froze frozen|get got gotten|give gave given|go goes went gone|grind ground|"
        "grow grew grown|hang hung|have has had|hear heard|hide hid hidden|hold held|keep kept|kneel knelt|"
        "know knew known|lay laid|lead led|lean leant|learn learnt|leave left|lend lent|lie lay lain|light lit|"
        "lose lost|make made|mean meant|meet met|mistake mistook mistaken|overcome overcame|pay paid|prove proven|"
        "ride rode ridden|ring rang rung|rise rose risen|run ran|say said|see saw seen|seek sought|sell sold|send sent|"
        "shake shook shaken|shine shone|shoot shot|show shown|shrink shrank shrunk|sing sang sung|sink sank sunk|"
        "sit sat|sleep slept|slide slid|speak spoke spoken|speed sped|spell spelt|spend spent|spill spilt|spin spun|"
        "spoil spoilt|spring sprang sprung|stand stood|steal stole stolen|stick stuck|sting stung|strike struck|"
        "swear swore sworn|sweep swept|swell swollen|swim swam swum|swing swung|take took taken|teach taught|"
        "tear tore torn|tell told|think thought|throw threw thrown|understand understood|undertake undertook undertaken|"
        "undo undid undone|uphold upheld|wake woke woken|wear wore worn|weave wove woven|weep wept|win won|wind wound|"
        "withdraw withdrew withdrawn|withhold withheld|write wrote written|redo redid redone|rewrite rewrote rewritten|"
        "resell resold|resend resent|overpay overpaid|repay repaid|rebuild rebuilt|mislead misled|mishear misheard|"
        "foresee foresaw foreseen|forego forewent foregone|quit|put|cut|set|let|shut|cost|hit|hurt|read|reset|split|upset"
    ).split("|")
    for base, *forms in [line.split()]
    for form in forms or [base]
}
"""A closed class: an inflected form to its base."""


class Sense(NamedTuple):
    """A word as one part of speech."""

    tagged_count: int
    """How often SemCor tags the word so; 0 where never."""
    meaning: str
    """The lexicographer class, for example `communication`, `emotion`, `artifact`."""


@cache
def _words() -> dict[str, str]:
    text = gzip.decompress(Path(__file__).with_name("lexicon.txt.gz").read_bytes()).decode()
    return dict(line.split(" ", 1) for line in text.splitlines())


@lru_cache(maxsize=50_000)
def senses(word: str) -> dict[Part, Sense]:
    """By part of speech what a base form means; nothing where the lexicon lacks it."""
    found: dict[Part, Sense] = {}
    for entry in _words().get(word, "").split():
        count, _, meaning = entry[1:].partition(":")
        found[entry[0]] = Sense(int(count), meaning)  # type: ignore[index]
    return found


@lru_cache(maxsize=50_000)
def verb_base(word: str) -> str | None:
    """The base form of a verb, whatever its inflection; None where the word is no verb."""
    if word in IRREGULAR_VERBS:
        return IRREGULAR_VERBS[word]
    return next((base for base in _bases(word) if "v" in senses(base)), None)


@lru_cache(maxsize=50_000)
def noun_base(word: str) -> str | None:
    """The singular of a noun; None where the word is no noun."""
    plural = [word[:-3] + "y"] if word.endswith("ies") else [word[:-2], word[:-1]] if word.endswith("es") else []
    singular = [word[:-1]] if word.endswith("s") and not word.endswith("ss") else []
    return next((base for base in (word, *plural, *singular) if "n" in senses(base)), None)


def _bases(word: str) -> list[str]:
    """What a regular verb form may be inflected from, British spellings too."""
    found = [word]
    for suffix in ("s", "ed", "ing"):
        if word.endswith(suffix) and len(word) > len(suffix) + 1:
            root = word.removesuffix(suffix)
            # `Hoped` is of hope: of hop it would be `hopped`.
            is_short = suffix != "s" and re.search(r"[^aeiou][aeiou][^aeiouwxy]$", root)
            found += [f"{root}e", root] if is_short else [root, f"{root}e"]
            if root.endswith("i"):
                found.append(f"{root[:-1]}y")
            if suffix == "s" and root.endswith("e"):
                found.append(f"{root[:-2]}y" if root.endswith("ie") else root[:-1])
            if len(root) > 2 and root[-1] == root[-2]:
                found.append(root[:-1])
    return found + [base.replace("is", "iz") for base in found if base.endswith(("ise", "is"))]
