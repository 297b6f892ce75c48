"""The tables: dbt builds them from the lake as it stands, and one generation of them is published."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DbtCliResource, DbtProject, dbt_assets

from metrics_pipeline import pipeline
from metrics_pipeline.data_folder import DataFolder, open_data_folder
from metrics_pipeline.defs.dbt_build import results_of
from metrics_pipeline.defs.freshness import by_morning
from metrics_pipeline.defs.lake import CONVERSATIONS, metric_asset_key
from metrics_pipeline.defs.tables import markdown
from metrics_pipeline.files import locked
from metrics_pipeline.health.examining import check_build, refuse_what_blocks
from metrics_pipeline.metrics.catalog import Catalog
from metrics_pipeline.publishing.generation import publish
from metrics_pipeline.publishing.warehouse import (
    PROJECT,
    TABLES_AND_CHECKS,
    build_nodes,
    manifest_path,
    refuse_failures,
    write_profile,
)
from metrics_pipeline.settings import Settings

PUBLISHED = dg.AssetKey("published")


class Translator(DagsterDbtTranslator):  # type: ignore[misc]  # dagster_dbt comes without types
    """Staging models depend on what the lake holds: every conversation, every metric, all days of them."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__()
        self._metrics = [metric_asset_key(metric.key) for metric in catalog.active]

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        spec: dg.AssetSpec = super().get_asset_spec(manifest, unique_id, project)
        node = manifest["nodes"].get(unique_id, {})
        if "staging" not in node.get("fqn", ()):
            return spec
        fed_by_judging = ("stg_verdicts", "stg_second_opinions", "stg_evaluation_runs")
        upstream = self._metrics if node["name"] in fed_by_judging else [CONVERSATIONS]
        deps = [dg.AssetDep(key, partition_mapping=dg.AllPartitionMapping()) for key in upstream]
        return spec.replace_attributes(deps=deps)


def dbt_project(settings: Settings) -> DbtProject:
    """The dbt project with a manifest: a fresh clone has none, and without one there is no asset."""
    folder = DataFolder(settings.data)
    manifest = manifest_path(folder)
    return DbtProject(project_dir=PROJECT, profiles_dir=write_profile(folder).parent, target_path=manifest.parent)


def dbt_resource(project: DbtProject) -> DbtCliResource:
    """The dbt that is installed beside this Python, whether or not its folder is on the PATH."""
    return DbtCliResource(project_dir=project, dbt_executable=str(Path(sys.executable).with_name("dbt")))


def marts_assets(settings: Settings, catalog: Catalog, project: DbtProject) -> list[dg.AssetsDefinition]:
    """dbt's models with their tests as checks, and `published`."""

    @dbt_assets(manifest=project.manifest_path, project=project, dagster_dbt_translator=Translator(catalog), name="dbt")
    def dbt_models(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
        # A part of the models needs the others as they were built before.
        folder = DataFolder(settings.data)
        with locked(folder.warehouse / ".lock"):
            if context.op_execution_context.is_subset:
                yield from dbt.cli(["build", *TABLES_AND_CHECKS], context=context).stream()
                return
            nodes = build_nodes(folder)
        yield from results_of(context.assets_def, nodes)
        refuse_failures(nodes)

    @dg.asset(
        key=PUBLISHED,
        deps=[dbt_models],
        freshness_policy=by_morning(settings),
        group_name="published",
        kinds={"duckdb", "parquet"},
        description="One audited generation of all tables; readers see it whole, or the one before.",
    )
    def published(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        for problem in catalog.problems:
            context.log.warning("not loaded, so that its metric is not judged, and keeps its days: %s", problem)
        folder = open_data_folder(settings.data)
        with locked(folder.warehouse / ".lock"):
            found = check_build(folder, settings, pipeline.now())
            for finding in found:
                context.log.warning("%s: %s", finding.check, finding)
            refuse_what_blocks(found)
            keep, keep_days = settings.keep_generations, settings.keep_generation_days
            publication = publish(folder, pipeline.now(), keep, keep_days)
        return dg.MaterializeResult(
            metadata={
                "generation": publication.generation,
                "path": dg.MetadataValue.path(str(publication.path)),
                "findings": len(found),
                "rows": dg.MetadataValue.md(markdown(["table", "rows"], list(publication.rows.items()))),
            }
        )

    return [dbt_models, published]
