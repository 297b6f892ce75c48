"""The checks of the newest days, as asset checks of each metric and of `conversations`."""

from collections.abc import Iterator, Sequence

import dagster as dg

from metrics_pipeline import pipeline
from metrics_pipeline.data_folder import open_data_folder
from metrics_pipeline.defs.lake import CONVERSATIONS, metric_asset_key
from metrics_pipeline.defs.tables import markdown
from metrics_pipeline.files import locked
from metrics_pipeline.health.examining import OF_CONVERSATIONS, OF_METRICS, examine
from metrics_pipeline.health.observation import Observation
from metrics_pipeline.metrics.catalog import Catalog
from metrics_pipeline.publishing.generation import require_build
from metrics_pipeline.settings import Settings
from metrics_pipeline.thresholds import THRESHOLDS
from metrics_pipeline.wording import counted

TABLES = ("dim_conversations", "trend_metric_daily", "trend_label_daily", "fct_verdicts", "fct_verdict_history")
"""What the checks look at: they wait for it."""
OF_A_RANGE = {"dagster/partition", "dagster/asset_partition_range_start"}


def newest_days_check(settings: Settings, catalog: Catalog) -> dg.AssetChecksDefinition:
    """All checks that are not off, in one step behind dbt.

    They show what is found. What keeps tables from being published is `published` itself, which looks again: a check
    that blocks cannot be passed by choosing assets.
    """

    @dg.multi_asset_check(name="newest_days", specs=_specs(settings, catalog), can_subset=True)
    def newest_days(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        if OF_A_RANGE & set(context.run.tags):
            context.log.info("judging a range of days has built no tables: they are checked when they are built")
            return
        folder = open_data_folder(settings.data)
        with locked(folder.warehouse / ".lock"):
            seen = examine(require_build(folder), folder, settings, pipeline.now())
        for key in sorted(context.selected_asset_check_keys):
            metric = None if key.asset_key == CONVERSATIONS else key.asset_key.path[-1]
            yield _result(key, [one for one in seen if (one.check, one.metric) == (key.name, metric)], settings)

    return newest_days


def _specs(settings: Settings, catalog: Catalog) -> list[dg.AssetCheckSpec]:
    on = {name for name in THRESHOLDS if settings.severity_of(name) != "off"}
    of_metrics = [(metric_asset_key(metric.key), name) for metric in catalog.active for name in OF_METRICS]
    return [
        dg.AssetCheckSpec(
            name,
            asset=asset,
            description=f"At most {settings.limit_of(name):g}: {THRESHOLDS[name].means}.",
            additional_deps=[dg.AssetKey(table) for table in TABLES],
            metadata={"severity": settings.severity_of(name)},
        )
        for asset, name in [*of_metrics, *((CONVERSATIONS, name) for name in OF_CONVERSATIONS)]
        if name in on
    ]


def _result(key: dg.AssetCheckKey, seen: Sequence[Observation], settings: Settings) -> dg.AssetCheckResult:
    """What was seen, the newest day first: its figures as numbers, which Dagster plots by run, and all in a table."""
    ordered = sorted(seen, key=lambda one: (one.day is None, str(one.day)), reverse=True)
    wrong = [one for one in ordered if one.sentence]
    said = "as it should be" if seen else "nothing to look at"
    if wrong:
        others = f" The same on {counted(len(wrong) - 1, 'day')} more." if len(wrong) > 1 else ""
        said = f"{wrong[0].sentence}{others} {wrong[0].look_at}"
    figures = {} if not ordered else {name: value for name, value in ordered[0].figures.items() if value is not None}
    return dg.AssetCheckResult(
        passed=not wrong,
        asset_key=key.asset_key,
        check_name=key.name,
        severity=_severity(settings, key.name),
        description=said,
        # The figures are the newest day's; the sentence may be about another.
        metadata={"day": str(ordered[0].day or ""), **figures, "seen": _table(ordered)} if ordered else {},
    )


def _severity(settings: Settings, check: str) -> dg.AssetCheckSeverity:
    blocks = settings.severity_of(check) == "block"
    return dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN


def _table(seen: Sequence[Observation]) -> dg.MarkdownMetadataValue:
    names = list(dict.fromkeys(name for one in seen for name in one.figures))
    rows = [
        [one.day or "", *(_figure(one.figures.get(name)) for name in names), "✗" if one.sentence else "✓"]
        for one in seen
    ]
    return dg.MetadataValue.md(markdown(["day", *names, ""], rows))


def _figure(value: object) -> object:
    return "" if value is None else f"{value:.3g}" if isinstance(value, float) else value
