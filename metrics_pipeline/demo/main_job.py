"""`metrics demo`: the demo's data through the real jobs, and what came of it."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from metrics_pipeline.data_folder import DataFolder, open_data_folder
from metrics_pipeline.demo.export import END, START, write_demo
from metrics_pipeline.demo.export import days as demo_days
from metrics_pipeline.errors import SettingsError
from metrics_pipeline.evaluation.ledger import Ledger
from metrics_pipeline.publishing.generation import resolve_current
from metrics_pipeline.serving.agreement import agreements
from metrics_pipeline.settings import Settings
from metrics_pipeline.terminal import console, print_metrics
from metrics_pipeline.wording import counted

EPILOGUE = """
The baseline compares words. It is no language model, and the last column says how far it can be trusted: over the
conversations that both answer, how often it agrees with the truth that was written with the demo's data.

for BI     {current}/metrics.duckdb
export     {current}/export_conversations.parquet

Next:
  judge the newest day with a real model:
    METRICS_MODEL=openai/gpt-5-mini OPENAI_API_KEY=... {metrics} run
  judge a week anew with what is current:
    {metrics} run --from 2026-10-01 --to 2026-10-07
  see days, assets and checks in a browser:
    DAGSTER_HOME={home} {dagster} dev
"""

DEFINITIONS = Path(__file__).parents[2] / "metric_definitions"


def run_demo(settings: Settings) -> None:
    """Write the demo's data, run `lake` and `marts`, and print each metric with its agreement with the truth.

    Raises:
        SettingsError: The data folder holds somebody's own data.
    """
    out = console()
    settings = settings.model_copy(
        update={"landing": None, "first_day": START, "timezone": "UTC", "definitions": DEFINITIONS}
    )
    folder = DataFolder(settings.data)
    truth = folder.root / "demo" / "truth.parquet"
    _refuse_foreign_data(folder, truth)
    open_data_folder(settings.data)
    made = write_demo(settings.landing_folder, truth)
    out.print(
        f"wrote      {counted(made.conversation_count, 'conversation')} of {counted(len(demo_days()), 'day')} "
        f"to {settings.landing_folder}"
    )
    before = _requests(folder)
    log = folder.dagster_home / "demo.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    out.print("running    the Dagster jobs lake and marts (their log: " + str(log) + ")")
    # Dagster takes seconds to import; and what it and dbt say is for the log.
    with log.open("w", encoding="utf-8") as file, contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
        from metrics_pipeline.defs.in_process import run_jobs

        run_jobs(settings, START, END)
    generation = resolve_current(folder)
    asked = _requests(folder) - before
    out.print(f"judged     {counted(asked, 'request')} to the built-in baseline judge; the ledger answered the rest\n")
    print_metrics(generation, agreements(generation, truth))
    out.print(
        EPILOGUE.format(
            current=folder.published / "current",
            home=folder.dagster_home,
            metrics=_as_typed("metrics"),
            dagster=_as_typed("dagster"),
        ),
        soft_wrap=True,
    )


def _as_typed(program: str) -> str:
    """How a program that is installed beside this Python is called from where the user stands."""
    path = Path(sys.executable).with_name(program)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else program


def _refuse_foreign_data(folder: DataFolder, truth: Path) -> None:
    own = folder.root / "landing"
    if not truth.exists() and ((own.exists() and any(own.iterdir())) or folder.days()):
        raise SettingsError(
            f"{folder.root}: holds data that is not the demo's. Give the demo a folder of its own, for example with "
            "METRICS_DATA=demo_data."
        )


def _requests(folder: DataFolder) -> int:
    with Ledger(folder.ledger) as ledger:
        return sum(ledger.request_counts().values())
