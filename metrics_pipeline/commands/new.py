"""`metrics new`: a definition file from a few answers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from metrics_pipeline.commands.options import one_of
from metrics_pipeline.commands.questions import (
    OUTCOMES,
    ask,
    ask_labels,
    can_ask,
    choose,
    ended_in_a_sentence,
    why_no_name,
)
from metrics_pipeline.errors import SettingsError

if TYPE_CHECKING:
    from metrics_pipeline.metrics.definition import MetricDefinition

TYPES = ("boolean", "categorical", "numeric")
STATUSES = ("draft", "active")
COUNTS = ("turn_count", "user_turn_count", "agent_turn_count", "function_call_count", "duration_seconds")


def new(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The file's name, for example parking_asked.")],
    name: Annotated[str | None, typer.Option(help="What a dashboard shows.")] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            "--type", parser=one_of("--type", TYPES), metavar="TYPE", help=f"What an answer is: {', '.join(TYPES)}."
        ),
    ] = None,
    definition: Annotated[str | None, typer.Option(help="What the metric wants to know.")] = None,
    true_when: Annotated[str | None, typer.Option(help="Of a boolean: when it is true.")] = None,
    false_when: Annotated[str | None, typer.Option(help="Of a boolean: when it is false.")] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=WHEN:OUTCOME", help="Of a categorical: an answer. Say it again for each."),
    ] = None,
    logged: Annotated[str | None, typer.Option(metavar="NAME", help="Of a numeric: the logged metric.")] = None,
    number: Annotated[str | None, typer.Option(help=f"Of a numeric: what is counted: {', '.join(COUNTS)}.")] = None,
    unit: Annotated[str | None, typer.Option(help="Of a numeric: what one is.")] = None,
    applies_when: Annotated[str | None, typer.Option(help="When it applies: Once the caller has …")] = None,
    good: Annotated[
        bool | None, typer.Option("--good/--bad", help="Whether true, or more of a number, is good or bad.")
    ] = None,
    owner: Annotated[str | None, typer.Option(help="Who answers for the metric.")] = None,
    status: Annotated[
        str,
        typer.Option(
            parser=one_of("--status", STATUSES),
            metavar="STATUS",
            help="draft, or active: a draft is not judged each night until it is active.",
        ),
    ] = "draft",
    folder: Annotated[Path | None, typer.Option(metavar="FOLDER", help="The folder of definitions.")] = None,
) -> None:
    """Write a definition file, with all that it may say besides as comments.

    At a terminal it asks for what is missing.

    \b
    Example:
        metrics new parking_asked --type boolean --name "Parking: asked about"
    """
    from metrics_pipeline.settings import load_settings

    place = load_settings({"definitions": folder}).definitions
    if not place.parent.is_dir():
        raise SettingsError(f"{place}: cannot be made, as {place.parent} is not a folder. Correct --folder or make it.")
    target = _free_place(place, key)
    labels = [_read_label(text) for text in label or ()]
    # What was not said is asked for, or named all at once.
    with ended_in_a_sentence():
        if can_ask():
            taken = _names(place)
            name = name or ask("What a dashboard shows (like Parking: asked about)", lambda it: why_no_name(it, taken))
            kind = kind or choose("What an answer is", TYPES)
            definition = definition or ask("What it wants to know, in a sentence")
            if kind == "boolean":
                true_when = true_when or ask("It is true when")
                false_when = false_when or ask("It is false when")
            elif kind == "categorical":
                labels = labels or ask_labels()
            elif not (logged or number):
                if choose("Where the number comes from", ("counted", "logged")) == "counted":
                    number = choose("What is counted", COUNTS)
                else:
                    logged = ask("The name under which it is logged")
    said: dict[str, Any] = {"--name": name, "--type": kind, "--definition": definition}
    if kind == "boolean":
        said |= {"--true-when": true_when, "--false-when": false_when}
    elif kind == "categorical":
        said["--label"] = labels
    elif kind == "numeric":
        said["--logged or --number"] = logged or number
    missing = [option for option, value in said.items() if not value]
    if missing:
        raise SettingsError(f"{', '.join(missing)}: not said. Add it, or run the command at a terminal to be asked.")
    values: dict[str, Any] = {
        "name": name,
        "type": kind,
        "status": status,
        "owner": owner,
        "definition": definition,
        "true_when": true_when,
        "false_when": false_when,
        "labels": tuple(labels),
        "applies_when": applies_when,
        "good": {True: "up", False: "down"}.get(good) if kind == "numeric" and good is not None else good,
        "unit": unit,
        "source": "logged" if logged else "rule" if number else None,
        "logged": {"metric": logged} if logged else None,
        "rule": {"number": number} if number else None,
    }
    is_new_folder = not place.exists()
    metric = _write(target, values, place)
    if is_new_folder:
        typer.echo(f"made       {place}, a new folder: give it to other commands as METRICS_DEFINITIONS")
    typer.echo(f"wrote      {target}")
    if metric.status == "draft":
        typer.echo(
            f"It is a draft: `metrics preview {key}` shows what it says. When that is what you mean, set "
            "`status: active` in it, and `metrics run` judges it."
        )
    else:
        typer.echo("`metrics run` judges the newest day with it.")


def _free_place(folder: Path, key: str) -> Path:
    """Where the file of `key` will stand.

    Raises:
        SettingsError: The key cannot be one, or is taken.
    """
    from metrics_pipeline.metrics.definition import KEY
    from metrics_pipeline.metrics.loading import SUFFIXES

    # `$` lets a line break stand at the end.
    if not KEY.fullmatch(key):
        raise SettingsError(
            f"{key!r} cannot be a key: a small letter, then small letters, digits and _, at most 63 in all. "
            "Write it like parking_asked."
        )
    taken = sorted(path for path in folder.rglob(f"{key}.*") if path.suffix.lower() in SUFFIXES)
    if taken:
        raise SettingsError(f"{taken[0]}: is there already. Edit it, or choose another key.")
    return folder / f"{key}.yaml"


def _names(folder: Path) -> Mapping[str, str]:
    """The metric that has it, by name; none in a folder that is yet to be."""
    from metrics_pipeline.metrics.catalog import load_catalog

    try:
        return {metric.name: f"the metric {metric.key}" for metric in load_catalog(folder).definitions}
    except SettingsError:
        return {}


def _write(target: Path, values: dict[str, Any], folder: Path) -> MetricDefinition:
    from metrics_pipeline.metrics.loading import parse_definition
    from metrics_pipeline.metrics.template import SCHEMA_FILE, render_definition

    text = render_definition(values, with_schema=(folder / SCHEMA_FILE).is_file())
    found = parse_definition(text, target)
    if isinstance(found, list):
        reasons = " ".join(f"{problem.message[:1].upper()}{problem.message[1:]}" for problem in found)
        raise SettingsError(f"{target} was not written. {reasons}")
    why = why_no_name(found.name, _names(folder))
    if why is not None:
        raise SettingsError(f"{target} was not written: the name {why}.")
    try:
        folder.mkdir(exist_ok=True)
        with target.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise SettingsError(f"{target}: cannot be written ({error.strerror}). Choose another --folder.") from None
    return found


def _read_label(text: str) -> dict[str, str]:
    """`name=when:outcome` as a label; without an outcome it is neutral.

    Raises:
        SettingsError: It has no name or no condition, or ends in a word that is no outcome.
    """
    name, _, condition = (part.strip() for part in text.partition("="))
    when, colon, outcome = condition.rpartition(":")
    if colon and outcome.strip() in OUTCOMES:
        condition = when.strip()
    elif colon and outcome.isidentifier():
        raise SettingsError(f"--label {text!r}: {outcome!r} is none of {', '.join(OUTCOMES)}. Correct the end.")
    else:
        outcome = "neutral"
    if not name or not condition:
        raise SettingsError(f"--label {text!r}: write it like 'booked=The agent said that it is booked:success'.")
    return {"name": name, "when": condition, "outcome": outcome.strip()}
