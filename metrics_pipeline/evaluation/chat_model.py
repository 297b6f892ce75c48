"""A model that is reached over a network, as far as it is the same whoever carries the request."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from metrics_pipeline.errors import JudgeError
from metrics_pipeline.evaluation.batch_api import BatchApi
from metrics_pipeline.evaluation.chat_completions import settings_of
from metrics_pipeline.evaluation.judge import JudgeKind, JudgeReply, JudgeRequest
from metrics_pipeline.evaluation.litellm_library import count_tokens
from metrics_pipeline.evaluation.prices import known_context_tokens

DEFAULT_CONTEXT_TOKENS = 32_000
"""Of a model that is on no list, such as one on a server of one's own, unless METRICS_CONTEXT_TOKENS says."""


class ChatModel:
    """A model by its litellm name, for example `openai/gpt-5-mini` or `ollama/llama3`; a way to it is a subclass."""

    kind: JudgeKind = "model"
    reads_prompt = True

    def __init__(
        self,
        model: str,
        api_base: str | None = None,
        api_key: str | None = None,
        timeout_seconds: float = 60.0,
        context_tokens: int | None = None,
    ) -> None:
        self.name = model
        self._api_base, self._timeout_seconds = api_base, timeout_seconds
        self._context_tokens = context_tokens
        # A server of one's own often needs no key, but the client of the protocol does.
        self._api_key = api_key or ("none" if api_base else None)

    @property
    def settings(self) -> Mapping[str, Any]:
        return settings_of(self._context_tokens)

    @cached_property
    def context_tokens(self) -> int:
        return self._context_tokens or known_context_tokens(self.name) or DEFAULT_CONTEXT_TOKENS

    def count_tokens(self, text: str) -> int:
        return count_tokens(self.name, text)

    def batch_api(self) -> BatchApi:
        """The provider's batch interface, the same whoever carries single requests."""
        return BatchApi(self.name, self._api_base, self._api_key, self._timeout_seconds)

    async def ask(self, request: JudgeRequest) -> JudgeReply:
        outcome = await self._outcome(request)
        # Raised out here so that nothing leads back to the client's error, which holds the messages.
        if isinstance(outcome, JudgeError):
            raise outcome
        return outcome

    async def _outcome(self, request: JudgeRequest) -> JudgeReply | JudgeError:
        """The reply, or the error that says why there is none; raises nothing of the client's."""
        raise NotImplementedError
