"""A metric definition: what a team wants to know, as one record.

The file's name is the metric's key. `version` is the fingerprint of all that can change an answer.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BeforeValidator, Field, StrictBool, StrictFloat, StrictInt, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from metrics_pipeline.metrics.consistency import JUDGED_ONLY, misfits
from metrics_pipeline.metrics.parts import (
    MAX_EXAMPLES,
    Answer,
    Example,
    Gate,
    Label,
    LoggedMapping,
    Name,
    Outcome,
    Part,
    Rule,
    SecondJudge,
    Source,
    Text,
    Unit,
    one_or_more_sources,
)

MISFITS: Literal["misfits"] = "misfits"
"""The kind of error that says which parts do not belong together: `misfits` in its context."""
KEY = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
_SHARE = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
_SOURCES = {"enum": ["judged", "logged", "rule"]}
Sources = Annotated[
    tuple[Source, ...],
    BeforeValidator(one_or_more_sources),
    Field(strict=False, min_length=1, max_length=3),
    WithJsonSchema({"anyOf": [_SOURCES, {"type": "array", "items": _SOURCES, "minItems": 1, "uniqueItems": True}]}),
]


class MetricDefinition(Part):
    """One metric, as its file says it."""

    key: str
    name: Name
    """What a dashboard shows, for example `Auth: verified`."""
    type: Literal["boolean", "categorical", "numeric"]
    """boolean: true or false; categorical: one of its labels; numeric: a number that was logged or counted."""
    status: Literal["draft", "active", "retired"] = "active"
    """draft: previews only; active: judged every night; retired: kept, no longer asked."""
    owner: Text | None = None
    """Who answers for the metric, best as an e-mail address."""
    group: Text | None = None
    """The heading under which dashboards show it."""
    definition: Text
    """What the metric wants to know, in a sentence or two."""
    true_when: Text | None = None
    """Of a boolean: the exact condition under which it is true."""
    false_when: Text | None = None
    """Of a boolean: what makes it false."""
    labels: Annotated[tuple[Label, ...], Field(strict=False, max_length=50)] = ()
    """Of a categorical: its answers."""
    applies_when: Text | None = None
    """When it applies, for the judge to decide: `Once the agent has …`. Otherwise it is not applicable."""
    applies_if: Gate | None = None
    """When it applies, decided free of charge from what is known about the conversation."""
    attempts: Literal["last", "first", "best", "any"] | None = None
    """Which of several attempts in one conversation counts."""
    good: StrictBool | Literal["up", "down"] | None = None
    """Of a boolean: which answer is good; of a numeric: whether more (`up`) or less (`down`) is better."""
    unit: Unit | None = None
    """Of a numeric: what one is, for example `seconds`."""
    evidence: dict[Answer, Literal["required", "optional"]] | None = None
    """Whether an answer must quote a turn. Without a word: `false` need not, every other answer must."""
    evidence_from: Literal["agent", "user", "any", "function"] | None = None
    """Whose words count as evidence; anybody's where it is left out."""
    source: Sources = ("judged",)
    """Where the answers come from: judged, logged, rule; of several, the first is the metric's value."""
    logged: LoggedMapping | None = None
    """What the agent's functions logged about the same thing."""
    rule: Rule | None = None
    """An answer from turns and attributes, without any judge."""
    long_conversations: Literal["refuse", "window"] | None = None
    """A conversation too long for the model is an error, as without a word, or judged on its beginning and its end."""
    examples: Annotated[tuple[Example, ...], Field(strict=False, max_length=MAX_EXAMPLES)] | None = None
    """Short transcripts with the right answer: shown to the judge, and a test of it."""
    sample: Annotated[StrictFloat | StrictInt, Field(gt=0, le=1), WithJsonSchema(_SHARE)] | None = None
    """The share of conversations that is judged, chosen by hash, so that it stays the same; all where left out."""
    model: Text | None = None
    """The model that judges this metric, in place of the project's."""
    second_judge: SecondJudge | None = None
    """A second model whose verdicts are kept and compared, and counted in no rate."""
    tags: Annotated[tuple[Text, ...], Field(strict=False)] = ()
    """Words to find it by."""

    @model_validator(mode="after")
    def _parts_belong_together(self) -> MetricDefinition:
        found = list(misfits(self))
        if found:
            message = "; ".join(misfit.message for misfit in found)
            raise PydanticCustomError(MISFITS, "{message}", {"message": message, "misfits": found})
        return self

    @cached_property
    def answers(self) -> tuple[str, ...]:
        """The closed list of answers, without `undecided`; none of a numeric."""
        return ("true", "false") if self.type == "boolean" else tuple(label.name for label in self.labels)

    @property
    def primary_source(self) -> Source:
        """The source that is the metric's value."""
        return self.source[0]

    @property
    def is_judged(self) -> bool:
        """Whether a judge is asked at all."""
        return "judged" in self.source

    def with_changes(self, **changes: Any) -> MetricDefinition:
        """A copy with `changes`, whose version and answers are its own."""
        copy = self.model_copy(update=changes)
        # What is cached on a model travels with its copy.
        for name in ("version", "answers"):
            copy.__dict__.pop(name, None)
        return copy

    def needs_evidence(self, answer: str) -> bool:
        """Whether `answer` counts only with a quote that holds."""
        default = "optional" if self.type == "boolean" and answer == "false" else "required"
        return (self.evidence or {}).get(answer, default) == "required"

    @property
    def outcomes(self) -> dict[str, Outcome]:
        """What each answer means."""
        if self.type != "boolean":
            return {label.name: label.outcome for label in self.labels}
        if self.good is None:
            return {"true": "neutral", "false": "neutral"}
        return {"true": "success", "false": "failure"} if self.good else {"true": "failure", "false": "success"}

    @property
    def rate_of(self) -> Literal["true", "success"] | None:
        """What the rate counts; None where all labels are neutral and the shares are the numbers, and of a numeric."""
        if self.type == "boolean":
            return "true"
        return "success" if set(self.outcomes.values()) - {"neutral"} else None

    @property
    def good_direction(self) -> Literal["up", "down", "none"]:
        if self.good is None:
            return "none" if self.rate_of in (None, "true") else "up"
        if isinstance(self.good, str):
            return self.good
        return "up" if self.good else "down"

    @cached_property
    def version(self) -> str:
        """16 hexadecimal digits over all that can change an answer: what reaches the judge, the gate or the mapping.

        Not in it, because they are joined in dbt from the current file: name, owner, group, tags, status, `good`,
        `unit`, a label's `outcome`. Nor `sample`, `model` and `second_judge`: the first says which conversations are
        judged, the others by whom. The key is in it, because the judge reads it.
        """
        left_out = {
            "name",
            "owner",
            "group",
            "tags",
            "status",
            "good",
            "unit",
            "labels",
            "sample",
            "model",
            "second_judge",
        }
        judged = self.model_dump(exclude=left_out, exclude_none=True)
        judged["labels"] = [(label.name, label.when) for label in self.labels]
        # One source is hashed as it always was: versions outlive the format.
        judged["source"] = self.source[0] if len(self.source) == 1 else self.source
        if self.long_conversations == "refuse":
            del judged["long_conversations"]
        # A mapping is hashed sorted. Where its order decides, the order is hashed beside it.
        if self.logged is not None and _overlap(self.logged.values or {}):
            judged["logged"]["order"] = list(self.logged.values or {})
        if self.rule is not None and len(self.rule.labels or {}) > 1:
            judged["rule"]["order"] = list(self.rule.labels or {})
        text = msgspec.json.encode(judged, order="sorted")
        return hashlib.blake2b(text, digest_size=8).hexdigest()


