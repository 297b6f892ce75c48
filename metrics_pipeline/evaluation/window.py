"""What of a conversation is shown to a judge that cannot read all of it.

A prompt and its reply must fit the model's context. Where they do not, a definition that says
`long_conversations: window` is judged on the beginning and the end: as many whole turns from the start as fill half of
the room, as many from the end as fill the rest; the judge is told which turns are left out between them, and nothing of
those can be quoted. Every other definition gets the state error, `too_long`, and no call is made.

Tokens are counted before sending: a third of the prompt's UTF-8 bytes, which is rather too many, and where that would
not fit, by the judge's own counter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import ceil
from typing import NamedTuple

from metrics_pipeline.conversations.record import Turn, shown_text
from metrics_pipeline.evaluation import prompt
from metrics_pipeline.evaluation.containment import turn_lines
from metrics_pipeline.evaluation.judge import Judge, is_bounded
from metrics_pipeline.metrics.definition import MetricDefinition

BYTES_A_TOKEN = 3
TOKENS_AROUND = 250
"""Of roles and marks, and of the sentence that says what is left out."""
MOST_BYTES_A_CHARACTER = 12
"""A hidden character is written out as ⟨U+200B⟩."""
BYTES_AROUND_A_TURN = 64
SHRINKS = 0.9
"""A window that came out too long by the judge's own count is tried again with so much of the room."""


class Shown(NamedTuple):
    """The turns that a judge is shown."""

    turns: tuple[Turn, ...]
    left_out: tuple[int, int] | None
    """The first and the last turn left out between them; None where all are shown."""


def may_be_cut(metric: MetricDefinition) -> bool:
    """Whether the definition allows a verdict on a part of the conversation."""
    return metric.long_conversations == "window"


def is_long_for(judge: Judge | None, turns: Sequence[Turn]) -> bool:
    """Whether `turns` may be more than `judge` can read: then metrics that may be cut are asked apart from the rest."""
    if judge is None or not is_bounded(judge):
        return False
    return _most_bytes(turns) > judge.context_tokens


def shown_to(
    judge: Judge, turns: tuple[Turn, ...], metrics: Sequence[MetricDefinition], problems: Mapping[str, str]
) -> Shown | None:
    """What `judge` is shown of `turns`; None where it is too long and not every metric may be cut."""
    if not judge.reads_prompt or not is_bounded(judge):
        return Shown(turns, None)
    around = _around(metrics, problems)
    room = judge.context_tokens - prompt.max_reply_tokens(metrics) - TOKENS_AROUND
    # Nearly every conversation ends here, uncounted.
    if _most_bytes(turns) + len(around.encode()) <= room * BYTES_A_TOKEN:
        return Shown(turns, None)
    whole = around + _text(turns)
    counted = _estimated(whole)
    if counted > room:
        counted = judge.count_tokens(whole)
    if counted <= room:
        return Shown(turns, None)
    if not all(map(may_be_cut, metrics)):
        return None
    scale = counted / _estimated(whole)
    left = float(room - ceil(scale * _estimated(around)))
    while left > 1:
        shown = _ends(turns, left / scale)
        if shown is None or judge.count_tokens(around + _text(shown.turns)) <= room:
            return shown
        left *= SHRINKS
    return None


def _ends(turns: tuple[Turn, ...], room: float) -> Shown | None:
    """The turns of both ends that fit `room` tokens by estimate; None where not one of each does."""
    costs = [_estimated(_text([turn])) for turn in turns]
    first, used = 0, 0
    while first < len(turns) and used + costs[first] <= room / 2:
        used += costs[first]
        first += 1
    last = len(turns)
    while last > first and used + costs[last - 1] <= room:
        last -= 1
        used += costs[last]
    if first == 0 or last == len(turns) or first == last:
        return None
    return Shown(turns[:first] + turns[last:], (turns[first].turn_index, turns[last - 1].turn_index))


class _Together:
    """Metrics asked in one request, known by their versions."""

    def __init__(self, metrics: Sequence[MetricDefinition]) -> None:
        self.metrics = metrics
        self.versions = tuple((metric.key, metric.version) for metric in metrics)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Together) and self.versions == other.versions

    def __hash__(self) -> int:
        return hash(self.versions)


def _around(metrics: Sequence[MetricDefinition], problems: Mapping[str, str]) -> str:
    """Everything that is sent besides the transcript."""
    corrected = prompt.correction(problems)["content"] if problems else ""
    return _before(_Together(metrics)) + corrected


@lru_cache(maxsize=64)  # the same for thousands of conversations
def _before(together: _Together) -> str:
    system, _ = prompt.render((), together.metrics, "", b"")
    return f"{system['content']}{prompt.reply_schema(together.metrics)}"


def _text(turns: Sequence[Turn]) -> str:
    return turn_lines(turns)


def _estimated(text: str) -> int:
    return ceil(len(text.encode("utf-8", "replace")) / BYTES_A_TOKEN)


def _most_bytes(turns: Sequence[Turn]) -> int:
    return sum(MOST_BYTES_A_CHARACTER * len(shown_text(turn)) + BYTES_AROUND_A_TURN for turn in turns)
