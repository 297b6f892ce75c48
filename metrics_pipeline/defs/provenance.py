"""What Dagster notes by itself on a result that covers every day of a run, for results of single days.

By it, a day is known as fresh: what its definition said, and which conversations it was judged on.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import dagster as dg

CODE_VERSION, DATA_VERSION = "dagster/code_version", "dagster/data_version"
INPUT_VERSION, INPUT_POINTER = "dagster/input_data_version/{}", "dagster/input_event_pointer/{}"
GIVEN = "dagster/data_version_is_user_provided"
UNKNOWN_VERSION, NO_EVENT = "INITIAL", "NULL"


def known_day(asset: dg.AssetKey, day: date, fingerprint: str, row_count: int) -> dg.AssetMaterialization:
    """A day of an asset that is known by what it holds."""
    tags = {DATA_VERSION: fingerprint or "empty", GIVEN: "true"}
    told = {"dagster/partition_row_count": row_count}
    return dg.AssetMaterialization(asset, partition=day.isoformat(), metadata=told, tags=tags)


def metric_day(
    instance: dg.DagsterInstance,
    asset: dg.AssetKey,
    upstream: dg.AssetKey,
    day: date,
    version: str,
    metadata: Mapping[str, dg.MetadataValue | int | float | str],
) -> dg.AssetMaterialization:
    """A day of a metric, judged by that version on the conversations that Dagster knows of now."""
    found = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=upstream, asset_partitions=[day.isoformat()]), limit=1
    ).records
    said = found[0].asset_materialization if found else None
    held = (said.tags or {}).get(DATA_VERSION, UNKNOWN_VERSION) if said is not None else UNKNOWN_VERSION
    name = upstream.to_user_string()
    tags = {
        CODE_VERSION: version,
        DATA_VERSION: f"{version}-{held}",
        INPUT_VERSION.format(name): held,
        INPUT_POINTER.format(name): str(found[0].storage_id) if found else NO_EVENT,
    }
    return dg.AssetMaterialization(asset, partition=day.isoformat(), metadata=dict(metadata), tags=tags)
