"""Dagster's own log of a run on standard error, as the lines of JSON that the rest of the pipeline writes."""

import logging
import sys
from typing import Any

import dagster as dg

from metrics_pipeline import errors
from metrics_pipeline.logs import FIELDS, JsonLines
from metrics_pipeline.settings import Settings

OURS = {name for name, one in vars(errors).items() if isinstance(one, type)} | {"Failure"}
"""Errors whose messages are ours: all others may quote what nobody should read."""


class DagsterLines(JsonLines):
    """A line an event: which run, job and step, and of an error its kind, and its message where it is ours."""

    def format(self, record: logging.LogRecord) -> str:
        meta: dict[str, Any] = getattr(record, "dagster_meta", {})
        happened = meta.get("dagster_event")
        fields = {
            "run_id": meta.get("run_id"),
            "job": meta.get("job_name"),
            "step": meta.get("step_key"),
            "message": meta.get("orig_message", ""),
        }
        if happened is not None:
            fields |= _error(getattr(happened.event_specific_data, "error", None))
        kind = "message" if happened is None else happened.event_type.name.lower()
        plain = logging.LogRecord("dagster", record.levelno, "", 0, kind, (), None)
        plain.created = record.created
        setattr(plain, FIELDS, {name: value for name, value in fields.items() if value is not None})
        return super().format(plain)


def _error(error: Any) -> dict[str, str]:
    if error is None:
        return {}
    while error.cause is not None:
        error = error.cause
    said = {"error": error.cls_name or ""}
    if error.cls_name not in OURS:
        return said
    # Dagster writes the kind before the message.
    return said | {"why": " ".join(error.message.split(": ", 1)[-1].split())}


@dg.logger(
    {"log_level": dg.Field(str, is_required=False, default_value="DEBUG")},
    description="Lines of JSON on standard error.",
)
def json_console(context: dg.InitLoggerContext) -> logging.Logger:
    """What stands in for Dagster's `console` where `log_format` is json."""
    found = logging.Logger("dagster", context.logger_config["log_level"])
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(DagsterLines())
    found.addHandler(lines)
    return found


def console_config(settings: Settings) -> dict[str, Any]:
    """A run's config that uses it, if the settings say so: Dagster takes a logger of ours only where a run names it."""
    return {"loggers": {"console": {"config": {}}}} if settings.log_format == "json" else {}
