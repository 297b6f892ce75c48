"""Twilio Voice Intelligence: a transcript together with its sentences and operator results.

The interface gives these three apart. One object holds them: the transcript under `transcript`, or its own fields
beside `sentences` and `operator_results`; each of the two is a list, or the page that holds it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from metrics_pipeline.conversations.adapters import lenient
from metrics_pipeline.conversations.adapters.lenient import clock, mapping, sequence, text
from metrics_pipeline.conversations.adapters.shape import Adapter, Transcript, conversation
from metrics_pipeline.conversations.record import Conversation, LoggedValue, Speaker

NAME = "twilio"
UNFINISHED = ("new", "queued", "in-progress")
ROLES: dict[str, Speaker] = {"customer": "user", "agent": "agent", "virtual_agent": "agent", "ivr": "agent"}
CHANNELS: dict[int, Speaker] = {1: "user", 2: "agent"}
"""Where the transcript does not say who speaks: a recording holds the caller first, and then who was reached."""
RESULTS = ("predicted_label", "normalized_result", "text_generation_results", "json_results", "extract_results")
"""Where an operator's result may stand; each type of operator fills another."""


def recognises(keys: frozenset[str]) -> bool:
    """Whether an object with these keys is one of this platform's transcripts."""
    return "sentences" in keys and bool(keys & {"transcript", "service_sid"})


def convert(raw: bytes | msgspec.Raw, zone: ZoneInfo) -> Conversation | None:
    """One transcript; None while it is not completed.

    Raises:
        Unreadable: Its `sid` or time of beginning is missing.
    """
    found = lenient.as_object(raw)
    about = mapping(found["transcript"]) if "transcript" in found else found
    sid = lenient.identifier(about.get("sid"), "sid")
    if about.get("status") in UNFINISHED:
        return None
    began = clock(about.get("media_start_time")) or clock(about.get("date_created"))
    started_at = lenient.start(began, "media_start_time")
    transcript = _transcript(found, _speakers(about), started_at)
    operators = _listed(found, "operator_results", transcript)
    return conversation(
        NAME,
        zone,
        transcript,
        conversation_id=sid,
        started_at=started_at,
        logged=_verdicts(operators),
        attributes={
            "status": text(about.get("status")),
            "service_sid": text(about.get("service_sid")),
            "customer_key": text(about.get("customer_key")),
            "operator_probabilities": {
                _name(one): one["predicted_probability"] for one in operators if one.get("predicted_probability")
            },
        },
        channel="voice",
        updated_at=clock(about.get("date_updated")),
        duration_seconds=lenient.number(about.get("duration")) or None,
        language=text(about.get("language_code")),
        carries_logged="operator_results" in found,
    )


def _listed(found: Mapping[str, Any], name: str, transcript: Transcript) -> list[dict[str, Any]]:
    """A list, or the page that holds it."""
    part = found.get(name)
    if isinstance(part, dict):
        return transcript.listed(part.get(name, part), name.replace("_", " "))
    return transcript.listed(part, name.replace("_", " "))


def _speakers(about: Mapping[str, Any]) -> dict[int, Speaker]:
    """Who speaks on which channel, as the transcript's participants say."""
    speakers = dict(CHANNELS)
    for participant in map(mapping, sequence(mapping(about.get("channel")).get("participants"))):
        number, role = participant.get("channel_participant"), (text(participant.get("role")) or "").lower()
        if isinstance(number, int) and role in ROLES:
            speakers[number] = ROLES[role]
    return speakers


def _transcript(found: Mapping[str, Any], speakers: Mapping[int, Speaker], started_at: datetime) -> Transcript:
    transcript = Transcript()
    sentences = _listed(found, "sentences", transcript)
    for sentence in sorted(sentences, key=lambda one: lenient.number(one.get("sentence_index")) or 0):
        number = sentence.get("media_channel")
        speaker = speakers.get(number) if isinstance(number, int) else None
        if speaker is None:
            transcript.skip("sentence on an unknown channel")
        else:
            transcript.say(speaker, sentence.get("transcript"), _at(sentence.get("start_time"), started_at))
    return transcript


def _at(offset: Any, started_at: datetime) -> datetime | None:
    """From seconds since the beginning, which are written as text; or a time."""
    try:
        seconds = float(offset)
    except (TypeError, ValueError, OverflowError):
        return clock(offset)
    return started_at + timedelta(seconds=seconds) if 0 <= seconds < 10**7 else None


def _name(operator: Mapping[str, Any]) -> str:
    return text(operator.get("name")) or text(operator.get("operator_sid")) or "operator"


def _verdicts(operators: list[dict[str, Any]]) -> list[LoggedValue]:
    return [value for one in operators for value in lenient.logged({_name(one): _result(one)}, "platform")]


def _result(operator: Mapping[str, Any]) -> Any:
    """The first result that is there; where there is none, whether the operator matched."""
    found = next((operator[name] for name in RESULTS if operator.get(name)), None)
    if isinstance(found, dict) and "result" in found and found.keys() <= {"result", "format"}:
        return found["result"]
    matches = (operator.get(name) for name in ("extract_match", "utterance_match"))
    return found if found is not None else next((match for match in matches if isinstance(match, bool)), None)


ADAPTER = Adapter(
    NAME,
    "Twilio Voice Intelligence transcripts",
    "`sentences` beside `transcript` or `service_sid`",
    frozenset({"times of turns", "verdicts", "duration", "channel", "language"}),
    recognises,
    convert,
)
