"""The evaluation engine against a simulated model server: throughput, CPU, tokens, faults, memory.

    .venv/bin/python benchmarks/engine.py
    .venv/bin/python benchmarks/engine.py --rows openai faults --repeats 3

Each measured thing runs in a process of its own (`engine_part.py`), and so does the server (`--simulator`): any that
answers OpenAI's chat completions by their schema, counts at `/stats`, and takes these options. Floors run in turn with
what they are the floor of, and a figure is a median of `--repeats`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

HERE = Path(__file__).parent
PART = HERE / "engine_part.py"
SIMULATOR = HERE.parents[1] / "shared" / "tools" / "llm_sim.py"
FAULTS = "429=0.05,500=0.02,badenum=0.02,truncated=0.01,hang=0.002"
CALL_TIMEOUT_SECONDS = 2
"""Of the runs with faults: a server that answers in 300 ms and has not after this hangs."""


class Line(NamedTuple):
    """One row of the table."""

    what: str
    figure: str
    goal: str
    is_met: bool
    beside: str
    """What it was compared with, and what else there is to know."""


class Bench:
    """Conversations that have landed once, and runs over copies of them."""

    def __init__(self, place: Path, options: argparse.Namespace) -> None:
        self.place, self.options, self.copies = place, options, 0
        self.latency_ms = options.latency_ms

    def landed(self, conversations: int) -> Path:
        """A new data folder in which so many conversations have landed and nothing is judged."""
        base = self.place / f"landed-{conversations}"
        if not base.exists():
            part("land", data=base, conversations=conversations)
        self.copies += 1
        copy = self.place / f"copy-{self.copies}"
        shutil.copytree(base, copy)
        return copy

    def run(self, name: str, server: Server | None = None, conversations: int = 0, **options: Any) -> dict[str, Any]:
        """One part on a new data folder, which is gone afterwards."""
        data = self.landed(conversations or self.options.conversations)
        if server is not None:
            server.reset()
            options["api_base"] = server.base
        try:
            took = part(name, data=data, **options)
            return took | {"server": server.stats() if server is not None else {}}
        finally:
            shutil.rmtree(data)

    def against_bare(self, server: Server, client: str, concurrency: int) -> tuple[float, list[float], list[float]]:
        """The ratio of walls and CPU seconds in medians: the engine's, and bare aiohttp's with the same bodies."""
        ours, bare = [], []
        for _ in range(self.options.repeats):
            bare.append(self.run("bare", server, concurrency=concurrency))
            ours.append(self.run("judge", server, concurrency=concurrency, client=client))
        assert {run["server"]["requests"] for run in ours} == {run["server"]["requests"] for run in bare}
        ratio = median(run["wall_seconds"] for run in ours) / median(run["wall_seconds"] for run in bare)
        return ratio, _medians(ours), _medians(bare)


class Server:
    """The simulator in a process of its own."""

    def __init__(self, port: int) -> None:
        self.root = f"http://127.0.0.1:{port}"
        self.base = f"{self.root}/v1"

    def stats(self) -> dict[str, Any]:
        with urlopen(f"{self.root}/stats") as answer:
            return dict(json.load(answer))

    def reset(self) -> None:
        urlopen(Request(f"{self.root}/reset", method="POST", data=b"")).close()


@contextmanager
def simulated(options: argparse.Namespace, latency_ms: float, faults: str = "", seed: int = 7) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, options.simulator, "--port", port, "--latency-ms", latency_ms, "--seed", seed]
    process = subprocess.Popen([*map(str, command), "--faults", faults], stdout=subprocess.DEVNULL)
    try:
        server = Server(port)
        for _ in range(100):
            try:
                server.stats()
                break
            except OSError:
                time.sleep(0.1)
        yield server
    finally:
        process.kill()
        process.wait()


def part(name: str, **options: Any) -> dict[str, Any]:
    flags = [str(word) for key, value in options.items() for word in (f"--{key.replace('_', '-')}", value)]
    done = subprocess.run([sys.executable, PART, name, *flags], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _medians(runs: list[dict[str, Any]]) -> list[float]:
    return [median(run[key] for run in runs) for key in ("wall_seconds", "cpu_seconds")]


def throughput(bench: Bench, client: str, concurrency: int, goal: float) -> Line:
    with simulated(bench.options, bench.latency_ms) as server:
        ratio, ours, bare = bench.against_bare(server, client, concurrency)
    what = f"wall through {client}, {concurrency} in flight, against bare aiohttp"
    beside = f"{ours[0]:.2f} s against {bare[0]:.2f}; CPU {ours[1]:.2f} s against {bare[1]:.2f}"
    return Line(what, f"{ratio:.3f}", f"<= {goal}", ratio <= goal, beside)


def cpu(bench: Bench) -> Line:
    runs = [bench.run("instant") for _ in range(bench.options.repeats)]
    each = [1000 * run["cpu_seconds"] / run["requests"] for run in runs]
    found = median(each)
    beside = f"ms a request of four metrics, a judge in the process that answers at once; lowest {min(each):.2f}"
    return Line("CPU of what is ours", f"{found:.2f} ms", "<= 0.3", found <= 0.3, beside)


def tokens(bench: Bench) -> Line:
    sizes = {}
    with simulated(bench.options, 0) as server:
        for metrics, size in ((4, 1), (4, 4), (12, 1), (12, 4), (12, 6), (12, 12)):
            run = bench.run("judge", server, client="openai", metrics=metrics, group_size=size)
            sizes[metrics, size] = (run["server"]["tokens_in"], run["wall_seconds"])
    share = sizes[4, 4][0] / sizes[4, 1][0]
    others = ", ".join(
        f"{size}: {sizes[12, size][0] / sizes[12, 1][0]:.2f} ({sizes[12, size][1]:.1f} s)" for size in (1, 4, 6, 12)
    )
    beside = f"four metrics in one request; of twelve by group size, with the wall at 0 ms, {others}"
    return Line("input tokens against a request a metric", f"{share:.3f}", "<= 0.33", share <= 0.33, beside)


def faults(bench: Bench) -> list[Line]:
    found = []
    options = {"client": "openai", "call_timeout_seconds": CALL_TIMEOUT_SECONDS}
    for repeat in range(bench.options.repeats):
        with simulated(bench.options, bench.latency_ms) as server:
            calm = bench.run("judge", server, **options)
        with simulated(bench.options, bench.latency_ms, FAULTS, 7 + repeat) as server:
            found.append((calm, bench.run("judge", server, **options)))
    right, cells = [], 4 * bench.options.conversations
    for _, run in found:
        # A reply that was cut is paid and final; what else went wrong is made good.
        right.append(1 - _wrong(run, bench.options.conversations) / cells)
    paid = median(run["server"]["requests"] / bench.options.conversations for _, run in found)
    wall = median(run["wall_seconds"] / calm["wall_seconds"] for calm, run in found)
    kinds = found[0][1]["server"]["statuses"]
    return [
        Line("faults: cells in the right state", f"{min(right):.2%}", "100 %", min(right) == 1, f"{FAULTS}: {kinds}"),
        Line("faults: requests for each that is needed", f"{paid:.3f}", "<= 1.15", paid <= 1.15, "429s are not paid"),
        Line(
            "faults: wall against the faultless run",
            f"{wall:.2f}",
            "<= 1.5",
            wall <= 1.5,
            f"{CALL_TIMEOUT_SECONDS} s a call",
        ),
    ]


def _wrong(run: dict[str, Any], conversations: int) -> int:
    """Cells that are not in the state that the server's own counters ask for."""
    sent, told, details = run["server"]["requests"], run["server"]["statuses"], run["details"]
    # Whatever was refused, failed or hung was tried again, once each; what else was sent are corrections.
    corrections = sent - conversations - sum(told.get(kind, 0) for kind in ("429", "500", "hang"))
    # An answer off its list that is off it once more when it is corrected is an error; so is whatever was cut: the four
    # cells of a first reply, or the one of a correction.
    wrong = abs(details.get("off_list", 0) - (told.get("200-badenum", 0) - corrections))
    cut, most_cut = details.get("truncated", 0), 4 * told.get("200-truncated", 0)
    wrong += max(cut - most_cut, 0) + (most_cut - cut) % 3
    wrong += abs(run["states"].get("error", 0) - cut - details.get("off_list", 0))
    return wrong + run["open"] + run["states"].get("unjudged", 0) + details.get("evidence_failed", 0)


