"""Pages of a Conversations API v3, one at a time, however the server behaves.

The one owner of a pull's retries and deadlines. A call ends at its deadline however busily it drips, a reply ends at
its largest size, redirects are not followed, and no message holds the token, a cursor or a word of a reply.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import httpx
from pydantic import SecretStr

from metrics_pipeline.conversations.pages import Page, read_page
from metrics_pipeline.errors import CursorRefusedError, PullBusyError, PullError
from metrics_pipeline.wording import counted

MAX_REPLY_BYTES = 64 << 20
"""Of a reply once it is unpacked; reading it takes some four times as much memory."""
LONGEST_PAUSE_SECONDS = 60.0
LONGEST_WAIT_SECONDS = 300.0
"""A server that asks to wait longer ends the pull: the next one goes on."""
EXTRA_RETRIES_WHEN_RATE_LIMITED = 6
EDGE = timedelta(seconds=1)
"""Whether the end of a range belongs to it differs between servers: a little more is asked for than is needed."""


class Source(NamedTuple):
    """Whose conversations are pulled, and from where."""

    url: str
    account: str
    project: str
    token: SecretStr

    @property
    def name(self) -> str:
        """For people: the server, the account and the project."""
        return f"{urlsplit(self.url).netloc}/{self.account}/{self.project}"

    @property
    def address(self) -> str:
        return f"{self.url.rstrip('/')}/v3/{quote(self.account, safe='')}/{quote(self.project, safe='')}/conversations"

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits; another token is the same source."""
        return hashlib.blake2b(self.address.encode(), digest_size=8).hexdigest()


class CallLimits(NamedTuple):
    """What a pull may do, at most."""

    call_timeout_seconds: float
    run_timeout_seconds: float
    retries: int
    page_size: int
    first_pause_seconds: float = 0.5


class Span(NamedTuple):
    """A stretch of time in which conversations started, the end left out."""

    start: datetime
    end: datetime


