"""What happened in a conversation, and from it the true answer to every shipped metric.

The truth follows from what happened (`Effect`), never from the words. An interrupted call is cut, and its truth is that
of what happened before the cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

NOT_APPLICABLE = "not_applicable"

Effect = Literal[
    "auth_asked",
    "auth_verified",
    "auth_failed",
    "room_wanted",
    "room_offered",
    "price_named",
    "no_room",
    "booked",
    "booking_failed",
    "club_offered",
    "club_accepted",
    "club_considered",
    "club_declined",
    "person_asked",
    "handed_over",
    "met",
    "not_met",
    "injected",
]


class Line(NamedTuple):
    """One utterance and what it brought about."""

    speaker: Literal["user", "agent"]
    text: str
    effects: tuple[Effect, ...] = ()


class Conversation(NamedTuple):
    """What was said, and what is true of it."""

    reason: str
    lines: tuple[Line, ...]

    @property
    def effects(self) -> list[Effect]:
        return [effect for line in self.lines for effect in line.effects]


def truth(conversation: Conversation, channel: str) -> dict[str, str]:
    """The true answer to each shipped metric."""
    effects = conversation.effects
    offered, booked = "room_offered" in effects, "booked" in effects
    wanted = "room_wanted" in effects
    named_in_time = "price_named" in effects and (not booked or effects.index("price_named") < effects.index("booked"))
    return {
        "auth_verified": _auth(effects),
        "booking_completed": str(booked).lower() if wanted else NOT_APPLICABLE,
        "booking_outcome": _booking_outcome(effects) if wanted else NOT_APPLICABLE,
        "booking_price_named": str(named_in_time).lower() if offered else NOT_APPLICABLE,
        "contact_reason": conversation.reason,
        "handoff_requested": str("person_asked" in effects).lower(),
        "loyalty_offer": _loyalty(effects) if channel == "voice" else NOT_APPLICABLE,
        "request_resolved": _resolved(effects),
    }


def _auth(effects: Sequence[Effect]) -> str:
    if "auth_asked" not in effects:
        return NOT_APPLICABLE
    attempts = [effect for effect in effects if effect in ("auth_verified", "auth_failed")]
    return str(bool(attempts) and attempts[-1] == "auth_verified").lower()


def _booking_outcome(effects: Sequence[Effect]) -> str:
    order = {
        "booked": "confirmed",
        "booking_failed": "system_failed",
        "room_offered": "offered_not_taken",
        "no_room": "unavailable",
    }
    return next((answer for effect, answer in order.items() if effect in effects), "not_reached")


def _loyalty(effects: Sequence[Effect]) -> str:
    if "club_offered" not in effects:
        return NOT_APPLICABLE
    answers = {"club_accepted": "accepted", "club_considered": "considering", "club_declined": "declined"}
    return next((answer for effect, answer in answers.items() if effect in effects), "no_answer")


def _resolved(effects: Sequence[Effect]) -> str:
    if "met" in effects:
        return "partly_resolved" if "not_met" in effects else "resolved"
    return "unresolved"
