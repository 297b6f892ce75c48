"""How many calls a judge is sent at a time, in a minute, and after it has said no."""

from __future__ import annotations

import asyncio
import random

import pytest
from virtual_time import run_in_virtual_time

from metrics_pipeline.evaluation.pacing import Pace, Rate, Room

LATENCY_SECONDS = 0.3


class Provider:
    """Answers after its latency, refuses what is past its limit, and remembers when it was called."""

    def __init__(self, pace: Pace, share_refused: float = 0.0, retry_after_seconds: float | None = 1.0) -> None:
        self.pace, self.share_refused, self.retry_after_seconds = pace, share_refused, retry_after_seconds
        self.random = random.Random(5)
        self.loop = asyncio.get_running_loop()
        self.called_at: list[float] = []
        self.in_flight = self.most_in_flight = 0

    async def call(self, tokens: int = 0) -> bool:
        permit = await self.pace.enter(tokens)
        self.called_at.append(self.loop.time())
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            if self.random.random() < self.share_refused:
                await asyncio.sleep(0.002)
                self.pace.pushed_back(self.retry_after_seconds)
                return False
            await asyncio.sleep(LATENCY_SECONDS)
            self.pace.answered(LATENCY_SECONDS)
            self.pace.count(permit, tokens)
            return True
        finally:
            self.in_flight -= 1
            self.pace.leave()

    async def answer(self, count: int) -> float:
        """The seconds until so many calls were answered, each tried until it is."""
        started = self.loop.time()

        async def one() -> None:
            while not await self.call():
                await asyncio.sleep(self.retry_after_seconds or 0.5)

        await asyncio.gather(*(one() for _ in range(count)))
        return self.loop.time() - started


def provided(rate: Rate, work, **how):
    async def main():
        provider = Provider(Pace(rate), **how)
        return provider, await work(provider)

    return run_in_virtual_time(main())


def most_in_a_minute(moments: list[float]) -> int:
    return max(sum(start <= moment < start + 60 for moment in moments) for start in moments)


def test_no_more_calls_are_in_flight_than_are_set_and_no_slot_stays_empty():
    provider, seconds = provided(Rate(16), lambda provider: provider.answer(160))

    assert provider.most_in_flight == 16
    assert seconds == pytest.approx(10 * LATENCY_SECONDS)


def test_no_minute_holds_more_requests_than_are_set_and_none_waits_without_need():
    provider, seconds = provided(Rate(64, requests_per_minute=100), lambda provider: provider.answer(350))

    assert most_in_a_minute(provider.called_at) == 100
    assert seconds < 3 * 62


def test_no_minute_holds_more_tokens_than_are_set_once_they_are_counted():
    async def work(provider: Provider) -> None:
        await asyncio.gather(*(provider.call(tokens=400) for _ in range(60)))

    provider, _ = provided(Rate(64, tokens_per_minute=10_000), work)

    assert most_in_a_minute(provider.called_at) == 25


def test_what_a_request_came_to_takes_the_place_of_what_was_counted_before():
    async def work(provider: Provider) -> float:
        permit = await provider.pace.enter(9_000)
        provider.pace.count(permit, 500)
        provider.pace.leave()
        started = provider.loop.time()
        await provider.pace.enter(9_000)
        return provider.loop.time() - started

    _, waited = provided(Rate(64, tokens_per_minute=10_000), work)
    assert waited == 0


def test_a_request_larger_than_a_minute_holds_goes_out_alone():
    async def work(provider: Provider) -> None:
        await provider.call(tokens=100)
        await provider.call(tokens=50_000)
        await provider.call(tokens=100)

    provider, _ = provided(Rate(64, tokens_per_minute=10_000), work)

    first, second, third = provider.called_at
    assert second - first > 60
    assert third - second > 60


def test_a_judge_that_refuses_is_left_alone_for_as_long_as_it_asks():
    async def work(provider: Provider) -> None:
        provider.share_refused = 1.0
        await asyncio.gather(*(provider.call() for _ in range(64)))
        provider.share_refused = 0.0
        await asyncio.gather(*(provider.call() for _ in range(64)))

    provider, _ = provided(Rate(16), work, retry_after_seconds=7)

    waits = [later - earlier for earlier, later in zip(provider.called_at, provider.called_at[1:], strict=False)]
    assert max(waits) == pytest.approx(7, abs=0.1)
    refused = [moment for moment in provider.called_at if moment < provider.called_at[0] + 1]
    assert len(refused) <= 16 + 8


def test_a_refusal_now_and_then_slows_nobody_else_down():
    _, calm = provided(Rate(64), lambda provider: provider.answer(2_000))
    provider, seconds = provided(Rate(64), lambda provider: provider.answer(2_000), share_refused=0.05)

    assert seconds < 1.5 * calm
    assert provider.pace.allowed > 32


def test_after_a_burst_of_refusals_as_many_calls_are_in_flight_again_as_before():
    async def work(provider: Provider) -> tuple[float, float]:
        await provider.answer(200)
        provider.share_refused = 0.9
        task = asyncio.create_task(provider.answer(400))
        await asyncio.sleep(20)
        fewest = provider.pace.allowed
        provider.share_refused = 0.0
        await task
        await provider.answer(1_000)
        return fewest, provider.pace.allowed

    _, (fewest, last) = provided(Rate(64), work)

    assert fewest < 8
    assert last == 64


def test_while_a_server_slows_down_no_further_calls_are_added():
    async def work(provider: Provider) -> tuple[float, float]:
        pace = provider.pace
        for _ in range(50):
            pace.answered(0.1)
        for _ in range(8):
            pace.pushed_back(None, is_refusal=False)
        shrunk = pace.allowed
        for _ in range(200):
            pace.answered(0.5)
        slow = pace.allowed
        for _ in range(400):
            pace.answered(0.1)
        return slow - shrunk, pace.allowed

    _, (grown_while_slow, last) = provided(Rate(64), work)

    assert grown_while_slow < 8
    assert last > 60


def test_when_nothing_more_is_sent_nobody_waits():
    async def work(provider: Provider) -> float:
        for _ in range(32):
            provider.pace.pushed_back(1_000)
        started = provider.loop.time()
        waiting = [asyncio.create_task(provider.pace.enter(0)) for _ in range(200)]
        resting = asyncio.create_task(provider.pace.rest(500))
        await asyncio.sleep(1)
        provider.pace.release()
        await asyncio.gather(*waiting, resting)
        return provider.loop.time() - started

    _, waited = provided(Rate(4), work)
    assert waited == pytest.approx(1)


def test_a_room_lets_in_as_many_as_fit_in_their_order_and_forgets_who_goes_home():
    entered: list[int] = []

    async def stay(room: Room, number: int) -> None:
        async with room:
            entered.append(number)
            await asyncio.sleep(1)

    async def main() -> None:
        room = Room(2)
        guests = [asyncio.create_task(stay(room, number)) for number in range(6)]
        await asyncio.sleep(0.5)
        assert entered == [0, 1]
        guests[2].cancel()
        await asyncio.sleep(0.5)
        # The next two were told that there is room: one of them leaves before it hears of it.
        guests[3].cancel()
        await asyncio.gather(*guests, return_exceptions=True)
        async with room, room:
            assert entered == [0, 1, 4, 5]

    run_in_virtual_time(main())
