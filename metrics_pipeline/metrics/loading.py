"""A YAML file becomes a MetricDefinition, or a list of problems that say file, line and what to do.

YAML is read in a narrow way: one document, plain mappings, lists and scalars. Aliases, anchors and tags are refused
(a small file can stand for a huge one), and so are the words that YAML 1.1 reads as something other than text.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError

from metrics_pipeline.errors import DefinitionError
from metrics_pipeline.metrics.definition import KEY, MetricDefinition
from metrics_pipeline.metrics.parts import Condition, Example, Gate, Label, LoggedMapping, Range, Rule, Said

MAX_BYTES = 64 * 1024
MAX_DEPTH = 12
MAX_PARTS = 5_000
"""Keys, values and brackets of one file."""
MAX_NUMBER = 10**15
SUFFIXES = (".yaml", ".yml")
ENDLESS = re.compile(r"^[-+]?\.(?:inf|nan)$", re.IGNORECASE)
# The words of YAML 1.1 for booleans and nothing, besides true and false.
AMBIGUOUS = re.compile(r"^(?:y|n|yes|no|on|off|null|~)$", re.IGNORECASE)

PARTS = {
    "labels": Label,
    "applies_if": Gate,
    "logged": LoggedMapping,
    "turn_count": Range,
    "duration_seconds": Range,
    "rule": Rule,
    "true_if": Condition,
    "said": Said,
    "examples": Example,
}

Loc = tuple[str | int, ...]


class Problem(NamedTuple):
    """Why a file, or a place in it, cannot be used."""

    file: Path
    line: int | None
    """Counts from 1; None where the whole file is meant."""
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else str(self.file)
        return f"{place}: {self.message}"


class Located(NamedTuple):
    """A definition with the place of each of its fields."""

    definition: MetricDefinition
    lines: dict[Loc, int]
    """The line, from 1, of each place: `("labels", 0, "when")`; `()` is the whole."""
    text: str
    """The file as written."""


class _Refused(Exception):
    """A file that is not read further."""

    def __init__(self, line: int | None, message: str) -> None:
        super().__init__(message)
        self.line = line


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
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        return [Problem(path, None, f"cannot be read ({error.strerror}). Correct its permissions or remove it.")]
    if len(content) > MAX_BYTES:
        return [Problem(path, None, f"is larger than {MAX_BYTES // 1024} KiB. A definition is a page: shorten it.")]
    try:
        return parse_located(content.decode("utf-8-sig"), path)
    except UnicodeDecodeError:
        return [Problem(path, None, "is not UTF-8 text. Save it as UTF-8.")]


def parse_definition(text: str, path: Path) -> MetricDefinition | list[Problem]:
    """The definition in `text`; `path` gives the key and stands in the problems."""
    found = parse_located(text, path)
    return found.definition if isinstance(found, Located) else found


def parse_located(text: str, path: Path) -> Located | list[Problem]:
    """Like `parse_definition`, with the lines of the fields."""
    if not KEY.match(path.stem):
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
        values = _read_yaml(text, lines)
    except _Refused as refused:
        return [Problem(path, refused.line, str(refused))]
    if "key" in values:
        return [
            Problem(path, lines[("key",)], "key is not written in the file: the file's name is the key. Remove it.")
        ]
    try:
        return Located(MetricDefinition(key=path.stem, **values), lines, text)
    except ValidationError as error:
        problems = [_explain(dict(problem), lines, path) for problem in error.errors()]
        return sorted(set(problems), key=lambda problem: (problem.line or 0, problem.message))


def _read_yaml(text: str, lines: dict[Loc, int]) -> dict[str, Any]:
    try:
        _refuse_the_unusual(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark: yaml.Mark | None = error.problem_mark or error.context_mark
        raise _Refused(mark.line + 1 if mark else None, f"is not YAML: {error.problem or error.context}.") from None
    except yaml.YAMLError as error:
        # A character that YAML forbids: the library's text would quote it, and it may not be printable.
        position = getattr(error, "position", None)
        line = text.count("\n", 0, position) + 1 if isinstance(position, int) else None
        raise _Refused(line, "holds a character that YAML does not allow. Remove it.") from None
    if node is None:
        raise _Refused(None, "is empty. A definition needs name, type and definition.")
    if not isinstance(node, yaml.MappingNode):
        raise _Refused(1, "must be a mapping: lines of the form `name: …`.")
    value = _plain(node, (), lines)
    assert isinstance(value, dict)
    return value


def _refuse_the_unusual(text: str) -> None:
    depth = documents = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        line = event.start_mark.line + 1 if event.start_mark else None
        if count > MAX_PARTS:
            raise _Refused(line, f"holds more than {MAX_PARTS:,} keys and values. A definition is a page: shorten it.")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _Refused(line, "uses an alias or anchor (& or *). Write the text out, or quote it.")
        if isinstance(event, yaml.NodeEvent) and getattr(event, "tag", None):
            raise _Refused(line, "uses a tag (!). Remove it, or quote the text.")
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _Refused(line, "holds several documents (---). Write one metric a file.")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise _Refused(line, f"is nested more than {MAX_DEPTH} deep. A definition is flat: rewrite it.")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _plain(node: yaml.Node, loc: Loc, lines: dict[Loc, int]) -> Any:
    """A node as dicts, lists and scalars; the line of each place goes into `lines`."""
    lines.setdefault(loc, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise _Refused(line, "a key must be plain text.")
            key = _scalar(key_node)
            key = str(key).lower() if isinstance(key, bool) else str(key)
            if key in mapping:
                raise _Refused(line, f"{key!r} is there twice. Remove one.")
            lines[(*loc, key)] = line
            mapping[key] = _plain(value_node, (*loc, key), lines)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*loc, index), lines) for index, item in enumerate(node.value)]
    assert isinstance(node, yaml.ScalarNode)
    return _scalar(node)


def _scalar(node: yaml.ScalarNode) -> str | int | float | bool | None:
    text: str = node.value
    line = node.start_mark.line + 1
    _refuse_the_unprintable(text, line)
    if node.style is not None:
        return text
    if text == "":
        return None
    if AMBIGUOUS.match(text):
        raise _Refused(line, f'YAML does not read {text} as text. Put it in quotes: "{text}", or write true or false.')
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if node.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float"):
        return _number(text, line)
    return text


def _number(text: str, line: int) -> str | int | float:
    """A whole or decimal number; other forms that YAML knows (times, hexadecimal digits) stay text."""
    try:
        number = float(text)
    except ValueError:
        if not ENDLESS.match(text):
            return text
        raise _Refused(line, f'{text} is no number to compare with. Write one in digits, or "{text}".') from None
    if abs(number) >= MAX_NUMBER:
        shown = text if len(text) <= 20 else f"{text[:20]}…"
        raise _Refused(line, f"{shown} is too large. Write a number of at most 15 digits, or put text in quotes.")
    try:
        return int(text)
    except ValueError:
        return number


def _refuse_the_unprintable(text: str, line: int) -> None:
    for character in text:
        if character not in "\n\t" and unicodedata.category(character) in ("Cc", "Cs"):
            raise _Refused(line, f"holds the character U+{ord(character):04X}, which cannot be shown. Remove it.")


def _explain(problem: dict[str, Any], lines: dict[Loc, int], path: Path) -> Problem:
    # pydantic adds its own words (a union's branch, `[key]`) to the place: keep the part that the file knows.
    loc = tuple(
        part for part in problem["loc"] if not (isinstance(part, str) and part.startswith(("function-", "tuple[")))
    )
    known = loc
    while known and known not in lines:
        known = known[:-1]
    kind = problem["type"]
    where = ".".join(str(part) for part in (loc if kind in ("missing", "extra_forbidden") else known))
    if kind == "extra_forbidden":
        text = f"unknown key {where!r}. Remove it or correct the spelling; known here: {', '.join(_known(loc))}."
    elif kind == "missing":
        text = f"{where} is missing. Add a line `{loc[-1]}: …`."
    elif kind in ("string_type", "str_type"):
        text = f"{where} must be text. If it is, put it in quotes."
    elif kind in ("int_type", "float_type"):
        text = f"{where} must be a number. Write it in digits, without quotes."
    elif kind == "literal_error":
        text = f"{where} must be one of {problem['ctx']['expected']}."
    else:
        message = problem["msg"].removeprefix("Value error, ")
        text = f"{where}: {message}." if where else f"{message}."
    return Problem(path, lines.get(known), text)


def _known(loc: Loc) -> list[str]:
    model: Any = MetricDefinition
    for part in loc[:-1]:
        if isinstance(part, str) and part in getattr(model, "model_fields", {}):
            model = PARTS.get(part, model)
    return [name for name in model.model_fields if name != "key"]
