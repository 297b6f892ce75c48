"""What a run may still spend, in requests and in dollars: it stops before a budget is passed, not after.

A call in flight counts at the highest it can cost: a token for each byte of what is sent, and a reply as long as it may
be. So nobody sends what could go past a budget together with everything that is still under way; who does not fit waits
for calls to end, which mostly cost less, and when none is left to wait for, the budget is used up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from metrics_pipeline.errors import JudgeBusyError, JudgeRefusedError
from metrics_pipeline.evaluation.chat_completions import TIMEOUT, UNREACHABLE
from metrics_pipeline.evaluation.judge import MISSING, JudgeReply

GOES_ON = "The next run goes on where this one stopped."


POSSIBLY_PAID = (TIMEOUT, UNREACHABLE, MISSING)
"""Failures of which nobody knows whether the provider did the work."""


class Spent(NamedTuple):
    """What requests to models came to."""

    requests: int = 0
    dollars: float = 0.0


def is_priced(reply: JudgeReply | None, failure: str | None) -> bool:
    """Whether it is known what a request came to."""
    return failure not in POSSIBLY_PAID if reply is None else reply.cost_dollars is not None


def dollars_of(outcome: JudgeReply | JudgeBusyError | JudgeRefusedError, most: float) -> float:
    """What a request came to; as much as it can have, where nobody says."""
    if isinstance(outcome, JudgeReply):
        return most if outcome.cost_dollars is None else outcome.cost_dollars
    return 0.0 if is_priced(None, outcome.kind) else most


class Allowance(NamedTuple):
    """What may be spent; None: as much as it takes."""

    requests: int | None = None
    dollars: float | None = None
    requests_per_day: int | None = None
    dollars_per_day: float | None = None
    requests_by_metric: Mapping[str, int] = {}
    """Requests of one run that ask about a metric, by its key."""
    dollars_by_metric: Mapping[str, float] = {}
    """A request about several metrics is paid by all of them in equal parts."""

    def less(self, requests: int, dollars: float) -> Allowance:
        """What is left of a run's own budget; a day's is counted from the ledger."""
        return self._replace(
            requests=None if self.requests is None else max(self.requests - requests, 0),
            dollars=None if self.dollars is None else max(self.dollars - dollars, 0.0),
        )

    @property
    def is_daily(self) -> bool:
        return self.requests_per_day is not None or self.dollars_per_day is not None

    @property
    def is_in_dollars(self) -> bool:
        return self.dollars is not None or self.dollars_per_day is not None or bool(self.dollars_by_metric)


class _Purse:
    """One sum of requests and one of dollars that must not be passed."""

    def __init__(self, requests: int | None, dollars: float | None, sentence: str) -> None:
        self.requests, self.dollars, self.sentence = requests, dollars, sentence
        self.sent = self.in_flight = 0
        self.spent = self.held = 0.0

    def holds(self, dollars: float) -> bool:
        """Whether one more request, of so much at most, fits."""
        return self._has_request and (self.dollars is None or self.spent + self.held + dollars <= self.dollars)

    @property
    def may_hold_later(self) -> bool:
        return self._has_request and self.in_flight > 0

    @property
    def _has_request(self) -> bool:
        return self.requests is None or self.sent < self.requests

    def take(self, dollars: float) -> None:
        self.sent += 1
        self.in_flight += 1
        self.held += dollars

    def settle(self, held: float, dollars: float) -> None:
        self.in_flight -= 1
        # Sums of many small numbers drift: with nothing in flight nothing is held.
        self.held = self.held - held if self.in_flight else 0.0
        self.spent += dollars


class Budget:
    """What one run spends. Lives within one event loop."""

    def __init__(self, allowance: Allowance, today: Spent, on_stop: Callable[[str], None]) -> None:
        """
        Args:
            today: What was spent on this day before.
            on_stop: Called once with the reason, in a sentence, when nothing more may be sent.
        """
        self.used_up: dict[str, str] = {}
        """Metrics that are asked no further, and why, in a sentence."""
        self._on_stop, self._is_over = on_stop, False
        self._waiting: list[asyncio.Future[None]] = []
        self._on_the_way = 0
        self._waiting_for_room: list[asyncio.Future[None]] = []
        self._no_room = _no_room(allowance, today)
        self._purses = _purses(allowance, today)
        keys = allowance.requests_by_metric.keys() | allowance.dollars_by_metric.keys()
        self._by_metric = {key: _metric_purse(key, allowance) for key in keys}

    def must_wait(self, dollars: float, metrics: Sequence[str]) -> bool:
        """Whether `take` would wait for requests that are under way."""
        full = next((purse for purse, share in self._shares(dollars, metrics) if not purse.holds(share)), None)
        return not self._is_over and full is not None and full.may_hold_later

    def began(self) -> None:
        """A request that was taken is in the ledger, and on its way."""
        self._on_the_way += 1

    def ended(self) -> None:
        """The ledger knows what it came to."""
        self._on_the_way -= 1
        self._wake_for_room()

    async def wait_for_room(self) -> None:
        """The ledger has no room for a request today, with what other runs spend: wait until one of this run has come
        to less than it held, or stop where none is on its way."""
        if not self._on_the_way:
            self._on_stop(self._no_room)
            self.release()
        if not self._is_over:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting_for_room.append(turn)
            await turn

    async def take(self, dollars: float, metrics: Sequence[str]) -> bool:
        """Take what one request costs at most; False where it does not fit any more. `settle` gives the rest back."""
        shares = self._shares(dollars, metrics)
        while not self._is_over:
            full = next((purse for purse, share in shares if not purse.holds(share)), None)
            if full is None:
                for purse, share in shares:
                    purse.take(share)
                return True
            if full.may_hold_later:
                turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._waiting.append(turn)
                await turn
            elif full in self._purses:
                self._on_stop(full.sentence)
                self.release()
            else:
                self.used_up |= {key: full.sentence for key in metrics if self._by_metric.get(key) is full}
                return False
        return False

    def settle(self, held: float, dollars: float, metrics: Sequence[str]) -> None:
        """A request for which `held` was taken came to `dollars`."""
        for (purse, share), (_, paid) in zip(self._shares(held, metrics), self._shares(dollars, metrics), strict=True):
            purse.settle(share, paid)
        self._wake()

    def give_back(self, held: float, metrics: Sequence[str]) -> None:
        """A request for which `held` was taken is not sent."""
        for purse, share in self._shares(held, metrics):
            purse.settle(share, 0.0)
            purse.sent -= 1
        self._wake()

    def release(self) -> None:
        """Nothing more is sent, for whatever reason: nobody waits here any longer."""
        self._is_over = True
        self._wake()
        self._wake_for_room()

    def _shares(self, dollars: float, metrics: Sequence[str]) -> list[tuple[_Purse, float]]:
        shares = [(purse, dollars) for purse in self._purses]
        own = [(self._by_metric[key], dollars / len(metrics)) for key in metrics if key in self._by_metric]
        return shares + own

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        _finish(waiting)

    def _wake_for_room(self) -> None:
        waiting, self._waiting_for_room = self._waiting_for_room, []
        _finish(waiting)


def _finish(waiting: Sequence[asyncio.Future[None]]) -> None:
    for turn in waiting:
        if not turn.done():
            turn.set_result(None)


def _purses(allowance: Allowance, today: Spent) -> list[_Purse]:
    found = []
    for unit in ("requests", "dollars"):
        most, a_day = getattr(allowance, unit), getattr(allowance, f"{unit}_per_day")
        name = f"METRICS_BUDGET_{unit.upper()}"
        before = round(getattr(today, unit), 4)
        if most is not None:
            sentence = f"The budget of {_counted(most, unit)} is used up ({name}). {GOES_ON}"
            found.append(_purse(unit, most, sentence))
        if a_day is not None:
            said = f"The day's budget of {_counted(a_day, unit)} is used up ({name}_PER_DAY)"
            sentence = f"{said}; {_counted(before, unit)} went to runs before this one. {GOES_ON}"
            found.append(_purse(unit, a_day - getattr(today, unit), sentence))
    return found


def _no_room(allowance: Allowance, today: Spent) -> str:
    """What is said where nothing is left of the day's budget."""
    units = [unit for unit in ("requests", "dollars") if getattr(allowance, f"{unit}_per_day") is not None]
    most = " and ".join(_counted(getattr(allowance, f"{unit}_per_day"), unit) for unit in units)
    before = " and ".join(_counted(round(getattr(today, unit), 4), unit) for unit in units)
    names = ", ".join(f"METRICS_BUDGET_{unit.upper()}_PER_DAY" for unit in units)
    return f"The day's budget of {most} is used up ({names}); {before} went to runs before this one. {GOES_ON}"


def _counted(amount: float, unit: str) -> str:
    return f"{amount:,} {unit.removesuffix('s') if amount == 1 else unit}"


def _purse(unit: str, most: float, sentence: str) -> _Purse:
    return _Purse(int(most), None, sentence) if unit == "requests" else _Purse(None, most, sentence)


def _metric_purse(key: str, allowance: Allowance) -> _Purse:
    sentence = f"The budget of {key} is used up (budget_requests_by_metric, budget_dollars_by_metric). {GOES_ON}"
    return _Purse(allowance.requests_by_metric.get(key), allowance.dollars_by_metric.get(key), sentence)
