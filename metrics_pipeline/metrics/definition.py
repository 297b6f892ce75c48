"""A metric definition: what a team wants to know, as one record.

The file's name is the metric's key. `version` is the fingerprint of all that can change an answer.
"""

from __future__ import annotations

import hashlib
import re
from functools import cached_property
from typing import Annotated, Literal

import msgspec
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    model_validator,
)

KEY = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
# An apostrophe within a word, and a slash between two, are plain words.
CODE_OR_PATH = re.compile(r"""[{}"`\\]|<[\w/!]|\.\./|^/|(?<!\w)'|'(?!\w)""")
UNDECIDED = "undecided"
NOT_APPLICABLE = "not_applicable"
RESERVED_ANSWERS = (UNDECIDED, NOT_APPLICABLE)

Outcome = Literal["success", "partial", "failure", "neutral"]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _not_empty(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return text


def _plain_words(text: str) -> str:
    if CODE_OR_PATH.search(text):
        raise ValueError("looks like code or a path: it stands on dashboards and in tables. Name it in plain words")
    return text


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _answer_text(value: object) -> object:
    # `false` and `"false"` are the same answer of a boolean metric.
    return str(value).lower() if isinstance(value, bool) else value


Text = Annotated[StrictStr, AfterValidator(_one_line), AfterValidator(_not_empty)]
"""Text that reaches the judge or a dashboard: white space folded, so that re-wrapping a file changes nothing."""
Name = Annotated[Text, AfterValidator(_plain_words), Field(max_length=80)]
Answer = Annotated[Text, BeforeValidator(_answer_text)]
OneOrMore = Annotated[tuple[Text, ...], BeforeValidator(_as_list), Field(strict=False, min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Label(_Part):
    """One answer of a categorical metric."""

    name: Name
    when: Text | None = None
    outcome: Outcome = "neutral"


class Range(_Part):
    """A closed range; an end that is left out is open."""

    min: StrictInt | StrictFloat | None = None
    max: StrictInt | StrictFloat | None = None

    @model_validator(mode="after")
    def _has_an_end(self) -> Range:
        if self.min is None and self.max is None:
            raise ValueError("needs min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is greater than max {self.max}")
        return self


class Gate(_Part):
    """`applies_if`: what must hold before any judge is asked. All parts must; of a list, one is enough."""

    channel: OneOrMore | None = None
    variant: OneOrMore | None = None
    language: OneOrMore | None = None
    turn_count: Range | None = None
    duration_seconds: Range | None = None
    handoff: StrictBool | None = None
    function_called: OneOrMore | None = None
    logged_metric: Annotated[dict[Text, OneOrMore | None], Field(min_length=1)] | None = None
    """Name to the values of which one must have been logged; nothing in place of values: logged at all."""

    @model_validator(mode="after")
    def _asks_something(self) -> Gate:
        if not self.model_fields_set:
            raise ValueError("is empty: name a condition or remove it")
        return self


class LoggedMapping(_Part):
    """How what the agent's functions logged translates into answers."""

    metric: Text
    values: Annotated[dict[Answer, Answer], Field(min_length=1)]
    """Logged value to answer; a value may end in `*`. The first that matches counts."""
    absent: Answer = NOT_APPLICABLE
    """Nothing was logged: `not_applicable`, or an answer."""
    unmapped: Answer = "error"
    """Something else was logged: `error`, or an answer."""


class MetricDefinition(_Part):
    """One metric, as its file says it."""

    key: str
    name: Name
    type: Literal["boolean", "categorical"]
    status: Literal["draft", "active", "retired"] = "active"
    owner: Text | None = None
    definition: Text
    true_when: Text | None = None
    false_when: Text | None = None
    labels: Annotated[tuple[Label, ...], Field(strict=False, max_length=50)] = ()
    applies_when: Text | None = None
    applies_if: Gate | None = None
    attempts: Literal["last", "first", "best", "any"] | None = None
    good: StrictBool | None = None
    evidence: dict[Answer, Literal["required", "optional"]] | None = None
    """Whether an answer must quote a turn. Without a word: `false` need not, every other answer must."""
    source: Literal["judged", "logged"] = "judged"
    logged: LoggedMapping | None = None
    tags: Annotated[tuple[Text, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _parts_belong_together(self) -> MetricDefinition:
        if self.type == "boolean":
            if self.labels:
                raise ValueError("a boolean metric has no labels: remove them, or set type: categorical")
        else:
            for field in ("true_when", "false_when", "good"):
                if getattr(self, field) is not None:
                    raise ValueError(f"a categorical metric has no {field}: say it in labels, with when and outcome")
            if len(self.labels) < 2:
                raise ValueError("a categorical metric needs labels, two at least, each with name and when")
            folded = [label.name.casefold() for label in self.labels]
            for name in folded:
                if folded.count(name) > 1:
                    raise ValueError(f"the label {name!r} is there twice: remove one or rename it")
                if name in RESERVED_ANSWERS:
                    raise ValueError(f"{name!r} cannot be a label: every judge may say so anyway; rename it")
        if self.source == "logged" and self.logged is None:
            raise ValueError("source: logged needs logged, which says which logged metric and how its values map")
        if self.logged is not None:
            self._check_mapping(self.logged)
        for answer in self.evidence or ():
            if answer not in self.answers:
                raise ValueError(f"evidence: {answer!r} is not an answer of this metric: {', '.join(self.answers)}")
        return self

    def _check_mapping(self, mapping: LoggedMapping) -> None:
        allowed = set(self.answers)
        used = [(f"logged.values {value!r}", answer) for value, answer in mapping.values.items()]
        if mapping.absent != NOT_APPLICABLE:
            used.append(("logged.absent", mapping.absent))
        if mapping.unmapped != "error":
            used.append(("logged.unmapped", mapping.unmapped))
        for where, answer in used:
            if answer not in allowed:
                raise ValueError(f"{where}: {answer!r} is not an answer of this metric: {', '.join(self.answers)}")

    @cached_property
    def answers(self) -> tuple[str, ...]:
        """The closed list of answers, without `undecided`."""
        return ("true", "false") if self.type == "boolean" else tuple(label.name for label in self.labels)

    def needs_evidence(self, answer: str) -> bool:
        """Whether `answer` counts only with a quote that holds."""
        default = "optional" if self.type == "boolean" and answer == "false" else "required"
        return (self.evidence or {}).get(answer, default) == "required"

    @property
    def outcomes(self) -> dict[str, Outcome]:
        """What each answer means."""
        if self.type == "categorical":
            return {label.name: label.outcome for label in self.labels}
        if self.good is None:
            return {"true": "neutral", "false": "neutral"}
        return {"true": "success", "false": "failure"} if self.good else {"true": "failure", "false": "success"}

    @property
    def rate_of(self) -> Literal["true", "success"] | None:
        """What the rate counts; None where all labels are neutral and the shares are the numbers."""
        if self.type == "boolean":
            return "true"
        return "success" if set(self.outcomes.values()) != {"neutral"} else None

    @property
    def good_direction(self) -> Literal["up", "down", "none"]:
        if self.type == "boolean":
            return "none" if self.good is None else "up" if self.good else "down"
        return "none" if self.rate_of is None else "up"

    @cached_property
    def version(self) -> str:
        """16 hexadecimal digits over all that can change an answer: what reaches the judge, the gate or the mapping.

        Not in it, because they are joined in dbt from the current file: name, owner, tags, status, `good`, a label's
        `outcome`. The key is in it, because the judge reads it.
        """
        judged = self.model_dump(exclude={"name", "owner", "tags", "status", "good", "labels"}, exclude_none=True)
        judged["labels"] = [(label.name, label.when) for label in self.labels]
        text = msgspec.json.encode(judged, order="sorted")
        return hashlib.blake2b(text, digest_size=8).hexdigest()
