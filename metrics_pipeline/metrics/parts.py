"""The parts a metric definition is made of, each as its file may write it."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, NamedTuple

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
    WithJsonSchema,
    model_validator,
)

UNDECIDED = "undecided"
NOT_APPLICABLE = "not_applicable"
RESERVED_ANSWERS = (UNDECIDED, NOT_APPLICABLE)
# An apostrophe within a word, and a slash between two, are plain words.
CODE_OR_PATH = re.compile(r"""[{}"`\\]|<[\w/!]|\.\./|^/|(?<!\w)'|'(?!\w)""")
MAX_EXAMPLES = 5
MAX_EXAMPLE_TURNS = 40

Outcome = Literal["success", "partial", "failure", "neutral"]
Speaker = Literal["user", "agent", "function"]
Source = Literal["judged", "logged", "rule"]
Count = Literal["turn_count", "user_turn_count", "agent_turn_count", "function_call_count", "duration_seconds"]


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


_TEXT_OR_LIST = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}

Text = Annotated[StrictStr, AfterValidator(_one_line), AfterValidator(_not_empty)]
"""Text that reaches the judge or a dashboard: white space folded, so that re-wrapping a file changes nothing."""
Name = Annotated[Text, AfterValidator(_plain_words), Field(max_length=80)]
Answer = Annotated[Text, BeforeValidator(_answer_text), WithJsonSchema({"type": ["string", "boolean"]})]
OneOrMore = Annotated[
    tuple[Text, ...], BeforeValidator(_as_list), Field(strict=False, min_length=1), WithJsonSchema(_TEXT_OR_LIST)
]


class Part(BaseModel):
    """A frozen part of a definition; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Label(Part):
    """One answer of a categorical metric."""

    name: Name
    """The answer as tables and charts show it."""
    when: Text | None = None
    """The exact condition under which this label is the answer."""
    outcome: Outcome = "neutral"
    """What the answer means: success, partial, failure or neutral. The rate is success out of the first three."""


class Range(Part):
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


class Gate(Part):
    """`applies_if`: what must hold before any judge is asked. All parts must; of a list, one is enough."""

    channel: OneOrMore | None = None
    variant: OneOrMore | None = None
    language: OneOrMore | None = None
    """`en` takes in `en-GB`."""
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


class LoggedMapping(Part):
    """How what the agent's functions logged translates into answers."""

    metric: Text
    """The name under which it was logged."""
    values: Annotated[dict[Answer, Answer], Field(min_length=1)] | None = None
    """Logged value to answer; a value may end in `*`. The first that matches counts. A number needs none."""
    absent: Answer = NOT_APPLICABLE
    """Nothing was logged: `not_applicable`, or an answer."""
    unmapped: Answer = "error"
    """Something else was logged: `error`, or an answer."""


class Said(Part):
    """Words that must stand in a turn, whatever their case, as whole words."""

    any_of: OneOrMore
    """One of these is enough."""
    by: Literal["user", "agent", "function", "any"] = "any"


class Condition(Gate):
    """What a rule asks of a conversation: the parts of `applies_if`, and words that were said."""

    said: Said | None = None


class Rule(Part):
    """`rule`: an answer from turns and attributes, without any judge."""

    true_if: Condition | None = None
    """Of a boolean: when it is true; else it is false."""
    labels: Annotated[dict[Text, Condition], Field(min_length=1)] | None = None
    """Of a categorical: each label's condition; the first that holds counts."""
    otherwise: Text | None = None
    """Of a categorical: the label where no condition holds."""
    number: Count | None = None
    """Of a numeric: what is counted or taken over."""
    function: OneOrMore | None = None
    """Of `number: function_call_count`: only calls of these functions."""


class ExampleTurn(NamedTuple):
    """One utterance of an example."""

    speaker: Speaker
    text: str


def _read_transcript(value: object) -> object:
    """`user: …` and `agent: …` lines as turns; a line without a speaker goes on with the one before."""
    if not isinstance(value, str):
        return value
    turns: list[list[str]] = []
    for line in filter(None, (line.strip() for line in value.splitlines())):
        speaker, colon, text = line.partition(":")
        if colon and speaker.strip().lower() in ("user", "agent", "function"):
            turns.append([speaker.strip().lower(), text.strip()])
        elif turns:
            turns[-1][1] += f" {line}"
        else:
            raise ValueError("each line begins with `user:`, `agent:` or `function:`")
    return [tuple(turn) for turn in turns]


Transcript = Annotated[
    tuple[ExampleTurn, ...],
    BeforeValidator(_read_transcript),
    Field(strict=False, min_length=1, max_length=MAX_EXAMPLE_TURNS),
    WithJsonSchema({"type": "string", "description": "Lines that begin with `user:`, `agent:` or `function:`."}),
]


class Example(Part):
    """A short transcript with the right answer: shown to the judge, and a test of it."""

    transcript: Transcript
    """Lines that begin with `user:`, `agent:` or `function:`."""
    answer: Answer
    """One of the metric's answers, `undecided`, or `not_applicable` where the metric has `applies_when`."""
    why: Text | None = None
    """What makes it the right answer."""


def one_or_more_sources(value: object) -> Any:
    """`source` as a tuple, whether the file names one or several."""
    return tuple(value) if isinstance(value, list) else (value,)
