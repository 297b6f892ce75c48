"""How many calls one judge bears: in flight, a minute, and after it has said no.

It begins with as many in flight as are set. Where a quarter of the latest calls are pushed back, all calls wait as long
as the judge asks, and half as many go on; while latency holds, every answer lets more follow, quickly up to where it
was refused and by one a round from there, so that a limit that has passed is forgotten. A refusal now and then makes
only the refused call wait: at 5 % of them nothing slows down.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from typing import NamedTuple

MINUTE_SECONDS = 60.5
"""A minute and what a call may be on its way: the limit holds where the calls arrive."""
AHEAD = 8
"""One call in so many may make ready before its turn comes."""
RECENT_CALLS = 32
REFUSED_OF_RECENT = 8
FIRST_HOLD_SECONDS = 1.0
LONGEST_HOLD_SECONDS = 60.0
"""Where a judge does not say how long to wait."""
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 60.0
"""Before a failed call is tried again."""
SHRINK = 0.5
GROWTH = 0.5
"""Further calls in flight for each answer, away from the level at which the judge last refused."""
NEAR, PAST = 0.9, 1.5
"""Times that level: in between growth is by one for each round of calls; beyond it the limit has passed."""
SLOWER = 2.0
"""Times the best latency: beyond it more calls in flight only wait at the server."""


class Rate(NamedTuple):
    """What may be asked of one judge, at most."""

    concurrency: int
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None


class Permit:
    """Leave to send one request: when it was given, and the tokens that count for it."""

    __slots__ = ("given_at", "tokens")

    def __init__(self, given_at: float, tokens: int) -> None:
        self.given_at, self.tokens = given_at, tokens


class Room:
    """Room for so many at a time, in the order in which they come. Lives within one event loop.

    A semaphore does the same, but looks for each that leaves through all that it has woken for those before.
    """

    def __init__(self, size: int) -> None:
        self._free = size
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def __aenter__(self) -> None:
        if self._free and not self._waiting:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                await self.__aexit__()
            raise

    async def __aexit__(self, *_: object) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class Pace:
    """Lets calls to one judge through, in their order. Lives within one event loop."""

    def __init__(self, rate: Rate) -> None:
        self.allowed = float(rate.concurrency)
        """Calls in flight, at present."""
        self.in_flight = 0
        self.held_until = 0.0
        """No call begins before; in the loop's own time."""
        self.under_way = Room(rate.concurrency + max(rate.concurrency // AHEAD, 1))
        """Held by who is in flight, or makes ready to be: few, since a run that is killed cannot tell them apart."""
        self._rate, self._loop = rate, asyncio.get_running_loop()
        self._minute = _Minute(rate)
        self._waiting: deque[tuple[asyncio.Future[None], Permit]] = deque()
        self._resting: set[asyncio.Future[None]] = set()
        self._wake_up: asyncio.TimerHandle | None = None
        self._recent: deque[bool] = deque(maxlen=RECENT_CALLS)
        self._refused_level = self.allowed
        self._shrunk_at = 0.0
        self._holds = 0
        self._latency: float | None = None
        self._best_latency = 0.0
        self._is_over = False

    async def enter(self, tokens: int) -> Permit:
        """Wait until a request of so many tokens may be sent. Each permit is handed back by `leave`."""
        permit = Permit(self._loop.time(), tokens)
        if self._waiting or not self._lets_in(permit):
            turn: asyncio.Future[None] = self._loop.create_future()
            self._waiting.append((turn, permit))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self.leave()
                raise
        return permit

    def leave(self) -> None:
        """The call is over, whatever became of it."""
        self.in_flight -= 1
        self._let_in()

    async def rest(self, seconds: float) -> None:
        """Wait so long, or until nothing more is sent."""
        if self._is_over:
            return
        waking: asyncio.Future[None] = self._loop.create_future()
        timer = self._loop.call_later(seconds, _finish, waking)
        self._resting.add(waking)
        try:
            await waking
        finally:
            timer.cancel()
            self._resting.discard(waking)

    def answered(self, seconds: float) -> None:
        """A call was answered, in so many seconds."""
        self._recent.append(False)
        self._holds = 0
        latency = seconds if self._latency is None else self._latency + (seconds - self._latency) / 16
        self._latency = latency
        # The best is forgotten slowly: what was fast at night need not be so at noon.
        self._best_latency = min(self._best_latency * 1.001, latency) if self._best_latency else latency
        if self.allowed < self._rate.concurrency and latency <= SLOWER * self._best_latency:
            quick = not NEAR <= self.allowed / self._refused_level <= PAST
            grown = self.allowed + (GROWTH if quick else 1 / self.allowed)
            self.allowed = min(grown, float(self._rate.concurrency))

    def pushed_back(self, retry_after_seconds: float | None, is_refusal: bool = True) -> None:
        """A call was refused for its rate, or did not come back in time (`is_refusal` is False)."""
        self._recent.append(True)
        if sum(self._recent) < REFUSED_OF_RECENT:
            return
        now = self._loop.time()
        if now >= self._shrunk_at:
            self._refused_level = self.allowed
            self.allowed = max(self.allowed * SHRINK, 1.0)
            self._holds += 1
            # Calls that were sent before this moment say nothing about the new level.
            self._shrunk_at = now + (self._latency or 0.0)
        if is_refusal:
            own = min(FIRST_HOLD_SECONDS * 2.0 ** (self._holds - 1), LONGEST_HOLD_SECONDS)
            hold = own if retry_after_seconds is None else retry_after_seconds
            self.held_until = max(self.held_until, now + hold)
            self._shrunk_at = max(self._shrunk_at, self.held_until)

    def count(self, permit: Permit, tokens: int) -> None:
        """A request took so many tokens, and not what was counted before it was sent."""
        self._minute.correct(permit, tokens)

    def release(self) -> None:
        """Let everybody through: nothing more is sent, and whoever waits may go home."""
        self._is_over = True
        for waking in self._resting:
            _finish(waking)
        self._let_in()

    def _lets_in(self, permit: Permit) -> bool:
        now = self._loop.time()
        if not self._is_over:
            if self.in_flight >= int(self.allowed):
                return False
            wait = max(self.held_until - now, self._minute.wait_seconds(now, permit.tokens))
            if wait > 0:
                self._wake_in(wait)
                return False
        self.in_flight += 1
        permit.given_at = now
        self._minute.add(permit)
        return True

    def _let_in(self) -> None:
        while self._waiting:
            turn, permit = self._waiting[0]
            if not turn.done() and not self._lets_in(permit):
                return
            self._waiting.popleft()
            _finish(turn)

    def _wake_in(self, seconds: float) -> None:
        if self._wake_up is None or self._wake_up.cancelled() or self._wake_up.when() <= self._loop.time():
            self._wake_up = self._loop.call_later(seconds, self._let_in)


class _Minute:
    """What was sent in the last minute, exactly: never more in any minute, and no wait before that."""

    def __init__(self, rate: Rate) -> None:
        self._requests, self._tokens = rate.requests_per_minute, rate.tokens_per_minute
        self._is_limited = not (self._requests is None and self._tokens is None)
        self._sent: deque[Permit] = deque()
        self._token_sum = 0

    def add(self, permit: Permit) -> None:
        if self._is_limited:
            self._sent.append(permit)
            self._token_sum += permit.tokens

    def correct(self, permit: Permit, tokens: int) -> None:
        if self._is_limited and self._sent and permit.given_at >= self._sent[0].given_at:
            self._token_sum += tokens - permit.tokens
            permit.tokens = tokens

    def wait_seconds(self, now: float, tokens: int) -> float:
        """Until a request of so many tokens fits; 0 where it does."""
        while self._sent and self._sent[0].given_at <= now - MINUTE_SECONDS:
            self._token_sum -= self._sent.popleft().tokens
        if self._requests is not None and len(self._sent) >= self._requests:
            return self._sent[0].given_at + MINUTE_SECONDS - now
        if self._tokens is None or not self._sent:
            return 0.0
        excess = self._token_sum + tokens - self._tokens
        for permit in self._sent:
            if excess <= 0:
                break
            excess -= permit.tokens
            leaves_at = permit.given_at + MINUTE_SECONDS
        else:
            return self._sent[-1].given_at + MINUTE_SECONDS - now if excess > 0 else leaves_at - now
        return 0.0 if permit is self._sent[0] else leaves_at - now


def pause_seconds(tries: int) -> float:
    """Until the next try after so many: doubling, and spread out."""
    return min(FIRST_PAUSE_SECONDS * 2.0**tries * random.uniform(0.75, 1.25), LONGEST_PAUSE_SECONDS)


def _finish(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
