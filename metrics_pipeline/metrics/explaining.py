"""What a validator found wrong with a definition, in sentences for the one who wrote the file."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any, NamedTuple, get_args

from pydantic import ValidationError

from metrics_pipeline.metrics.definition import MISFITS, MetricDefinition
from metrics_pipeline.metrics.narrow_yaml import Loc, shortened
from metrics_pipeline.metrics.parts import Part

MAX_MESSAGE = 420
# pydantic's kinds of errors about the kind of a value, and what is to stand there instead.
KINDS = {
    "string_type": "must be text. If it is, put it in quotes",
    "int_type": "must be a number. Write it in digits, like 20 or 0.5, without quotes",
    "float_type": "must be a number. Write it in digits, like 20 or 0.5, without quotes",
    "bool_type": "must be true or false. Write one of them, without quotes",
    "tuple_type": "must be a list. Write each part on a line of its own that begins with `- `, or [in, brackets]",
    "dict_type": "must be a mapping. Write each part on a line of its own: `name: value`",
    "model_type": "must be a mapping. Write each part on a line of its own: `name: value`",
    "model_attributes_type": "must be a mapping. Write each part on a line of its own: `name: value`",
    "string_pattern_mismatch": "must not be empty. Write it, or remove the line",
}


class Explanation(NamedTuple):
    """One thing that is wrong, and the line of it."""

    line: int | None
    message: str


def explained(error: ValidationError, lines: dict[Loc, int]) -> list[Explanation]:
    """All that is wrong, in the order of the file.

    Args:
        lines: The line of each place that the file has.
    """
    problems = [problem for problem in error.errors() if problem["loc"] != ("good", "bool")]
    found = {one for problem in problems for one in _explained(dict(problem), lines)}
    return sorted(found, key=lambda one: (one.line or 0, one.message))


def _explained(problem: dict[str, Any], lines: dict[Loc, int]) -> Iterator[Explanation]:
    if problem["type"] == MISFITS:
        for loc, message in problem["ctx"]["misfits"]:
            yield Explanation(_nearest(loc, lines)[1], _sentence(message))
        return
    # pydantic adds its own words (a union's branch, `[key]`) to the place: keep the part that the file knows.
    loc = tuple(
        part for part in problem["loc"] if not (isinstance(part, str) and part.startswith(("function-", "tuple[")))
    )
    known, line = _nearest(loc, lines)
    where = _place(loc if problem["type"] in ("missing", "extra_forbidden") else known)
    yield Explanation(line, _sentence(_message(problem, loc, where)))


def _message(problem: dict[str, Any], loc: Loc, where: str) -> str:
    kind, context = problem["type"], problem.get("ctx", {})
    match kind:
        case "extra_forbidden":
            known = _fields(loc)
            near = difflib.get_close_matches(shortened(str(loc[-1]), 40), known, n=1)
            advice = f"Write {near[0]}" if near else "Remove it or correct the spelling"
            return f"unknown key {where!r}. {advice}; known here: {', '.join(known)}"
        case "missing":
            return f"{where} is missing. Add a line `{loc[-1]}: …`"
        case "literal_error":
            # The other branch of the union, a boolean, has an error of its own.
            other = "true, false, " if where == "good" else ""
            return f"{where} must be one of {other}{context['expected']}"
        case "string_too_long":
            return f"{where} is longer than {context['max_length']} characters. Shorten it"
        case "too_long":
            return f"{where} has more than {context['max_length']} parts. Remove some"
        case "too_short":
            return f"{where} is empty. Name one at least, or remove it"
        case "greater_than" | "less_than_equal":
            return f"{where} must be greater than 0 and at most 1, like 0.2 for a fifth. Correct it"
    message = KINDS.get(kind)
    return f"{where} {message}" if message else f"{where}: {problem['msg'].removeprefix('Value error, ')}"


def _nearest(loc: Loc, lines: dict[Loc, int]) -> tuple[Loc, int | None]:
    """The innermost place around `loc` that the file has, and its line."""
    while loc and loc not in lines:
        loc = loc[:-1]
    return loc, lines.get(loc)


def _place(loc: Loc) -> str:
    """`labels.1.name`, counted as the file's lists are read: from 1."""
    return ".".join(str(part + 1) if isinstance(part, int) else shortened(part, 60) for part in loc)


def _sentence(text: str) -> str:
    return f"{shortened(text, MAX_MESSAGE)}."


def _fields(loc: Loc) -> list[str]:
    """What may stand at that place."""
    model: type[Part] = MetricDefinition
    for part in loc[:-1]:
        field = model.model_fields.get(part) if isinstance(part, str) else None
        model = (_part(field.annotation) if field else None) or model
    return [name for name in model.model_fields if name != "key"]


def _part(annotation: Any) -> type[Part] | None:
    """The model within a field's type: of `tuple[Label, ...]` the label."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return annotation
    return next((found for found in map(_part, get_args(annotation)) if found), None)
