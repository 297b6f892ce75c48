"""Every command of the README, in its order, as a newcomer would type it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import typer
import yaml
from batch_server import batch_server
from command_line import metrics
from conversations_server import TOKEN, conversations_server
from exports import raw, write

from metrics_pipeline.cli import cli
from metrics_pipeline.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BENCHMARKS = (ROOT / "benchmarks" / "README.md").read_text()
SHELL_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
LONG = {"make test"}
"""What cannot be run inside itself."""


def blocks(text: str) -> list[str]:
    return SHELL_BLOCK.findall(text)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A copy of the project's files, with this environment in place of a new one."""
    if not (ROOT / ".venv" / ".ready").exists():
        pytest.skip("the README's commands run in the environment that `make setup` makes")
    place = tmp_path_factory.mktemp("clone") / "metrics-pipeline"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, place / name)
    (place / ".venv").symlink_to(ROOT / ".venv")
    write(place / "my_exports" / "a.json", *(raw(number) for number in range(5)))
    example = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert example is not None
    (place / "my_definitions").mkdir()
    (place / "my_definitions" / "breakfast_asked.yaml").write_text(example.group(1))
    return place


def test_every_command_of_the_readme_works_in_its_order(clone):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("METRICS_", "DAGSTER_"))}
    shown = ""
    source = conversations_server([raw(number) for number in range(20)], project="hotel")
    with batch_server() as server, source as platform:
        environment = kept | {"METRICS_API_BASE": server.base, "METRICS_BATCH_POLL_SECONDS": "0.1"}
        for block in blocks(README):
            if block.strip() in LONG:
                continue
            if "metrics run\n" in block and "METRICS_MODEL" not in block:
                shutil.copy(clone / "my_definitions" / "breakfast_asked.yaml", clone / "metric_definitions")
            script = block.replace("http://localhost:8000/v1", server.base)
            script = script.replace("https://api.us-1.platform.polyai.app", platform.url)
            script = script.replace("METRICS_PULL_TOKEN=...", f"METRICS_PULL_TOKEN={TOKEN}")
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script], cwd=clone, env=environment, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{block}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
            shown = shown or done.stdout
            if "METRICS_MODEL" in block:
                assert "requests" in done.stdout
        assert server.request_count > 50
        assert set(server.paid.values()) == {1}
        assert platform.requests
    for line in _demo_lines(README):
        assert line in shown, "the README shows what the demo prints: write it anew from `make demo`"


def test_the_workflow_of_the_readme_lints_and_compares_with_flags_that_are_there():
    text = next(block for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) if "pull_request" in block)
    (job,) = yaml.safe_load(text)["jobs"].values()
    lines = [step["run"] for step in job["steps"] if "run" in step]
    used = {}
    for line in lines:
        if line.startswith(".venv/bin/metrics "):
            _, name, *words = shlex.split(line.partition(">")[0])
            command = typer.main.get_command(cli).commands[name]
            flags = [word for word in words if word.startswith("--")]
            assert set(flags) <= {flag for option in command.params for flag in option.opts}, line
            command.make_context(name, words)
            used[name] = flags
    assert {name for name in job["env"] if name.startswith("METRICS_")} <= {
        f"METRICS_{name.upper()}" for name in Settings.model_fields
    }
    assert "--github" in used["lint"]
    assert {"--markdown", "--against", "--max-flips"} <= set(used["diff"])


@pytest.mark.slow
def test_a_run_is_recorded_and_replayed_as_the_readme_says_it(tmp_path):
    commands = re.findall(r"`(METRICS_(?:RECORD|MODEL=replay:)[^`]* metrics run [^`]*)`", README)
    write(tmp_path / "exports" / "a.json", *(raw(number) for number in range(5)))
    found = []
    with batch_server() as server:
        for command in commands:
            words = shlex.split(command)
            named = dict(word.split("=", 1) for word in words[: words.index("metrics")])
            environment = os.environ | {
                "METRICS_MODEL": "openai/some-model",
                "METRICS_API_BASE": server.base,
                "METRICS_DEFINITIONS": str(ROOT / "metric_definitions"),
                "METRICS_BUDGET_REQUESTS": "1000",
            }
            done = metrics(words[words.index("metrics") + 1 :], tmp_path, environment | named)
            assert done.returncode == 0, done.stderr
            files = sorted((tmp_path / named["METRICS_DATA"] / "verdicts").rglob("*.parquet"))
            rows = [row for file in files for row in pq.read_table(file, partitioning=None).to_pylist()]
            found.append((server.request_count, [row for row in rows if row["source"] == "judged"]))

    (recorded_calls, recorded), (replayed_calls, replayed) = found
    assert recorded_calls == replayed_calls > 0
    said = ("conversation_id", "metric", "state", "answer", "reason", "evidence")
    assert [[row[name] for name in said] for row in replayed] == [[row[name] for name in said] for row in recorded]
    assert {row["judge_kind"] for row in replayed} == {"replay"}


def _demo_lines(text: str) -> list[str]:
    """The lines of the demo's output in which no folder is named."""
    block = re.search(r"```text\n(.*?)```", text, re.DOTALL)
    assert block is not None
    return [line for line in block.group(1).splitlines() if "data/" not in line and ".venv/" not in line]


def test_every_command_of_the_benchmarks_page_names_a_script_that_is_there():
    for block in blocks(BENCHMARKS):
        for script in re.findall(r"benchmarks/\w+\.py", block):
            assert (ROOT / script).is_file()


def test_every_file_the_readme_points_to_is_there():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_every_setting_is_named_in_the_readme():
    listed = README[README.index("Settings stand in the environment") :].split(". [settings.py]")[0]
    assert {name for name in Settings.model_fields if not re.search(rf"\b{name}\b", listed)} == set()
