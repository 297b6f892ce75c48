"""The `metrics` command in this process: what it prints and how it ends, without two seconds of imports each time."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from subprocess import CompletedProcess

from metrics_pipeline.cli import main


def metrics(arguments: Sequence[str], cwd: Path, environment: dict[str, str]) -> CompletedProcess[str]:
    """As `subprocess.run` would give it back, its standard input empty."""
    out, error = io.StringIO(), io.StringIO()
    before = os.environ.copy(), sys.argv, sys.stdin
    os.environ.clear()
    os.environ.update(environment)
    sys.argv, sys.stdin = ["metrics", *arguments], io.StringIO()
    try:
        with contextlib.chdir(cwd), contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
            code = _exit_code()
    finally:
        os.environ.clear()
        os.environ.update(before[0])
        sys.argv, sys.stdin = before[1:]
    return CompletedProcess(["metrics", *arguments], code, out.getvalue(), error.getvalue())


def _exit_code() -> int:
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0
