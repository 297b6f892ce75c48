"""When a judge is asked no further: it says so itself, or fails so often in a row that it counts as gone.

What was not asked of it stays missing for the next run: a judge that is gone makes no errors of its answers.
"""

from __future__ import annotations

from metrics_pipeline.evaluation.chat_completions import RATE_LIMITED
from metrics_pipeline.evaluation.judge import NEVER_SENT
from metrics_pipeline.wording import counted

HOPELESS_CALLS = 20
"""Failures in a row, with no success before, after which a server counts as gone."""


class _Failing:
    """A judge's failures since its last reply."""

    def __init__(self) -> None:
        self.in_a_row = 0
        self.last = ""
        self.only_unsent = True
        """Whether no request has reached it yet."""


class Circuit:
    """Which judges one run asks no further."""

    def __init__(self, concurrency: int) -> None:
        self.closed: dict[str, str] = {}
        """Judges of whom nothing more is asked, by name, and why, in a sentence."""
        self.answered: set[str] = set()
        """Judges that gave at least one reply, by name."""
        self._concurrency = concurrency
        self._failing: dict[str, _Failing] = {}

    def close(self, judge: str, reason: str) -> None:
        """Ask nothing more of a judge; the first reason counts."""
        self.closed.setdefault(judge, reason)

    def note_reply(self, judge: str) -> None:
        self.answered.add(judge)
        if judge in self._failing:
            self._failing[judge].in_a_row = 0

    def note_failure(self, judge: str, kind: str, message: str) -> None:
        """A call failed in a way that the next one may not; closes the circuit where too many have, one after another.

        Args:
            kind: Of failure. A rate limit is no sign that a judge is gone.
            message: What is said of it.
        """
        failing = self._failing.setdefault(judge, _Failing())
        failing.only_unsent &= kind in NEVER_SENT
        if kind == RATE_LIMITED:
            return
        failing.in_a_row += 1
        failing.last = message
        # With one server of several down, all that is in flight may fail before the next success.
        patience = HOPELESS_CALLS if judge not in self.answered else HOPELESS_CALLS + 2 * self._concurrency
        if failing.in_a_row >= patience:
            self._give_up(judge, failing)

    def end(self) -> None:
        """Nothing more is asked of anybody: close for those that failed every call, however few these were."""
        for judge, failing in self._failing.items():
            if failing.in_a_row and judge not in self.answered:
                self._give_up(judge, failing)

    def _give_up(self, judge: str, failing: _Failing) -> None:
        tries, last = failing.in_a_row, failing.last
        if judge not in self.answered and failing.only_unsent:
            why = (
                f"Nothing answered for the model {judge}: {counted(tries, 'try', 'tries')}, {last}, and no request was "
                "sent. Start its server or set METRICS_API_BASE to where it is, and run again."
            )
        else:
            why = (
                f"The model {judge} failed {counted(tries, 'call')} in a row, the last with: {last}. Check "
                "METRICS_MODEL and METRICS_API_BASE, and that the server is up; then run again."
            )
        self.close(judge, why)
