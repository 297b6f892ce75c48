"""A definition file becomes a MetricDefinition, or a list of problems that say file, line and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from metrics_pipeline.errors import DefinitionError
from metrics_pipeline.metrics.definition import KEY, MetricDefinition
from metrics_pipeline.metrics.explaining import explained
from metrics_pipeline.metrics.narrow_yaml import Loc as Loc
from metrics_pipeline.metrics.narrow_yaml import Refused, read_yaml

MAX_BYTES = 64 * 1024
MAX_PROBLEMS = 20
"""Of one file; a file with more is something else than a definition."""
SUFFIXES = (".yaml", ".yml")


class Problem(NamedTuple):
    """Why a file, or a place in it, cannot be used."""

    file: Path
    line: int | None
    """Counts from 1; None where the whole file is meant."""
    message: str

    def __str__(self) -> str:
        # A file's name may hold anything: no terminal and no log must obey it, or fail to print it.
        file = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in str(self.file))
        return f"{file}:{self.line}: {self.message}" if self.line else f"{file}: {self.message}"


class Located(NamedTuple):
    """A definition with the place of each of its fields."""

    definition: MetricDefinition
    lines: dict[Loc, int]
    """The line, from 1, of each place: `("labels", 0, "when")`; `()` is the whole."""
    text: str
    """The file as written."""


def load_definition(path: Path) -> MetricDefinition:
    """The definition in one file.

    Raises:
        DefinitionError: Every problem of the file, one a line.
    """
    found = read_definition(path)
    if isinstance(found, MetricDefinition):
        return found
    raise DefinitionError("\n".join(map(str, found)))


def read_definition(path: Path) -> MetricDefinition | list[Problem]:
    """The definition in one file, or all that is wrong with it."""
    found = read_located(path)
    return found.definition if isinstance(found, Located) else found


def read_located(path: Path) -> Located | list[Problem]:
    """The definition in one file with the lines of its fields, or all that is wrong with it."""
    try:
        # A pipe would be waited for, a device has no end.
        if not path.is_file():
            return [Problem(path, None, f"is {_what_else(path)}, not a file. Rename or remove it.")]
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        return [Problem(path, None, f"cannot be read ({error.strerror}). Correct its permissions or remove it.")]
    if len(content) > MAX_BYTES:
        return [Problem(path, None, f"is larger than {MAX_BYTES // 1024} KiB. A definition is a page: shorten it.")]
    try:
        return parse_located(content.decode("utf-8-sig"), path)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return [Problem(path, line, "is not UTF-8 text. Save it as UTF-8.")]


def _what_else(path: Path) -> str:
    if path.is_dir():
        return "a folder"
    if path.is_symlink():
        return "a link that leads to no file"
    return "a pipe or device" if path.exists() else "missing"


def parse_definition(text: str, path: Path) -> MetricDefinition | list[Problem]:
    """The definition in `text`; `path` gives the key and stands in the problems."""
    found = parse_located(text, path)
    return found.definition if isinstance(found, Located) else found


def parse_located(text: str, path: Path) -> Located | list[Problem]:
    """Like `parse_definition`, with the lines of the fields."""
    if not KEY.fullmatch(path.stem):
        return [
            Problem(
                path,
                None,
                "the file's name is the metric's key: a small letter, then small letters, digits and _, at most 63 "
                "in all. Rename the file.",
            )
        ]
    lines: dict[Loc, int] = {}
    try:
        values = read_yaml(text, lines)
    except Refused as refused:
        return [Problem(path, refused.line, str(refused))]
    if "key" in values:
        return [
            Problem(path, lines[("key",)], "key is not written in the file: the file's name is the key. Remove it.")
        ]
    try:
        return Located(MetricDefinition(key=path.stem, **values), lines, text)
    except ValidationError as error:
        found = [Problem(path, line, message) for line, message in explained(error, lines)]
    if len(found) > MAX_PROBLEMS:
        more = f"and {len(found) - MAX_PROBLEMS:,} problems more. Correct these first, or start from `metrics new`."
        found = [*found[:MAX_PROBLEMS], Problem(path, found[MAX_PROBLEMS].line, more)]
    return found
