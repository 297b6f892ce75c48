"""Which recogniser looks for people's names: none, the one of the extra `names`, or a team's own function."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

from metrics_pipeline.conversations.redaction import name_model
from metrics_pipeline.conversations.redaction.names import FindNames, Spans
from metrics_pipeline.errors import LandingError, SettingsError


class Recogniser(NamedTuple):
    """What looks for names."""

    find: FindNames
    version: str
    """Another one may find something else, and what landed is redacted again."""


def open_recogniser(setting: bool | str) -> Recogniser | None:
    """The recogniser that `redact_names` names; None where it is off.

    Raises:
        SettingsError: It is not there.
    """
    if setting is False:
        return None
    if setting is True:
        return Recogniser(name_model.find_names, name_model.model_version())
    module, _, function = str(setting).partition(":")
    try:
        found = getattr(import_module(module), function)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise SettingsError(
            f"redact_names = {setting!r}: cannot be imported ({type(error).__name__}). Write it like "
            '"package.module:function", of a package that is installed beside this one.'
        ) from None
    if not callable(found):
        raise SettingsError(f"redact_names = {setting!r}: is not a function.")
    return Recogniser(_checked(found, str(setting)), f"{setting} {getattr(found, 'version', '')}".rstrip())


def _checked(find: FindNames, setting: str) -> FindNames:
    """`find`, whose faults are a sentence without a word of the conversation."""

    def checked(texts: Sequence[str]) -> Sequence[Spans]:
        try:
            found = [[(int(start), int(end)) for start, end in spans] for spans in find(list(texts))]
        except Exception as error:
            raise LandingError(
                f"redact_names = {setting!r}: the function failed with {type(error).__name__}. Nothing of this file "
                "was written. Mend it, or take the setting away."
            ) from None
        is_within = all(
            0 <= start < end <= len(text) for text, spans in zip(texts, found, strict=False) for start, end in spans
        )
        if len(found) != len(texts) or not is_within:
            raise LandingError(
                f"redact_names = {setting!r}: the function must give, for each text, a list of (start, end) within it."
            )
        return found

    return checked
