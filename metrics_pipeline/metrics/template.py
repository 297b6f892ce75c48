"""The text of a new definition file: what was said, and below it, as comments, what else it may say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.metrics.narrow_yaml import AMBIGUOUS

SCHEMA_FILE = "definition.schema.json"
SCHEMA_LINE = f"# yaml-language-server: $schema={SCHEMA_FILE}"
WIDTH = 116
_TRANSCRIPT = "user: Where can I leave my car?\nagent: The garage is behind the house.\n"


class _Dumper(yaml.SafeDumper):
    """YAML as people write it here: lists are indented, and what our loader finds doubtful is quoted."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def choose_scalar_style(self) -> str:
        style: str = super().choose_scalar_style()
        # A long text in double quotes would be broken with backslashes.
        short = isinstance(self.event, yaml.ScalarEvent) and len(self.event.value) < WIDTH - 30
        return '"' if style == "'" and short else style


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if text.endswith("\n") else '"' if AMBIGUOUS.match(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def render_definition(values: Mapping[str, Any], *, with_schema: bool = False) -> str:
    """The text of a definition file that says `values`, with every other part as a comment and an example.

    Args:
        values: What the file says, by field, as plain values; None and empty ones are left out. White space in texts
            is folded.
        with_schema: Whether the first line names the schema file beside it, for editors.
    """
    said = {name: _folded(values[name]) for name in MetricDefinition.model_fields if values.get(name) not in (None, ())}
    lines = [SCHEMA_LINE] if with_schema else []
    for name, value in said.items():
        lines += _block({name: value})
    lines += ["", "# What else it may say: remove the # in front of a line to use it."]
    for example in optional_parts(said):
        lines.append("")
        lines += [f"# {_explanation(name)}" for name in example]
        lines += [f"# {line}" for line in _block(example)]
    return "\n".join(lines) + "\n"


def optional_parts(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Examples of what a definition of this type may say and does not; each loads when it is added to `said`."""
    kind = said.get("type", "boolean")
    first, last = "true", "false"
    if kind == "categorical":
        first, last = (said["labels"][place]["name"] for place in (0, -1))
    words: dict[str, Any] = {"said": {"any_of": ["parking", "garage"], "by": "user"}}
    rule: dict[str, Any] = {"true_if": words} if kind == "boolean" else {"labels": {first: words}, "otherwise": last}
    everywhere: list[dict[str, Any]] = [
        {"owner": "you@example.com"},
        {"group": "Arrival"},
        {"tags": ["arrival"]},
        {"applies_if": {"channel": "voice"}},
    ]
    numeric: list[dict[str, Any]] = [{"attempts": "last"}, {"good": "up"}, {"unit": "seconds"}]
    judged: list[dict[str, Any]] = [
        {"applies_when": "Once the caller has asked about parking."},
        {"attempts": "last"},
        *([{"good": True}] if kind == "boolean" else []),
        {"evidence": {last: "optional"}},
        {"evidence_from": "agent"},
        {"long_conversations": "window"},
        {"logged": {"metric": "parking_result", "values": {"free": first, "full": last}}},
        {"source": ["judged", "rule"], "rule": rule},
        {"examples": [{"transcript": _TRANSCRIPT, "answer": first, "why": "The caller has a car to park."}]},
        {"sample": 0.2},
        {"model": "openai/gpt-5-mini"},
        {"second_judge": {"model": "openai/gpt-5", "share": 0.05}},
    ]
    return [part for part in everywhere + (numeric if kind == "numeric" else judged) if not set(part) & set(said)]


def _explanation(field: str) -> str:
    return MetricDefinition.model_fields[field].description or field


def _folded(value: Any) -> Any:
    if isinstance(value, str):
        return " ".join(value.split())
    if isinstance(value, Mapping):
        return {name: _folded(part) for name, part in value.items() if part is not None}
    if isinstance(value, (list, tuple)):
        return [_folded(part) for part in value]
    return value


def _block(part: Mapping[str, Any]) -> list[str]:
    text: str = yaml.dump(dict(part), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
    return text.splitlines()
