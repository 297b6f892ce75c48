"""A server that speaks OpenAI's protocol at an address of one's own, through the `openai` client on aiohttp.

A third of the CPU of litellm, a tenth of its memory, and no collapse at hundreds of calls in flight. It sends what
litellm would send, byte for byte in meaning, so that both find in the ledger what the other has paid.
"""

from __future__ import annotations

import asyncio
import importlib
from typing import TYPE_CHECKING

import msgspec

from metrics_pipeline.errors import JudgeBusyError, JudgeError
from metrics_pipeline.evaluation.chat_completions import (
    MAX_REPLY_BYTES,
    SERVER_ERROR,
    TIMEOUT,
    UNREACHABLE,
    closed,
    is_not_connected,
    not_connected,
    outcome_of_status,
    parameters,
)
from metrics_pipeline.evaluation.chat_model import ChatModel
from metrics_pipeline.evaluation.completion import read_completion
from metrics_pipeline.evaluation.judge import JudgeReply, JudgeRequest
from metrics_pipeline.evaluation.prices import cost_dollars

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai._types import RequestOptions

PROVIDER = "openai/"
OPTIONS: RequestOptions = {"headers": {"Content-Type": "application/json", "Accept": "application/json"}}


class OpenaiJudge(ChatModel):
    """A model by its litellm name, `openai/NAME`."""

    client = "openai"
    _open: tuple[asyncio.AbstractEventLoop, AsyncOpenAI] | None = None

    def load(self) -> None:
        # openai takes a second to import: only who asks a model waits for it.
        importlib.import_module("openai")
        importlib.import_module("httpx_aiohttp")

    async def close(self) -> None:
        """Close the connections that the running loop holds."""
        opened, self._open = self._open, None
        if opened is not None and opened[0] is asyncio.get_running_loop():
            await opened[1].close()

    async def _outcome(self, request: JudgeRequest) -> JudgeReply | JudgeError:
        import httpx
        import openai

        try:
            body = await self._post(_encoded(self.name, request))
        except openai.APIStatusError as error:
            headers = error.response.headers
            return outcome_of_status(error.status_code, error.message, headers, self.name, self._api_base)
        except (openai.APIConnectionError, httpx.HTTPError, OSError) as error:
            if is_not_connected(error):
                return not_connected(self._api_base)
            if _is_out_of_time(error):
                return JudgeBusyError("no reply in time", kind=TIMEOUT)
            return JudgeBusyError("the connection broke", kind=UNREACHABLE)
        except openai.OpenAIError as error:
            if "credentials" in str(error) or "api_key" in str(error):
                return closed("no key is set", "no_key", self.name, self._api_base)
            return JudgeBusyError(f"the call failed ({type(error).__name__})", kind=SERVER_ERROR)
        return self._reply(body)

    async def _post(self, content: bytes) -> bytes | None:
        """The reply's body; None where it is longer than any answer."""
        import httpx

        # Read by ourselves: as it comes, so that nobody fills our memory, and once, by a parser that knows the shape.
        response = await self._connected().post(
            "/chat/completions", cast_to=httpx.Response, content=content, options=OPTIONS, stream=True, stream_cls=None
        )
        try:
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > MAX_REPLY_BYTES:
                    return None
        finally:
            await response.aclose()
        return bytes(body)

    def _connected(self) -> AsyncOpenAI:
        loop = asyncio.get_running_loop()
        if self._open is None or self._open[0] is not loop:
            self._open = (loop, self._connect())
        return self._open[1]

    def _connect(self) -> AsyncOpenAI:
        from openai import AsyncOpenAI, DefaultAioHttpClient

        return AsyncOpenAI(
            base_url=self._api_base,
            api_key=self._api_key,
            timeout=self._timeout_seconds,
            max_retries=0,
            http_client=DefaultAioHttpClient(timeout=self._timeout_seconds),
        )

    def _reply(self, body: bytes | None) -> JudgeReply | JudgeError:
        if body is None:
            return JudgeReply(text="", finish="truncated")
        return read_completion(body, lambda *tokens: cost_dollars(self.name, *tokens))


def _is_out_of_time(error: BaseException | None) -> bool:
    # The transport calls a broken connection a time-out as well; what it was stands at the end of the chain.
    while error is not None:
        if isinstance(error, TimeoutError):
            return True
        error = error.__cause__
    return False


def _encoded(model: str, request: JudgeRequest) -> bytes:
    return msgspec.json.encode({"model": model.removeprefix(PROVIDER), **parameters(request)})
