"""Any model that litellm reaches, as a judge: one call in, one reply or one named failure out.

litellm's own retries are off (they multiply: the runner owns retries), and so is its price list's download.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from metrics_pipeline.errors import JudgeBusyError, JudgeClosedError, JudgeError, JudgeRefusedError, SettingsError
from metrics_pipeline.evaluation.asking import RATE_LIMITED, TIMEOUT
from metrics_pipeline.evaluation.context import count_tokens, known_context_tokens, load_litellm
from metrics_pipeline.evaluation.judge import NOT_CONNECTED, Finish, JudgeKind, JudgeReply, JudgeRequest

FINISHES: dict[str, Finish] = {"length": "truncated", "content_filter": "filtered"}
MAX_REPLY_CHARACTERS = 200_000
NO_CONNECTION = ("ConnectError", "ConnectTimeout", "InvalidURL", "UnsupportedProtocol", "NonHttpUrlClientError")
"""Errors of httpx and aiohttp, whatever litellm makes of them."""
QUOTA_WORDS = ("insufficient_quota", "exceeded your current quota", "billing")
CLOSED_STATUSES = {
    401: "the key was not accepted",
    402: "the account has to be paid",
    403: "the key is not allowed to use it",
    404: "there is no such model or address",
}


class LitellmJudge:
    """A model by its litellm name, for example `openai/gpt-5-mini` or `ollama/llama3`."""

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
        self._takes_temperature = True
        # A server of one's own often needs no key, but the client of the protocol does.
        self._api_key = api_key or ("none" if api_base else None)

    @property
    def settings(self) -> Mapping[str, Any]:
        said = {"temperature": "0 where the model takes one", "reply": "json_schema where the model takes one"}
        return said | ({"context_tokens": self._context_tokens} if self._context_tokens else {})

    @cached_property
    def context_tokens(self) -> int:
        return self._context_tokens or known_context_tokens(self.name)

    def count_tokens(self, text: str) -> int:
        return count_tokens(self.name, text)

    async def ask(self, request: JudgeRequest) -> JudgeReply:
        litellm = load_litellm()
        try:
            return _reply(litellm, await self._complete(litellm, request))
        except (asyncio.CancelledError, JudgeBusyError):
            raise
        except Exception as error:  # litellm's errors are an open set: each becomes one of ours, none is swallowed
            outcome = self._explained(litellm, error)
        # Raised out here so that nothing leads back to litellm's error, which holds the messages.
        if isinstance(outcome, JudgeError):
            raise outcome
        return outcome

    async def _complete(self, litellm: Any, request: JudgeRequest) -> Any:
        try:
            return await litellm.acompletion(**self._parameters(litellm, request))
        except litellm.UnsupportedParamsError:
            # Refused before anything was sent: some models take no temperature but their own.
            self._takes_temperature = False
            return await litellm.acompletion(**self._parameters(litellm, request))

    def _parameters(self, litellm: Any, request: JudgeRequest) -> dict[str, Any]:
        parameters: dict[str, Any] = {
            "model": self.name,
            "messages": [dict(message) for message in request.messages],
            "max_tokens": request.max_reply_tokens,
            "timeout": self._timeout_seconds,
            "max_retries": 0,
            "api_base": self._api_base,
            "api_key": self._api_key,
        }
        supported = litellm.get_supported_openai_params(model=self.name) or ()
        if self._takes_temperature and "temperature" in supported:
            parameters["temperature"] = 0
        # A model that knows no schema is asked for the same JSON by the prompt.
        if "response_format" in supported:
            schema = {"name": "answers", "strict": True, "schema": dict(request.reply_schema)}
            parameters["response_format"] = {"type": "json_schema", "json_schema": schema}
        return parameters

    def _explained(self, litellm: Any, error: Exception) -> JudgeReply | JudgeError:
        """A reply for what is an answer of a kind; one of our errors, without the provider's text, for all else."""
        if isinstance(error, litellm.ContextWindowExceededError):
            return JudgeReply(text="", finish="too_long")
        if isinstance(error, litellm.ContentPolicyViolationError):
            return JudgeReply(text="", finish="filtered")
        status, text = getattr(error, "status_code", None), str(error)
        if _is_not_connected(error):
            return JudgeBusyError(f"no connection to {_place(self._api_base)}", kind=NOT_CONNECTED)
        if isinstance(error, litellm.Timeout):
            return JudgeBusyError("no reply in time", kind=TIMEOUT)
        if "Missing credentials" in text:
            return self._closed("no key is set", "no_key")
        if status == 429 and any(word in text for word in QUOTA_WORDS):
            return self._closed("its quota is used up", "quota")
        if status == 429:
            pause = _retry_after_seconds(error)
            return JudgeBusyError("rate limit (HTTP 429)", kind=RATE_LIMITED, retry_after_seconds=pause)
        if status in CLOSED_STATUSES:
            return self._closed(CLOSED_STATUSES[status], f"http_{status}")
        if "LLM Provider NOT provided" in text:
            return self._closed("its name has no provider; write it like openai/NAME", "no_provider")
        if status in (400, 413, 422):
            return JudgeRefusedError(f"the model refused the request (HTTP {status})", kind="bad_request")
        if "Connection error" in text or isinstance(error, litellm.APIConnectionError):
            return JudgeBusyError("the connection broke", kind="unreachable")
        return JudgeBusyError(f"the call failed (HTTP {status}, {type(error).__name__})", kind="server_error")

    def _closed(self, why: str, kind: str) -> JudgeClosedError:
        where = f" at {_place(self._api_base)}" if self._api_base else ""
        return JudgeClosedError(
            f"The model {self.name}{where} answers no request: {why}. Correct METRICS_MODEL, METRICS_API_BASE or the "
            "key, and run again.",
            kind=kind,
        )


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


def _is_not_connected(error: BaseException | None) -> bool:
    """Whether the connection was never made, which only the innermost errors tell."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if type(error).__name__ in NO_CONNECTION:
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False


def _place(api_base: str | None) -> str:
    """Where requests go, without a user, password or key that may stand in the address."""
    if api_base is None:
        return "its provider"
    try:
        parts = urlsplit(api_base)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.netloc else "METRICS_API_BASE"
    except ValueError:
        return "METRICS_API_BASE"


def _reply(litellm: Any, response: Any) -> JudgeReply:
    if not response.choices:
        raise JudgeBusyError("the reply holds no choice", kind="server_error")
    choice = response.choices[0]
    text = choice.message.content or ""
    refusal = getattr(choice.message, "refusal", None) or (choice.message.provider_specific_fields or {}).get("refusal")
    usage = getattr(response, "usage", None)
    details = getattr(usage, "prompt_tokens_details", None)
    finish = FINISHES.get(choice.finish_reason or "", "complete")
    if refusal and finish == "complete":
        finish = "refused"
    return JudgeReply(
        text=text[:MAX_REPLY_CHARACTERS],
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


def _retry_after_seconds(error: Exception) -> float | None:
    headers = getattr(error, "litellm_response_headers", None) or {}
    try:
        return max(0.0, float(headers.get("retry-after", "")))
    except ValueError:
        return None
