"""What the value of a setting may be: each function gives it as it is used, or says what is wrong with it.

What they raise is a ValueError, of which `load_settings` makes a sentence with the setting's name and origin.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import SecretStr, ValidationInfo

from metrics_pipeline.thresholds import THRESHOLDS
from metrics_pipeline.wording import nearest

EXAMPLES = {"redact_patterns": '{"MEMBER": "HB-[0-9]{6}"}', "checks": '{"errors": "block"}'}
EXAMPLES["check_limits"] = '{"errors": 0.01}'
FUNCTION = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
# DuckDB reads these in a path as a pattern or as the end of one path and the start of the next.
FORBIDDEN_IN_DATA_PATH = set("*?[]{},'\"\n")


def absolute(path: Path | None) -> Path | None:
    return None if path is None else path.expanduser().absolute()


def plain_path(path: Path) -> Path:
    if found := sorted(FORBIDDEN_IN_DATA_PATH & set(str(path))):
        raise ValueError(f"the path of the data folder must not contain {' '.join(map(repr, found))}")
    return path


def safe_for_a_token(address: str | None) -> str | None:
    if address is None:
        return None
    try:
        parts = urlsplit(address)
        is_local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        is_plain = bool(parts.hostname) and parts.port != 0 and not (parts.query or parts.fragment)
    except ValueError:
        is_plain = is_local = False
    if not is_plain or parts.username is not None or parts.password is not None:
        raise ValueError("write the server's address alone, such as https://api.us-1.platform.polyai.app")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_local):
        raise ValueError("must begin with https://, so that nobody on the way reads the token")
    return address


def fit_for_a_header(token: SecretStr | None) -> SecretStr | None:
    if token is not None and not all("!" <= sign <= "~" for sign in token.get_secret_value()):
        raise ValueError("holds a space or a sign that no token has")
    return token


def groups(given: object) -> object:
    if isinstance(given, str):
        return [group.split(",") for group in given.split(";")]
    return given


def words(given: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
    found = tuple(tuple(word.strip().lower() for word in group) for group in given)
    if any(len(set(group)) < 2 or not all(word.isalpha() for word in group) for group in found):
        raise ValueError("each group needs two different words at least, each of letters: guest, visitor; room, suite")
    return found


def listed(given: object) -> object:
    return [name.strip() for name in given.split(",") if name.strip()] if isinstance(given, str) else given


def addresses(given: object) -> object:
    """Addresses with spaces or ends of lines between them, for an address may hold a comma."""
    return given.split() if isinstance(given, str) else given


def known_regions(regions: tuple[str, ...]) -> tuple[str, ...]:
    import phonenumbers

    if unknown := sorted({region.upper() for region in regions} - phonenumbers.SUPPORTED_REGIONS):
        raise ValueError(f"{', '.join(unknown)}: no such country; write each as two letters, such as US, GB")
    return tuple(dict.fromkeys(region.upper() for region in regions))


def yes_no_or_function(names: object) -> object:
    word = str(names).strip()
    if word.lower() not in ("true", "false") and not FUNCTION.fullmatch(word):
        raise ValueError("is neither true nor false, nor a function written like package.module:function")
    return {"true": True, "false": False}.get(word.lower(), word)


def table(given: object, info: ValidationInfo) -> object:
    """A table of `metrics.toml`, or JSON in the environment."""
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except ValueError:
        example = EXAMPLES.get(str(info.field_name), '{"auth_verified": 100}')
        raise ValueError(f"is not JSON; write it like {example}") from None


def known_checks(given: object, info: ValidationInfo) -> object:
    found = table(given, info)
    if isinstance(found, dict) and (unknown := sorted(str(name) for name in found if name not in THRESHOLDS)):
        near = nearest(unknown[0], THRESHOLDS, at_most=1)
        known = f"did you mean {near[0]}?" if near else f"the checks are {', '.join(THRESHOLDS)}"
        raise ValueError(f"no such check: {', '.join(unknown)} ({known})")
    return found


def limits(given: dict[str, float]) -> dict[str, float]:
    for name, limit in given.items():
        highest = THRESHOLDS[name].highest
        if not 0 <= limit <= highest:
            raise ValueError(f"{name} = {limit:g} is not from 0 to {highest:g} ({THRESHOLDS[name].means})")
    return given


def known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{name!r} is not a time zone; write it like Europe/London") from None
    return name
