"""What a run's calls came to, by metric and judge, counted as they end.

A call that asked about several metrics is counted for each of them; its tokens and dollars are divided between them in
equal whole parts, and what is left over goes one each to those asked first. So the parts of a call add up to the call.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import NamedTuple

from metrics_pipeline.errors import JudgeBusyError, JudgeRefusedError
from metrics_pipeline.evaluation.judge import NEVER_SENT, JudgeReply
from metrics_pipeline.evaluation.ledger import VERDICT_ASKING, Cell

PARTS_OF_A_DOLLAR = 10**12
"""A token can cost a hundred-millionth of a dollar; in whole parts so small, sums are exact."""


class Line(NamedTuple):
    """Who is asked about what."""

    metric: str
    metric_version: str
    judge_fingerprint: str

    @classmethod
    def of(cls, cell: Cell) -> Line:
        return cls(cell.metric, cell.metric_version, cell.judge_fingerprint)


class Figures:
    """What the calls about one metric to one judge came to."""

    def __init__(self) -> None:
        self.asked_count = 0
        """Questions of which at least one call reached the judge. Conversations of the same words are one question."""
        self.correction_count = 0
        """Of those asked, the ones that were asked once more because the first answer did not hold."""
        self.call_count = 0
        self.retry_count = 0
        self.unsent_count = 0
        """Tries that reached nobody."""
        self.failures: Counter[str] = Counter()
        """Tries without a reply, by kind."""
        self.reply_count = 0
        self.unpriced_count = 0
        """Replies whose price is not known."""
        self.prompt_tokens = self.reply_tokens = self.cached_tokens = self.dollar_parts = 0

    def include(self, other: Figures) -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)


class Counts:
    """What all calls of one run came to."""

    def __init__(self) -> None:
        self.lines: defaultdict[Line, Figures] = defaultdict(Figures)
        self.judge_calls: Counter[str] = Counter()
        """Calls by the judge's fingerprint, each counted once."""
        self._unreached: set[tuple[Cell, ...]] = set()

    def include(self, other: Counts) -> None:
        """Count what others asked as well."""
        for line, figures in other.lines.items():
            self.lines[line].include(figures)
        self.judge_calls.update(other.judge_calls)

    def count(
        self, cells: tuple[Cell, ...], tries: int, outcome: JudgeReply | JudgeBusyError | JudgeRefusedError
    ) -> None:
        """One try has ended.

        Args:
            cells: What was asked, one for each metric.
            tries: Tries of the same question before this one.
        """
        of = [self.lines[Line.of(cell)] for cell in cells]
        if not isinstance(outcome, JudgeReply):
            for figures in of:
                figures.failures[outcome.kind] += 1
            if outcome.kind in NEVER_SENT:
                if tries == 0:
                    self._unreached.add(cells)
                for figures in of:
                    figures.unsent_count += 1
                return
        is_first = tries == 0 or cells in self._unreached
        self._unreached.discard(cells)
        self.judge_calls[cells[0].judge_fingerprint] += 1
        for figures in of:
            figures.call_count += 1
            figures.retry_count += not is_first
            if is_first and cells[0].asking == VERDICT_ASKING:
                figures.asked_count += 1
            elif is_first:
                figures.correction_count += 1
        if isinstance(outcome, JudgeReply):
            _divide(outcome, of)


def _divide(reply: JudgeReply, of: list[Figures]) -> None:
    for figures in of:
        figures.reply_count += 1
        figures.unpriced_count += reply.cost_dollars is None
    cost = dollar_parts(reply.cost_dollars or 0.0)
    amounts = (reply.prompt_tokens or 0, reply.reply_tokens or 0, reply.cached_tokens or 0, cost)
    for figures, prompt, answer, cached, part in zip(of, *(shares(one, len(of)) for one in amounts), strict=True):
        figures.prompt_tokens += prompt
        figures.reply_tokens += answer
        figures.cached_tokens += cached
        figures.dollar_parts += part


def dollar_parts(dollars: float) -> int:
    """The same in whole parts of a dollar."""
    return round(dollars * PARTS_OF_A_DOLLAR)


def shares(amount: int, count: int) -> list[int]:
    """`amount` in `count` parts that differ by one at most, the greater first."""
    part, left = divmod(amount, count)
    return [part + (place < left) for place in range(count)]
