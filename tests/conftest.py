"""What all tests share: the project's folders on the path of imports, and nothing of the user's settings."""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

for name in [name for name in os.environ if name.startswith("METRICS_")]:
    del os.environ[name]
sys.path[:0] = [str(path) for path in (ROOT / "tests").iterdir() if path.is_dir()]
