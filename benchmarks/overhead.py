"""What Dagster adds to the plain command for one night, and where it goes.

.venv/bin/python benchmarks/overhead.py --conversations 1000 --repeats 3

The same day of the demo's conversations, the eight shipped metrics, the baseline judge, twice: `metrics run`, and the
jobs `lake` and `marts` as Dagster runs them, each in a process of its own with its event log on disk. CPU seconds of
each process, since a shared machine's wall clock says little; the parts are measured inside the two processes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
ROOT = HERE.parents[1]
DAY = date(2026, 9, 1)
PARTS = ("import", "definitions", "instance", "take_in", "judge", "dbt", "publish", "Dagster's own")
WORK = ("take_in", "judge", "dbt", "publish")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--conversations", type=int, default=1000)
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--job", choices=("lake", "marts"), help="only this job, in this process; prints its parts")
    given = options.parse_args()
    if given.job:
        print(json.dumps(run_job(given.job)))
        return
    rounds = [one_round(given.conversations) for _ in range(given.repeats)]
    print(f"{given.conversations:,} conversations x 8 metrics, medians of {given.repeats}\n")
    print("| process | wall s | CPU s |\n|---|---|---|")
    for name in ("metrics run", "lake", "marts"):
        wall, cpu = (statistics.median(one[name][index] for one in rounds) for index in (0, 1))
        print(f"| {name} | {wall:.1f} | {cpu:.1f} |")
    added = [one["lake"][1] + one["marts"][1] - one["metrics run"][1] for one in rounds]
    print(f"| Dagster adds | | {statistics.median(added):.1f} |\n\n| CPU s of | lake | marts |\n|---|---|---|")
    for part in PARTS:
        seconds = [statistics.median(one[f"{job} parts"].get(part, 0) for one in rounds) for job in ("lake", "marts")]
        print(f"| {part} | {seconds[0]:.2f} | {seconds[1]:.2f} |")


def one_round(count: int) -> dict[str, Any]:
    """Both ways on the same day, each in a new data folder."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as plain, tempfile.TemporaryDirectory() as nightly:
        for folder in (plain, nightly):
            write_day(Path(folder) / "landing", count)
        found["metrics run"] = timed([str(Path(sys.executable).with_name("metrics")), "run", "--json"], plain)[:2]
        # Loaded once, as the daemon has when a night comes: dbt has read its project.
        timed([sys.executable, "-c", "import metrics_pipeline.definitions"], nightly)
        for job in ("lake", "marts"):
            *took, said = timed([sys.executable, str(HERE), "--job", job], nightly)
            found[job], found[f"{job} parts"] = took, json.loads(said.splitlines()[-1])
    return found


def timed(command: list[str], data: str) -> tuple[float, float, str]:
    """Wall and CPU seconds of a process and its children, and what it said."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("METRICS_", "DAGSTER_"))}
    environment |= {"METRICS_DATA": data, "DAGSTER_HOME": f"{data}/dagster_home", "METRICS_FIRST_DAY": DAY.isoformat()}
    (Path(data) / "dagster_home").mkdir(exist_ok=True)
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, cpu, done.stdout


def write_day(landing: Path, count: int) -> None:
    from metrics_pipeline.demo.export import _conversation

    draw = random.Random(7)
    made = [_conversation(draw, f"hh-{number:05d}", DAY).raw for number in range(count)]
    landing.mkdir(parents=True)
    (landing / "day.json").write_text(json.dumps({"conversations": made, "cursor": None}))


def run_job(job: str) -> dict[str, float]:
    """CPU seconds by part of one job in this process."""
    parts: dict[str, float] = {}

    @contextmanager
    def part(name: str) -> Iterator[None]:
        began = cpu_seconds()
        yield
        parts[name] = parts.get(name, 0) + cpu_seconds() - began

    def watched(name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            with part(name):
                return act(*arguments, **options)

        return call

    parts["import"] = cpu_seconds()
    with part("import"):
        import dagster
        import dagster_dbt  # noqa: F401

        from metrics_pipeline import pipeline
        from metrics_pipeline.defs import assembly, marts
        from metrics_pipeline.defs.home import open_home
        from metrics_pipeline.defs.in_process import SILENT
        from metrics_pipeline.defs.lake import NIGHT_TAG
        from metrics_pipeline.defs.schedule import RANGE_END, RANGE_START
        from metrics_pipeline.settings import load_settings

    pipeline.take_in, pipeline.judge = watched("take_in", pipeline.take_in), watched("judge", pipeline.judge)
    marts.build_nodes, marts.publish = watched("dbt", marts.build_nodes), watched("publish", marts.publish)
    settings = load_settings()
    with part("definitions"):
        definitions = assembly.build_definitions(settings)
        resolved = definitions.resolve_job_def(job)
    day = DAY.isoformat()
    tags = {RANGE_START: day, RANGE_END: day, NIGHT_TAG: day} if job == "lake" else {}
    with ExitStack() as opened:
        with part("instance"):
            instance: dagster.DagsterInstance = opened.enter_context(open_home(settings))
        began, work = cpu_seconds(), sum(parts.get(name, 0) for name in WORK)
        done = resolved.execute_in_process(instance=instance, tags=tags, run_config=SILENT)
        assert done.success
        parts["Dagster's own"] = cpu_seconds() - began - (sum(parts.get(name, 0) for name in WORK) - work)
    return parts


def cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main()
