"""Which platform a conversation comes from, decided by its content and never by a file's name."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Iterable
from importlib import import_module
from zoneinfo import ZoneInfo

import msgspec

from metrics_pipeline.conversations import adapters
from metrics_pipeline.conversations.adapters.lenient import Unreadable
from metrics_pipeline.conversations.adapters.shape import Adapter
from metrics_pipeline.conversations.record import Conversation, InColumns


def _found() -> tuple[Adapter, ...]:
    """Of every module beside this one that declares an adapter: a new platform is a new file, and nothing else."""
    names = sorted(module.name for module in pkgutil.iter_modules(adapters.__path__) if module.name != "registry")
    modules = [import_module(f"{adapters.__name__}.{name}") for name in names]
    return tuple(module.ADAPTER for module in modules if hasattr(module, "ADAPTER"))


ADAPTERS = _found()
NAMES = ", ".join(adapter.name for adapter in ADAPTERS)

_EXACT = tuple(adapter.convert_exact for adapter in ADAPTERS if adapter.convert_exact is not None)

_KEYS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def is_known(keys: Iterable[str]) -> bool:
    """Whether an object with these keys is a conversation of some platform."""
    found = frozenset(keys)
    return any(adapter.recognises(found) for adapter in ADAPTERS)


def convert(raw: bytes | msgspec.Raw, zone: ZoneInfo) -> tuple[Adapter, Conversation | None]:
    """The adapter that knows this object, and the conversation that it is; None while it is in progress.

    Raises:
        Unreadable: No adapter knows it, or it cannot be read; never with a word of the content.
    """
    adapter = choose(raw)
    return adapter, adapter.convert(raw, zone)


def convert_exact(raw: bytes | msgspec.Raw, zone: ZoneInfo) -> InColumns | None:
    """What `convert` says of a conversation that is exactly as its platform describes it, at a third of the cost.

    None of any other, of one in progress, and of all that is no conversation: a page or a list never is one.
    """
    for convert_exactly in _EXACT:
        if (found := convert_exactly(raw, zone)) is not None:
            return found
    return None


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
    raise Unreadable(f"not a conversation of a known platform ({NAMES}): see `metrics adapters`")


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
