"""The parts a metric definition is made of, each as its file may write it."""

from __future__ import annotations

import re
import unicodedata
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
LOOKALIKE_ALPHABETS = {"LATIN", "CYRILLIC", "GREEK"}
MAX_EXAMPLES = 5
MAX_EXAMPLE_TURNS = 40

Outcome = Literal["success", "partial", "failure", "neutral"]
Speaker = Literal["user", "agent", "function"]
Source = Literal["judged", "logged", "rule"]
Count = Literal["turn_count", "user_turn_count", "agent_turn_count", "function_call_count", "duration_seconds"]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def folded(text: str) -> str:
    """`text` as it is compared: two names that differ only in case or in the width of a letter are one."""
    return unicodedata.normalize("NFKC", text).casefold()


def _plain_words(text: str) -> str:
    if CODE_OR_PATH.search(text):
        raise ValueError("looks like code or a path: it stands on dashboards and in tables. Name it in plain words")
    for word in re.findall(r"[^\W\d_]+", text):
        alphabets = {unicodedata.name(letter, "").split(" ")[0] for letter in word} & LOOKALIKE_ALPHABETS
        if len(alphabets) > 1:
            mixed = " and ".join(name.title() for name in sorted(alphabets))
            raise ValueError(f"{word!r} mixes {mixed} letters that look alike. Write it in one alphabet")
    return text


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _answer_text(value: object) -> object:
    # `false` and `"false"` are the same answer of a boolean metric.
    return str(value).lower() if isinstance(value, bool) else value


NOT_BLANK = r"\S"
_ANY_TEXT = {"type": "string", "pattern": NOT_BLANK}
_TEXT_OR_LIST = {"anyOf": [_ANY_TEXT, {"type": "array", "items": _ANY_TEXT, "minItems": 1}]}

Text = Annotated[StrictStr, Field(pattern=NOT_BLANK), AfterValidator(_one_line)]
"""Text that reaches the judge or a dashboard: white space folded, so that re-wrapping a file changes nothing."""
Name = Annotated[
    StrictStr, Field(pattern=NOT_BLANK, max_length=80), AfterValidator(_one_line), AfterValidator(_plain_words)
]
Unit = Annotated[StrictStr, Field(pattern=NOT_BLANK, max_length=40), AfterValidator(_one_line)]
Answer = Annotated[
    Text, BeforeValidator(_answer_text), WithJsonSchema({"type": ["string", "boolean"], "pattern": NOT_BLANK})
]
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

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    min: StrictInt | StrictFloat | None = None
    max: StrictInt | StrictFloat | None = None

    @model_validator(mode="after")
    def _has_an_end(self) -> Range:
        if self.min is None and self.max is None:
            raise ValueError("needs min, max or both: add one")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is greater than max {self.max}: swap them")
        return self


class Gate(Part):
    """`applies_if`: what must hold before any judge is asked. All parts must; of a list, one is enough."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

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


class SecondJudge(Part):
    """Who gives a second opinion."""

    model: Text
    """A model as litellm names it, or `baseline`."""
    share: Annotated[StrictFloat | StrictInt, Field(ge=0, le=1)] = 0.05
    """The share of conversations on which it is asked, besides every suspicious one."""


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
    if isinstance(value, tuple):
        return value
    if not isinstance(value, str):
        raise ValueError("must be text: `transcript: |`, and below it lines that begin with `user:` or `agent:`")
    turns: list[list[str]] = []
    for line in filter(None, (line.strip() for line in value.splitlines())):
        speaker, colon, text = line.partition(":")
        if colon and speaker.strip().lower() in ("user", "agent", "function"):
            turns.append([speaker.strip().lower(), text.strip()])
        elif turns:
            turns[-1][1] += f" {line}"
        else:
            raise ValueError("each line begins with `user:`, `agent:` or `function:`: say who speaks")
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
