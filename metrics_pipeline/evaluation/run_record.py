"""What a run came to, kept: a file a run in the table `evaluation_runs`, a row for each metric and judge put to work.

These files are facts, like the ledger, and hold the time: they are not rebuilt, and no other table's bytes depend on
them. A run that is ended by its user, or fails, leaves one as well; one that is killed does not, and what it has paid
stands in the ledger alone.
"""

from __future__ import annotations

import json
import resource
import secrets
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from metrics_pipeline.conversations.merge import day_counts
from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import PipelineError
from metrics_pipeline.evaluation.circuit import Circuit
from metrics_pipeline.evaluation.figures import PARTS_OF_A_DOLLAR, Counts, Figures, Line
from metrics_pipeline.evaluation.ledger import Cell, JudgeRecord
from metrics_pipeline.evaluation.planning import Work
from metrics_pipeline.evaluation.prompt import prompt_version
from metrics_pipeline.evaluation.results import DayResult
from metrics_pipeline.evaluation.standing import PROVIDER_ERROR
from metrics_pipeline.files import write_parquet
from metrics_pipeline.tables import to_table

if TYPE_CHECKING:
    from metrics_pipeline.evaluation.second_opinion import SecondOpinions

RUNS = "evaluation_runs"
STATES = ("answered", "not_applicable", "undecided", "error")
Mode = Literal["new", "days"]
"""What was judged: what is new or was left open, or days that somebody named."""


class Ended(Protocol):
    """What asked the questions, once it has come to an end."""

    counts: Counts
    stopped_by: str | None
    circuit: Circuit
    clients: set[str]
    batched: int
    elsewhere: set[Cell]

    @property
    def used_up(self) -> Mapping[str, str]: ...


class Head(NamedTuple):
    """Which run it is."""

    run_id: str
    run_date: date
    """The day on which it began, in the project's time zone."""
    started_at: datetime
    mode: Mode

    @classmethod
    def new(cls, started_at: datetime, zone: tzinfo, mode: Mode) -> Head:
        run_id = f"{started_at:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        return cls(run_id, started_at.astimezone(zone).date(), started_at, mode)


class RunRecord:
    """What is known of a run while it goes on."""

    def __init__(
        self,
        head: Head,
        planned: Counter[Line],
        lines: Sequence[Line],
        judges: Mapping[str, JudgeRecord],
        now: Callable[[], datetime],
    ) -> None:
        """
        Args:
            lines: The metrics that were to be judged, whether there was work for them or not.
            judges: By fingerprint.
        """
        self.head, self.lines, self.judges, self.now = head, lines, judges, now
        self.planned = planned
        """Conversations of the days that the run takes up."""
        self.states: defaultdict[Line, Counter[str]] = defaultdict(Counter)
        """Conversations of the days written so far, by state."""
        self.open: Counter[Line] = Counter()
        self.held: Counter[Line] = Counter()
        """Conversations about which a reply recorded before said all."""
        self.asker: Ended | None = None
        self.rows: list[dict[str, Any]] = []
        """What was kept, once the run has ended."""

    def add(self, results: Iterable[DayResult], works: Iterable[Work]) -> None:
        """A day of `works` was written, and came to `results`."""
        lines = {work.metric: _line(work) for work in works}
        for result in results:
            self.states[lines[result.metric]].update(result.worked_states)
            self.open[lines[result.metric]] += result.open_count

    def take_back(self, results: Iterable[DayResult], works: Iterable[Work]) -> None:
        """A day that was added is going to be written again."""
        lines = {work.metric: _line(work) for work in works}
        for result in results:
            self.states[lines[result.metric]].subtract(result.worked_states)
            self.open[lines[result.metric]] -= result.open_count


@contextmanager
def recorded(folder: DataFolder, record: RunRecord) -> Iterator[None]:
    """Keep what the run inside the block comes to, however it ends."""
    began = time.perf_counter()

    def keep(stopped_by: str | None) -> None:
        seconds = time.perf_counter() - began
        record.rows = _rows(record, stopped_by, seconds)
        write_parquet(to_table(RUNS, record.rows), _file(folder, record.head))

    try:
        yield
    except BaseException as error:
        # What ended the run is what its user has to hear of.
        with suppress(PipelineError, OSError):
            keep("failed" if isinstance(error, Exception) else "interrupted")
        raise
    keep(_stopped_by(record.asker))


def add_second_judges(
    folder: DataFolder, rows: Sequence[Mapping[str, Any]], second: SecondOpinions, now: datetime, seconds: float
) -> tuple[Mapping[str, Any], ...]:
    """Keep what second judges were asked as well, a row for each metric and judge, in the file of their run.

    Args:
        rows: Of the run, as they are kept.
        seconds: What it took to ask them.
    """
    if not rows or not second.asked:
        return tuple(rows)
    *_, last = second.asked
    counts, clients = Counts(), {name for name in rows[0]["clients"].split(", ") if name}
    for asker in second.asked:
        counts.include(asker.counts)
        clients |= asker.clients
        last.elsewhere |= asker.elsewhere
    last.counts = counts
    head = Head(*(rows[0][name] for name in Head._fields))
    kinds = {
        one["second_judge_fingerprint"]: (one["second_judge_kind"], one["second_judge"]) for one in second.verdicts
    }
    judges = {fingerprint: JudgeRecord(*found, {}) for fingerprint, found in kinds.items()}
    record = RunRecord(head, Counter(), (), judges, lambda: now)
    record.asker = last
    for one in second.verdicts:
        line = Line(one["metric"], one["metric_version"], one["second_judge_fingerprint"])
        record.planned[line] += 1
        record.states[line][one["second_state"] or "unjudged"] += 1
        record.open[line] += one["second_state"] is None or one["second_detail"] == PROVIDER_ERROR
        record.held[line] += 0 < (one["second_reply_id"] or 0) <= second.replies_before
    stopped_by = rows[0]["stopped_by"] or _stopped_by(last)
    calls = {row["judge_fingerprint"]: row["judge_call_count"] for row in rows}
    whole = {
        "clients": ", ".join(sorted(clients)),
        "ended_at": now,
        "stopped_by": stopped_by,
        "run_call_count": rows[0]["run_call_count"] + counts.judge_calls.total(),
        "run_seconds": rows[0]["run_seconds"] + seconds,
    }
    kept = [
        {**row, **whole, "judge_call_count": calls.get(key, 0) + counts.judge_calls[key]}
        for row in (*rows, *_rows(record, stopped_by, seconds))
        for key in [row["judge_fingerprint"]]
    ]
    write_parquet(to_table(RUNS, kept), _file(folder, head))
    return tuple(kept)


