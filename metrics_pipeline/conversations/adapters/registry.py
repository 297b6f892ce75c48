"""Which platform a conversation comes from, decided by its content and never by a file's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from metrics_pipeline.conversations.adapters import polyai_v3
from metrics_pipeline.conversations.adapters.polyai_v3 import Unreadable
from metrics_pipeline.conversations.record import Conversation


class Adapter(NamedTuple):
    """One platform's shape."""

    name: str
    recognises: Callable[[frozenset[str]], bool]
    convert: Callable[[bytes | msgspec.Raw, ZoneInfo], Conversation | None]


ADAPTERS = (Adapter(polyai_v3.NAME, polyai_v3.recognises, polyai_v3.convert),)

_KEYS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def choose(raw: bytes | msgspec.Raw) -> Adapter:
    """The adapter that knows this object.

    Raises:
        Unreadable: No adapter does, or it is not a JSON object.
    """
    try:
        keys = frozenset(_KEYS.decode(raw))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Unreadable("not a JSON object") from None
    for adapter in ADAPTERS:
        if adapter.recognises(keys):
            return adapter
    raise Unreadable("not a conversation of a known platform: it has no id or no started_at")
