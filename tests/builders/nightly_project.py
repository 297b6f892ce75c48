"""A small project after a night: landed and judged in this process; what is published is a manifest alone."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

from exports import raw, write
from small_project import DEFINITION

from metrics_pipeline import pipeline
from metrics_pipeline.data_folder import open_data_folder
from metrics_pipeline.evaluation.runner import Report
from metrics_pipeline.metrics.catalog import load_catalog
from metrics_pipeline.settings import Settings, load_settings

FIRST, LAST = date(2026, 9, 1), date(2026, 9, 5)


def project(root: Path, **settings: Any) -> Settings:
    """Ten conversations over five days, and two metrics; nothing is landed yet."""
    definitions = root / "definitions"
    definitions.mkdir(parents=True, exist_ok=True)
    for key in ("answer", "price"):
        (definitions / f"{key}_given.yaml").write_text(DEFINITION.format(name=key.capitalize(), what=f"the {key}"))
    write(root / "data" / "landing" / "a.json", *(raw(number) for number in range(10)))
    return load_settings({"data": root / "data", "definitions": definitions, **settings}, {}, root)


def night(settings: Settings, days: list[date] | None = None) -> Report:
    """Land, merge and judge: what is new, or `days`."""
    folder = open_data_folder(settings.data)
    pipeline.take_in(settings, folder)
    return pipeline.judge(folder, load_catalog(settings.definitions), settings, days)


def publish_manifest(settings: Settings, at: datetime) -> None:
    """A generation that is nothing but its manifest."""
    published = settings.data / "published"
    (published / "generations" / "g1").mkdir(parents=True)
    manifest = {"generation": "g1", "published_at": at.isoformat()}
    (published / "generations" / "g1" / "manifest.json").write_text(json.dumps(manifest))
    (published / "current").symlink_to("generations/g1")
