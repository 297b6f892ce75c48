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

LONGEST = ("test_readme.py", "test_dagster.py", "test_cli.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: begun last, one of two workers would wait for the other."""
    items.sort(key=lambda item: item.path.name not in LONGEST)
