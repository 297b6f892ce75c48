"""With Dagster's own daemon: what a killed run held is given back, and the next run starts by itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
from exports import raw, write
from model_server import model_server
from small_project import ANSWER

from metrics_pipeline.defs.schedule import RANGE_END, RANGE_START
from metrics_pipeline.defs.upkeep import process_of

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent


@contextmanager
def daemon(environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A daemon in a group of its own, ended with all that it started."""
    command = [PROGRAMS / "dagster-daemon", "run", "-m", "metrics_pipeline.definitions"]
    with log.open("ab") as file:
        running = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=file, start_new_session=True)
    try:
        yield running
    finally:
        kill_group(running)


def kill_group(running: subprocess.Popen[bytes]) -> None:
    if running.poll() is None:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def wait_until(holds: Callable[[], bool], seconds: float, what: str) -> float:
    """How long it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, f"{what}: not after {seconds} s"
        time.sleep(0.5)
    return time.monotonic() - began


@pytest.mark.slow
@pytest.mark.parametrize(("killed", "seconds"), [("run", 60), ("machine", 120)])
def test_after_a_kill_of_the_run_that_holds_the_pool_or_of_everything_the_next_one_starts_by_itself(
    tmp_path, killed, seconds
):
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions" / "answer_given.yaml").write_text(ANSWER)
    write(tmp_path / "data" / "landing" / "a.json", raw(0))
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_bytes((ROOT / "metrics_pipeline" / "defs" / "dagster.yaml").read_bytes())
    with model_server("hang") as server, dg.DagsterInstance.from_config(str(home)) as instance:
        environment = os.environ | {
            "DAGSTER_HOME": str(home),
            "METRICS_DATA": str(tmp_path / "data"),
            "METRICS_ANSWERS": str(tmp_path / "definitions"),
            "METRICS_FIRST_DAY": "2026-09-01",
            "METRICS_MODEL": "openai/x",
            "METRICS_API_BASE": server.base,
            "METRICS_CALL_TIMEOUT_SECONDS": "3000",
        }

        def launch() -> None:
            tags = json.dumps({RANGE_START: "2026-09-01", RANGE_END: "2026-09-01"})
            command = [PROGRAMS / "dagster", "job", "launch", "-m", "metrics_pipeline.definitions", "-j", "lake"]
            subprocess.run([*command, "--tags", tags], cwd=ROOT, env=environment, check=True, capture_output=True)

        def status(run_id: str) -> dg.DagsterRunStatus:
            return instance.get_run_by_id(run_id).status

        launch()
        with daemon(environment, tmp_path / "log") as running:
            wait_until(lambda: server.request_count > 0, 300, "the first run asks")
            launch()
            second, first = (run.run_id for run in instance.get_runs())
            time.sleep(10)
            assert (status(first), status(second)) == (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.QUEUED)
            if killed == "run":
                os.kill(process_of(instance, first)[0], signal.SIGKILL)
                took = wait_until(lambda: status(second).value == "STARTED", seconds, "the next run starts")
            else:
                kill_group(running)
        if killed == "machine":
            assert status(first) == dg.DagsterRunStatus.STARTED
            with daemon(environment, tmp_path / "log"):
                took = wait_until(lambda: status(second).value == "STARTED", seconds, "the next run starts")
        assert status(first) == dg.DagsterRunStatus.FAILURE
        print(f"{killed}: the next run started after {took:.0f} s")
