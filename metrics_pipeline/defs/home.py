"""Dagster's home: a folder of the data folder, with the settings that an unattended night needs."""

from importlib.resources import files

import dagster as dg

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.files import write_atomically
from metrics_pipeline.settings import Settings, set_dagster_home


def open_home(settings: Settings) -> dg.DagsterInstance:
    """The instance in the user's own DAGSTER_HOME, or in the data folder."""
    home = DataFolder(settings.data).dagster_home
    if not (home / "dagster.yaml").exists():
        write_atomically(home / "dagster.yaml", files("metrics_pipeline.defs").joinpath("dagster.yaml").read_bytes())
    set_dagster_home(home)
    return dg.DagsterInstance.get()
