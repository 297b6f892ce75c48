"""What came of a dbt build, as Dagster knows it: a table a model, an asset check a test."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import dagster as dg

from metrics_pipeline.publishing.warehouse import Node

UNIQUE_ID = "dagster_dbt/unique_id"
"""Where dagster-dbt notes which model or test of dbt's an asset or check is."""


def results_of(assets: dg.AssetsDefinition, nodes: Iterable[Node]) -> Iterator[dg.MaterializeResult]:
    """A result for each model that was built, with the checks that were made of it.

    dbt runs inside this process, and so this takes the place of what dagster-dbt reads from the log of another.
    """
    models = {spec.metadata[UNIQUE_ID]: spec.key for spec in assets.specs if UNIQUE_ID in spec.metadata}
    tests = {spec.metadata[UNIQUE_ID]: spec for spec in assets.check_specs if UNIQUE_ID in spec.metadata}
    nodes = list(nodes)
    checks: dict[dg.AssetKey, list[dg.AssetCheckResult]] = defaultdict(list)
    for node in nodes:
        if (spec := tests.get(node.unique_id)) is not None and node.status != "skipped":
            checks[spec.asset_key].append(_check(spec, node))
    # dbt builds a model after those that it reads, and Dagster wants to hear of them in this order.
    for node in nodes:
        if (key := models.get(node.unique_id)) is not None and node.status == "success":
            seconds = dg.MetadataValue.float(round(node.seconds, 3))
            yield dg.MaterializeResult(asset_key=key, metadata={"seconds": seconds}, check_results=checks[key])


def _check(spec: dg.AssetCheckSpec, node: Node) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=node.status in ("pass", "warn"),
        asset_key=spec.asset_key,
        check_name=spec.name,
        severity=dg.AssetCheckSeverity.WARN if node.status == "warn" else dg.AssetCheckSeverity.ERROR,
        metadata={"status": node.status, "dagster_dbt/failed_row_count": node.failure_count},
    )
