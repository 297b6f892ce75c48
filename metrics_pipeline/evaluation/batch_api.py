"""A provider's batch interface, through litellm: one call in, a value or one named failure out, no retries.

Only providers of OpenAI's protocol are reached: of those alone can every batch be listed with the mark that it was
given, which is how one is found again whose creation nobody saw the end of.
"""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

from metrics_pipeline.errors import JudgeBusyError, JudgeClosedError, JudgeError, JudgeRefusedError
from metrics_pipeline.evaluation.chat_completions import (
    RATE_LIMITED,
    SERVER_ERROR,
    TIMEOUT,
    UNREACHABLE,
    closed,
    is_not_connected,
    not_connected,
    outcome_of_status,
    parameters,
    place,
    takes_plain_parameters,
)
from metrics_pipeline.evaluation.judge import NOT_CONNECTED, JudgeRequest
from metrics_pipeline.evaluation.litellm_library import load_for_calls, load_litellm

PROVIDERS = ("openai", "hosted_vllm", "litellm_proxy")
MARK = "metrics_pipeline_batch"
"""The key of a batch's metadata under which our mark of it stands."""
ENDPOINT = "/v1/chat/completions"
WINDOW = "24h"
"""Within which a provider answers a batch or lets it expire; there is no other."""
ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
PAGE = 100
MOST_PAGES = 100
FILE_SECONDS = 600.0
"""A file of 200 MB takes minutes."""


class ProviderBatch(NamedTuple):
    """A batch as its provider describes it."""

    provider_id: str
    mark: str | None
    """Ours, if it is one of ours."""
    status: str
    file_ids: tuple[str, ...]
    """Of its results: what succeeded, then what failed; either may be missing."""
    problem: str | None = None
    """The code of what its provider says is wrong with it as a whole."""

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED


