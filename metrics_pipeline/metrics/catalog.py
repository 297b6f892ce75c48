"""All metric definitions of a folder: those that load, and what is wrong with the others."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from metrics_pipeline.errors import DefinitionError, SettingsError
from metrics_pipeline.files import everything_below
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.metrics.loading import SUFFIXES, Located, Problem, read_located
from metrics_pipeline.metrics.parts import folded


class Catalog(NamedTuple):
    """What a folder of definitions holds."""

    definitions: tuple[MetricDefinition, ...]
    """Those that load, by key."""
    texts: Mapping[str, str]
    """The file of each, as written, by key."""
    problems: tuple[Problem, ...]

    @property
    def active(self) -> tuple[MetricDefinition, ...]:
        return tuple(metric for metric in self.definitions if metric.status == "active")

    def require_sound(self) -> Catalog:
        """This catalogue, if nothing in its folder is wrong.

        Raises:
            DefinitionError: Every problem, one a line.
        """
        if self.problems:
            raise DefinitionError("\n".join(map(str, self.problems)))
        return self


def load_catalog(folder: Path) -> Catalog:
    """Every definition in `folder` and below.

    Raises:
        SettingsError: There is no such folder, or nothing in it.
    """
    found, problems = read_folder(folder)
    by_key = {located.definition.key: located for _, located in found}
    return Catalog(
        tuple(by_key[key].definition for key in sorted(by_key)),
        {key: by_key[key].text for key in sorted(by_key)},
        tuple(problems),
    )


def read_folder(folder: Path) -> tuple[list[tuple[Path, Located]], list[Problem]]:
    """Every file in `folder` and below that holds a definition, and what is wrong with the others.

    One bad file never hides the good ones. Of two files with one key or one name, the second is refused.

    Raises:
        SettingsError: There is no such folder, or nothing in it.
        DataFolderError: A folder below it cannot be read: its metrics would count as removed.
    """
    if not folder.is_dir():
        raise SettingsError(
            f"{folder}: is not a folder. Point --definitions or METRICS_DEFINITIONS at the definitions."
        )
    paths = [path for path in everything_below(folder) if path.suffix.lower() in SUFFIXES]
    if not paths:
        raise SettingsError(f"{folder}: holds no definition (*.yaml). Add one, or point --definitions elsewhere.")
    home = folder.resolve()
    found: list[tuple[Path, Located]] = []
    taken: dict[str, Path] = {}
    problems: list[Problem] = []
    for path in paths:
        located = _read(path, home)
        if isinstance(located, list):
            problems.extend(located)
            continue
        metric = located.definition
        # A key has no colon: it is no other metric's name here.
        own = {metric.key: f"the key {metric.key!r}", f"name:{folded(metric.name)}": f"the name {metric.name!r}"}
        twin = next((one for one in own if one in taken), None)
        if twin is not None:
            problems.append(Problem(path, None, f"{own[twin]} is taken by {taken[twin]}. Rename one of the two."))
            continue
        found.append((path, located))
        taken |= dict.fromkeys(own, path)
    return found, problems


def _read(path: Path, home: Path) -> Located | list[Problem]:
    # Path.resolve raises on a link to itself.
    if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(home):
        return [Problem(path, None, "is a link that leads out of the folder of definitions. Put the file there.")]
    return read_located(path)


def metric_rows(definitions: Iterable[MetricDefinition], rate_floor: int) -> list[dict[str, Any]]:
    """One row of the table `metrics` for each definition, with what the project says of all of them."""
    return [
        {
            "metric": metric.key,
            "name": metric.name,
            "type": metric.type,
            "status": metric.status,
            "owner": metric.owner,
            "definition": metric.definition,
            "metric_group": metric.group,
            "unit": metric.unit,
            "sample": None if metric.sample is None else float(metric.sample),
            "model": metric.model,
            "tags": list(metric.tags),
            "primary_source": metric.primary_source,
            "metric_version": metric.version,
            "rate_of": metric.rate_of,
            "good_direction": metric.good_direction,
            "rate_floor": rate_floor,
            "answers": [
                {"answer": answer, "outcome": metric.outcomes[answer], "position": position}
                for position, answer in enumerate(metric.answers)
            ],
        }
        for metric in definitions
    ]
