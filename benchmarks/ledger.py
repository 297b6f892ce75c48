"""What the ledger and a run that finds nothing to ask take, each beside a floor in the same run.

`warm` makes a world of conversations and metrics whose every cell is answered, in a folder that is kept, and judges it
again with the days named, each time in a process of its own. `record` writes calls under full durability. `grow` judges
worlds of two sizes with an instant judge and prints the peak memory of each.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

FIRST = date(2026, 1, 1)
NOW = datetime(2026, 9, 1, tzinfo=UTC)
WORDS = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8").split()
METRIC = """\
name: "Metric {number}"
type: boolean
definition: The agent did the thing number {number}.
true_when: The agent said that the thing number {number} is done.
false_when: The agent refused the thing number {number}, or it was not spoken of.
evidence: {{"false": optional}}
good: true
"""


class InstantJudge:
    """Says `false` of every metric, at once."""

    kind = "model"
    reads_prompt = True
    name = "instant/judge"

    @property
    def settings(self) -> dict[str, Any]:
        return {}

    async def ask(self, request: Any) -> Any:
        from metrics_pipeline.evaluation.judge import JudgeReply

        said = {"evidence": [], "reason": "it was not spoken of anywhere in the conversation", "answer": "false"}
        text = json.dumps({metric.key: said for metric in request.metrics})
        return JudgeReply(text, "complete", self.name, 900, 30 * len(request.metrics), None, 0.0004)


def make_world(root: Path, conversations: int, days: int, metrics: int, turns: int) -> None:
    """Land conversations, and write definitions."""
    import msgspec

    from metrics_pipeline.conversations.merge import merge
    from metrics_pipeline.conversations.receipts import RECEIPT, Receipt
    from metrics_pipeline.conversations.record import Conversation, Turn, in_columns
    from metrics_pipeline.conversations.shards import kept as with_hashes
    from metrics_pipeline.conversations.shards import shard_table
    from metrics_pipeline.data_folder import open_data_folder
    from metrics_pipeline.files import write_parquet

    folder = open_data_folder(root / "data")
    (root / "definitions").mkdir()
    for number in range(metrics):
        (root / "definitions" / f"metric_{number}.yaml").write_text(METRIC.format(number=number))
    rng = random.Random(1)
    for index in range(days):
        day = FIRST + timedelta(days=index)
        kept = []
        for number in range(index, conversations, days):
            said = tuple(
                Turn(turn, ("agent", "user")[turn % 2], " ".join(rng.choices(WORDS, k=12)), NOW, None, None, None)
                for turn in range(turns)
            )
            made = Conversation(
                f"c{number:07}", day, datetime(day.year, day.month, day.day, 9, tzinfo=UTC), "bench", said
            )
            kept.append(with_hashes(in_columns(made)))
        place = folder.landed / f"{index:032x}"
        place.mkdir(parents=True)
        write_parquet(shard_table(kept), place / f"day={day.isoformat()}.parquet")
        count = len(kept)
        receipt = Receipt(f"{index:032x}", f"{index}.json", "bench", 0, count, count, 0, 0, 0, {}, (day.isoformat(),))
        (place / RECEIPT).write_bytes(msgspec.json.encode(receipt))
    merge(folder)


def judge(root: Path) -> dict[str, Any]:
    """Judge every day of a world, with the days named, and count first as a run on a model does."""
    began = time.process_time()
    from metrics_pipeline.data_folder import DataFolder
    from metrics_pipeline.evaluation.forecast import count_requests
    from metrics_pipeline.evaluation.ledger import Ledger
    from metrics_pipeline.evaluation.options import Judges, Limits, Options
    from metrics_pipeline.evaluation.runner import evaluate
    from metrics_pipeline.metrics.catalog import load_catalog

    imported = time.process_time()
    imported_peak = _peak()
    folder, catalog = DataFolder(root / "data"), load_catalog(root / "definitions")
    model = InstantJudge()
    judges = Judges(model, lambda record: model)
    options = Options(Limits(64, 60, 36_000, 2), 6, lambda: NOW, folder.days())
    with Ledger(folder.ledger) as ledger:
        counted = count_requests(folder, catalog, judges, ledger, options)
        counting = time.process_time()
        report = evaluate(folder, catalog, judges, ledger, options)
    return {
        "counted": counted,
        "requests": report.tally.requests,
        "cells": sum(sum(result.states.values()) for result in report.results),
        "open": report.open_count,
        "import_seconds": imported - began,
        "count_seconds": counting - imported,
        "judge_seconds": time.process_time() - counting,
        "cpu_seconds": time.process_time(),
        "peak_mib": _peak(),
        "imported_mib": imported_peak,
    }


def floor(root: Path) -> dict[str, Any]:
    """An anti-join of all keys with all keys that are answered, both from Parquet, in polars."""
    import polars as pl

    before = time.process_time()
    asked, held = pl.scan_parquet(root / "asked.parquet"), pl.scan_parquet(root / "held.parquet")
    left = asked.join(held, on=["judged_hash", "metric"], how="anti").collect()
    return {"left": left.height, "cpu_seconds": time.process_time() - before, "peak_mib": _peak()}


def _peak() -> float:
    """MiB. What the system says about a process counts in what the one that started it took; this does not."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def write_floor(root: Path) -> None:
    """The keys of a world's cells, as the floor reads them."""
    import polars as pl

    hashes = pl.read_parquet(root / "data" / "conversations" / "day=*.parquet", columns=["judged_hash"])
    metrics = pl.DataFrame({"metric": [path.stem for path in (root / "definitions").glob("*.yaml")]})
    cells = hashes.join(metrics, how="cross")
    cells.write_parquet(root / "asked.parquet")
    cells.sample(fraction=1.0, shuffle=True, seed=1).write_parquet(root / "held.parquet")


