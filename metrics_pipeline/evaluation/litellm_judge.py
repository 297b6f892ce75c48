"""Any model that litellm reaches, as a judge: one call in, one reply or one named failure out.

litellm's own retries are off (they multiply: the runner owns retries), and so is its price list's download.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from metrics_pipeline.errors import JudgeBusyError, JudgeError, SettingsError
from metrics_pipeline.evaluation.chat_completions import (
    SERVER_ERROR,
    TIMEOUT,
    UNREACHABLE,
    closed,
    is_not_connected,
    not_connected,
    outcome_of_status,
    parameters,
    read_choice,
)
from metrics_pipeline.evaluation.chat_model import ChatModel
from metrics_pipeline.evaluation.judge import JudgeReply, JudgeRequest
from metrics_pipeline.evaluation.litellm_library import load_for_calls, load_litellm


class LitellmJudge(ChatModel):
    """A model by its litellm name, for example `openai/gpt-5-mini` or `ollama/llama3`."""

    client = "litellm"
    _takes_temperature = True

    def load(self) -> None:
        load_for_calls(self.name)

    async def close(self) -> None:
        """Nothing to close: litellm keeps its connections for the life of the process."""

    async def _outcome(self, request: JudgeRequest) -> JudgeReply | JudgeError:
        litellm = load_litellm()
        try:
            return _reply(litellm, await self._complete(litellm, request))
        except asyncio.CancelledError:
            raise
        except JudgeBusyError as error:
            return error
        except Exception as error:  # litellm's errors are an open set: each becomes one of ours, none is swallowed
            return self._explained(litellm, error)

    async def _complete(self, litellm: Any, request: JudgeRequest) -> Any:
        try:
            return await litellm.acompletion(**self._parameters(litellm, request))
        except litellm.UnsupportedParamsError:
            # Refused before anything was sent: some models take no temperature but their own.
            self._takes_temperature = False
            return await litellm.acompletion(**self._parameters(litellm, request))

    def _parameters(self, litellm: Any, request: JudgeRequest) -> dict[str, Any]:
        supported = litellm.get_supported_openai_params(model=self.name) or ()
        has_temperature = self._takes_temperature and "temperature" in supported
        found = parameters(request, has_temperature, "response_format" in supported)
        # litellm writes into what it is given.
        found["messages"] = [dict(message) for message in request.messages]
        return found | {
            "model": self.name,
            "timeout": self._timeout_seconds,
            "max_retries": 0,
            "api_base": self._api_base,
            "api_key": self._api_key,
        }

    def _explained(self, litellm: Any, error: Exception) -> JudgeReply | JudgeError:
        """A reply for what is an answer of a kind; one of our errors, without the provider's text, for all else."""
        if isinstance(error, litellm.ContextWindowExceededError):
            return JudgeReply(text="", finish="too_long")
        if isinstance(error, litellm.ContentPolicyViolationError):
            return JudgeReply(text="", finish="filtered")
        status, text = getattr(error, "status_code", None), str(error)
        if is_not_connected(error):
            return not_connected(self._api_base)
        if isinstance(error, litellm.Timeout):
            return JudgeBusyError("no reply in time", kind=TIMEOUT)
        if "Missing credentials" in text:
            return closed("no key is set", "no_key", self.name, self._api_base)
        if "LLM Provider NOT provided" in text:
            why = "its name has no provider; write it like openai/NAME"
            return closed(why, "no_provider", self.name, self._api_base)
        if "Connection error" in text or isinstance(error, litellm.APIConnectionError):
            return JudgeBusyError("the connection broke", kind=UNREACHABLE)
        headers = getattr(error, "litellm_response_headers", None) or {}
        return outcome_of_status(status, text, headers, self.name, self._api_base)


def require_known_models(names: Iterable[str]) -> None:
    """Refuse a name that leads to no provider, before anything is landed, counted or sent.

    Raises:
        SettingsError: litellm knows no provider of that name.
    """
    for name in sorted(set(names)):
        litellm = load_litellm()
        try:
            known, *_ = litellm.get_llm_provider(model=name)
        except Exception:  # litellm's errors are an open set: whatever it raises, it cannot place the name
            known = ""
        if not known:
            raise SettingsError(
                f"No provider has a model {name!r}. Write it as litellm does, for example openai/gpt-5-mini, or "
                "openai/NAME for a server of your own at METRICS_API_BASE (docs.litellm.ai/docs/providers)."
            )


def _reply(litellm: Any, response: Any) -> JudgeReply:
    if not response.choices:
        raise JudgeBusyError("the reply holds no choice", kind=SERVER_ERROR)
    choice = response.choices[0]
    refusal = getattr(choice.message, "refusal", None) or (choice.message.provider_specific_fields or {}).get("refusal")
    usage = getattr(response, "usage", None)
    details = getattr(usage, "prompt_tokens_details", None)
    text, finish = read_choice(choice.message.content, choice.finish_reason, refusal)
    return JudgeReply(
        text=text,
        finish=finish,
        model_served=response.model,
        prompt_tokens=getattr(usage, "prompt_tokens", None),
        reply_tokens=getattr(usage, "completion_tokens", None),
        cached_tokens=getattr(details, "cached_tokens", None),
        cost_dollars=_cost_dollars(litellm, response),
    )


def _cost_dollars(litellm: Any, response: Any) -> float | None:
    # None where litellm does not know the price: never a made-up zero.
    known = (response._hidden_params or {}).get("response_cost")
    return float(known) if known else None
