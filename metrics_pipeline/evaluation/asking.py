"""Requests go out, replies are recorded: the one owner of retries, limits, deadlines and the budget.

A judge's failures end here. Each call has a hard deadline; a failed one is tried again only where that can help; a
judge that will not answer anything closes the circuit, and what was not asked stays missing for the next run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

from msgspec.structs import replace

from metrics_pipeline import tracing
from metrics_pipeline.errors import JudgeBusyError, JudgeClosedError, JudgeRefusedError
from metrics_pipeline.evaluation.budget import GOES_ON, Budget, Spent, dollars_of, is_priced
from metrics_pipeline.evaluation.chat_completions import RATE_LIMITED, TIMEOUT
from metrics_pipeline.evaluation.circuit import Circuit
from metrics_pipeline.evaluation.figures import Counts
from metrics_pipeline.evaluation.judge import NEVER_SENT, NOT_SENT, Judge, JudgeReply, JudgeRequest, RemoteJudge
from metrics_pipeline.evaluation.ledger import ELSEWHERE, NO_ROOM, Cell, Intent, Ledger, Outcome, Recorded
from metrics_pipeline.evaluation.options import Limits
from metrics_pipeline.evaluation.pacing import Pace, Permit, pause_seconds
from metrics_pipeline.evaluation.questions import Asked, Prompter, Question
from metrics_pipeline.evaluation.recording import Recorder
from metrics_pipeline.evaluation.tally import Tally

LONGEST_WAIT_SECONDS = 600.0
"""A judge that asks for more patience than this is asked no further: the next run goes on."""
EXTRA_RETRIES_WHEN_RATE_LIMITED = 6
"""A rate limit says that the next try will do: it is given more of them."""


class Asker:
    """Puts questions to judges and records what comes back. Lives within one event loop."""

    def __init__(self, ledger: Ledger, limits: Limits, secret: bytes, now: Callable[[], datetime]) -> None:
        self.tally = Tally()
        self.stopped: str | None = None
        """Why nothing more is asked of anybody, in a sentence; None while the run goes on."""
        self.stopped_by: str | None = None
        """The same in a word: `budget`, `deadline` or `batch`."""
        self.counts = Counts()
        """What the calls came to, by metric and judge."""
        self.circuit = Circuit(limits.concurrency)
        self.elsewhere: set[Cell] = set()
        """Cells that were not asked because the ledger says that they are answered, or being asked by another run."""
        self.clients: set[str] = set()
        """Who carried the requests, by name."""
        self._limits, self._now = limits, now
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + limits.run_timeout_seconds
        self._time_is_up = self._loop.call_at(self._deadline, self._let_all_through)
        budget, midnight = limits.budget, _midnight(limits, now())
        today = Spent(*ledger.spent_since(midnight)) if budget.is_daily else Spent()
        self.budget = self._budget = Budget(limits.budget, today, lambda reason: self.stop("budget", reason))
        # Others may spend from the day's budget at the same time: only the ledger sees all of it.
        most = (budget.requests_per_day, budget.dollars_per_day)
        self.today = ledger.spending(midnight, *most) if budget.is_daily else None
        """What the day's budget leaves room for, whoever spends it."""
        self._recorder = Recorder(ledger, now, self.today)
        self._paces: dict[str, Pace] = {}
        self._judges: dict[str, Judge] = {}
        self._loading: dict[str, asyncio.Task[None]] = {}
        self.prompter = self._prompter = Prompter(secret, limits.budget.is_in_dollars)
        self.leaves: Callable[[Question], bool] = lambda question: False
        """Whether a question is left to a batch: it is not asked here."""
        self.batched = 0
        """Requests that are at a provider in batches."""
        self.notes = self._prompter.notes
        """What else a person should know, a sentence each."""

    @property
    def used_up(self) -> Mapping[str, str]:
        """Metrics whose own budget is used up, by key, and why, in a sentence."""
        return self._budget.used_up

    @property
    def in_flight(self) -> int:
        """Calls that are under way."""
        return sum(pace.in_flight for pace in self._paces.values()) + self.batched

    @property
    def reasons(self) -> str | None:
        """Why not everything was asked, in sentences; None where it was."""
        reasons = dict.fromkeys([self.stopped, *self.circuit.closed.values(), *self.used_up.values()])
        return " ".join(reason for reason in reasons if reason) or None

    async def close(self) -> None:
        """Name the judges that failed every call, and wait until everything is recorded."""
        self.circuit.end()
        self._time_is_up.cancel()
        await self._recorder.close()
        for opened in self._judges.values():
            if isinstance(opened, RemoteJudge):
                await opened.close()

    async def ask(self, question: Question) -> Recorded | None:
        """The recorded reply; None where nothing was recorded and the cells stay open."""
        if self.leaves(question):
            return None
        asked, pace, tries = self._prompter.prepare(question), self._pace(question.judge), 0
        # What carries the requests is loaded in a thread: it takes seconds, which are no call's.
        if (loading := self._loading.get(question.judge.name)) is not None:
            await asyncio.shield(loading)
        while self._may_send(question.judge.name) and await self._budget.take(asked.most_dollars, asked.keys):
            async with pace.under_way:
                # Before its turn comes: a commit takes milliseconds, in which nobody else could be in flight.
                intent = Intent(question.cells, tries, question.redaction, question.conversation, asked.most_dollars)
                request_id = await self._recorder.record(intent)
                if request_id > 0:
                    recorded, pause = await self._in_turn(asked, request_id, tries, pace)
            if request_id in (ELSEWHERE, NO_ROOM):
                self._budget.give_back(asked.most_dollars, asked.keys)
                if request_id == NO_ROOM:
                    await self._budget.wait_for_room()
                    continue
                self.elsewhere.update(question.cells)
                return None
            if pause is None:
                return recorded
            tries += 1
            await pace.rest(min(pause, self.seconds_left))
        # Who waited for a budget may have waited until the run's time was over: that is then said.
        self._may_send(question.judge.name)
        return None

    async def refuse(self, question: Question) -> Recorded | None:
        """Record that the conversation is too long for the judge: nothing is sent."""
        intent = Intent(question.cells, 0, question.redaction, question.conversation)
        request_id = await self._recorder.record(intent)
        if request_id == ELSEWHERE:
            self.elsewhere.update(question.cells)
            return None
        return await self._settle(question, request_id, JudgeReply(text="", finish="too_long"), None)

    async def _in_turn(
        self, asked: Asked, request_id: int, tries: int, pace: Pace
    ) -> tuple[Recorded | None, float | None]:
        """As `_try`, when its turn comes."""
        self._budget.began()
        permit = await pace.enter(self._prompter.tokens(asked))
        try:
            return await self._try(asked, request_id, tries, pace, permit)
        finally:
            # Not before the reply is recorded: of a run that is killed, no more is lost than may be in flight.
            pace.leave()
            self._budget.ended()

    async def _try(
        self, asked: Asked, request_id: int, tries: int, pace: Pace, permit: Permit
    ) -> tuple[Recorded | None, float | None]:
        """Send a request once: what was recorded, and in how many seconds it is worth another try, if it is."""
        question, judge = asked.question, asked.question.judge.name
        if not self._may_send(judge):
            self._budget.give_back(asked.most_dollars, asked.keys)
            return await self._settle(question, request_id, None, NOT_SENT), None
        self.tally.requests += 1
        sent_at = self._loop.time()
        outcome = await self._traced_call(question.judge, asked, tries)
        self.counts.count(question.cells, tries, outcome)
        if not isinstance(outcome, JudgeReply) and outcome.kind in NEVER_SENT:
            self.tally.requests -= 1
            self.tally.never_sent += 1
            self._budget.give_back(asked.most_dollars, asked.keys)
        else:
            self.tally.retries += tries > 0
            self._budget.settle(asked.most_dollars, dollars_of(outcome, asked.most_dollars), asked.keys)
        if isinstance(outcome, JudgeReply):
            self.circuit.note_reply(judge)
            self.tally.add(outcome)
            pace.answered(self._loop.time() - sent_at)
            if (tokens := self._prompter.learn(asked, outcome)) is not None:
                pace.count(permit, tokens)
            told = replace(outcome, left_out=question.left_out)
            return await self._settle(question, request_id, told, None), None
        if isinstance(outcome, JudgeClosedError):
            self._close(judge, str(outcome))
            return await self._settle(question, request_id, None, outcome.kind), None
        self._count_failure(judge, outcome.kind, str(outcome))
        if isinstance(outcome, JudgeRefusedError):
            return await self._settle(question, request_id, None, outcome.kind, gives_up=True), None
        return await self._busy(asked, request_id, outcome, tries, pace)

    async def _busy(
        self, asked: Asked, request_id: int, error: JudgeBusyError, tries: int, pace: Pace
    ) -> tuple[Recorded | None, float | None]:
        question, judge = asked.question, asked.question.judge.name
        wait = error.retry_after_seconds
        if error.kind in (RATE_LIMITED, TIMEOUT) or wait is not None:
            pace.pushed_back(wait, is_refusal=error.kind != TIMEOUT)
        if wait is not None and wait > LONGEST_WAIT_SECONDS:
            self._close(judge, f"The model {judge} asks to wait {wait / 60:,.0f} minutes (Retry-After). {GOES_ON}")
        is_last = tries >= self._limits.retries + (EXTRA_RETRIES_WHEN_RATE_LIMITED if error.kind == RATE_LIMITED else 0)
        # Of a judge that is gone, or was never reached, the cells stay missing: they are no errors of its answers.
        goes_on = self._may_send(judge)
        gives_up = is_last and goes_on and error.kind not in NEVER_SENT
        recorded = await self._settle(question, request_id, None, error.kind, gives_up)
        return recorded, None if is_last or not goes_on else max(pause_seconds(tries), wait or 0.0)

    async def _traced_call(
        self, judge: Judge, asked: Asked, tries: int
    ) -> JudgeReply | JudgeBusyError | JudgeRefusedError:
        if judge.kind != "model":
            return await self._call(judge, asked.request)
        with tracing.call_span(judge.name, asked.keys, tries) as span:
            outcome = await self._call(judge, asked.request)
            if isinstance(outcome, JudgeReply):
                tokens = outcome.prompt_tokens, outcome.reply_tokens
                tracing.note_reply(span, outcome.model_served, outcome.finish, *tokens)
            else:
                tracing.note_failure(span, outcome.kind)
        return outcome

    async def _call(self, judge: Judge, request: JudgeRequest) -> JudgeReply | JudgeBusyError | JudgeRefusedError:
        timeout = min(self._limits.call_timeout_seconds, max(self.seconds_left, 0.001))
        try:
            async with asyncio.timeout(timeout):
                return await judge.ask(request)
        except TimeoutError:
            return JudgeBusyError(f"no complete reply within {timeout:.0f} s", kind=TIMEOUT)
        except (JudgeBusyError, JudgeRefusedError) as error:
            return error

    def _pace(self, judge: Judge) -> Pace:
        if judge.name not in self._paces:
            self._judges[judge.name] = judge
            self._paces[judge.name] = Pace(self._limits.rate)
            if isinstance(judge, RemoteJudge):
                self.clients.add(judge.client)
                self._loading[judge.name] = self._loop.create_task(asyncio.to_thread(judge.load))
        return self._paces[judge.name]

    @property
    def seconds_left(self) -> float:
        """Until the run's time is over."""
        return self._deadline - self._loop.time()

    def _may_send(self, judge: str) -> bool:
        """Whether there is time, and the judge still answers. What has its budget is sent, whoever comes after it."""
        if self.seconds_left > 0:
            return judge not in self.circuit.closed
        self.stop(
            "deadline",
            f"The run's time of {self._limits.run_timeout_seconds:.0f} s is over (METRICS_RUN_TIMEOUT_SECONDS). "
            f"{GOES_ON}",
        )
        return False

    def stop(self, by: str, reason: str) -> None:
        """Say why not everything is asked, in a word and in a sentence; the first one counts."""
        if self.stopped is None:
            self.stopped, self.stopped_by = reason, by

    def _close(self, judge: str, reason: str) -> None:
        self.circuit.close(judge, reason)
        self._paces[judge].release()

    def _let_all_through(self) -> None:
        """Nobody waits any longer for a turn, a minute or a budget: nothing more is sent."""
        self._budget.release()
        for pace in self._paces.values():
            pace.release()

    def _count_failure(self, judge: str, kind: str, message: str) -> None:
        self.tally.failures[kind] += 1
        self.circuit.note_failure(judge, kind, message)
        if judge in self.circuit.closed:
            self._paces[judge].release()

    async def _settle(
        self, question: Question, request_id: int, reply: JudgeReply | None, failure: str | None, gives_up: bool = False
    ) -> Recorded | None:
        moment = self._now()
        outcome = Outcome(request_id, question.cells, reply, failure, gives_up, is_priced(reply, failure))
        reply_id = await self._recorder.record(outcome)
        return Recorded(reply_id, moment, reply, failure) if reply_id else None


def _midnight(limits: Limits, now: datetime) -> datetime:
    return now.astimezone(limits.zone).replace(hour=0, minute=0, second=0, microsecond=0)
