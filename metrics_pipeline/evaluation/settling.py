"""A conversation is asked about until nothing more is to be asked about it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Collection, Iterable, Sequence

from metrics_pipeline.conversations.erased import Erased
from metrics_pipeline.evaluation.asking import Asker
from metrics_pipeline.evaluation.ledger import Cell, Ledger, Recorded
from metrics_pipeline.evaluation.open_cells import Need, OpenCells
from metrics_pipeline.evaluation.options import Judges, Options
from metrics_pipeline.evaluation.questions import question_about
from metrics_pipeline.evaluation.results import cells_of, recorded_replies
from metrics_pipeline.evaluation.standing import Ask, Subject
from metrics_pipeline.evaluation.window import shown_to
from metrics_pipeline.metrics.definition import MetricDefinition

FENCE_SECRET = "fence"
CONVERSATIONS_IN_HAND = 2
"""Times the concurrency: enough that a free slot never waits for the next conversation to be read."""


def open_asker(ledger: Ledger, options: Options) -> Asker:
    """Who puts a run's questions. Needs a running event loop."""
    return Asker(ledger, options.limits, ledger.secret(FENCE_SECRET, secrets.token_bytes(32)), options.now)


class Settling:
    """The conversations that one run has in hand, and the cells that are being asked about."""

    def __init__(self, cells: OpenCells, asker: Asker, on_settled: Callable[[int], None] = lambda cells: None) -> None:
        self.asker = asker
        self.in_hand = asyncio.Semaphore(CONVERSATIONS_IN_HAND * cells.options.limits.concurrency)
        """Acquired for each conversation before it is settled; `settle` releases it."""
        self._cells, self._on_settled = cells, on_settled
        self._erased = Erased(cells.folder)
        self._being_asked: dict[Cell, asyncio.Future[Recorded | None]] = {}

    async def ask_rounds(
        self, rounds: Sequence[Sequence[MetricDefinition]], subjects: Sequence[Subject], judges: Judges
    ) -> None:
        """Ask what the ledger lacks about `subjects`, round after round."""
        for metrics in rounds:
            needs = [Need(metric, judges.fingerprint_of(metric)) for metric in metrics if metric.is_judged]
            found = self._cells.open_of(subjects, needs)
            async with asyncio.TaskGroup() as group:
                for one, asks in found.asks:
                    await self.in_hand.acquire()
                    group.create_task(self.settle(one, asks, found.known))

    async def settle(
        self, one: Subject, found: Sequence[tuple[Need, Ask]], known: dict[Cell, Recorded], metric_count: int = 0
    ) -> None:
        """Ask until nothing more is to be asked about one conversation.

        Args:
            found: What was to be asked about it, as `known` was then.
            metric_count: Metrics that the run takes up on its day; told to `on_settled` once it is settled.
        """
        try:
            needs, tried = [need for need, _ in found], set[Cell]()
            # Conversations of the same words may have been settled since.
            is_news = not known.keys().isdisjoint(ask.cell for _, ask in found)
            asks = self._untried(self._cells.asks(one, needs, known) if is_news else found, tried)
            while asks:
                tried.update(ask.cell for _, ask in asks)
                waiting = [(ask, self._being_asked.get(ask.cell)) for _, ask in asks]
                mine = [pair for pair in asks if pair[1].cell not in self._being_asked]
                # Registered before anything is awaited: two conversations of the same words must not both ask.
                groups = [(group, self._register(group)) for group in self._cells.groups(mine, one)]
                if len(groups) == 1:  # the usual case, without a task of its own
                    await self._put(one, groups[0][0], known, groups[0][1])
                else:
                    await asyncio.gather(*(self._put(one, group, known, done) for group, done in groups))
                # A group that holds a metric whose budget is used up was not sent: the others are asked without it.
                for group, _ in groups:
                    if any(need.metric.key in self.asker.used_up for need, _ in group):
                        tried -= {ask.cell for _, ask in group}
                for ask, elsewhere in waiting:
                    if elsewhere is not None and (recorded := await elsewhere) is not None:
                        known[ask.cell] = recorded
                if refused := self.asker.elsewhere & {ask.cell for _, ask in mine}:
                    # Answered since the day was read, for the same words of another conversation or by another run; or
                    # being asked by another run, and then left to it.
                    cells = [cell for need in needs for cell in cells_of(one, need.metric, need.fingerprint)]
                    free = refused - self._cells.ledger.in_flight_elsewhere(refused)
                    known.update(recorded_replies(self._cells.ledger, cells))
                    self.asker.elsewhere -= free
                    tried -= free
                asks = self._untried(self._cells.asks(one, needs, known), tried)
        finally:
            self.in_hand.release()
            self._on_settled(metric_count)

    def _untried(self, asks: Iterable[tuple[Need, Ask]], tried: Collection[Cell]) -> list[tuple[Need, Ask]]:
        used_up = self.asker.used_up
        return [(need, ask) for need, ask in asks if ask.cell not in tried and need.metric.key not in used_up]

    def _register(self, asks: Sequence[tuple[Need, Ask]]) -> asyncio.Future[Recorded | None]:
        done: asyncio.Future[Recorded | None] = asyncio.get_running_loop().create_future()
        self._being_asked.update({ask.cell: done for _, ask in asks})
        return done

    async def _put(
        self,
        one: Subject,
        asks: Sequence[tuple[Need, Ask]],
        known: dict[Cell, Recorded],
        done: asyncio.Future[Recorded | None],
    ) -> None:
        keys = [ask.cell for _, ask in asks]
        recorded = None
        try:
            judge = self._cells.judge(asks[0][1].cell.judge_fingerprint)
            if judge is None:
                return
            metrics = tuple(need.metric for need, _ in asks)
            mark = self._mark(one.conversation.conversation_id)
            question = question_about(one, metrics, [ask for _, ask in asks], judge, mark)
            shown = shown_to(judge, question.turns, question.metrics, question.problems)
            if shown is None:
                recorded = await self.asker.refuse(question)
            else:
                recorded = await self.asker.ask(question._replace(turns=shown.turns, left_out=shown.left_out))
            if recorded is not None:
                known.update(dict.fromkeys(keys, recorded))
        finally:
            done.set_result(recorded)
            for key in keys:
                del self._being_asked[key]

    def _mark(self, conversation_id: str) -> str:
        # What is kept nowhere need not be found again, and no key is made for it.
        return self._erased.mark(conversation_id) if self._cells.ledger.is_kept else ""
