from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from landed import land
from worlds import LIMITS, NOON, FakeJudge

from metrics_pipeline.conversations.record import Conversation
from metrics_pipeline.data_folder import DataFolder, open_data_folder
from metrics_pipeline.evaluation.ledger import Ledger
from metrics_pipeline.evaluation.options import Judges, Options
from metrics_pipeline.evaluation.runner import Report, evaluate
from metrics_pipeline.metrics.catalog import load_catalog


class World:
    """A data folder with conversations, a folder of definitions, and runs over them."""

    def __init__(self, root: Path) -> None:
        self.folder: DataFolder = open_data_folder(root / "data")
        self.definitions = root / "definitions"
        self.definitions.mkdir()
        self.revive: Callable[..., Any] | None = None
        self.named: dict[str, FakeJudge] = {}
        self.now = NOON

    def define(self, key: str, text: str) -> None:
        (self.definitions / f"{key}.yaml").write_text(text)

    def land(self, *conversations: Conversation) -> None:
        land(self.folder, conversations)

    def run(
        self,
        judge: FakeJudge,
        days: Collection[date] | None = None,
        metrics: Collection[str] | None = None,
        group_size: int = 6,
        **limits: Any,
    ) -> Report:
        options = Options(LIMITS._replace(**limits), group_size, lambda: self.now, days, metrics)
        revive = self.revive or (lambda record: FakeJudge(judge.script, record.name))
        with Ledger(self.folder.ledger) as ledger:
            return evaluate(
                self.folder, load_catalog(self.definitions), Judges(judge, revive, self.named), ledger, options
            )

    def verdicts(self, source: str = "judged") -> list[dict[str, Any]]:
        files = sorted(self.folder.table("verdicts").glob("metric=*/day=*.parquet"))
        rows = [row for file in files for row in pq.read_table(file, partitioning=None).to_pylist()]
        return [row for row in rows if row["source"] == source]

    def answers(self, metric: str) -> dict[str, Any]:
        rows = [row for row in self.verdicts() if row["metric"] == metric]
        return {row["conversation_id"]: row["answer"] or (row["state"], row["detail"]) for row in rows}

    def bytes(self) -> dict[str, bytes]:
        files: Sequence[Path] = sorted(self.folder.table("verdicts").rglob("day=*.parquet"))
        return {str(file.relative_to(self.folder.root)): file.read_bytes() for file in files}


@pytest.fixture(scope="session")
def make_world():
    return World


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture(scope="module")
def shared_world(tmp_path_factory):
    """One world for all tests of a file."""
    return World(tmp_path_factory.mktemp("world"))


@pytest.fixture
def new_world(tmp_path):
    """Makes worlds that know nothing of each other, by name."""

    def make(name: str) -> World:
        (tmp_path / name).mkdir()
        return World(tmp_path / name)

    return make