def _file(folder: DataFolder, head: Head) -> Path:
    return folder.table(RUNS) / f"run={head.run_id}.parquet"


def _stopped_by(asker: Ended | None) -> str | None:
    if asker is None:
        return None
    return asker.stopped_by or ("circuit" if asker.circuit.closed else "budget" if asker.used_up else None)


def planned_conversations(folder: DataFolder, work: Sequence[Work]) -> Counter[Line]:
    """Conversations of the days of `work`, by metric and judge."""
    counts = day_counts(folder, sorted({item.day for item in work}))
    planned: Counter[Line] = Counter()
    for item in work:
        planned[_line(item)] += counts.get(item.day, 0)
    return planned


def _line(work: Work) -> Line:
    return Line(work.metric, work.metric_version, work.judge_fingerprint)


def _rows(record: RunRecord, stopped_by: str | None, seconds: float) -> list[dict[str, Any]]:
    counts = record.asker.counts if record.asker is not None else Counts()
    whole = _whole(record, counts, stopped_by, seconds)
    lines = sorted({*record.planned, *counts.lines, *record.lines})
    return [
        whole
        | _judged(record, line, stopped_by)
        | _called(counts.lines.get(line, Figures()), _kind(record, line))
        | {"judge_call_count": counts.judge_calls[line.judge_fingerprint]}
        for line in lines
    ]


def _whole(record: RunRecord, counts: Counts, stopped_by: str | None, seconds: float) -> dict[str, Any]:
    """What is said of the run as a whole, on each of its rows."""
    one, asker = record.head, record.asker
    return {
        "run_id": one.run_id,
        "run_date": one.run_date,
        "started_at": one.started_at,
        "ended_at": record.now(),
        "mode": one.mode,
        "clients": ", ".join(sorted(asker.clients)) if asker is not None else "",
        "stopped_by": stopped_by,
        "run_call_count": counts.judge_calls.total(),
        "run_seconds": seconds,
        "run_peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def _judged(record: RunRecord, line: Line, stopped_by: str | None) -> dict[str, Any]:
    judge = record.judges.get(line.judge_fingerprint)
    states, planned = record.states[line], record.planned[line]
    found = {f"{state}_count": states[state] for state in STATES}
    left = record.open[line] + planned - states.total()
    return {
        **line._asdict(),
        "judge_kind": judge.kind if judge else None,
        "judge": judge.name if judge else None,
        "prompt_version": prompt_version() if judge and judge.kind == "model" else None,
        "planned_count": planned,
        "held_count": record.held[line],
        **found,
        "unjudged_count": planned - sum(found.values()),
        "open_count": left,
        "open_reason": _why_open(record, line, judge, stopped_by) if left else None,
    }


def _why_open(record: RunRecord, line: Line, judge: JudgeRecord | None, stopped_by: str | None) -> str:
    """Why cells are left to the next run: the first that holds."""
    asker = record.asker
    if stopped_by in ("interrupted", "failed") or asker is None:
        return stopped_by or "failed"
    if line.metric in asker.used_up:
        return "budget"
    if judge is not None and judge.name in asker.circuit.closed:
        return "circuit"
    if asker.stopped_by is None and not asker.batched and any(Line.of(cell) == line for cell in asker.elsewhere):
        return "elsewhere"
    return asker.stopped_by or ("batch" if asker.batched else "calls_failed")


def _called(figures: Figures, kind: str | None) -> dict[str, Any]:
    is_known = kind != "model" or not figures.unpriced_count
    return {
        "asked_count": figures.asked_count,
        "correction_count": figures.correction_count,
        "call_count": figures.call_count,
        "retry_count": figures.retry_count,
        "reply_count": figures.reply_count,
        "failure_count": figures.failures.total(),
        "failures_by_kind": json.dumps(dict(sorted(figures.failures.items()))),
        "unsent_count": figures.unsent_count,
        "prompt_tokens": figures.prompt_tokens,
        "reply_tokens": figures.reply_tokens,
        "cached_tokens": figures.cached_tokens,
        "dollars": Decimal(figures.dollar_parts) / PARTS_OF_A_DOLLAR if is_known else None,
        "unpriced_count": figures.unpriced_count if kind == "model" else 0,
    }


def _kind(record: RunRecord, line: Line) -> str | None:
    judge = record.judges.get(line.judge_fingerprint)
    return judge.kind if judge else None
