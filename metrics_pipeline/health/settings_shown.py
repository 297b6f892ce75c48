"""Each setting as it may be shown to anybody: its value without a secret, and where it came from."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from pydantic import SecretStr

from metrics_pipeline.settings import Origin, Settings

MASK = "********"
SECRET_PARTS = ("username", "password", "query", "fragment")


class SettingShown(NamedTuple):
    """One setting."""

    name: str
    value: str | None
    """None where it is not set."""
    origin: Origin


def shown_settings(settings: Settings, origins: dict[str, Origin]) -> list[SettingShown]:
    """Every setting, in the order of `Settings`.

    Args:
        origins: As `settings.origins` gives them.
    """
    return [SettingShown(name, _shown(getattr(settings, name)), origins[name]) for name in Settings.model_fields]


def _shown(value: object) -> str | None:
    if value is None or value in ((), {}):
        return None
    if isinstance(value, SecretStr):
        return MASK
    if isinstance(value, dict):
        return ", ".join(f"{key} = {_shown(one)}" for key, one in value.items())
    if isinstance(value, tuple):
        apart = "; " if any(isinstance(one, tuple) for one in value) else ", "
        return apart.join(_shown(one) or "" for one in value)
    if isinstance(value, bool):
        return str(value).lower()
    return _without_secrets(str(value))


def _without_secrets(text: str) -> str:
    """An address without whoever signs in there and what is asked of it; any other text as it is."""
    if "://" not in text:
        return text
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
        hidden = any(getattr(parts, name) for name in SECRET_PARTS)
    except ValueError:
        return MASK
    return f"{parts.scheme}://{MASK}@{host}{port}{parts.path}" if hidden else text
