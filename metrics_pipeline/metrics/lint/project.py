"""What a lint rule reads, and what it hands back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.metrics.loading import Loc, Problem

Severity = Literal["error", "warning", "info"]


class Finding(NamedTuple):
    """One weakness of one file."""

    file: Path
    line: int | None
    """Counts from 1; None where the whole file is meant."""
    code: str
    severity: Severity
    message: str
    fix: str


class Misjudged(NamedTuple):
    """An example that its metric's own judge answered otherwise than the file."""

    example: int
    """Counts from 0."""
    answer: str
    judge: str


class Remark(NamedTuple):
    """What a language model found weak. Its words: a stranger's."""

    code: str | None
    """Of the rule that it names; None where it names none."""
    field: str | None
    problem: str
    suggestion: str


class Seen(NamedTuple):
    """What is known besides the definitions' words; an empty part is a fact that is not known."""

    functions: frozenset[str] = frozenset()
    variants: frozenset[str] = frozenset()
    logged_metrics: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    gate_pass_counts: Mapping[str, tuple[int, int, int]] = {}
    """Metric to the number of conversations that passed, failed, and could not be told."""
    answer_counts: Mapping[str, Mapping[str, int]] = {}
    """Metric to how often each answer was given, by the version as it stands."""
    example_failures: Mapping[str, tuple[Misjudged, ...]] = {}
    prompt_tokens: Mapping[str, int] = {}
    """Metric to what its own part of the prompt takes, known without any conversation."""
    remarks: Mapping[str, tuple[Remark, ...]] = {}
    """Metric to what a model said about its definition."""


class Subject(NamedTuple):
    """One definition with its file and the lines of its fields."""

    file: Path
    metric: MetricDefinition
    lines: Mapping[Loc, int]
    text: str

    @property
    def conditions(self) -> tuple[str, ...]:
        """What makes a success: `true_when`, or what each label is for."""
        if self.metric.type == "boolean":
            return (self.metric.true_when,) if self.metric.true_when else ()
        return tuple(label.when for label in self.metric.labels if label.when)

    @property
    def prose(self) -> Iterator[tuple[Loc, str]]:
        """Every text that the judge reads, with its place."""
        for field, text in (
            ("definition", self.metric.definition),
            ("true_when", self.metric.true_when),
            ("false_when", self.metric.false_when),
            ("applies_when", self.metric.applies_when),
        ):
            if text:
                yield (field,), text
        for index, label in enumerate(self.metric.labels):
            if label.when:
                yield ("labels", index, "when"), label.when


class Project(NamedTuple):
    """All definitions of a folder, by file."""

    subjects: tuple[Subject, ...]
    seen: Seen | None = None
    problems: tuple[Problem, ...] = ()
    """Why the other files could not be loaded."""
    synonyms: tuple[tuple[str, ...], ...] = ()
    """Groups of words that the project takes for the same, besides those that the rule knows."""


class Hit(NamedTuple):
    """Where a rule found its weakness. Loc is the field; the rule adds the rest."""

    subject: Subject
    loc: Loc
    message: str
    fix: str | None = None
    severity: Severity | None = None


class Rule(NamedTuple):
    """One thing that makes a definition weak."""

    code: str
    title: str
    wrong: str
    why: str
    fix: str
    bad: str
    """A definition file that has the weakness."""
    good: str
    """The same one without it, and without any other."""
    check: Callable[[Project], Iterable[Hit]]
    severity: Severity = "warning"
    beside: tuple[tuple[str, str], ...] = ()
    """The other files, key and text, that the two examples stand beside."""
    seen: Seen | None = None
    """Of a rule that looks beyond the words: the facts that the bad example is read with."""
    seen_good: Seen | None = None
    """The facts that the good example is read with, where they are others."""


def judged_each(check: Callable[[Subject], Iterable[Hit]]) -> Callable[[Project], Iterator[Hit]]:
    """A check of single definitions as a check of the project: of those that a judge reads."""

    def check_all(project: Project) -> Iterator[Hit]:
        for subject in project.subjects:
            if subject.metric.is_judged:
                yield from check(subject)

    return check_all
