"""All metric definitions of a folder: those that load, and what is wrong with the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from metrics_pipeline.errors import DefinitionError, SettingsError
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.metrics.loading import SUFFIXES, Problem, read_definition


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

    One bad file never hides the good ones. Of two files with one key or one name, the second is refused.

    Raises:
        SettingsError: There is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise SettingsError(
            f"{folder}: is not a folder. Point --definitions or METRICS_DEFINITIONS at the definitions."
        )
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not paths:
        raise SettingsError(f"{folder}: holds no definition (*.yaml). Add one, or point --definitions elsewhere.")
    definitions: dict[str, MetricDefinition] = {}
    files: dict[str, Path] = {}
    problems: list[Problem] = []
    for path in paths:
        found = read_definition(path)
        if not isinstance(found, MetricDefinition):
            problems.extend(found)
            continue
        twin = next((key for key, other in definitions.items() if _same(found, other)), None)
        if twin is not None:
            what = f"the key {found.key!r}" if found.key == twin else f"the name {found.name!r}"
            problems.append(Problem(path, None, f"{what} is taken by {files[twin]}. Rename one of the two."))
            continue
        definitions[found.key], files[found.key] = found, path
    return Catalog(
        tuple(definitions[key] for key in sorted(definitions)),
        {key: files[key].read_text(encoding="utf-8-sig") for key in sorted(files)},
        tuple(problems),
    )


def _same(one: MetricDefinition, other: MetricDefinition) -> bool:
    return one.key == other.key or one.name.casefold() == other.name.casefold()


def metric_rows(definitions: Iterable[MetricDefinition]) -> list[dict[str, Any]]:
    """One row of the table `metrics` for each definition."""
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
            "answers": [
                {"answer": answer, "outcome": metric.outcomes[answer], "position": position}
                for position, answer in enumerate(metric.answers)
            ],
        }
        for metric in definitions
    ]
