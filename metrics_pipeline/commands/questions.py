"""What `metrics new` asks at a terminal: an answer that cannot be is asked for again, at once."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import typer

from metrics_pipeline.errors import StoppedError

OUTCOMES = ("success", "partial", "failure", "neutral")
Check = Callable[[str], str | None]
"""Why an answer cannot be; None where it can."""


def can_ask() -> bool:
    """Whether somebody sits at a terminal."""
    return sys.stdin.isatty()


@contextmanager
def ended_in_a_sentence() -> Iterator[None]:
    """Ctrl-C and Ctrl-D become a sentence.

    Raises:
        StoppedError: The user ended the questions.
    """
    try:
        yield
    except (typer.Abort, KeyboardInterrupt):
        raise StoppedError("stopped. Nothing was written.") from None


def ask(question: str, check: Check = lambda answer: None if answer else "it must not be empty") -> str:
    """An answer that `check` has nothing against."""
    while True:
        # Without a default the prompt would ask for an empty answer again and not say why.
        answer = str(typer.prompt(question, default="", show_default=False)).strip()
        why = check(answer)
        if why is None:
            return answer
        typer.echo(f"{why}, please.")


def choose(question: str, choices: tuple[str, ...]) -> str:
    """One of `choices`."""
    listed = ", ".join(choices)
    return ask(f"{question} ({listed})", lambda answer: None if answer in choices else f"one of {listed}")


def ask_labels() -> list[dict[str, str]]:
    """Two labels or more, each with its condition and outcome."""
    labels: list[dict[str, str]] = []
    taken: dict[str, str] = {"undecided": "every judge", "not_applicable": "every judge"}
    while True:
        end = " (nothing: that is all)" if len(labels) > 1 else ""
        name = typer.prompt(f"Label {len(labels) + 1}{end}", default="", show_default=False).strip()
        if not name and end:
            return labels
        why = "the name alone: what makes it so is asked next" if "=" in name else why_no_name(name, taken)
        if why is not None:
            typer.echo(f"{why}, please.")
            continue
        when = ask(f"It is {name} when")
        labels.append({"name": name, "when": when, "outcome": choose("Its outcome", OUTCOMES)})
        taken[name] = "a label above"


def why_no_name(name: str, taken: Mapping[str, str]) -> str | None:
    """Why `name` cannot be a metric's or a label's.

    Args:
        taken: Who has it, by name.
    """
    from pydantic import TypeAdapter, ValidationError

    from metrics_pipeline.metrics.parts import Name, folded

    try:
        valid: str = TypeAdapter(Name).validate_python(name)
    except ValidationError as error:
        kinds = {"string_pattern_mismatch": "it must not be empty", "string_too_long": "at most 80 characters"}
        problem = error.errors()[0]
        return kinds.get(problem["type"], f"it {problem['msg'].removeprefix('Value error, ')}")
    owner = next((owner for other, owner in taken.items() if folded(other) == folded(valid)), None)
    return None if owner is None else f"{valid!r} is taken by {owner}: another one"
