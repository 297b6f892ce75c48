"""What a run does, as a line of JSON for each event, for whatever collects logs. Off unless `log_format` says json.

An event has a name and figures. No word of a conversation, no reply and no secret is ever among them; of an error that
is not one of ours only its kind, since nobody knows what its message quotes.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from metrics_pipeline.errors import PipelineError

NAME = "metrics_pipeline"
FIELDS = "fields"
"""The attribute of a record that holds an event's figures."""

logger = logging.getLogger(NAME)
# Without one, Python writes what is worse than INFO to standard error by itself.
logger.addHandler(logging.NullHandler())
# A library that sets the root logger up would write events as text among what is said to the user.
logger.propagate = False


def event(name: str, level: int = logging.INFO, **fields: Any) -> None:
    """Log that `name` has happened; `fields` are figures, keys, moments, and sentences of our own."""
    logger.log(level, name, extra={FIELDS: fields})


def failed(error: BaseException) -> bool:
    """Log what ended a command; whether that was written to standard error."""
    event("failed", logging.ERROR, **said_of(error))
    return any(isinstance(one.formatter, JsonLines) for one in logger.handlers)


def said_of(error: BaseException) -> dict[str, str]:
    """What may be said of an error anywhere: its kind, and its message where it is one of ours."""
    said = {"error": type(error).__name__}
    return said | {"message": str(error)} if isinstance(error, PipelineError) else said


class JsonLines(logging.Formatter):
    """One object a line: `at` (UTC), `level`, `logger`, `event`, and the event's own fields."""

    def format(self, record: logging.LogRecord) -> str:
        fields: Mapping[str, Any] = getattr(record, FIELDS, {})
        line = {
            "at": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **fields,
        }
        if record.exc_info and record.exc_info[1] is not None:
            line |= said_of(record.exc_info[1])
        return msgspec.json.encode(line, enc_hook=str).decode()


def log_to_stderr(log_format: Literal["text", "json"]) -> None:
    """From now on, events of this process go to standard error as JSON; with `text` none is written."""
    for handler in [one for one in logger.handlers if isinstance(one.formatter, JsonLines)]:
        logger.removeHandler(handler)
    if log_format == "json":
        lines = logging.StreamHandler(sys.stderr)
        lines.setFormatter(JsonLines())
        logger.addHandler(lines)
        logger.setLevel(logging.INFO)
