"""What all tests share: the project's folders on the path of imports, and nothing of the user's settings."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

for name in [name for name in os.environ if name.startswith("METRICS_")]:
    del os.environ[name]
sys.path[:0] = [str(path) for path in (ROOT / "tests").iterdir() if path.is_dir()]

LONGEST = (
    "test_readme.py",
    "test_cli.py",
    "test_erase.py",
    "test_trials.py",
    "test_dagster.py",
    "test_nights.py",
    "test_list_show.py",
    "test_house.py",
    "test_generation.py",
    "test_merge.py",
    "test_tables.py",
    "test_seen.py",
    "test_landing.py",
    "test_pulling.py",
    "test_batches.py",
    "test_audit.py",
    "test_status.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, file by file: begun last, one of two workers would wait for the other."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@pytest.fixture
def command(tmp_path, monkeypatch):
    """A command of `metrics` in a project of its own, with settings by name."""
    from small_project import write_project
    from typer.testing import CliRunner

    from metrics_pipeline.cli import cli

    monkeypatch.chdir(tmp_path)
    write_project(tmp_path)

    def run(*arguments, **settings):
        environment = {f"METRICS_{name.upper()}": value for name, value in settings.items()}
        return CliRunner().invoke(cli, list(arguments), env=environment)

    return run
