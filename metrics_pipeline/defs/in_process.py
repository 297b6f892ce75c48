"""The real jobs, run here and now in this process: what the demo does, and what the tests do."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg
from dagster._core.storage.tags import MAX_RETRIES_TAG
from dagster._core.utils import make_new_run_id

from metrics_pipeline.defs.assembly import build_definitions
from metrics_pipeline.defs.home import open_home
from metrics_pipeline.defs.schedule import RANGE_END, RANGE_START
from metrics_pipeline.defs.upkeep import SPACE_TAG, process_space
from metrics_pipeline.errors import PipelineError
from metrics_pipeline.settings import Settings

MAX_REASON_CHARACTERS = 600
FAILURE = "dagster._core.definitions.events.Failure"
QUIET = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}
SILENT = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""For whoever says himself what failed."""


def run_here(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    tags: Mapping[str, str],
    run_config: Mapping[str, Any],
    assets: Sequence[dg.AssetKey] | None = None,
) -> dg.ExecuteInProcessResult:
    """A run of `job` in this process, at its end whatever ends it. Whoever asked for it asks again: no daemon does.

    Raises:
        KeyboardInterrupt: The user ended it.
    """
    run_id = make_new_run_id()
    try:
        result = job.execute_in_process(
            run_id=run_id,
            instance=instance,
            tags={**tags, MAX_RETRIES_TAG: "0", SPACE_TAG: process_space()},
            asset_selection=assets,
            run_config=run_config,
            raise_on_error=False,
        )
    except BaseException:
        run = instance.get_run_by_id(run_id)
        # Ended before its first step: to the sensors it would be a run that is still to come.
        if run is not None and not run.is_finished:
            instance.report_run_canceled(run, "The command that ran it was ended.")
        raise
    if was_stopped(result):
        raise KeyboardInterrupt
    return result


def run_jobs(settings: Settings, first: date, last: date) -> None:
    """`lake` over the days from `first` to `last` in one run, and then `marts`.

    Raises:
        PipelineError: A job failed; its runs are kept in Dagster's home, where the web server shows them.
    """
    definitions = build_definitions(settings)
    days = {RANGE_START: first.isoformat(), RANGE_END: last.isoformat()}
    with open_home(settings) as instance:
        for job, tags in (("lake", days), ("marts", {})):
            result = run_here(definitions.resolve_job_def(job), instance, tags, QUIET)
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
