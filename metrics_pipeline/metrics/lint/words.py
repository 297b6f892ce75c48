"""Words of English as sets of stems: what a sentence is made of, whatever its inflection or spelling."""

from __future__ import annotations

import re
from functools import lru_cache

WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
IRREGULAR = dict(
    pair.split(":")
    for pair in (
        "gave:give given:give told:tell said:say sent:send paid:pay made:make took:take taken:take got:get gotten:get "
        "came:come went:go gone:go left:leave found:find heard:hear held:hold hung:hang kept:keep knew:know known:know "
        "led:lead met:meet read:read ran:run saw:see seen:see spoke:speak spoken:speak thought:think understood:understand "
        "wrote:write written:write brought:bring bought:buy chose:choose chosen:choose felt:feel lost:lose meant:mean "
        "put:put set:set shown:show sold:sell stood:stand withdrew:withdraw withdrawn:withdraw did:do done:do was:be "
        "were:be is:be are:be been:be has:have had:have handed:hand broke:break broken:break began:begin begun:begin "
        "built:build dealt:deal drew:draw drawn:draw drove:drive fell:fall forgot:forget forgotten:forget let:let "
        "quit:quit rang:ring sought:seek spelt:spell spent:spend swore:swear threw:throw won:win cancelled:cancel "
        "cancelling:cancel cancellation:cancel bookings:book booking:book reservation:reserve authentication:authenticat "
        "verification:verify identification:identify"
    ).split()
)
STOP = frozenset(
    "a an the of to in on at by for with from as that this it its their his her they he she them is was were be been are "
    "has had have and or whether which who what there then so did do does any".split()
)
ACTORS = frozenset(
    "caller customer agent user guest patient client member passenger assistant bot person traveller citizen subscriber "
    "shopper policyholder tenant resident student buyer consumer household claimant account holder visitor insured".split()
)


def words(text: str) -> list[str]:
    """The words of `text` in small letters."""
    return WORD.findall(text.lower().replace("’", "'"))


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """What inflected forms of a word share; British and American spellings share it as well."""
    word = IRREGULAR.get(word, word).removesuffix("'s")
    if len(word) > 4:
        word = word.replace("ise", "ize").replace("isa", "iza").replace("our", "or")
    for suffix, replacement in (("ies", "y"), ("ied", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("s", "")):
        if (
            word.endswith(suffix)
            and len(word) - len(suffix) >= 3
            and not (suffix == "s" and word.endswith(("ss", "us")))
        ):
            word = word.removesuffix(suffix) + replacement
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] in "bdgklmnprt":
        word = word[:-1]
    return word.removesuffix("e") if len(word) > 3 else word


def stems(text: str) -> tuple[str, ...]:
    return tuple(map(stem, words(text)))


def content(text: str) -> frozenset[str]:
    """The stems that carry meaning; negation, order and number stay."""
    return frozenset(stem(word) for word in words(text) if word not in STOP)


def stem_set(text: str) -> frozenset[str]:
    return frozenset(map(stem, text.split()))