class ConversationsApi:
    """Asks one source for pages. Lives within one event loop, as a context."""

    def __init__(self, source: Source, limits: CallLimits, now: Callable[[], datetime]) -> None:
        self.request_count = 0
        self.retry_count = 0
        self._source, self._limits, self._now = source, limits, now
        self._deadline = asyncio.get_running_loop().time() + limits.run_timeout_seconds
        headers = {"x-api-key": source.token.get_secret_value(), "accept": "application/json"}
        # Each call has a deadline of its own, which httpx cannot give: its time-outs count from read to read.
        self._client = httpx.AsyncClient(headers=headers, timeout=None, follow_redirects=False)

    async def __aenter__(self) -> ConversationsApi:
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        await self._client.aclose()

    async def page(self, span: Span, cursor: str | None = None, offset: int = 0) -> Page:
        """The page at a cursor or an offset of the conversations that started in `span`.

        Raises:
            PullError: It cannot be had: refused, or failed after all tries, or out of time.
            CursorRefusedError: The server does not know the cursor (any more).
        """
        parameters = {
            "start_time": _written(span.start),
            "end_time": _written(span.end + EDGE),
            "limit": str(self._limits.page_size),
            "include_latency": "true",
        }
        if cursor is not None:
            parameters["cursor"] = cursor
        elif offset:
            parameters["offset"] = str(offset)
        tries = 0
        while True:
            self.request_count += 1
            try:
                return await self._call(parameters)
            except PullBusyError as error:
                extra = EXTRA_RETRIES_WHEN_RATE_LIMITED if error.is_rate_limit else 0
                if tries >= self._limits.retries + extra:
                    raise PullError(
                        f"{self._source.name}: the same request failed {counted(tries + 1, 'time')}, the last with: "
                        f"{error}. What came is kept; pull again, and it goes on from there."
                    ) from None
                await self._wait(tries, error.retry_after_seconds)
            tries += 1
            self.retry_count += 1

    async def _wait(self, tries: int, asked_seconds: float | None) -> None:
        if asked_seconds is not None and asked_seconds > min(LONGEST_WAIT_SECONDS, self._seconds_left()):
            raise PullError(
                f"{self._source.name}: asks to wait {asked_seconds:.0f} s before the next request, longer than this "
                "pull may. What came is kept; pull again then, and it goes on from there."
            )
        # Past 2**10 the longest pause holds anyway.
        pause = self._limits.first_pause_seconds * 2 ** min(tries, 10) * random.uniform(0.5, 1.0)
        seconds = min(pause, LONGEST_PAUSE_SECONDS) if asked_seconds is None else asked_seconds
        await asyncio.sleep(min(seconds, max(0.0, self._seconds_left())))

    def _seconds_left(self) -> float:
        return self._deadline - asyncio.get_running_loop().time()

    async def _call(self, parameters: Mapping[str, str]) -> Page:
        if self._seconds_left() <= 0:
            raise PullError(
                f"The pull's time of {self._limits.run_timeout_seconds:.0f} s is over (METRICS_RUN_TIMEOUT_SECONDS). "
                "What came is kept; pull again, and it goes on from there."
            )
        timeout = min(self._limits.call_timeout_seconds, self._seconds_left())
        try:
            async with asyncio.timeout(timeout):
                async with self._client.stream("GET", self._source.address, params=parameters) as response:
                    self._refuse(response, "cursor" in parameters)
                    body = await self._body(response)
        except httpx.InvalidURL:
            if "cursor" not in parameters:
                raise PullError(
                    f"{self._source.name}: is no address that can be asked. Correct METRICS_PULL_URL and pull again."
                ) from None
            raise CursorRefusedError(f"{self._source.name}: gave a cursor too long to be sent") from None
        except TimeoutError:
            raise PullBusyError(f"no complete reply within {timeout:.0f} s") from None
        except httpx.HTTPError as error:
            # Its own text may hold the address, with the cursor.
            raise PullBusyError(f"no connection, or a reply that broke off ({type(error).__name__})") from None
        page = read_page(body)
        if page is None:
            raise PullBusyError("a reply that is no page of conversations")
        return page

    def _refuse(self, response: httpx.Response, has_cursor: bool) -> None:
        status, name = response.status_code, self._source.name
        if status == 200:
            return
        if status in (401, 403):
            raise PullError(f"{name}: refuses the token (HTTP {status}). Correct METRICS_PULL_TOKEN and pull again.")
        if status == 404:
            raise PullError(
                f"{name}: is not there (HTTP 404). Correct METRICS_PULL_URL, METRICS_PULL_ACCOUNT or "
                "METRICS_PULL_PROJECT and pull again."
            )
        if status == 400 and has_cursor:
            raise CursorRefusedError(f"{name}: does not know its own cursor (HTTP 400)")
        if status == 429 or status >= 500 or status == 408:
            seconds = retry_after_seconds(response.headers.get("retry-after"), self._server_time(response))
            raise PullBusyError(f"HTTP {status}", is_rate_limit=status == 429, retry_after_seconds=seconds)
        if 300 <= status < 400:
            raise PullError(
                f"{name}: sends us elsewhere (HTTP {status}), where the token must not go. Set METRICS_PULL_URL to "
                "the address that answers."
            )
        raise PullError(f"{name}: refuses the request (HTTP {status}). Correct METRICS_PULL_URL and pull again.")

    def _server_time(self, response: httpx.Response) -> datetime:
        """By its own clock, which need not be right: a date in its reply is meant by it."""
        try:
            moment: datetime = parsedate_to_datetime(response.headers.get("date", ""))
        except (ValueError, OverflowError):
            return self._now()
        return moment.replace(tzinfo=moment.tzinfo or timezone.utc)

    async def _body(self, response: httpx.Response) -> bytes:
        parts, size = [], 0
        async for part in response.aiter_bytes(1 << 16):
            parts.append(part)
            size += len(part)
            if size > MAX_REPLY_BYTES:
                raise PullError(
                    f"{self._source.name}: a page is larger than {MAX_REPLY_BYTES >> 20} MiB. Set "
                    "METRICS_PULL_PAGE_SIZE lower and pull again."
                )
        return b"".join(parts)


def retry_after_seconds(text: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header: a number or an HTTP date; None where it says neither."""
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        seconds = (moment.replace(tzinfo=moment.tzinfo or timezone.utc) - now).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _written(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
