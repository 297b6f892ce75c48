"""A run asks in batches: what is open goes to the provider, what has come back is recorded, until the time is over.

Rounds: all that is open is sent; when every batch has ended, what they left open (a reply that does not hold, a request
that was not answered) goes in the next. A batch that outlives the run is taken up by the next one, in whichever mode.
One run of a folder at a time is at the batches; others leave them to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from metrics_pipeline.conversations.erased import Erased
from metrics_pipeline.errors import JudgeBusyError, JudgeClosedError, JudgeError
from metrics_pipeline.evaluation.asking import Asker
from metrics_pipeline.evaluation.batch_api import BatchApi
from metrics_pipeline.evaluation.batch_course import Course
from metrics_pipeline.evaluation.batch_lines import LINE_BYTES
from metrics_pipeline.evaluation.bookkeeping.batches import Batch, BatchedIntent
from metrics_pipeline.evaluation.budget import GOES_ON
from metrics_pipeline.evaluation.forecast import RequestPlan
from metrics_pipeline.evaluation.judge import BatchedJudge, Judge
from metrics_pipeline.evaluation.ledger import Intent
from metrics_pipeline.evaluation.open_cells import OpenCells, PlannedRequest
from metrics_pipeline.evaluation.options import Batching
from metrics_pipeline.evaluation.prices import known_batch_price, known_price
from metrics_pipeline.evaluation.questions import Question, question_about
from metrics_pipeline.evaluation.window import shown_to
from metrics_pipeline.files import lock_if_free
from metrics_pipeline.wording import counted

ONLY_LOOKS = Batching(0, 0, 0.0)
"""Of a run that asks directly: it takes up what is at a provider, and sends nothing there."""
CLIENT = "litellm in batches"
LONGEST_POLL_SECONDS = 300.0
POLLS_GROW = 1.5
HOPELESS_LOOKS = 10
"""Looks in a row that a provider did not answer, after which it is asked no further in this run."""

Plan = Callable[[], Iterator[RequestPlan]]


class AtProvider(NamedTuple):
    """What a run leaves at providers."""

    batches: int = 0
    requests: int = 0


class _Draft:
    """Requests to one judge, of which a batch is going to be made."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.intents: list[BatchedIntent] = []
        self.bodies: list[bytes] = []
        self.size = 0

    def holds(self, body: bytes, batching: Batching) -> bool:
        """Whether one more fits."""
        size = self.size + len(body) + LINE_BYTES
        return not self.bodies or (len(self.bodies) < batching.most_requests and size <= batching.most_bytes)

    def add(self, intent: BatchedIntent, body: bytes) -> None:
        self.intents.append(intent)
        self.bodies.append(body)
        self.size += len(body) + LINE_BYTES


