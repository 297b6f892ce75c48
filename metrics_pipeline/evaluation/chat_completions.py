"""What every way to a model shares: what is asked for, and what an outcome means to the one who asked.

A way differs in who carries the request. What it sends, and which reply or error comes of it, does not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from metrics_pipeline.errors import JudgeBusyError, JudgeClosedError, JudgeError, JudgeRefusedError
from metrics_pipeline.evaluation.judge import NOT_CONNECTED, Finish, JudgeReply, JudgeRequest

RATE_LIMITED = "rate_limited"
TIMEOUT = "timeout"
UNREACHABLE = "unreachable"
NO_CONNECTION = (
    *("ClientConnectorError", "ClientConnectorDNSError", "InvalidUrlClientError", "NonHttpUrlClientError"),
    *("ConnectError", "InvalidURL", "UnsupportedProtocol"),
)
"""Errors of httpx and aiohttp, whatever the clients make of them."""
SERVER_ERROR = "server_error"

SETTINGS: Mapping[str, Any] = {
    "temperature": "0 where the model takes one",
    "reply": "json_schema where the model takes one",
}
"""What of the parameters can change an answer, the same whichever way is taken."""


def settings_of(context_tokens: int | None) -> Mapping[str, Any]:
    """The same with the context that a user has set: what is cut to another length may be answered otherwise."""
    return SETTINGS if context_tokens is None else {**SETTINGS, "context_tokens": context_tokens}


MAX_REPLY_BYTES = 800_000
"""Of a reply's body: what is longer is no answer, and is not kept."""
MAX_REPLY_CHARACTERS = 200_000
FINISHES: dict[str, Finish] = {"length": "truncated", "content_filter": "filtered"}
QUOTA_WORDS = ("insufficient_quota", "exceeded your current quota", "billing")
CONTEXT_WORDS = ("context_length_exceeded", "maximum context length", "context window")
FILTER_WORDS = ("content_policy_violation", "content_filter", "content management policy")
CLOSED_STATUSES = {
    401: "the key was not accepted",
    402: "the account has to be paid",
    403: "the key is not allowed to use it",
    404: "there is no such model or address",
}
_OWN_PARAMETERS = re.compile(r"gpt-[5-9]|(?:^|/)(?:o\d|gpt-4$)")


def takes_plain_parameters(model: str) -> bool:
    """Whether a model of OpenAI's protocol takes `max_tokens`, a temperature and a schema as most do."""
    return not _OWN_PARAMETERS.search(model)


def parameters(request: JudgeRequest, has_temperature: bool = True, has_schema: bool = True) -> dict[str, Any]:
    """What is sent besides the model's name. A model that knows no schema is asked for the same JSON by the prompt."""
    found: dict[str, Any] = {"messages": request.messages, "max_tokens": request.max_reply_tokens}
    if has_temperature:
        found["temperature"] = 0
    if has_schema:
        schema = {"name": "answers", "strict": True, "schema": request.reply_schema}
        found["response_format"] = {"type": "json_schema", "json_schema": schema}
    return found


def read_choice(text: str | None, reason: str | None, refusal: str | None) -> tuple[str, Finish]:
    """The reply's text and how it ended. What is too long to be an answer is not kept."""
    if text is not None and len(text) > MAX_REPLY_CHARACTERS:
        return "", "truncated"
    finish = FINISHES.get(reason or "", "complete")
    return text or "", "refused" if refusal and finish == "complete" else finish


def outcome_of_status(
    status: int | None, text: str, headers: Mapping[str, str], model: str, api_base: str | None
) -> JudgeReply | JudgeError:
    """A reply for what is an answer of a kind; one of our errors, without the provider's text, for all else."""
    if status in (400, 413, 422) and any(word in text for word in CONTEXT_WORDS):
        return JudgeReply(text="", finish="too_long")
    if status == 400 and any(word in text for word in FILTER_WORDS):
        return JudgeReply(text="", finish="filtered")
    if status == 429 and any(word in text for word in QUOTA_WORDS):
        return closed("its quota is used up", "quota", model, api_base)
    pause = retry_after_seconds(headers)
    if status == 429:
        return JudgeBusyError("rate limit (HTTP 429)", kind=RATE_LIMITED, retry_after_seconds=pause)
    if status in CLOSED_STATUSES:
        return closed(CLOSED_STATUSES[status], f"http_{status}", model, api_base)
    if status in (400, 413, 422):
        return JudgeRefusedError(f"the model refused the request (HTTP {status})", kind="bad_request")
    return JudgeBusyError(f"the call failed (HTTP {status})", kind=SERVER_ERROR, retry_after_seconds=pause)


def closed(why: str, kind: str, model: str, api_base: str | None) -> JudgeClosedError:
    """No request to that model will succeed."""
    where = f" at {place(api_base)}" if api_base else ""
    return JudgeClosedError(
        f"The model {model}{where} answers no request: {why}. Correct METRICS_MODEL, METRICS_API_BASE or the key, and "
        "run again.",
        kind=kind,
    )


def not_connected(api_base: str | None) -> JudgeBusyError:
    """No connection was made: nothing was sent, and nothing is paid."""
    return JudgeBusyError(f"no connection to {place(api_base)}", kind=NOT_CONNECTED)


def place(api_base: str | None) -> str:
    """Where requests go, without a user, password or key that may stand in the address."""
    if api_base is None:
        return "its provider"
    try:
        parts = urlsplit(api_base)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.netloc else "METRICS_API_BASE"
    except ValueError:
        return "METRICS_API_BASE"


def is_not_connected(error: BaseException | None) -> bool:
    """Whether the connection was never made, which only the innermost errors tell."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if type(error).__name__ in NO_CONNECTION:
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """What a server asks to wait, in seconds or until a date; None where it does not say."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        text = headers.get(name, "")
        try:
            seconds = float(text) / unit
        except ValueError:
            continue
        return max(seconds, 0.0) if seconds < float("inf") else None
    try:
        moment = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    now = datetime.now(UTC) if moment.tzinfo else datetime.now(UTC).replace(tzinfo=None)
    return max((moment - now).total_seconds(), 0.0)
