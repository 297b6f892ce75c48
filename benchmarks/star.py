"""The whole job on the STAR conversations with the baseline judge: what each stage costs, and how far it agrees.

    .venv/bin/python benchmarks/star.py --repeats 3

Runs `metrics run` in a process of its own on a new data folder each time. Prints, for each stage, medians of wall and
CPU seconds and the process's peak memory so far; a floor measured in the same run (the same exports parsed with msgspec
and nothing else); and Cohen's kappa of each metric against the truth beside the conversations.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import msgspec
from sklearn.metrics import cohen_kappa_score

HERE = Path(__file__).parent
STAR = HERE.parents[1] / "shared" / "data" / "star"
METRICS = Path(sys.executable).with_name("metrics")
ANSWERS = """
    select truth.metric_name as metric, verdicts.answer as given, truth.value as true, truth.contested as contested
    from read_parquet(?) as truth
    inner join read_parquet(?) as verdicts
        on truth.conversation_id = verdicts.conversation_id and truth.metric_name = verdicts.metric
    where verdicts.is_primary and verdicts.state = 'answered'
"""


def run_once(landing: Path, definitions: Path) -> tuple[dict[str, Any], Path, tempfile.TemporaryDirectory[str]]:
    """One run on a new data folder: its summary, and where it stands."""
    place = tempfile.TemporaryDirectory(prefix="star-")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("METRICS_")}
    environment["METRICS_DATA"] = place.name
    started, before = time.perf_counter(), os.times()
    command = [METRICS, "run", "--json", "--landing", landing, "--definitions", definitions]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    summary = json.loads(done.stdout)
    after = os.times()
    cpu = (after.children_user + after.children_system) - (before.children_user + before.children_system)
    summary["whole"] = {"wall_seconds": time.perf_counter() - started, "cpu_seconds": cpu}
    return summary, Path(place.name), place


def floor_seconds(landing: Path) -> float:
    """CPU seconds to unpack and parse the same exports, and nothing else."""
    started = time.process_time()
    for path in landing.glob("*.json.gz"):
        msgspec.json.decode(gzip.decompress(path.read_bytes()))
    return time.process_time() - started


def kappas(data: Path, labels: Path) -> list[dict[str, Any]]:
    """Agreement of each metric with the truth, contested conversations left out and with them."""
    verdicts = data / "published" / "current" / "fct_verdicts.parquet"
    with duckdb.connect() as database:
        rows = database.execute(ANSWERS, [str(labels), str(verdicts)]).fetchall()
        asked = dict(
            database.execute(
                "select metric_name, count(*) from read_parquet(?) where not contested group by 1", [str(labels)]
            ).fetchall()
        )
    found = []
    for metric in sorted({row[0] for row in rows}):
        plain = [row for row in rows if row[0] == metric and not row[3]]
        everything = [row for row in rows if row[0] == metric]
        found.append(
            {
                "metric": metric,
                "labelled": asked[metric],
                "answered": len(plain),
                "agree": sum(row[1] == row[2] for row in plain) / len(plain),
                "kappa": float(cohen_kappa_score([row[1] for row in plain], [row[2] for row in plain])),
                "kappa_with_contested": float(
                    cohen_kappa_score([row[1] for row in everything], [row[2] for row in everything])
                ),
            }
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--landing", type=Path, default=STAR / "v3")
    parser.add_argument("--labels", type=Path, default=STAR / "labels.parquet")
    parser.add_argument("--definitions", type=Path, default=HERE / "definitions" / "star")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not options.landing.is_dir():
        raise SystemExit(f"{options.landing}: the STAR conversations are not there; say where with --landing")
    summaries, agreement, floors = [], [], []
    for _ in range(options.repeats):
        floors.append(floor_seconds(options.landing))
        summary, data, place = run_once(options.landing, options.definitions)
        agreement = kappas(data, options.labels)
        summaries.append(summary)
        place.cleanup()
    stages = [
        {
            "name": name,
            "wall_seconds": median(summary["stages"][number]["wall_seconds"] for summary in summaries),
            "cpu_seconds": median(summary["stages"][number]["cpu_seconds"] for summary in summaries),
            "peak_mib": median(summary["stages"][number]["peak_rss_bytes"] for summary in summaries) / 2**20,
        }
        for number, name in enumerate(stage["name"] for stage in summaries[0]["stages"])
    ]
    whole = {key: median(summary["whole"][key] for summary in summaries) for key in ("wall_seconds", "cpu_seconds")}
    result = {
        "conversations": summaries[0]["conversations"],
        "repeats": options.repeats,
        "floor_cpu_seconds": median(floors),
        "stages": stages,
        "whole": whole | {"peak_mib": max(stage["peak_mib"] for stage in stages)},
        "agreement": agreement,
    }
    print(json.dumps(result, indent=2) if options.json else table(result))


def table(result: dict[str, Any]) -> str:
    lines = [f"{result['conversations']:,} conversations, medians of {result['repeats']}", ""]
    lines += ["| stage | wall s | CPU s | peak MiB so far |", "|---|---|---|---|"]
    for stage in [*result["stages"], {"name": "whole command", **result["whole"]}]:
        seconds = f"{stage['wall_seconds']:.2f} | {stage['cpu_seconds']:.2f}"
        lines.append(f"| {stage['name']} | {seconds} | {stage['peak_mib']:.0f} |")
    floor = result["floor_cpu_seconds"]
    lines.append(f"| floor: parse the same exports | | {floor:.2f} | |")
    ratio = sum(stage["cpu_seconds"] for stage in result["stages"] if stage["name"] in ("land", "merge")) / floor
    lines += ["", f"CPU of land and merge over the floor: {ratio:.1f}", ""]
    lines += ["| metric | labelled | answered | agree | kappa | with contested |", "|---|---|---|---|---|---|"]
    for row in result["agreement"]:
        counts = f"{row['labelled']:,} | {row['answered']:,} | {row['agree']:.1%}"
        lines.append(f"| {row['metric']} | {counts} | {row['kappa']:.2f} | {row['kappa_with_contested']:.2f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
