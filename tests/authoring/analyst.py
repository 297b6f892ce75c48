"""A project with forty conversations, and the `metrics` command called in this process as an analyst would."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import sys
from pathlib import Path
from typing import Any

from exports import raw, write

from metrics_pipeline.cli import main

DEFINITION = """\
name: "Result: given"
type: boolean
definition: The agent gave an answer.
true_when: The agent said an answer.
false_when: The agent gave none.
good: true
"""
TURNED = """\
name: "Result: given"
type: boolean
definition: Music was heard.
true_when: A song was sung.
false_when: The agent gave an answer.
good: true
"""


class Project:
    def __init__(self, root: Path, conversations: list[dict[str, Any]] | None = None) -> None:
        self.root, self.data, self.definitions = root, root / "data", root / "definitions"
        self.definitions.mkdir()
        write(root / "landing" / "a.jsonl", *(conversations or [raw(number) for number in range(40)]))

    def define(self, text: str, key: str = "result_given") -> None:
        (self.definitions / f"{key}.yaml").write_text(text)

    def run(self, *arguments: str, code: int = 0, **settings: str) -> str:
        """What the command prints; with another `code`, what it says on standard error as well."""
        folders = {"data": str(self.data), "definitions": str(self.definitions), "landing": str(self.root / "landing")}
        named = {f"METRICS_{name.upper()}": value for name, value in (folders | settings).items()}
        said, complained, ended = io.StringIO(), io.StringIO(), 0
        kept, before = dict(os.environ), sys.argv
        os.environ.update(named)
        sys.argv = ["metrics", *arguments]
        try:
            with contextlib.chdir(self.root), contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
                main()
        except SystemExit as end:
            ended = end.code if isinstance(end.code, int) else 0
        finally:
            os.environ.clear()
            os.environ.update(kept)
            sys.argv = before
        assert ended == code, said.getvalue() + complained.getvalue()
        return said.getvalue() if code == 0 else said.getvalue() + complained.getvalue()

    def published(self) -> dict[str, str]:
        """Every file that readers or the next build can see, by its content."""
        folders = [self.data / name for name in ("verdicts", "published", "metric_days", "metrics", "warehouse")]
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
