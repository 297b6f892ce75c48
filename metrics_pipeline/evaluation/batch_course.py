"""The course of one batch: its intent, its upload, its creation, its results, and what is lost on the way.

Whatever may have been created is looked for before it is created again, by the mark that the provider lists it with.
Whatever a batch's results do not say is recorded as well: as not paid where the provider did nothing, else as what may
have been paid.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from io import BytesIO
from uuid import uuid4

from msgspec.structs import replace

from metrics_pipeline.errors import JudgeBusyError, JudgeClosedError, JudgeError, JudgeRefusedError
from metrics_pipeline.evaluation.asking import Asker
from metrics_pipeline.evaluation.batch_api import BatchApi, ProviderBatch, is_refusal
from metrics_pipeline.evaluation.batch_lines import file_hash, line, read_results
from metrics_pipeline.evaluation.bookkeeping.batches import Batch, BatchedIntent, BatchedRequest
from metrics_pipeline.evaluation.budget import dollars_of, is_priced
from metrics_pipeline.evaluation.judge import (
    FAILED,
    MISSING,
    NEVER_SENT,
    NOT_CREATED,
    BatchedJudge,
    Judge,
    JudgeReply,
)
from metrics_pipeline.evaluation.ledger import ELSEWHERE, NO_ROOM, Cell, Ledger, Outcome
from metrics_pipeline.evaluation.options import Batching, Options
from metrics_pipeline.wording import counted

RECORDED_AT_ONCE = 500
LOST_AFTER = timedelta(hours=48)
"""A batch that its provider does not know any more is waited for as long: it may be another account that asks."""


class Course:
    """Takes the batches of one ledger as far as they go. Lives within one event loop."""

    def __init__(self, ledger: Ledger, asker: Asker, options: Options, batching: Batching) -> None:
        self._ledger, self._book, self._asker = ledger, ledger.batches, asker
        self._now, self._retries, self._batching = options.now, options.limits.retries, batching
        self.tries: dict[tuple[Cell, ...], int] = {}
        """How often a question came back without a reply."""
        self.findings: Counter[str] = Counter()
        """What was odd about the results, by what is said of it."""
        self.unknown: set[int] = set()
        """Batches that their provider does not know: in this run they are not waited for."""
        self.has_no_room = False
        """Whether the day's budget held no more of what was to be sent last."""
        self._held: dict[int, float] = {}
        self._again: set[int] = set()

    def may_ask(self, cells: tuple[Cell, ...]) -> bool:
        """Whether another try is worth it in this run."""
        return self.tries.get(cells, 0) <= self._retries

    async def send(self, judge: Judge, intents: Sequence[BatchedIntent], bodies: list[bytes]) -> bool:
        """Commit a batch, upload it and have it created; whether it is at its provider, or may be. Empties `bodies`."""
        assert isinstance(judge, BatchedJudge)
        mark, fingerprint = uuid4().hex, intents[0].intent.cells[0].judge_fingerprint
        batch_id, ids = await asyncio.to_thread(
            self._book.prepare, mark, fingerprint, intents, self._now(), self._asker.today
        )
        written = BytesIO()
        # A file of many megabytes: what is in it is let go of, and not held twice.
        for number, one, body in zip(ids, intents, _drained(bodies), strict=True):
            most_dollars, cells = one.intent.most_dollars, one.intent.cells
            if number in (ELSEWHERE, NO_ROOM):
                self._asker.budget.give_back(most_dollars, _keys(cells))
                self.has_no_room |= number == NO_ROOM
                self._asker.elsewhere.update(cells if number == ELSEWHERE else ())
            else:
                self._held[number] = most_dollars
                written.write(line(mark, number, body))
        if not batch_id:
            return False
        content = written.getvalue()
        await asyncio.to_thread(self._book.note_file, batch_id, file_hash(content))
        api = judge.batch_api()
        try:
            file_id = await self._upload(api, mark, content)
        except JudgeError as error:
            await self._abandon(self._known(batch_id), NOT_CREATED)
            self._explain(judge, error)
            return False
        self._book.note_upload(batch_id, file_id)
        self._asker.tally.retries += sum(one.intent.attempt > 0 for one in intents)
        try:
            await self._create(self._known(batch_id), api)
        except JudgeClosedError as error:
            self._explain(judge, error)
            return False
        except JudgeError:
            # The next look says whether it is there.
            return True
        return any(batch.batch_id == batch_id for batch in self._book.open())

    async def advance(self, batch: Batch, api: BatchApi) -> bool:
        """Take a batch as far as it goes now; whether it has ended.

        Raises:
            JudgeError: The provider did not answer.
        """
        if batch.file_id is None:
            # Whoever made it was killed before it could be created: what it held is not here any more.
            await self._abandon(batch, NOT_CREATED)
            return True
        if batch.provider_id is None:
            await self._adopt_or_create(batch, api)
            return batch.batch_id not in {one.batch_id for one in self._book.open()}
        try:
            found = await api.retrieve(batch.provider_id)
            if not found.has_ended:
                return False
            files = [await api.content(file_id) for file_id in found.file_ids]
        except JudgeClosedError as error:
            if error.kind != "http_404":
                raise
            if batch.creating_at is not None and self._now() - batch.creating_at < LOST_AFTER:
                self._count("batches that their provider does not know; the next run looks again", 1)
                self.unknown.add(batch.batch_id)
                return False
            self._count("batches that their provider does not know any more", 1)
            await self._abandon(batch, MISSING)
            return True
        await self._collect(batch, api, found, files)
        return True

    async def _upload(self, api: BatchApi, mark: str, content: bytes) -> str:
        for tries in range(self._retries + 1):
            try:
                return await api.upload(f"metrics-{mark}", content)
            except JudgeRefusedError:
                raise
            except JudgeBusyError as error:
                self._asker.tally.failures[error.kind] += 1
                if tries == self._retries or self._asker.seconds_left <= 0:
                    raise
                await asyncio.sleep(max(self._batching.poll_seconds * 2**tries, error.retry_after_seconds or 0.0))
        raise AssertionError("unreachable")

    async def _create(self, batch: Batch, api: BatchApi) -> None:
        assert batch.file_id is not None
        self._book.note_creating(batch.batch_id, self._now())
        try:
            found = await api.create(batch.file_id, batch.mark)
        except JudgeError as error:
            self._asker.tally.failures[getattr(error, "kind", "error")] += 1
            if isinstance(error, JudgeClosedError) and error.kind == "http_404":
                # What was uploaded is not there any more, or there is nothing that makes batches.
                await self._abandon(batch, NOT_CREATED)
            elif is_refusal(error):
                self._book.note_not_created(batch.batch_id)
            else:
                # It may be there until now, however long the call took: from here on it is waited for.
                self._book.note_creating(batch.batch_id, self._now())
            if isinstance(error, JudgeRefusedError) and not isinstance(error, JudgeClosedError):
                self.findings[f"a batch was refused: {error}"] += 1
                await self._abandon(batch, FAILED)
            raise
        self._note_created(batch, found)

    def _note_created(self, batch: Batch, found: ProviderBatch) -> None:
        self._book.note_created(batch.batch_id, found.provider_id)
        self._asker.tally.requests += batch.request_count

    async def _adopt_or_create(self, batch: Batch, api: BatchApi) -> None:
        if batch.creating_at is not None:
            found = await api.find(batch.mark)
            if found:
                self._note_created(batch, found[0])
                await self._cancel_twins(batch, api, found[1:])
                return
            if self._now() - batch.creating_at < timedelta(seconds=self._batching.patience_seconds):
                return
            self._again.add(batch.batch_id)
        await self._create(batch, api)

    async def _cancel_twins(self, batch: Batch, api: BatchApi, twins: Sequence[ProviderBatch]) -> None:
        """One intent, and several batches of it: the others are stopped, and what they may cost is said."""
        for twin in twins:
            sentence = f"the provider made a batch twice: {counted(batch.request_count, 'request')} may be paid twice"
            self.findings[sentence] += 1
            if not twin.has_ended:
                await api.cancel(twin.provider_id)

    async def _collect(self, batch: Batch, api: BatchApi, found: ProviderBatch, files: Sequence[bytes]) -> None:
        waiting = self._book.requests_of(batch.batch_id)
        read = await asyncio.to_thread(read_results, files, batch.mark, list(waiting), api.model, api.api_base)
        self._count("results that came twice, of which the first counts", read.doubled)
        self._count("lines of results that belong to no request", read.unknown)
        if found.problem is not None:
            self._count(f"batches that the provider gave up ({found.problem})", 1)
        silent = FAILED if found.status == "failed" and not files else MISSING
        missing = JudgeBusyError("its batch says nothing of it", kind=silent)
        if silent == MISSING:
            absent = len(waiting.keys() - read.outcomes.keys())
            self._count("requests about which their batch says nothing: they may have been paid", absent)
        await self._record(api.model, waiting, {number: read.outcomes.get(number, missing) for number in waiting})
        self._book.end(batch.batch_id, self._now())
        if batch.batch_id in self._again:
            twins = [one for one in await api.find(batch.mark) if one.provider_id != batch.provider_id]
            await self._cancel_twins(batch, api, twins)

    async def _abandon(self, batch: Batch, kind: str) -> None:
        """Record of every request of a batch that no reply will come."""
        waiting = self._book.requests_of(batch.batch_id)
        if kind == MISSING:
            self._count("requests about which their batch says nothing: they may have been paid", len(waiting))
        lost = JudgeBusyError("its batch is lost", kind=kind)
        await self._record("", waiting, dict.fromkeys(waiting, lost))
        self._book.end(batch.batch_id, self._now())

    async def _record(
        self, model: str, waiting: Mapping[int, BatchedRequest], found: Mapping[int, JudgeReply | JudgeError]
    ) -> None:
        outcomes = [self._outcome(model, waiting[number], said) for number, said in sorted(found.items())]
        for start in range(0, len(outcomes), RECORDED_AT_ONCE):
            part = outcomes[start : start + RECORDED_AT_ONCE]
            await asyncio.to_thread(self._ledger.apply, part, self._now())

    def _outcome(self, model: str, request: BatchedRequest, said: JudgeReply | JudgeError) -> Outcome:
        """What is recorded of a request, once it is counted."""
        asker, keys, held = self._asker, _keys(request.cells), self._held.pop(request.request_id, None)
        assert isinstance(said, JudgeReply | JudgeBusyError | JudgeRefusedError)
        asker.counts.count(request.cells, request.attempt, said)
        if isinstance(said, JudgeReply):
            asker.tally.add(said)
            asker.circuit.note_reply(model)
            if held is not None:
                asker.budget.settle(held, dollars_of(said, held), keys)
            told = replace(said, left_out=request.left_out)
            return Outcome(request.request_id, request.cells, told, is_priced=is_priced(told, None))
        asker.tally.failures[said.kind] += 1
        if isinstance(said, JudgeClosedError):
            asker.circuit.close(model, str(said))
        if held is not None and said.kind in NEVER_SENT:
            asker.budget.give_back(held, keys)
        elif held is not None:
            asker.budget.settle(held, dollars_of(said, held), keys)
        is_last = isinstance(said, JudgeRefusedError) or request.attempt >= self._retries
        self.tries[request.cells] = self._retries + 1 if is_last else request.attempt + 1
        gives_up = is_last and said.kind not in NEVER_SENT and not isinstance(said, JudgeClosedError)
        return Outcome(request.request_id, request.cells, None, said.kind, gives_up, is_priced(None, said.kind))

    def _known(self, batch_id: int) -> Batch:
        return next(batch for batch in self._book.open() if batch.batch_id == batch_id)

    def _explain(self, judge: BatchedJudge, error: JudgeError) -> None:
        """Say why no batch of a judge comes to be, and make no more in this run."""
        closes = isinstance(error, JudgeClosedError)
        said = str(error) if closes else f"No batch can be sent to the model {judge.name}: {error}. Run again later."
        self._asker.circuit.close(judge.name, said)

    def _count(self, what: str, number: int) -> None:
        if number:
            self.findings[what] += number


def _drained(bodies: list[bytes]) -> Iterator[bytes]:
    bodies.reverse()
    while bodies:
        yield bodies.pop()


def _keys(cells: Sequence[Cell]) -> tuple[str, ...]:
    return tuple(cell.metric for cell in cells)
