"""The door to whatever answers a metric from a transcript.

A judge is given one `JudgeRequest` and returns one `JudgeReply`, or raises one of the `JudgeError`s.
It never retries, never parses, never decides: that is the runner's and the parser's work, the same for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeGuard, runtime_checkable

import msgspec

from metrics_pipeline.conversations.record import Turn
from metrics_pipeline.metrics.definition import MetricDefinition

if TYPE_CHECKING:
    from metrics_pipeline.evaluation.batch_api import BatchApi

NOT_CONNECTED = "not_connected"
NOT_SENT = "not_sent"
"""Of a request that was ready, and whose run ended before its turn came."""
NOT_CREATED = "batch_not_created"
"""Of a request whose batch never came to be at its provider."""
NEVER_SENT = frozenset({NOT_CONNECTED, NOT_CREATED, "no_provider", "no_key"})
"""Kinds of failure in which nothing has reached a provider."""
EXPIRED = "batch_expired"
"""Of a request that its provider did not come to within its window."""
CANCELLED = "batch_cancelled"
FAILED = "batch_failed"
"""Of a request in a batch that its provider refused as a whole."""
MISSING = "batch_missing"
"""Of a request about which the results of its batch say nothing: it may have been paid."""
NOT_ANSWERED = frozenset({EXPIRED, CANCELLED, FAILED})
"""Kinds of failure in which a provider did nothing, and nothing is paid."""

JudgeKind = Literal["model", "baseline", "replay"]
Finish = Literal["complete", "truncated", "filtered", "refused", "too_long", "not_recorded"]


class JudgeRequest(msgspec.Struct, frozen=True):
    """One conversation and the metrics asked about it together."""

    turns: tuple[Turn, ...]
    metrics: tuple[MetricDefinition, ...]
    messages: tuple[Mapping[str, str], ...]
    """Chat messages (role, content) as the prompt renders them; empty for a judge that sets `reads_prompt` to False."""
    reply_schema: Mapping[str, Any]
    """JSON schema of the reply."""
    max_reply_tokens: int


class JudgeReply(msgspec.Struct, frozen=True):
    """What came back, before anyone has looked at it."""

    text: str
    """The reply's text: JSON of the asked schema, if the judge kept to it. Empty where it gave none."""
    finish: Finish = "complete"
    model_served: str | None = None
    prompt_tokens: int | None = None
    reply_tokens: int | None = None
    cached_tokens: int | None = None
    cost_dollars: float | None = None
    """None where the price is not known."""
    left_out: tuple[int, int] | None = None
    """The first and the last turn that the judge was not shown, of a conversation too long for it; set by who asked."""


class Judge(Protocol):
    """Anything that answers requests: a model behind litellm, or the built-in baseline."""

    @property
    def kind(self) -> JudgeKind: ...

    @property
    def name(self) -> str:
        """The model as the user names it, for example `openai/gpt-5`, or `baseline`."""
        ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """Everything besides the prompt that can change an answer: model, parameters, its own version."""
        ...

    @property
    def reads_prompt(self) -> bool:
        """False for a judge that works on the turns themselves: no prompt is rendered for it."""
        ...

    async def ask(self, request: JudgeRequest) -> JudgeReply:
        """One call, no retries.

        Raises:
            JudgeBusyError: Worth another try.
            JudgeRefusedError: Not worth one.
            JudgeClosedError: Nor is any other request.
        """
        ...


@runtime_checkable
class RemoteJudge(Protocol):
    """A judge that is reached over a network."""

    @property
    def client(self) -> str:
        """Who carries the requests, for example `litellm`."""
        ...

    def load(self) -> None:
        """Import what the first call needs: it takes seconds, which are none of the call's. Sends nothing."""
        ...

    async def close(self) -> None:
        """Close the connections that the running event loop holds."""
        ...


@runtime_checkable
class BatchedJudge(Protocol):
    """A judge whose provider may also be asked in batches."""

    @property
    def name(self) -> str: ...

    def batch_api(self) -> BatchApi:
        """Its provider's batch interface."""
        ...


@runtime_checkable
class BoundedJudge(Protocol):
    """A judge that can read only so much at once."""

    @property
    def context_tokens(self) -> int:
        """Tokens of a prompt and its reply together, at most."""
        ...

    def count_tokens(self, text: str) -> int:
        """How many tokens `text` is to it, as exactly as anybody knows."""
        ...


def is_bounded(judge: Judge) -> TypeGuard[BoundedJudge]:
    """`isinstance`, for where it is asked about each conversation: that takes ten microseconds."""
    return hasattr(judge, "context_tokens")
