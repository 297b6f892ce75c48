"""A run takes no more memory because it has more days."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

SCRIPT = """
    from threading import Thread
    from metrics_pipeline.evaluation.memory import give_back, keep_few_pools

    def held():
        pages = int(open("/proc/self/statm").read().split()[1])
        return pages * 4096 / 2**20

    def work():
        parts = [bytes(10_000) for _ in range(2_000)]
        kept.append(parts[-1])

    kept = []
    keep_few_pools()
    before = held()
    for _ in range(2):
        thread = Thread(target=work)
        thread.start()
        thread.join()
    used = held()
    give_back()
    print(used - before, held() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="tells memory by what Linux says of a process")
def test_what_a_thread_used_and_is_free_goes_back_to_the_system():
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(SCRIPT)], capture_output=True, text=True, check=True)
    used, kept = map(float, done.stdout.split())
    if used < 10:
        pytest.skip("this C library keeps nothing that is free")
    assert kept < used / 4