class BatchApi:
    """Batches of requests to one model, by its litellm name."""

    def __init__(self, model: str, api_base: str | None, api_key: str | None, timeout_seconds: float) -> None:
        self.model = model
        self._provider, _, self._name = model.partition("/")
        self.api_base, self._api_key, self._timeout_seconds = api_base, api_key, timeout_seconds
        self._takes_temperature = True

    async def upload(self, name: str, content: bytes) -> str:
        """Send a file of requests, and return its id: nothing is paid for it."""
        file = (f"{name}.jsonl", content, "application/jsonl")
        return str((await self._call("acreate_file", FILE_SECONDS, file=file, purpose="batch")).id)

    async def create(self, file_id: str, mark: str) -> ProviderBatch:
        """Have the requests of a file answered. Of a failure that is no refusal nobody knows whether it was created."""
        return _described(
            await self._call(
                "acreate_batch",
                self._timeout_seconds,
                completion_window=WINDOW,
                endpoint=ENDPOINT,
                input_file_id=file_id,
                metadata={MARK: mark},
            )
        )

    async def find(self, mark: str) -> list[ProviderBatch]:
        """Every batch that the provider lists under our mark, the oldest first."""
        found: list[ProviderBatch] = []
        after = None
        for _ in range(MOST_PAGES):
            page = await self._call("alist_batches", self._timeout_seconds, after=after, limit=PAGE)
            listed = list(page.data or ())
            found += [one for one in map(_described, listed) if one.mark == mark]
            if not listed or not getattr(page, "has_more", False):
                return found[::-1]
            after = listed[-1].id
        raise JudgeBusyError(f"more than {MOST_PAGES * PAGE:,} batches are listed", kind=SERVER_ERROR)

    async def retrieve(self, provider_id: str) -> ProviderBatch:
        # litellm would fetch the results of its own accord, to say what they cost.
        quiet = {"batch_ignore_default_logging": True}
        found = await self._call("aretrieve_batch", self._timeout_seconds, batch_id=provider_id, litellm_metadata=quiet)
        return _described(found)

    async def content(self, file_id: str) -> bytes:
        return bytes((await self._call("afile_content", FILE_SECONDS, file_id=file_id)).content)

    async def cancel(self, provider_id: str) -> None:
        await self._call("acancel_batch", self._timeout_seconds, batch_id=provider_id)

    def body(self, request: JudgeRequest) -> dict[str, Any]:
        """What is sent for one request: as it is sent when it is asked directly."""
        if takes_plain_parameters(self._name):
            return {"model": self._name, **parameters(request)}
        litellm = load_litellm()
        try:
            return self._mapped(litellm, request)
        except litellm.UnsupportedParamsError:
            self._takes_temperature = False
            return self._mapped(litellm, request)

    def _mapped(self, litellm: Any, request: JudgeRequest) -> dict[str, Any]:
        """By litellm, for models whose parameters have other names."""
        from litellm.utils import get_optional_params

        supported = litellm.get_supported_openai_params(model=self.model) or ()
        has_temperature = self._takes_temperature and "temperature" in supported
        asked = parameters(request, has_temperature, "response_format" in supported)
        del asked["messages"]
        found = get_optional_params(model=self._name, custom_llm_provider=self._provider, **asked)
        own = {"extra_body", "max_retries", "stream"}
        kept = {name: value for name, value in found.items() if name not in own and value is not None}
        return {"model": self._name, "messages": request.messages, **kept}

    async def _call(self, name: str, timeout_seconds: float, **arguments: Any) -> Any:
        outcome = await self._outcome(name, timeout_seconds, arguments)
        # Raised out here so that nothing leads back to the client's error, which may hold what was sent.
        if isinstance(outcome, JudgeError):
            raise outcome
        return outcome

    async def _outcome(self, name: str, timeout_seconds: float, arguments: dict[str, Any]) -> Any:
        # Before the call's time begins.
        await asyncio.to_thread(load_for_calls, self.model)
        litellm = load_litellm()
        door = {
            "custom_llm_provider": self._provider,
            "api_base": self.api_base,
            "api_key": self._api_key,
            "timeout": timeout_seconds,
            "max_retries": 0,
        }
        try:
            async with asyncio.timeout(timeout_seconds):
                return await getattr(litellm, name)(**arguments, **door)
        except TimeoutError:
            return JudgeBusyError("no reply in time", kind=TIMEOUT)
        except Exception as error:  # litellm's errors are an open set: each becomes one of ours, none is swallowed
            return self._explained(name, error)

    def _explained(self, name: str, error: Exception) -> JudgeError:
        if is_not_connected(error):
            return not_connected(self.api_base)
        if "Timeout" in type(error).__name__:
            return JudgeBusyError("no reply in time", kind=TIMEOUT)
        status, text = getattr(error, "status_code", None), str(error)
        if "api_key" in text and status is None:
            return closed("no key is set", "no_key", self.model, self.api_base)
        if status == 404 and name == "acreate_file":
            return JudgeClosedError(
                f"There is nothing at {place(self.api_base)} that takes batches (HTTP 404). Leave METRICS_MODE out to "
                "ask directly.",
                kind="http_404",
            )
        if status is None or "Connection" in type(error).__name__:
            return JudgeBusyError("the connection broke", kind=UNREACHABLE)
        response = getattr(error, "response", None)
        headers = getattr(response, "headers", None) or {}
        found = outcome_of_status(status, text, headers, self.model, self.api_base)
        if isinstance(found, JudgeError):
            return found
        return JudgeRefusedError(f"the provider refused the batch (HTTP {status})", kind="bad_request")


def is_refusal(error: JudgeError) -> bool:
    """Whether it is certain that what was asked for was not done."""
    return isinstance(error, JudgeRefusedError) or (
        isinstance(error, JudgeBusyError) and error.kind in (RATE_LIMITED, NOT_CONNECTED)
    )


def _described(found: Any) -> ProviderBatch:
    ids = (getattr(found, "output_file_id", None), getattr(found, "error_file_id", None))
    problems = getattr(getattr(found, "errors", None), "data", None) or ()
    problem = next((str(getattr(one, "code", None) or "unknown") for one in problems), None)
    mark = (getattr(found, "metadata", None) or {}).get(MARK)
    return ProviderBatch(str(found.id), mark, str(found.status), tuple(str(one) for one in ids if one), problem)
