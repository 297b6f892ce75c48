"""What `metrics list` and `metrics ingest status` say of logged values that no definition maps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import typer

from metrics_pipeline.errors import DataFolderError
from metrics_pipeline.wording import counted

if TYPE_CHECKING:
    from metrics_pipeline.data_folder import DataFolder
    from metrics_pipeline.metrics.definition import MetricDefinition
    from metrics_pipeline.serving.unmapped import Unmapped


def find_unmapped(folder: DataFolder, metrics: Iterable[MetricDefinition]) -> list[Unmapped]:
    """The names; where the tables cannot be read that is said on standard error, and hides nothing else."""
    from metrics_pipeline.serving.unmapped import unmapped

    try:
        return unmapped(folder, metrics)
    except DataFolderError as error:
        typer.echo(str(error), err=True)
        return []


def unmapped_lines(found: Sequence[Unmapped]) -> list[str]:
    """A line for each name, below one that says what to do; nothing where there is none."""
    from metrics_pipeline.metrics.lint.report import printable

    if not found:
        return []
    width = max(len(one.metric) for one in found)
    lines = ["", "logged, and not mapped: a definition with `logged: {metric: <name>}` would make a metric of it"]
    for one in found:
        shown = ", ".join(f"{value or 'nothing'} {count:,}" for value, count in one.values.items())
        shown = shown or counted(one.value_count, "different value")
        more = [f"in {counted(one.conversation_count, 'conversation')}"]
        more += ["several in one"] if one.is_repeated else []
        more += ["from the platform"] if one.sources == ["platform"] else []
        more += [f"could be {one.could_be}"] if one.could_be else []
        lines.append(printable(f"    {one.metric:<{width}}  {shown}; {', '.join(more)}"))
    return lines
