"""Which platform a conversation comes from, decided by its content and never by a file's name."""

from __future__ import annotations

import json
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
        Unreadable: No adapter does, or it is not a JSON object; never with a word of the content.
    """
    try:
        keys = frozenset(_KEYS.decode(raw))
    except msgspec.ValidationError:
        raise Unreadable("not a JSON object") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Unreadable(f"not readable as JSON: {_what_is_wrong(raw, error)}") from None
    for adapter in ADAPTERS:
        if adapter.recognises(keys):
            return adapter
    raise Unreadable("not a conversation of a known platform: it has no id or no started_at")


def _what_is_wrong(raw: bytes | msgspec.Raw, error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deep"
    if isinstance(error, UnicodeError):
        return "text that is not valid UTF-8"
    if _has_half_a_character(bytes(raw)):
        return "text that is not valid Unicode (half of a surrogate pair)"
    return str(error).removeprefix("JSON is malformed: ")


def _has_half_a_character(raw: bytes) -> bool:
    # msgspec takes half of a surrogate pair for the end of the input. The standard library reads it, and cannot write.
    try:
        json.dumps(json.loads(raw), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    except (ValueError, RecursionError):
        return False
    return False
