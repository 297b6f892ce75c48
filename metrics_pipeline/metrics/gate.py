"""`applies_if`: decided from what is known about a conversation, before any judge is asked and free of charge."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from metrics_pipeline.metrics.parts import Gate, Range


class Facts(NamedTuple):
    """What a gate may ask about. None: the source does not say."""

    channel: str | None = None
    variant: str | None = None
    language: str | None = None
    turn_count: int | None = None
    duration_seconds: float | None = None
    handoff: bool | None = None
    functions_called: Collection[str] | None = None
    logged: Mapping[str, Collection[str]] | None = None
    """Every logged name with its values."""


def passes(gate: Gate | None, facts: Facts) -> bool | None:
    """Whether the metric applies; None where the source does not carry what would decide it.

    All parts must hold. One that is known not to hold decides, whatever is unknown beside it.
    """
    if gate is None:
        return True
    results = list(_parts(gate, facts))
    if False in results:
        return False
    return None if None in results else True


def _parts(gate: Gate, facts: Facts) -> Iterator[bool | None]:
    if gate.channel is not None:
        yield _one_of(facts.channel, gate.channel)
    if gate.variant is not None:
        yield _one_of(facts.variant, gate.variant)
    if gate.language is not None:
        yield _language(facts.language, gate.language)
    if gate.turn_count is not None:
        yield _within(facts.turn_count, gate.turn_count)
    if gate.duration_seconds is not None:
        yield _within(facts.duration_seconds, gate.duration_seconds)
    if gate.handoff is not None:
        yield None if facts.handoff is None else facts.handoff == gate.handoff
    if gate.function_called is not None:
        called = facts.functions_called
        yield None if called is None else any(name in called for name in gate.function_called)
    for name, values in (gate.logged_metric or {}).items():
        if facts.logged is None:
            yield None
        elif values is None:
            yield name in facts.logged
        else:
            yield any(value in facts.logged.get(name, ()) for value in values)


def _one_of(found: str | None, wanted: Collection[str]) -> bool | None:
    return None if found is None else found.casefold() in {word.casefold() for word in wanted}


def _language(found: str | None, wanted: Collection[str]) -> bool | None:
    """`en` takes in `en-GB`; `en-GB` does not take in `en`."""
    if found is None:
        return None
    tag = found.casefold().replace("_", "-")
    return any(tag == want or tag.startswith(want + "-") for want in (word.casefold() for word in wanted))


def _within(found: float | None, wanted: Range) -> bool | None:
    if found is None:
        return None
    return (wanted.min is None or found >= wanted.min) and (wanted.max is None or found <= wanted.max)
