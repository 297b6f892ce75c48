"""What it costs to land and merge conversations, beside a floor that only parses them and writes the same two tables.

    .venv/bin/python benchmarks/ingest.py
    .venv/bin/python benchmarks/ingest.py --conversations 1000000 --repeats 1

The STAR conversations are copied under new ids, and their times moved, until there are enough: one export file a day.
Each run is a process of its own on a new data folder, and says its CPU seconds, over all threads, and peak memory as
the operating system counts them. The floor reads the same lines with msgspec into typed structures, builds the columns
of `conversations` and `turns` and writes them with pyarrow, a file a day: nothing is checked, hashed, redacted or
sorted, and a line that it does not expect ends it.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

STAR = Path(__file__).parents[2] / "shared" / "data" / "star" / "v3"
DAY = re.compile(rb'"(\d{4}-\d\d-\d\d)T')
FIRST_DAY = date(2024, 1, 1)
FLOOR_LINES = 1_000
GOALS = {"land and merge, no redaction": 2.5, "land and merge": 5.0}
GOAL_MIB = 400


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--landing", type=Path, default=STAR, help="a folder of Conversations API v3 exports to copy")
    parser.add_argument("--conversations", type=int, default=100_000)
    parser.add_argument("--a-day", type=int, default=10_000, help="conversations of one day, and so of one export file")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        name, exports, data = options.work
        print(json.dumps(work(name, Path(exports), Path(data))))
        return
    with tempfile.TemporaryDirectory(prefix="ingest-") as place:
        exports = Path(place) / "exports"
        size = write_exports(options.landing, exports, options.conversations, options.a_day)
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in WORK}
        # In turns, so that what else the machine does falls on all of them.
        for repeat in range(options.repeats):
            for name in WORK:
                runs[name].append(in_a_process(name, exports, Path(place) / f"data-{repeat}"))
    result = {
        "conversations": options.conversations,
        "megabytes": size / 1e6,
        "a_day": options.a_day,
        "repeats": options.repeats,
        "runs": {name: {key: median(run[key] for run in found) for key in found[0]} for name, found in runs.items()},
    }
    print(json.dumps(result, indent=2) if options.json else table(result))


def write_exports(landing: Path, exports: Path, count: int, a_day: int) -> int:
    """Write `count` conversations as JSON lines, a file a day; how many bytes that was."""
    raws = [bytes(raw) for path in sorted(landing.glob("*.json*")) for raw in _page(path)]
    if not raws:
        raise SystemExit(f"{landing}: holds no page of conversations. Point --landing at a folder that has some.")
    exports.mkdir(parents=True)
    size = number = 0
    for place in range(-(-count // a_day)):
        day = FIRST_DAY + timedelta(place)
        with (exports / f"{day}.jsonl").open("wb") as file:
            for _ in range(min(a_day, count - number)):
                size += file.write(_moved(raws[number % len(raws)], number // len(raws), day))
                number += 1
    return size


def _page(path: Path) -> list[msgspec.Raw]:
    import gzip

    content = path.read_bytes()
    page = msgspec.json.decode(gzip.decompress(content) if path.suffix == ".gz" else content)
    return [msgspec.Raw(msgspec.json.encode(one)) for one in page["conversations"]]


def _moved(raw: bytes, copy: int, day: date) -> bytes:
    """A copy with an id of its own that began on `day`; its turns keep their distance."""
    began = re.search(rb'"started_at":"(\d{4}-\d\d-\d\d)T', raw)
    assert began is not None
    distance = day - date.fromisoformat(began[1].decode())
    moved = DAY.sub(lambda found: b'"%sT' % str(date.fromisoformat(found[1].decode()) + distance).encode(), raw)
    return moved.replace(b'{"id":"', b'{"id":"%d-' % copy, 1) + b"\n"


def in_a_process(name: str, exports: Path, data: Path) -> dict[str, float]:
    """Do the work `name` in a new process."""
    with tempfile.TemporaryDirectory(dir=data.parent) as folder:
        command = [sys.executable, __file__, "--work", name, str(exports), folder]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def work(name: str, exports: Path, data: Path) -> dict[str, float]:
    """Do it, and say what it took: imports do not count as time, and do as memory."""
    do = WORK[name]()
    before = resource.getrusage(resource.RUSAGE_SELF)
    started = time.perf_counter()
    counts = do(exports, data)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_seconds": wall, "cpu_seconds": cpu, "peak_mib": after.ru_maxrss / 1024, **counts}


class _Exchange(msgspec.Struct, gc=False):
    user_input: str | None = None
    user_input_datetime: str | None = None
    agent_response: str | None = None
    agent_response_datetime: str | None = None


class _Line(msgspec.Struct, gc=False):
    id: str
    started_at: str
    turns: list[_Exchange] = []
    num_turns: int | None = None
    total_duration: float | None = None
    channel: str | None = None
    language: str | None = None
    variant_id: str | None = None
    environment: str | None = None


def floor() -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pa.set_memory_pool(pa.system_memory_pool())
    line = msgspec.json.Decoder(_Line)
    utc = pa.timestamp("us", tz="UTC")
    conversations = pa.schema(
        {"conversation_id": pa.string(), "started_at": utc, "duration_seconds": pa.float64()}
        | {"turn_count": pa.int32(), "reported_turn_count": pa.int32()}
        | {name: pa.string() for name in ("channel", "language", "variant", "environment")}
    )
    turns = pa.schema(
        {"conversation_id": pa.string(), "turn_index": pa.int32()}
        | {"speaker": pa.string(), "text": pa.string(), "said_at": utc}
    )

    def tables(found: list[_Line]) -> tuple[pa.Table, pa.Table]:
        ids, indexes, speakers, texts, times, counts = [], [], [], [], [], []
        for one in found:
            index = 0
            for turn in one.turns:
                if turn.user_input:
                    indexes.append(index)
                    speakers.append("user")
                    texts.append(turn.user_input)
                    times.append(turn.user_input_datetime)
                    index += 1
                if turn.agent_response:
                    indexes.append(index)
                    speakers.append("agent")
                    texts.append(turn.agent_response)
                    times.append(turn.agent_response_datetime)
                    index += 1
            ids += [one.id] * index
            counts.append(index)
        heads = [
            pa.array([one.id for one in found]),
            pa.array([one.started_at for one in found]).cast(utc),
            pa.array([one.total_duration for one in found], pa.float64()),
            pa.array(counts, pa.int32()),
            pa.array([one.num_turns for one in found], pa.int32()),
            pa.array([one.channel for one in found], pa.string()),
            pa.array([one.language for one in found], pa.string()),
            pa.array([one.variant_id for one in found], pa.string()),
            pa.array([one.environment for one in found], pa.string()),
        ]
        said = [
            pa.array(ids),
            pa.array(indexes, pa.int32()),
            pa.array(speakers),
            pa.array(texts),
            pa.array(times, pa.string()).cast(utc),
        ]
        return pa.Table.from_arrays(heads, schema=conversations), pa.Table.from_arrays(said, schema=turns)

    def do(exports: Path, data: Path) -> dict[str, int]:
        count = 0
        for path in sorted(exports.iterdir()):
            places = [data / name / f"day={path.stem}.parquet" for name in ("conversations", "turns")]
            for place in places:
                place.parent.mkdir(exist_ok=True)
            with (
                path.open("rb") as file,
                pq.ParquetWriter(places[0], conversations, compression="zstd") as first,
                pq.ParquetWriter(places[1], turns, compression="zstd") as second,
            ):
                for lines in _groups(file):
                    heads, said = tables([line.decode(one) for one in lines])
                    first.write_table(heads)
                    second.write_table(said)
                    count += len(heads)
        return {"conversations": count}

    return do


def _groups(file: Any) -> Iterator[list[bytes]]:
    while lines := list(islice(file, FLOOR_LINES)):
        yield lines


def land_and_merge(is_redacting: bool) -> Any:
    from metrics_pipeline.conversations.landing import land_folder
    from metrics_pipeline.conversations.merge import merge
    from metrics_pipeline.conversations.record import InColumns
    from metrics_pipeline.conversations.redaction.redactor import Redactor
    from metrics_pipeline.data_folder import open_data_folder

    class Unredacted(Redactor):
        """Takes nothing out."""

        def redact_columns(self, found: InColumns) -> tuple[InColumns, dict[str, int]]:
            head = msgspec.structs.replace(found.head, redaction=self.version)
            return msgspec.structs.replace(found, head=head), {}

    redactor = Redactor() if is_redacting else Unredacted()

    def do(exports: Path, data: Path) -> dict[str, int]:
        folder = open_data_folder(data)
        landed = land_folder(exports, folder, ZoneInfo("UTC"), redactor)
        merged = merge(folder)
        assert landed.quarantined_count == 0, landed.quarantined_count
        return {"conversations": merged.conversation_count}

    return do


WORK = {
    "floor": floor,
    "land and merge, no redaction": lambda: land_and_merge(False),
    "land and merge": lambda: land_and_merge(True),
}


def table(result: dict[str, Any]) -> str:
    count, megabytes, runs = result["conversations"], result["megabytes"], result["runs"]
    lines = [f"{count:,} conversations, {megabytes:,.0f} MB, {result['a_day']:,} a day, median of {result['repeats']}"]
    lines += ["", "| | CPU µs a conversation | of the floor's | goal | conversations/s | MB/s | peak MiB |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for name, run in runs.items():
        assert run["conversations"] == count, (name, run)
        ratio = run["cpu_seconds"] / runs["floor"]["cpu_seconds"]
        goal = f"{GOALS[name]:g}" if name in GOALS else ""
        lines.append(
            f"| {name} | {run['cpu_seconds'] / count * 1e6:.1f} | {ratio:.2f} | {goal} | "
            f"{count / run['wall_seconds']:,.0f} | {megabytes / run['wall_seconds']:.1f} | {run['peak_mib']:.0f} |"
        )
    lines += ["", f"Goal for the peak: {GOAL_MIB} MiB, and the same however many conversations there are."]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
