"""A metric definition: what a team wants to know, as one record.

The file's name is the metric's key. `version` is the fingerprint of all that can change an answer.
"""

from __future__ import annotations

import hashlib
import re
from functools import cached_property
from typing import Annotated, Any, Literal

import msgspec
from pydantic import BeforeValidator, Field, StrictBool, StrictFloat, StrictInt, WithJsonSchema, model_validator

from metrics_pipeline.metrics.parts import (
    MAX_EXAMPLES,
    NOT_APPLICABLE,
    RESERVED_ANSWERS,
    UNDECIDED,
    Answer,
    Example,
    Gate,
    Label,
    LoggedMapping,
    Name,
    Outcome,
    Part,
    Rule,
    Source,
    Text,
    one_or_more_sources,
)

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
    unit: Annotated[Text, Field(max_length=40)] | None = None
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
    examples: Annotated[tuple[Example, ...], Field(strict=False, max_length=MAX_EXAMPLES)] | None = None
    """Short transcripts with the right answer: shown to the judge, and a test of it."""
    sample: Annotated[StrictFloat | StrictInt, Field(gt=0, le=1), WithJsonSchema(_SHARE)] | None = None
    """The share of conversations that is judged, chosen by hash, so that it stays the same; all where left out."""
    model: Text | None = None
    """The model that judges this metric, in place of the project's."""
    tags: Annotated[tuple[Text, ...], Field(strict=False)] = ()
    """Words to find it by."""

    @model_validator(mode="after")
    def _parts_belong_together(self) -> MetricDefinition:
        {"boolean": self._check_boolean, "categorical": self._check_categorical, "numeric": self._check_numeric}[
            self.type
        ]()
        if len(set(self.source)) < len(self.source):
            raise ValueError("source names one thing twice: remove one")
        if "logged" in self.source and self.logged is None:
            raise ValueError("source: logged needs logged, which says which logged metric and how its values map")
        if ("rule" in self.source) != (self.rule is not None):
            raise ValueError("source: rule and rule belong together: add the one that is missing, or remove the other")
        if self.logged is not None:
            self._check_mapping(self.logged)
        if self.rule is not None:
            self._check_rule(self.rule)
        for answer in self.evidence or ():
            if answer not in self.answers:
                raise ValueError(f"evidence: {answer!r} is not an answer of this metric: {', '.join(self.answers)}")
        for number, example in enumerate(self.examples or (), start=1):
            self._check_example(number, example)
        return self

    def _check_boolean(self) -> None:
        if self.labels:
            raise ValueError("a boolean metric has no labels: remove them, or set type: categorical")
        self._refuse("a boolean", unit=self.unit)
        if isinstance(self.good, str):
            raise ValueError("good of a boolean is true or false: it names the good answer")

    def _check_categorical(self) -> None:
        for field in ("true_when", "false_when", "good"):
            if getattr(self, field) is not None:
                raise ValueError(f"a categorical metric has no {field}: say it in labels, with when and outcome")
        self._refuse("a categorical", unit=self.unit)
        if len(self.labels) < 2:
            raise ValueError("a categorical metric needs labels, two at least, each with name and when")
        folded = [label.name.casefold() for label in self.labels]
        for name in folded:
            if folded.count(name) > 1:
                raise ValueError(f"the label {name!r} is there twice: remove one or rename it")
            if name in RESERVED_ANSWERS:
                raise ValueError(f"{name!r} cannot be a label: every judge may say so anyway; rename it")

    def _check_numeric(self) -> None:
        if "judged" in self.source:
            raise ValueError(
                "a numeric metric is logged or counted, not judged: set source: logged or source: rule, or ask a "
                "categorical question"
            )
        self._refuse(
            "a numeric",
            labels=self.labels or None,
            true_when=self.true_when,
            false_when=self.false_when,
            applies_when=self.applies_when,
            evidence=self.evidence,
            evidence_from=self.evidence_from,
            examples=self.examples,
            sample=self.sample,
            model=self.model,
        )
        if isinstance(self.good, bool):
            raise ValueError("good of a numeric is up or down: whether more or less is better")
        if self.attempts not in (None, "first", "last"):
            raise ValueError("attempts of a numeric is first or last")

    def _refuse(self, kind: str, **fields: object) -> None:
        for name, value in fields.items():
            if value is not None:
                raise ValueError(f"{kind} metric has no {name}: remove it")

    def _check_mapping(self, mapping: LoggedMapping) -> None:
        if self.type == "numeric":
            if mapping.values is not None or mapping.absent != NOT_APPLICABLE or mapping.unmapped != "error":
                raise ValueError("logged: of a numeric metric only the logged metric is named; the value is the number")
            return
        if mapping.values is None:
            raise ValueError("logged.values is missing: it says which logged value stands for which answer")
        used = [(f"logged.values {value!r}", answer) for value, answer in mapping.values.items()]
        if mapping.absent != NOT_APPLICABLE:
            used.append(("logged.absent", mapping.absent))
        if mapping.unmapped != "error":
            used.append(("logged.unmapped", mapping.unmapped))
        for where, answer in used:
            if answer not in self.answers:
                raise ValueError(f"{where}: {answer!r} is not an answer of this metric: {', '.join(self.answers)}")

    def _check_rule(self, rule: Rule) -> None:
        given = {name for name in rule.model_fields_set if getattr(rule, name) is not None}
        wanted = {"boolean": {"true_if"}, "categorical": {"labels", "otherwise"}, "numeric": {"number"}}[self.type]
        allowed = wanted | ({"function"} if rule.number == "function_call_count" else set())
        if not wanted <= given <= allowed:
            raise ValueError(f"rule of a {self.type} metric has {' and '.join(sorted(wanted))}, and nothing else")
        for answer in [*(rule.labels or ()), *([rule.otherwise] if rule.otherwise else [])]:
            if answer not in self.answers:
                raise ValueError(f"rule: {answer!r} is not an answer of this metric: {', '.join(self.answers)}")

    def _check_example(self, number: int, example: Example) -> None:
        allowed = (*self.answers, UNDECIDED, *([NOT_APPLICABLE] if self.applies_when else []))
        if example.answer not in allowed:
            raise ValueError(
                f"examples: {example.answer!r}, the answer of example {number}, is not one of {', '.join(allowed)}"
            )

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
        `unit`, a label's `outcome`. Nor `sample` and `model`: the first says which conversations are judged and the
        second by whom. The key is in it, because the judge reads it.
        """
        left_out = {"name", "owner", "group", "tags", "status", "good", "unit", "labels", "sample", "model"}
        judged = self.model_dump(exclude=left_out, exclude_none=True)
        judged["labels"] = [(label.name, label.when) for label in self.labels]
        # One source is hashed as it always was: versions outlive the format.
        judged["source"] = self.source[0] if len(self.source) == 1 else self.source
        text = msgspec.json.encode(judged, order="sorted")
        return hashlib.blake2b(text, digest_size=8).hexdigest()


def definition_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of a definition file, for editors."""
    schema = MetricDefinition.model_json_schema()
    del schema["properties"]["key"]
    schema["required"] = [name for name in schema["required"] if name != "key"]
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "Metric definition"
    return schema
