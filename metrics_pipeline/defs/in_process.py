"""The real jobs, run here and now in this process: what the demo does, and what the tests do."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg

from metrics_pipeline.defs.assembly import build_definitions
from metrics_pipeline.defs.home import open_home
from metrics_pipeline.defs.schedule import RANGE_END, RANGE_START
from metrics_pipeline.errors import PipelineError
from metrics_pipeline.settings import Settings

MAX_REASON_CHARACTERS = 600
FAILURE = "dagster._core.definitions.events.Failure"
QUIET = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}
SILENT = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""For whoever says himself what failed."""


def run_jobs(settings: Settings, first: date, last: date) -> None:
    """`lake` over the days from `first` to `last` in one run, and then `marts`.

    Raises:
        PipelineError: A job failed; its runs are kept in Dagster's home, where the web server shows them.
    """
    definitions = build_definitions(settings)
    days = {RANGE_START: first.isoformat(), RANGE_END: last.isoformat()}
    with open_home(settings) as instance:
        for job, tags in (("lake", days), ("marts", {})):
            result = definitions.resolve_job_def(job).execute_in_process(
                instance=instance, tags=tags, run_config=QUIET, raise_on_error=False
            )
            if not result.success:
                raise PipelineError(f"The job {job} failed: {why_it_failed(result)}. Run `dagster dev` to see the run.")


def why_it_failed(result: dg.ExecuteInProcessResult) -> str:
    """The last cause of what ended a run, in one line."""
    for step, error in _causes(result):
        said = " ".join(error.message.split()).removeprefix(f"{FAILURE}: ")
        return f"{step}: {said[:MAX_REASON_CHARACTERS]}"
    return "no step says why"


def was_stopped(result: dg.ExecuteInProcessResult) -> bool:
    """Whether the user ended the run: Dagster makes a failure of its own of that."""
    return any(
        error.cls_name in ("DagsterExecutionInterruptedError", "KeyboardInterrupt") for _, error in _causes(result)
    )


def _causes(result: dg.ExecuteInProcessResult) -> Iterator[tuple[str | None, Any]]:
    """Each step that failed, and the last cause."""
    for event in result.all_events:
        if event.is_step_failure and (error := event.step_failure_data.error) is not None:
            while error.cause is not None:
                error = error.cause
            yield event.step_key, error