def _overlap(patterns: Iterable[str]) -> bool:
    """Whether a logged value can match two of `patterns`, so that the first of them counts."""
    patterns = list(patterns)
    starts = [pattern[:-1] for pattern in patterns if pattern.endswith("*")]
    return any(sum(pattern.startswith(start) for pattern in patterns) > 1 for start in starts)


def _when(kind: str, **said: Any) -> dict[str, Any]:
    """A part of the schema that holds for metrics of one type."""
    required = [name for name, what in said.items() if what.pop("required", False)]
    return {
        "if": {"properties": {"type": {"const": kind}}, "required": ["type"]},
        "then": {"properties": said, "required": required},
    }


def _by_type() -> list[dict[str, Any]]:
    """What belongs together, as far as a schema can say it: the loader says the rest."""
    numbers = {"enum": ["logged", "rule"]}
    return [
        _when("boolean", labels={"maxItems": 0}, unit={"type": "null"}, good={"type": ["boolean", "null"]}),
        _when(
            "categorical",
            labels={"minItems": 2, "required": True},
            **{name: {"type": "null"} for name in ("true_when", "false_when", "good", "unit")},
        ),
        _when(
            "numeric",
            source={"anyOf": [numbers, {"type": "array", "items": numbers}], "required": True},
            labels={"maxItems": 0},
            good={"enum": ["up", "down", None]},
            attempts={"enum": ["first", "last", None]},
            **{name: {"type": "null"} for name in ("true_when", "false_when", *JUDGED_ONLY)},
        ),
    ]


def definition_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a definition file, for editors."""
    schema = MetricDefinition.model_json_schema()
    del schema["properties"]["key"]
    schema["required"] = [name for name in schema["required"] if name != "key"]
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Metric definition"
    schema["allOf"] = _by_type()
    return schema
