"""The shared simulator of a model server, in a process of its own; tests that need it skip where it is absent."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

SIMULATOR = Path(__file__).parents[3] / "shared" / "tools" / "llm_sim.py"


class Simulator:
    """Where it answers, and what it has counted."""

    def __init__(self, port: int, record: Path | None) -> None:
        self.base, self.record = f"http://127.0.0.1:{port}/v1", record

    def stats(self) -> dict[str, Any]:
        with urlopen(f"{self.base.removesuffix('/v1')}/stats") as answer:
            return dict(json.load(answer))

    def recorded(self) -> list[dict[str, Any]]:
        """What it was asked and has answered, in the order of its answers."""
        assert self.record is not None
        lines = self.record.read_bytes().splitlines() if self.record.exists() else []
        return [json.loads(line) for line in lines]


@contextmanager
def simulated(
    faults: Mapping[str, float], latency_ms: float, record: Path | None = None, seed: int = 7
) -> Iterator[Simulator]:
    if not SIMULATOR.is_file():
        pytest.skip("the simulator of a model server is not there")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    chosen = ",".join(f"{fault}={share}" for fault, share in faults.items())
    command = [sys.executable, SIMULATOR, "--port", port, "--latency-ms", latency_ms, "--faults", chosen]
    command += ["--seed", seed, "--record", record or ""]
    process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield Simulator(port, record)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
