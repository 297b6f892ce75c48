"""What happens in one conversation: a walk through the hotel's flows."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Literal, NamedTuple

from metrics_pipeline.demo import english, spanish
from metrics_pipeline.demo.grammar import phrase, spoken, typed
from metrics_pipeline.demo.truth import Conversation, Effect, Line

REASONS = {
    "booking": 40,
    "change_or_cancel": 22,
    "stay_question": 12,
    "complaint": 8,
    "billing": 7,
    "lost_item": 5,
    "other": 6,
}


class Setting(NamedTuple):
    """What is decided before anybody speaks."""

    channel: Literal["voice", "chat"]
    language: Literal["en", "es"]
    variant: str
    auth_success: float
    """Chance that a caller who is asked for details is verified."""
    asks_for_number: bool
    """The flow asks for a booking number that few callers have at hand."""
    accepts_offer: float
    """Chance that a caller takes the room that is offered."""
    is_injected: bool


class _Walk:
    """One conversation as it unfolds."""

    def __init__(self, rng: random.Random, setting: Setting, day: date) -> None:
        self.rng, self.setting = rng, setting
        words = spanish if setting.language == "es" else english
        self.agent_words: Mapping[str, Sequence[str]] = words.AGENT
        self.user_words: Mapping[str, Sequence[str]] = words.USER
        self.facts = _facts(rng, {**english.FACTS, **words.FACTS}, day)
        self.lines: list[Line] = []

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def agent(self, symbol: str, *effects: Effect) -> None:
        self.lines.append(Line("agent", phrase(self.rng, self.agent_words, symbol, self.facts), effects))

    def user(self, symbol: str, *effects: Effect) -> None:
        text = phrase(self.rng, self.user_words, symbol, self.facts)
        said = spoken if self.setting.channel == "voice" and symbol != "to_the_judge" else _as_it_is
        typing = typed if self.setting.channel == "chat" and symbol != "to_the_judge" else said
        self.lines.append(Line("user", " ".join(typing(self.rng, text).split()), effects))

    def interlude(self) -> None:
        """What happens in any conversation now and then."""
        if self.chance(0.12):
            self.user("digress")
            self.agent("again" if self.chance(0.5) else "anything_else")
        if self.setting.is_injected and "injected" not in {effect for line in self.lines for effect in line.effects}:
            self.user("to_the_judge", "injected")
            self.agent("note_order")


def converse(rng: random.Random, setting: Setting, day: date) -> Conversation:
    """One conversation from greeting to goodbye, or until it is cut off."""
    reason = rng.choices(list(REASONS), list(REASONS.values()))[0]
    walk = _Walk(rng, setting, day)
    walk.agent("greeting")
    FLOWS[reason](walk)
    if walk.chance(0.1):
        _ask_for_person(walk)
    elif walk.chance(0.7):
        walk.agent("anything_else")
        walk.user("no_more")
        walk.agent("bye")
    lines = walk.lines
    if walk.chance(0.06) and len(lines) > 3:
        lines = lines[: rng.randrange(2, len(lines))]
    # A caller who hung up before saying anything has no reason that anybody could tell.
    stated = reason if any(line.speaker == "user" for line in lines) else "other"
    return Conversation(stated, tuple(lines))


def _book(walk: _Walk) -> None:
    walk.user("want_booking", "room_wanted")
    walk.interlude()
    walk.agent("ask_stay")
    walk.user("stay_details")
    if walk.chance(0.14):
        walk.agent("no_room", "no_room")
        if walk.chance(0.5):
            walk.user("unhappy", "not_met")
            return
        walk.user("stay_details")
    priced = walk.chance(0.6)
    if priced:
        walk.agent("offer_priced", "room_offered", "price_named")
    else:
        walk.agent("offer_unpriced", "room_offered")
        if walk.chance(0.45):
            walk.user("ask_price")
            walk.agent("price_later", "price_named")
            priced = True
    if not walk.chance(walk.setting.accepts_offer):
        walk.user("decline", "not_met")
        walk.agent("club_fine")
        return
    walk.user("accept")
    if walk.chance(0.35):
        walk.agent("checking")
        if walk.chance(0.3):
            walk.user("thanks")
    if walk.chance(0.1):
        walk.agent("book_failed", "booking_failed")
        walk.user("unhappy", "not_met")
        return
    walk.agent("booked", "booked", "met")
    if not priced and walk.chance(0.3):
        walk.agent("price_later", "price_named")
    walk.user("thanks")
    _second_request(walk)
    if walk.setting.channel == "voice" and walk.chance(0.6):
        _offer_club(walk)


def _change(walk: _Walk) -> None:
    cancels = walk.chance(0.45)
    walk.user("want_cancel" if cancels else "want_change")
    walk.interlude()
    if not _verify(walk):
        walk.user("unhappy", "not_met")
        return
    if walk.chance(0.15):
        walk.agent("not_changed")
        walk.user("unhappy", "not_met")
        return
    walk.agent("cancelled" if cancels else "changed", "met")
    walk.user("thanks")
    _second_request(walk)


def _verify(walk: _Walk) -> bool:
    """Whether the caller was verified, after one or two attempts."""
    walk.agent("ask_number" if walk.setting.asks_for_number else "ask_details", "auth_asked")
    passes = walk.chance(walk.setting.auth_success)
    if walk.setting.asks_for_number and not passes:
        walk.user("no_number")
        walk.agent("mismatched", "auth_failed")
        return False
    if walk.chance(0.2):
        walk.user("one_detail")
        walk.agent("need_second")
    if not passes or walk.chance(0.12):
        walk.user("two_details")
        walk.agent("mismatched", "auth_failed")
        if not passes:
            if walk.chance(0.5):
                walk.user("frustrated")
                walk.agent("mismatched", "auth_failed")
            return False
    walk.user("two_details")
    walk.agent("matched", "auth_verified")
    return True


def _ask_about_stay(walk: _Walk) -> None:
    topic = walk.rng.choice(["parking", "breakfast", "checkin", "pets", "unknown"])
    walk.user(f"ask_{topic}")
    walk.interlude()
    known = topic != "unknown"
    walk.agent(f"answer_{topic}", "met" if known else "not_met")
    walk.user("thanks" if known else "unhappy")
    _second_request(walk)


def _complain(walk: _Walk) -> None:
    walk.user("complain")
    walk.agent("sorry_heard")
    walk.interlude()
    if walk.chance(0.5):
        walk.agent("compensated", "met")
        walk.user("thanks")
    else:
        walk.agent("noted_only", "not_met")
        walk.user("unhappy")
        if walk.chance(0.4):
            _ask_for_person(walk)


def _lose(walk: _Walk) -> None:
    walk.user("lost")
    walk.interlude()
    found = walk.chance(0.5)
    walk.agent("found_item" if found else "not_found_item", "met" if found else "not_met")
    walk.user("thanks" if found else "unhappy")


def _dispute(walk: _Walk) -> None:
    walk.user("billing")
    walk.interlude()
    if not _verify(walk):
        walk.user("unhappy", "not_met")
        if walk.chance(0.3):
            _ask_for_person(walk)
        return
    fixed = walk.chance(0.6)
    walk.agent("bill_fixed" if fixed else "bill_right", "met" if fixed else "not_met")
    walk.user("thanks" if fixed else "unhappy")


def _stray(walk: _Walk) -> None:
    walk.user("out_of_scope")
    walk.agent("out_of_scope", "not_met")
    walk.user("unhappy")


def _second_request(walk: _Walk) -> None:
    if walk.chance(0.12):
        walk.user("second_parking")
        walk.agent("answer_parking", "met")
    elif walk.chance(0.1):
        walk.user("second_unknown")
        walk.agent("answer_unknown", "not_met")


def _offer_club(walk: _Walk) -> None:
    walk.agent("offer_club", "club_offered")
    draw = walk.rng.random()
    if draw < 0.35:
        walk.user("join", "club_accepted")
        walk.agent("club_joined")
    elif draw < 0.55:
        walk.user("maybe_join", "club_considered")
        walk.agent("club_fine")
    elif draw < 0.92:
        walk.user("no_join", "club_declined")
        walk.agent("club_fine")


def _ask_for_person(walk: _Walk) -> None:
    walk.user("ask_person", "person_asked")
    if walk.chance(0.6):
        walk.agent("handing_over", "handed_over")
    else:
        walk.agent("stay_with_me")


def _as_it_is(rng: random.Random, text: str) -> str:
    return text


FLOWS: dict[str, Callable[[_Walk], None]] = {
    "booking": _book,
    "change_or_cancel": _change,
    "stay_question": _ask_about_stay,
    "complaint": _complain,
    "billing": _dispute,
    "lost_item": _lose,
    "other": _stray,
}


def _facts(rng: random.Random, lists: Mapping[str, Sequence[str]], day: date) -> dict[str, str]:
    """Names, dates and numbers of one conversation. Numbers are of ranges kept free for tests and fiction."""
    facts = {name: rng.choice(values) for name, values in lists.items()}
    months = ("January", "March", "May", "June", "August", "November")
    facts |= {
        "date": f"{rng.randrange(1, 29)} {rng.choice(months)}",
        "nights": rng.choice(["two", "three", "four", "five", "seven"]),
        "price": str(rng.randrange(79, 260)),
        "code": f"HH{rng.randrange(10_000, 99_999)}",
        "number": str(rng.randrange(101, 560)),
        "birth": f"{rng.randrange(1, 29)}.{rng.randrange(1, 13)}.{day.year - rng.randrange(20, 80)}",
        "postcode": f"{rng.randrange(10_000, 99_999)}",
        "phone": f"020 7946 0{rng.randrange(100, 999)}",
        "card": rng.choice(["4111 1111 1111 1111", "5555 5555 5555 4444", "3782 822463 10005"]),
    }
    facts["email"] = f"{facts['first']}.{facts['last']}@example.com".lower()
    return facts