def calls(count: int, metrics: int) -> Iterator[tuple[Any, Any]]:
    """Cells of one conversation each, and a reply of 400 bytes about them; no two are the same."""
    from metrics_pipeline.evaluation.judge import JudgeReply
    from metrics_pipeline.evaluation.ledger import Cell

    rng = random.Random(2)
    for number in range(count):
        judged_hash = rng.randbytes(16).hex()
        cells = tuple(Cell(judged_hash, f"metric_{index}", "v" * 16, "f" * 16) for index in range(metrics))
        quote = " ".join(rng.choices(WORDS, k=10))[:80]
        said = {"applies": True, "evidence": [{"turn_index": rng.randrange(30), "quote": quote}], "reason": ""}
        text = json.dumps({"metric_0": said | {"answer": rng.choice(["true", "false"])}})
        start = rng.randrange(len(WORDS) - 80)
        reason = f"{number} " + " ".join(WORDS[start : start + 80])
        said["reason"] = reason[: max(400 - len(text), 0)]
        text = json.dumps({"metric_0": said | {"answer": rng.choice(["true", "false"])}})
        yield (
            cells,
            JudgeReply(text, "complete", "m", rng.randrange(800, 2_000), rng.randrange(80, 200), None, rng.random()),
        )


def record(count: int, metrics: int, group: int) -> dict[str, float]:
    """Record calls, `group` to a commit, and as many rows into one bare table, both under full durability."""
    from metrics_pipeline.evaluation.ledger import Intent, Ledger, Outcome

    made = list(calls(count, metrics))
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "ledger.sqlite"
        with Ledger(path) as ledger:
            before, wall = time.process_time(), time.perf_counter()
            ended: list[Outcome] = []
            for start in range(0, count, group):
                several = made[start : start + group]
                ids = ledger.apply([*ended, *(Intent(cells, 0) for cells, _ in several)], NOW)[len(ended) :]
                ended = [Outcome(number, cells, reply) for number, (cells, reply) in zip(ids, several, strict=True)]
            ledger.apply(ended, NOW)
            seconds, wall = time.process_time() - before, time.perf_counter() - wall
        bare = _bare(Path(place) / "bare.sqlite", [(cells[0].judged_hash, reply.text) for cells, reply in made], group)
        size = path.stat().st_size
    return {
        "calls_a_cpu_second": count / seconds,
        "floor_a_cpu_second": count / bare,
        "calls_a_second": count / wall,
        "group_ms": 1000 * wall / (count / group),
        "bytes_a_call": size / count,
    }


def _bare(path: Path, rows: list[tuple[str, str]], group: int) -> float:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("pragma journal_mode = wal")
    db.execute("pragma synchronous = full")
    db.execute("create table bare (id integer primary key, judged_hash text, body text)")
    before = time.process_time()
    for start in range(0, len(rows), group):
        db.execute("begin immediate")
        db.executemany("insert into bare (judged_hash, body) values (?, ?)", rows[start : start + group])
        db.execute("commit")
    seconds = time.process_time() - before
    db.close()
    return seconds


def in_own_process(function: str, *values: object) -> dict[str, Any]:
    script = f"import json, ledger, pathlib; print(json.dumps(ledger.{function}({', '.join(map(repr, values))})))"
    script = script.replace("PosixPath(", "pathlib.PosixPath(")
    done = subprocess.run(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def median(repeats: int, measured: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    found = [measured() for _ in range(repeats)]
    return {key: statistics.median(one[key] for one in found) for key in found[0]}


def warm(root: Path, conversations: int, days: int, metrics: int, repeats: int) -> None:
    if not root.exists():
        root.mkdir(parents=True)
        make_world(root, conversations, days, metrics, 8)
        write_floor(root)
        print("cold   ", _line(in_own_process("judge", root)))
    print("warm   ", _line(median(repeats, lambda: in_own_process("judge", root))))
    print("floor  ", _line(median(repeats, lambda: in_own_process("floor", root))))


def grow(sizes: list[int], days: int, metrics: int) -> None:
    for size in sizes:
        with tempfile.TemporaryDirectory() as place:
            make_world(Path(place), size, days, metrics, 8)
            print(f"{size:>8,} conversations of {days} days", _line(in_own_process("judge", Path(place))))


def _line(found: dict[str, Any]) -> str:
    return "  ".join(
        f"{key} {value:,.1f}" if isinstance(value, float) else f"{key} {value:,}" for key, value in found.items()
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("row", choices=["warm", "record", "grow"])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "warm_world")
    parser.add_argument("--conversations", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=100)
    parser.add_argument("--metrics", type=int, default=10)
    parser.add_argument("--calls", type=int, default=200_000)
    parser.add_argument("--group", type=int, default=64, help="Calls to a commit.")
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args()
    if chosen.row == "warm":
        warm(chosen.folder, chosen.conversations, chosen.days, chosen.metrics, chosen.repeats)
    elif chosen.row == "record":
        found = median(chosen.repeats, lambda: in_own_process("record", chosen.calls, chosen.metrics, chosen.group))
        print(_line(found))
    else:
        grow([chosen.conversations // 10, chosen.conversations], chosen.days, chosen.metrics)


if __name__ == "__main__":
    main()