class Batcher:
    """One run's batches. Lives within one event loop."""

    def __init__(self, cells: OpenCells, asker: Asker, plan: Plan, on_look: Callable[[], None]) -> None:
        """
        Args:
            plan: What is open, in parts; once for each round.
            on_look: Called whenever a provider was asked how far it has come.
        """
        options = cells.options
        self._cells, self._asker, self._plan, self._on_look = cells, asker, plan, on_look
        self._book, self._limits = cells.ledger.batches, options.limits
        self._batching = options.batching or ONLY_LOOKS
        self._sends = options.batching is not None
        self._course = Course(cells.ledger, asker, options, self._batching)
        self._prompter = asker.prompter.priced(_highest_price)
        self._erased = Erased(cells.folder)
        self._failed_in_a_row = 0
        self._asked_to_wait = 0.0
        self._is_full = False

    async def settle(self) -> AtProvider:
        """Take up what is at providers, send what is open, and wait for it as long as there is time."""
        if self._sends:
            self._asker.leaves = self._is_left
        elif not self._book.open():
            return AtProvider()
        self._asker.clients.add(CLIENT)
        with lock_if_free(self._cells.folder.batches_lock) as is_free:
            if is_free:
                await self._look()
                while self._sends and (await self._send_open() or self._waited_for()):
                    if not await self._wait():
                        break
        return self._said(is_free)

    def _is_left(self, question: Question) -> bool:
        """Whether a question goes in a batch."""
        corrects = bool(question.problems) and self._batching.corrects_directly
        return isinstance(question.judge, BatchedJudge) and question.request is None and not corrects

    async def _send_open(self) -> int:
        """Make batches of what is open; returns how many came to be at their provider, or may have."""
        drafts: dict[str, _Draft] = {}
        made = 0
        self._is_full = self._course.has_no_room = False
        plan = self._plan()
        while (part := await asyncio.to_thread(next, plan, None)) is not None:
            cells = {ask.cell for request in part.requests for ask in request.asks}
            asked = await asyncio.to_thread(self._cells.ledger.in_flight_elsewhere, cells)
            for request in part.requests:
                if asked.isdisjoint({ask.cell for ask in request.asks}):
                    made += await self._take(request, drafts)
                if self._is_full or self._course.has_no_room or self._asker.stopped_by is not None:
                    break
            else:
                continue
            break
        for draft in drafts.values():
            made += await self._send(draft)
        if self._course.has_no_room and not made and not self._waited_for():
            await self._asker.budget.wait_for_room()
        return made

    async def _take(self, request: PlannedRequest, drafts: dict[str, _Draft]) -> int:
        """Put a request into a batch, and send the one that is full by it."""
        question = self._question(request)
        judge = request.judge
        if question is None or not self._is_left(question) or judge.name in self._asker.circuit.closed:
            return 0
        if not self._course.may_ask(question.cells) or not isinstance(judge, BatchedJudge):
            return 0
        asked = self._prompter.prepare(question)
        # What is at the provider may yet come to less than it can cost: the next round goes on.
        self._is_full = self._asker.budget.must_wait(asked.most_dollars, asked.keys)
        if self._is_full or not await self._asker.budget.take(asked.most_dollars, asked.keys):
            return 0
        tries = self._course.tries.get(question.cells, 0)
        intent = Intent(question.cells, tries, question.redaction, question.conversation, asked.most_dollars)
        body = msgspec.json.encode(judge.batch_api().body(asked.request))
        fingerprint, made = question.cells[0].judge_fingerprint, 0
        if fingerprint in drafts and not drafts[fingerprint].holds(body, self._batching):
            made = await self._send(drafts.pop(fingerprint))
        draft = drafts.setdefault(fingerprint, _Draft(request.judge))
        draft.add(BatchedIntent(intent, question.left_out), body)
        return made

    def _question(self, request: PlannedRequest) -> Question | None:
        """What a planned request asks, without the metrics whose own budget is used up."""
        kept = [
            (metric, ask)
            for metric, ask in zip(request.metrics, request.asks, strict=True)
            if metric.key not in self._asker.used_up
        ]
        if not kept:
            return None
        metrics, asks = zip(*kept, strict=True)
        mark = self._erased.mark(request.subject.conversation.conversation_id)
        question = question_about(request.subject, metrics, asks, request.judge, mark)
        shown = shown_to(request.judge, question.turns, metrics, question.problems)
        return None if shown is None else question._replace(turns=shown.turns, left_out=shown.left_out)

    async def _send(self, draft: _Draft) -> int:
        return int(await self._course.send(draft.judge, draft.intents, draft.bodies))

    async def _wait(self) -> bool:
        """Until no batch is waited for; False where the time for that is over."""
        pause = self._batching.poll_seconds
        # What is asked directly afterwards, and what is in no batch at all, still has its time.
        kept = min(self._limits.call_timeout_seconds, self._limits.run_timeout_seconds / 10)
        while self._waited_for():
            left = self._asker.seconds_left - kept
            if left <= 0:
                return False
            await asyncio.sleep(min(max(pause, self._asked_to_wait), left))
            has_ended = await self._look()
            pause = self._batching.poll_seconds if has_ended else min(pause * POLLS_GROW, LONGEST_POLL_SECONDS)
        return True

    def _waited_for(self) -> list[Batch]:
        return [batch for batch in self._book.open() if self._api(batch) is not None]

    async def _look(self) -> bool:
        """Take each batch as far as it goes; whether one has ended."""
        has_ended, self._asked_to_wait = False, 0.0
        for batch in self._book.open():
            api = self._api(batch)
            if api is None:
                continue
            try:
                has_ended |= await self._course.advance(batch, api)
                self._failed_in_a_row = 0
            except JudgeClosedError as error:
                self._asker.circuit.close(api.model, str(error))
            except JudgeError as error:
                self._failed(api, error)
        self._asker.batched = self._book.waiting_count()
        self._on_look()
        return has_ended

    def _failed(self, api: BatchApi, error: JudgeError) -> None:
        if isinstance(error, JudgeBusyError):
            self._asked_to_wait = max(self._asked_to_wait, error.retry_after_seconds or 0.0)
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= HOPELESS_LOOKS:
            self._asker.circuit.close(
                api.model,
                f"The batches of the model {api.model} could not be looked at, {HOPELESS_LOOKS} times in a row, the "
                f"last time: {error}. What is there stays there; run again later.",
            )

    def _api(self, batch: Batch) -> BatchApi | None:
        """The way to a batch's provider; None where there is none any more, or it does not answer, or not for this."""
        record = self._cells.records.get(batch.judge_fingerprint)
        if record is None or batch.batch_id in self._course.unknown:
            return None
        judge: object = self._cells.revive(record)
        if not isinstance(judge, BatchedJudge) or judge.name in self._asker.circuit.closed:
            return None
        return judge.batch_api()

    def _said(self, is_free: bool) -> AtProvider:
        """Say what was odd, and what is left."""
        found = AtProvider(len(self._book.open()), self._book.waiting_count())
        self._asker.batched = found.requests
        self._cells.notes += [f"Batches: {what} ({count:,})." for what, count in self._course.findings.items()]
        if not is_free:
            sentence = f"Another run is at the batches at this moment, and this one leaves them to it. {GOES_ON}"
        elif found.batches:
            requests, batches = counted(found.requests, "request"), counted(found.batches, "batch", "batches")
            sentence = (
                f"At the provider, and not asked again: {requests} in {batches}. The next run fetches the replies."
            )
        else:
            return found
        if self._sends and self._asker.stopped is None:
            self._asker.stop("batch", sentence)
        else:
            self._cells.notes.append(sentence)
        return found


def _highest_price(model: str, prompt_tokens: int, reply_tokens: int) -> tuple[float, float] | None:
    """Where the price in a batch is not known, what is held back is that of a direct call: it is not known as half."""
    return known_batch_price(model, prompt_tokens, reply_tokens) or known_price(model, prompt_tokens, reply_tokens)
