"""Runs that ask in batches, in this process or in one that is killed when its provider has come to some point."""

from __future__ import annotations

import multiprocessing
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from batch_server import BatchServer

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.evaluation.forecast import count_requests
from metrics_pipeline.evaluation.judges import open_judges
from metrics_pipeline.evaluation.ledger import Ledger
from metrics_pipeline.evaluation.options import Batching, Limits, Options
from metrics_pipeline.evaluation.runner import Report, evaluate
from metrics_pipeline.metrics.catalog import load_catalog
from metrics_pipeline.settings import Settings

LIMITS = Limits(concurrency=4, call_timeout_seconds=20, run_timeout_seconds=60, retries=2)
BATCHING = Batching(most_requests=100, most_bytes=1_000_000, poll_seconds=0.01, patience_seconds=0.05)
NOON = datetime(2026, 9, 2, 12, tzinfo=UTC)


def run(
    data: Path,
    definitions: Path,
    base: str,
    batching: Batching | None = BATCHING,
    model: str = "openai/some-model",
    later: timedelta = timedelta(),
    context_tokens: int | None = None,
    metrics: list[str] | None = None,
    **limits: Any,
) -> Report:
    """One run over what is landed in `data`."""
    began = datetime.now(UTC)
    settings = {"model": model, "api_base": base, "api_key": "sk-private-key", "context_tokens": context_tokens}
    judges = open_judges(Settings(call_timeout_seconds=20, **settings))
    limit = LIMITS._replace(**limits)
    options = Options(limit, 6, lambda: NOON + later + (datetime.now(UTC) - began), metrics=metrics, batching=batching)
    with Ledger(DataFolder(data).ledger) as ledger:
        return evaluate(DataFolder(data), load_catalog(definitions), judges, ledger, options)


def planned_requests(data: Path, definitions: Path, base: str) -> int:
    """How many requests a run says that it would send."""
    judges, folder = open_judges(Settings(model="openai/some-model", api_base=base)), DataFolder(data)
    with Ledger.to_read(folder.ledger) as ledger:
        return count_requests(folder, load_catalog(definitions), judges, ledger, Options(LIMITS, 6, lambda: NOON))


def killed_run(data: Path, definitions: Path, server: BatchServer, moment: str) -> None:
    """A run in a process of its own, which ends by `kill -9` at that moment of its provider's."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["litellm", "batch_runs"])
    child = context.Process(target=run, args=(data, definitions, server.base))

    def kill(now: str) -> None:
        if now == moment and child.is_alive():
            assert child.pid is not None
            os.kill(child.pid, signal.SIGKILL)
            child.join()

    server.on_step = kill
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
