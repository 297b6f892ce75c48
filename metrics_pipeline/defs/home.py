"""Dagster's home: a folder of the data folder, with the settings that an unattended night needs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

import dagster as dg
from sqlalchemy.exc import SQLAlchemyError

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import DataFolderError, SettingsError
from metrics_pipeline.files import write_atomically
from metrics_pipeline.settings import Settings, dagster_home, set_dagster_home


@contextmanager
def open_home(settings: Settings) -> Iterator[dg.DagsterInstance]:
    """The instance in the user's own DAGSTER_HOME, or in the data folder.

    Raises:
        SettingsError: DAGSTER_HOME is none that Dagster takes.
        DataFolderError: It cannot be written in.
    """
    ours = DataFolder(settings.data).dagster_home
    home = dagster_home(ours)
    if home != ours and not home.is_absolute():
        raise SettingsError(f"DAGSTER_HOME is {home}; Dagster takes only a whole path: set it to {home.absolute()}.")
    if home != ours and not home.is_dir():
        raise SettingsError(
            f"DAGSTER_HOME is {home}, where there is no folder. Make one, or unset it: then it is {ours}."
        )
    try:
        ours.mkdir(parents=True, exist_ok=True)
        if not (ours / "dagster.yaml").exists():
            content = files("metrics_pipeline.defs").joinpath("dagster.yaml").read_bytes()
            write_atomically(ours / "dagster.yaml", content)
    except OSError as error:
        raise DataFolderError(f"{ours}: cannot be written in. Correct its permissions.") from error
    if not os.access(home, os.W_OK | os.X_OK):
        raise DataFolderError(
            f"{home}: Dagster's home cannot be written in. Correct its permissions, or set DAGSTER_HOME."
        )
    set_dagster_home(ours)
    try:
        with dg.DagsterInstance.get() as instance:
            yield instance
    except SQLAlchemyError as error:
        raise DataFolderError(
            f"{home}: Dagster's home cannot be used ({type(error).__name__}). Look whether the disk is full, or "
            "whether somebody else holds its files: `metrics doctor`."
        ) from error
