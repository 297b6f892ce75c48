"""What a validator found wrong with the value of a setting, in words for the one who set it."""

from __future__ import annotations

from pydantic_core import ErrorDetails

# By the beginning of pydantic's kinds of errors: it says of what it read from text otherwise than of what is none.
KINDS = {
    "greater_than_equal": "must be {ge:,.15g} or more",
    "greater_than": "must be more than {gt:,.15g}",
    "less_than_equal": "must be {le:,.15g} or less",
    "int_": "must be a whole number, like 20",
    "float_": "must be a number, like 20 or 0.5",
    "finite_number": "must be a number, like 20 or 0.5",
    "bool_": "must be true or false",
    "string_": "must be text",
    "path_": "must be a path",
    "date_": "must be a day, written like 2026-09-30",
    "dict_": "must be a table of names and values",
    "tuple_": "must be a list",
    "literal_error": "must be one of {expected}",
}


def refused_because(problem: ErrorDetails) -> str:
    """What is to stand there instead. It shows no value."""
    found = next((said for kind, said in KINDS.items() if problem["type"].startswith(kind)), None)
    if found is None:
        return problem["msg"].removeprefix("Value error, ")
    return found.format(**problem.get("ctx", {}))