def memory(bench: Bench, client: str, goal: int) -> Line:
    few, many = bench.options.memory
    with simulated(bench.options, 0) as server:
        small, large = (
            bench.run("judge", server, conversations=count, client=client)["peak_mib"] for count in (few, many)
        )
    growth = large / small
    figure = f"{small:.0f}, {large:.0f} MB"
    beside = f"with {few:,} and {many:,} conversations of four metrics: {growth:.2f} times"
    return Line(f"peak memory, {client}", figure, f"<= {goal}, flat", large <= goal and growth <= 1.1, beside)


ROWS: dict[str, Callable[[Bench], Line | list[Line]]] = {
    "litellm": lambda bench: throughput(bench, "litellm", 64, 1.12),
    "openai": lambda bench: throughput(bench, "openai", 64, 1.04),
    "openai256": lambda bench: throughput(bench, "openai", 256, 1.3),
    "cpu": cpu,
    "tokens": tokens,
    "faults": faults,
    "memory": lambda bench: [memory(bench, "openai", 250), memory(bench, "litellm", 450)],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=[*ROWS])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--conversations", type=int, default=2_000)
    parser.add_argument("--latency-ms", type=float, default=300)
    parser.add_argument("--memory", type=int, nargs=2, default=[10_000, 100_000], help="conversations of the two runs")
    parser.add_argument("--simulator", type=Path, default=SIMULATOR)
    options = parser.parse_args()
    if not options.simulator.is_file():
        raise SystemExit(f"{options.simulator}: there is no simulated server; say where with --simulator")
    print(f"{options.conversations:,} conversations, {options.latency_ms:.0f} ms, medians of {options.repeats}\n")
    print("| | figure | goal | met | |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="engine-") as place:
        bench = Bench(Path(place), options)
        for name in options.rows:
            lines = ROWS[name](bench)
            for line in [lines] if isinstance(lines, Line) else lines:
                met = "yes" if line.is_met else "no"
                print(f"| {line.what} | {line.figure} | {line.goal} | {met} | {line.beside} |", flush=True)


if __name__ == "__main__":
    main()
