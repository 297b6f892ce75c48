"""The lines of a batch's files: what is asked, and what came of it, each known by its custom id and by nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from metrics_pipeline.errors import JudgeBusyError, JudgeError
from metrics_pipeline.evaluation.chat_completions import SERVER_ERROR, outcome_of_status
from metrics_pipeline.evaluation.completion import read_completion
from metrics_pipeline.evaluation.judge import CANCELLED, EXPIRED, JudgeReply
from metrics_pipeline.evaluation.prices import known_batch_price

LINE_BYTES = 160
"""What a line holds besides the request itself, at most."""


class Read(NamedTuple):
    """What the results of a batch say."""

    outcomes: dict[int, JudgeReply | JudgeError]
    """By the id of the request: the first that was said of it."""
    doubled: int
    """Results that came once more, and do not count."""
    unknown: int
    """Lines that are no result of a request of this batch."""


def custom_id(mark: str, request_id: int) -> str:
    return f"{mark}-{request_id}"


def line(mark: str, request_id: int, body: bytes) -> bytes:
    """One request of a batch's file."""
    head = {"custom_id": custom_id(mark, request_id), "method": "POST", "url": "/v1/chat/completions"}
    return msgspec.json.encode({**head, "body": msgspec.Raw(body)}) + b"\n"


def file_hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def read_results(
    files: Iterable[bytes], mark: str, request_ids: Sequence[int], model: str, api_base: str | None
) -> Read:
    """What the lines of a batch's output and error files come to, in whatever order they are."""
    wanted = {custom_id(mark, number): number for number in request_ids}
    outcomes: dict[int, JudgeReply | JudgeError] = {}
    doubled = unknown = 0
    for content in files:
        for text in content.splitlines():
            if not text.strip():
                continue
            found = _decoded(text)
            if found is None or found.custom_id not in wanted:
                # A run that was killed while it recorded has its first results behind it: those are no riddle.
                unknown += found is None or not found.custom_id.startswith(f"{mark}-")
                continue
            number = wanted[found.custom_id]
            if number in outcomes:
                doubled += 1
            else:
                outcomes[number] = _outcome(found, model, api_base)
    return Read(outcomes, doubled, unknown)


class _Response(msgspec.Struct):
    status_code: int | None = None
    body: msgspec.Raw = msgspec.Raw(b"null")


class _Error(msgspec.Struct):
    code: str | None = None


class _Line(msgspec.Struct):
    custom_id: str
    response: _Response | None = None
    error: _Error | None = None


_LINE = msgspec.json.Decoder(_Line)


def _decoded(text: bytes) -> _Line | None:
    try:
        return _LINE.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _outcome(found: _Line, model: str, api_base: str | None) -> JudgeReply | JudgeError:
    response = found.response
    if found.error is not None or response is None:
        code = (found.error.code if found.error else None) or ""
        known = EXPIRED if "expired" in code else CANCELLED if "cancel" in code else SERVER_ERROR
        return JudgeBusyError("the batch holds an error in place of a reply", kind=known)
    if response.status_code == 200:
        return read_completion(bytes(response.body), lambda *tokens: batch_dollars(model, *tokens))
    return outcome_of_status(response.status_code, bytes(response.body).decode("utf-8", "replace"), {}, model, api_base)


def batch_dollars(
    model: str, prompt_tokens: int | None, reply_tokens: int | None, cached_tokens: int | None = None
) -> float | None:
    """What a request in a batch cost; None where the price in a batch, or the tokens, are not known.

    Args:
        cached_tokens: Not made cheaper: a batch has no price of its own for them that every provider keeps to.
    """
    if prompt_tokens is None or reply_tokens is None:
        return None
    price: Any = known_batch_price(model, prompt_tokens, reply_tokens)
    return None if price is None else sum(price)
