"""An older generation is read again."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import PublishError, SettingsError
from metrics_pipeline.publishing.generation import damaged_files, kept_generations, point_to, tell_feed
from metrics_pipeline.wording import did_you_mean, nearest


def roll_back(folder: DataFolder, name: str, now: datetime) -> Path:
    """Let readers have that generation again; its folder. Who calls it holds the lock on the warehouse.

    Raises:
        SettingsError: There is no such generation any more.
        PublishError: A file of it is not as it was published. Nothing changes for readers.
    """
    kept = kept_generations(folder)
    if name not in kept:
        there = did_you_mean(nearest(name, kept, 0.8)) or f"There are {', '.join(kept) or 'none'}."
        raise SettingsError(f"--rollback {name}: is not a generation that is kept. {there}")
    generation = folder.published / "generations" / name
    if damaged := list(damaged_files(generation)):
        raise PublishError(f"{damaged[0]} Nothing was changed: name another generation.")
    point_to(folder, name)
    tell_feed(folder, generation, now)
    return generation
