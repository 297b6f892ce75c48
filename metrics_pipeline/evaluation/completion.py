"""The body of a chat completion, as OpenAI's protocol has it, becomes a reply."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from metrics_pipeline.errors import JudgeBusyError, JudgeError
from metrics_pipeline.evaluation.chat_completions import SERVER_ERROR, read_choice
from metrics_pipeline.evaluation.judge import JudgeReply

Dollars = Callable[[int | None, int | None, int | None], float | None]
"""What (prompt tokens, reply tokens, cached tokens) cost; None where it is not known."""


def read_completion(body: bytes, dollars: Dollars) -> JudgeReply | JudgeError:
    """The reply that stands in `body`, or the error that says why there is none."""
    try:
        found = _COMPLETION.decode(body)
        choice = found.choices[0]
    except (msgspec.DecodeError, UnicodeError, RecursionError, IndexError):
        return JudgeBusyError("the reply holds no choice", kind=SERVER_ERROR)
    text, finish = read_choice(choice.message.content, choice.finish_reason, choice.message.refusal)
    usage = found.usage or _Usage()
    details = usage.prompt_tokens_details or _Details()
    return JudgeReply(
        text=text,
        finish=finish,
        model_served=found.model,
        prompt_tokens=usage.prompt_tokens,
        reply_tokens=usage.completion_tokens,
        cached_tokens=details.cached_tokens,
        cost_dollars=dollars(usage.prompt_tokens, usage.completion_tokens, details.cached_tokens),
    )


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Details(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    model: str | None = None
    usage: _Usage | None = None


_COMPLETION = msgspec.json.Decoder(_Completion)
