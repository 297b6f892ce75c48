"""How far judging has come is seen on a terminal and nowhere else, and who ends it hears what is kept."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from exports import raw, write
from model_server import model_server

METRICS = Path(sys.executable).with_name("metrics")
COLOURS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
DEFINITION = """\
name: "Result: given"
type: boolean
definition: The agent gave a result.
true_when: A result was given.
false_when: No result was given.
"""


def read(source: int) -> str:
    said = b""
    while True:
        try:
            part = os.read(source, 65_536)
        except OSError:  # what a terminal says at its end
            part = b""
        if not part:
            return said.decode()
        said += part


@pytest.mark.parametrize("is_terminal", [True, False])
def test_an_ended_run_says_what_is_kept_and_only_a_terminal_has_seen_a_bar(tmp_path, is_terminal):
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions" / "result_given.yaml").write_text(DEFINITION)
    (tmp_path / "landing").mkdir()
    write(tmp_path / "landing" / "a.jsonl", *(raw(number) for number in range(400)))
    there, here = pty.openpty() if is_terminal else os.pipe()
    with model_server(latency_seconds=0.2) as server:
        settings = {"METRICS_MODEL": "openai/gpt-4o", "METRICS_API_BASE": server.base, "METRICS_CONCURRENCY": "8"}
        running = subprocess.Popen(
            [METRICS, "run", "--landing", "landing", "--definitions", "definitions"],
            cwd=tmp_path,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "150", **settings},
            stdout=subprocess.PIPE,
            stderr=here,
        )
        os.close(here)
        while server.request_count < 40:
            assert running.poll() is None
            time.sleep(0.02)
        running.send_signal(signal.SIGINT)
        said, printed = COLOURS.sub("", read(there)), running.communicate()[0]

    assert running.returncode == 130
    assert printed == b""
    kept = re.search(r"metrics: stopped\. What was recorded is kept, (\d+) replies of this run among it", said)
    assert kept is not None, said
    (file,) = (tmp_path / "data" / "evaluation_runs").glob("run=*.parquet")
    (row,) = pq.read_table(file, partitioning=None).to_pylist()
    assert (row["stopped_by"], row["reply_count"]) == ("interrupted", int(kept[1]))
    bars = re.findall(r"/(\d+) cells · \d+ calls · \d+ in flight · \d+ tokens · \$0\.\d\d", said)
    assert set(bars) == ({str(row["planned_count"])} if is_terminal else set())
