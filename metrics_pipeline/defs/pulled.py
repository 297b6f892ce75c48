"""What the platform has: fetched into the landing folder before a day's conversations land."""

from collections.abc import Iterator

import dagster as dg

from metrics_pipeline import pipeline
from metrics_pipeline.errors import PullError
from metrics_pipeline.settings import Settings

PULLED = dg.AssetKey("pulled")
EVERYTHING_CAME = "everything_came"


def pulled_asset(settings: Settings) -> dg.AssetsDefinition:
    """The asset `pulled`, of no day: each time, everything that is new since the last pull.

    A platform that is down fails the check and not the run: what came, and what others put into the landing folder, is
    judged all the same, and the next pull goes on.
    """

    @dg.asset(
        key=PULLED,
        group_name="lake",
        kinds={"json"},
        description="Pages of the platform's Conversations API in the landing folder: what is new since the last pull.",
        check_specs=[dg.AssetCheckSpec(EVERYTHING_CAME, asset=PULLED)],
    )
    def pulled(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        try:
            records = pipeline.pull_conversations(settings)
        except PullError as error:
            context.log.error("%s", error)
            check = dg.AssetCheckResult(check_name=EVERYTHING_CAME, passed=False, metadata={"why": str(error)})
            yield dg.MaterializeResult(check_results=[check])
            return
        yield dg.MaterializeResult(
            metadata={
                "conversations": sum(record.received_count for record in records),
                "pages": sum(len(record.files) for record in records),
                "requests": sum(record.request_count for record in records),
                "retries": sum(record.retry_count for record in records),
                "bytes": sum(record.byte_count for record in records),
                "from": records[0].first.isoformat(),
                "to": records[-1].last.isoformat(),
            },
            check_results=[dg.AssetCheckResult(check_name=EVERYTHING_CAME, passed=True)],
        )

    return pulled
