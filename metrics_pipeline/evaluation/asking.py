"""Requests go out, replies are recorded: the one owner of retries, limits, deadlines and the budget.

A judge's failures end here. Each call has a hard deadline; a failed one is tried again only where that can help; a
judge that will not answer anything closes the circuit, and what was not asked stays missing for the next run.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from msgspec.structs import replace

from metrics_pipeline.conversations.record import Turn
from metrics_pipeline.errors import JudgeBusyError, JudgeClosedError, JudgeRefusedError
from metrics_pipeline.evaluation import prompt
from metrics_pipeline.evaluation.judge import NEVER_SENT, Judge, JudgeReply, JudgeRequest
from metrics_pipeline.evaluation.ledger import Cell, Intent, Ledger, Outcome, Recorded
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.wording import counted

GROUP_COMMIT_SECONDS = 0.01
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 60.0
RATE_LIMITED = "rate_limited"
TIMEOUT = "timeout"
EXTRA_RETRIES_WHEN_RATE_LIMITED = 6
"""A rate limit says that the next try will do: it is given more of them."""
HOPELESS_CALLS = 20
"""Failures in a row, with no success before, after which a server counts as gone."""


class Limits(NamedTuple):
    """What a run may do, at most."""

    concurrency: int
    call_timeout_seconds: float
    run_timeout_seconds: float
    retries: int
    budget_requests: int | None = None

    def less(self, requests: int) -> Limits:
        """What may still be done when so many requests have been sent."""
        if self.budget_requests is None:
            return self
        return self._replace(budget_requests=max(self.budget_requests - requests, 0))


class Question(NamedTuple):
    """Metrics asked about one conversation in one request."""

    turns: tuple[Turn, ...]
    metrics: tuple[MetricDefinition, ...]
    cells: tuple[Cell, ...]
    """One for each metric, in the same order."""
    judge: Judge
    problems: Mapping[str, str]
    """What was wrong with the first reply, by metric key; empty for a first question."""
    request: JudgeRequest | None = None
    """What is sent in place of a question about a conversation."""
    redaction: str = ""
    """The version of the rules under which the conversation was redacted."""
    left_out: tuple[int, int] | None = None
    """The first and the last turn that `turns` leaves out; None where they are the whole conversation."""


class Tally:
    """What a run has sent and received so far."""

    def __init__(self) -> None:
        self.requests = 0
        """Those that reached a provider, or are on their way."""
        self.never_sent = 0
        """Tries that reached nobody: no connection, no provider of that name, no key."""
        self.replies = 0
        self.failures: Counter[str] = Counter()
        self.prompt_tokens = 0
        self.reply_tokens = 0
        self.cost_dollars: float | None = None

    def include(self, other: Tally) -> None:
        """Count what another run sent as well."""
        self.requests += other.requests
        self.never_sent += other.never_sent
        self.replies += other.replies
        self.failures.update(other.failures)
        self.prompt_tokens += other.prompt_tokens
        self.reply_tokens += other.reply_tokens
        if other.cost_dollars is not None:
            self.cost_dollars = (self.cost_dollars or 0.0) + other.cost_dollars

    def add(self, reply: JudgeReply) -> None:
        self.replies += 1
        self.prompt_tokens += reply.prompt_tokens or 0
        self.reply_tokens += reply.reply_tokens or 0
        if reply.cost_dollars is not None:
            self.cost_dollars = (self.cost_dollars or 0.0) + reply.cost_dollars


class Asker:
    """Puts questions to judges and records what comes back. Lives within one event loop."""

    def __init__(self, ledger: Ledger, limits: Limits, secret: bytes, now: Callable[[], datetime]) -> None:
        self.tally = Tally()
        self.stopped: str | None = None
        """Why nothing more is asked of anybody, in a sentence; None while the run goes on."""
        self.closed: dict[str, str] = {}
        """Judges of whom nothing more is asked, by name, and why."""
        self.answered: set[str] = set()
        """Judges that gave at least one reply, by name."""
        self._ledger, self._limits, self._secret, self._now = ledger, limits, secret, now
        self._slots = asyncio.Semaphore(limits.concurrency)
        self._deadline = asyncio.get_running_loop().time() + limits.run_timeout_seconds
        self._failed_in_a_row: Counter[str] = Counter()
        self._last_failure: dict[str, str] = {}
        self._only_unsent: dict[str, bool] = {}
        self._entries: asyncio.Queue[tuple[Intent | Outcome, asyncio.Future[int]]] = asyncio.Queue()
        self._writer = asyncio.create_task(self._write())

    async def close(self) -> None:
        """Name the judges that failed every call, and wait until everything is recorded."""
        for judge in self._failed_in_a_row.keys() - self.answered:
            self._give_up(judge)
        self._writer.cancel()
        await asyncio.gather(self._writer, return_exceptions=True)

    async def ask(self, question: Question) -> Recorded | None:
        """The recorded reply; None where nothing was recorded and the cells stay open."""
        judge, tries = question.judge.name, 0
        while True:
            async with self._slots:
                if not self._may_send(judge):
                    return None
                self.tally.requests += 1
                request_id = await self._record(Intent(question.cells, tries, question.redaction))
                try:
                    reply = await self._call(question)
                except JudgeClosedError as error:
                    self._count_unsent(error.kind)
                    self.closed.setdefault(judge, str(error))
                    return await self._settle(question, request_id, None, error.kind)
                except JudgeRefusedError as error:
                    self._count_failure(judge, error.kind, str(error))
                    return await self._settle(question, request_id, None, error.kind, gives_up=True)
                except JudgeBusyError as error:
                    self._count_failure(judge, error.kind, str(error))
                    extra = EXTRA_RETRIES_WHEN_RATE_LIMITED if error.kind == RATE_LIMITED else 0
                    is_last = tries >= self._limits.retries + extra
                    # Of a judge that is gone, or was never reached, the cells stay missing: no errors of its answers.
                    goes_on = self.stopped is None and judge not in self.closed
                    gives_up = is_last and goes_on and error.kind not in NEVER_SENT
                    recorded = await self._settle(question, request_id, None, error.kind, gives_up)
                    if is_last or not goes_on:
                        return recorded
                    pause = self._pause(tries, error.retry_after_seconds)
                else:
                    self._failed_in_a_row[judge] = 0
                    self.answered.add(judge)
                    self.tally.add(reply)
                    reply = replace(reply, left_out=question.left_out)
                    return await self._settle(question, request_id, reply, None)
            tries += 1
            await asyncio.sleep(pause)

    async def refuse(self, question: Question) -> Recorded | None:
        """Record that the conversation is too long for the judge: nothing is sent."""
        request_id = await self._record(Intent(question.cells, 0, question.redaction))
        return await self._settle(question, request_id, JudgeReply(text="", finish="too_long"), None)

    async def _call(self, question: Question) -> JudgeReply:
        loop = asyncio.get_running_loop()
        timeout = min(self._limits.call_timeout_seconds, max(self._deadline - loop.time(), 0.001))
        try:
            return await asyncio.wait_for(question.judge.ask(self._request(question)), timeout)
        except TimeoutError:
            raise JudgeBusyError(f"no complete reply within {timeout:.0f} s", kind=TIMEOUT) from None

    def _request(self, question: Question) -> JudgeRequest:
        if question.request is not None:
            return question.request
        messages: tuple[Mapping[str, str], ...] = ()
        schema: Mapping[str, object] = {}
        if question.judge.reads_prompt:
            messages = prompt.render(question.turns, question.metrics, question.cells[0].judged_hash, self._secret)
            messages = prompt.with_left_out(messages, question.left_out)
            if question.problems:
                messages = (*messages, prompt.correction(question.problems))
            schema = prompt.reply_schema(question.metrics)
        tokens = prompt.max_reply_tokens(question.metrics)
        return JudgeRequest(question.turns, question.metrics, messages, schema, tokens)

    def _may_send(self, judge: str) -> bool:
        if self.stopped is None and asyncio.get_running_loop().time() >= self._deadline:
            self.stopped = (
                f"The run's time of {self._limits.run_timeout_seconds:.0f} s is over (METRICS_RUN_TIMEOUT_SECONDS). "
                "The next run goes on where this one stopped."
            )
        budget = self._limits.budget_requests
        if self.stopped is None and budget is not None and self.tally.requests >= budget:
            self.stopped = (
                f"The budget of {counted(budget, 'request')} is used up (METRICS_BUDGET_REQUESTS). "
                "The next run goes on where this one stopped."
            )
        return self.stopped is None and judge not in self.closed

    def _count_unsent(self, kind: str) -> None:
        if kind in NEVER_SENT:
            self.tally.requests -= 1
            self.tally.never_sent += 1

    def _count_failure(self, judge: str, kind: str, message: str) -> None:
        self._count_unsent(kind)
        self.tally.failures[kind] += 1
        self._only_unsent[judge] = self._only_unsent.get(judge, True) and kind in NEVER_SENT
        if kind == RATE_LIMITED:
            return
        self._failed_in_a_row[judge] += 1
        self._last_failure[judge] = message
        patience = HOPELESS_CALLS if judge not in self.answered else HOPELESS_CALLS + 2 * self._limits.concurrency
        if self._failed_in_a_row[judge] >= patience:
            self._give_up(judge)

    def _give_up(self, judge: str) -> None:
        tries, last = self._failed_in_a_row[judge], self._last_failure[judge]
        if judge not in self.answered and self._only_unsent[judge]:
            why = (
                f"Nothing answered for the model {judge}: {counted(tries, 'try', 'tries')}, {last}, and no request was "
                "sent. Start its server or set METRICS_API_BASE to where it is, and run again."
            )
        else:
            why = (
                f"The model {judge} failed {counted(tries, 'call')} in a row, the last with: {last}. Check "
                "METRICS_MODEL and METRICS_API_BASE, and that the server is up; then run again."
            )
        self.closed.setdefault(judge, why)

    def _pause(self, tries: int, retry_after_seconds: float | None) -> float:
        """Seconds until the next try: doubling, spread out, and never less than the server asks for."""
        pause = FIRST_PAUSE_SECONDS * float(2**tries) * random.uniform(0.75, 1.25)
        return min(max(pause, retry_after_seconds or 0.0), LONGEST_PAUSE_SECONDS)

    async def _settle(
        self, question: Question, request_id: int, reply: JudgeReply | None, failure: str | None, gives_up: bool = False
    ) -> Recorded | None:
        moment = self._now()
        reply_id = await self._record(Outcome(request_id, question.cells, reply, failure, gives_up))
        return Recorded(reply_id, moment, reply, failure) if reply_id else None

    async def _record(self, entry: Intent | Outcome) -> int:
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._entries.put_nowait((entry, done))
        return await done

    async def _write(self) -> None:
        while True:
            batch = [await self._entries.get()]
            await asyncio.sleep(GROUP_COMMIT_SECONDS if self._slots.locked() else 0)
            while not self._entries.empty():
                batch.append(self._entries.get_nowait())
            try:
                ids = await asyncio.to_thread(self._ledger.apply, [entry for entry, _ in batch], self._now())
            except Exception as error:
                for _, done in batch:
                    if not done.done():
                        done.set_exception(error)
                continue
            for (_, done), number in zip(batch, ids, strict=True):
                if not done.done():
                    done.set_result(number)
