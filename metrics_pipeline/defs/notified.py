"""After the tables: people are told what is new. Whatever becomes of the message, no run fails by it."""

import dagster as dg

from metrics_pipeline import pipeline
from metrics_pipeline.errors import PipelineError
from metrics_pipeline.notifying.telling import tell
from metrics_pipeline.settings import Settings

ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)
TOLD_OF = "marts"
"""The last job of a night: it follows whatever the days report."""


def notifying_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """Sensors that tell people when the tables were built, or failed to be; none where nobody is to be told."""
    return [_after(settings, status) for status in ENDED] if settings.notify_urls else []


def _after(settings: Settings, status: dg.DagsterRunStatus) -> dg.SensorDefinition:
    @dg.run_status_sensor(
        run_status=status,
        name=f"notified_after_{TOLD_OF}_{status.value.lower()}",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="One message about what moved, what broke and what it cost; none where nothing is new.",
    )
    def notified(context: dg.RunStatusSensorContext) -> dg.SkipReason:
        run = context.dagster_run
        if run.job_name != TOLD_OF:
            return dg.SkipReason(f"people are told after {TOLD_OF}")
        failed = (run.job_name, run.run_id) if status == dg.DagsterRunStatus.FAILURE else None
        try:
            told = tell(settings, pipeline.now(), failed)
        except PipelineError as error:
            context.log.error("nobody was told: %s", error)
            return dg.SkipReason(f"nobody was told: {error}")
        for problem in told.problems:
            context.log.error("not told: %s", problem)
        if told.message is None:
            return dg.SkipReason("nothing is new")
        return dg.SkipReason(f"told: {told.message.title}" if not told.problems else "; ".join(told.problems))

    return notified
