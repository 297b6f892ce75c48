"""Dagster's table of contents."""

from metrics_pipeline.defs.assembly import build_definitions
from metrics_pipeline.settings import load_settings

defs = build_definitions(load_settings())
