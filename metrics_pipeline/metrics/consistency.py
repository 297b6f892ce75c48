"""Which parts of a definition belong together, and what to do where they do not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from metrics_pipeline.metrics.narrow_yaml import Loc, shortened
from metrics_pipeline.metrics.parts import (
    NOT_APPLICABLE,
    RESERVED_ANSWERS,
    UNDECIDED,
    Example,
    LoggedMapping,
    Rule,
    folded,
)

if TYPE_CHECKING:
    from metrics_pipeline.metrics.definition import MetricDefinition

JUDGED_ONLY = (
    "applies_when",
    "evidence",
    "evidence_from",
    "long_conversations",
    "examples",
    "sample",
    "model",
    "second_judge",
)
"""What only a judge reads."""


class Misfit(NamedTuple):
    """A part that does not belong with the others."""

    loc: Loc
    message: str


def misfits(metric: MetricDefinition) -> Iterator[Misfit]:
    """All that does not belong together, each with its place."""
    yield from {"boolean": _boolean, "categorical": _categorical, "numeric": _numeric}[metric.type](metric)
    yield from _sources(metric)
    if metric.logged is not None:
        yield from _mapping(metric, metric.logged)
    if metric.rule is not None:
        yield from _rule(metric, metric.rule)
    yield from _answers(metric, [(("evidence", answer), answer) for answer in metric.evidence or ()])
    for place, example in enumerate(metric.examples or ()):
        yield from _example(metric, place, example)


def _boolean(metric: MetricDefinition) -> Iterator[Misfit]:
    if metric.labels:
        yield Misfit(("labels",), "a boolean metric has no labels: remove them, or set type: categorical")
    yield from _without(metric, ("unit",))
    if isinstance(metric.good, str):
        yield Misfit(("good",), "good of a boolean is true or false: it names the good answer")


def _categorical(metric: MetricDefinition) -> Iterator[Misfit]:
    for field in ("true_when", "false_when", "good"):
        if getattr(metric, field) is not None:
            yield Misfit((field,), f"a categorical metric has no {field}: say it in labels, with when and outcome")
    yield from _without(metric, ("unit",))
    if len(metric.labels) < 2:
        yield Misfit(("labels",), "a categorical metric needs labels, two at least, each with name and when")
    seen: set[str] = set()
    for place, label in enumerate(metric.labels):
        name = folded(label.name)
        if name in seen:
            yield Misfit(("labels", place, "name"), f"the label {name!r} is there twice: remove one or rename it")
        if name in RESERVED_ANSWERS:
            message = f"{name!r} cannot be a label: every judge may say so anyway; rename it"
            yield Misfit(("labels", place, "name"), message)
        seen.add(name)


def _numeric(metric: MetricDefinition) -> Iterator[Misfit]:
    if "judged" in metric.source:
        yield Misfit(
            ("source",),
            "a numeric metric is logged or counted, not judged: set source: logged or source: rule, or ask a "
            "categorical question",
        )
    yield from _without(metric, ("labels", "true_when", "false_when", *JUDGED_ONLY))
    if isinstance(metric.good, bool):
        yield Misfit(("good",), "good of a numeric is up or down: whether more or less is better")
    if metric.attempts not in (None, "first", "last"):
        yield Misfit(("attempts",), "attempts of a numeric is first or last")


def _without(metric: MetricDefinition, fields: Iterable[str]) -> Iterator[Misfit]:
    for field in fields:
        if getattr(metric, field) not in (None, type(metric).model_fields[field].default):
            yield Misfit((field,), f"a {metric.type} metric has no {field}: remove it")


def _sources(metric: MetricDefinition) -> Iterator[Misfit]:
    if len(set(metric.source)) < len(metric.source):
        yield Misfit(("source",), "source names one thing twice: remove one")
    if "logged" in metric.source and metric.logged is None:
        message = "source: logged needs logged, which says which logged metric and how its values map: add it"
        yield Misfit(("source",), message)
    if ("rule" in metric.source) != (metric.rule is not None):
        place = "rule" if metric.rule else "source"
        message = "source: rule and rule belong together: add the one that is missing, or remove the other"
        yield Misfit((place,), message)


def _mapping(metric: MetricDefinition, mapping: LoggedMapping) -> Iterator[Misfit]:
    if metric.type == "numeric":
        if mapping.values is not None or mapping.absent != NOT_APPLICABLE or mapping.unmapped != "error":
            message = (
                "logged: of a numeric metric only the logged metric is named; the value is the number: remove the rest"
            )
            yield Misfit(("logged",), message)
        return
    if mapping.values is None:
        message = "logged.values is missing: it says which logged value stands for which answer: add it"
        yield Misfit(("logged",), message)
    used: list[tuple[Loc, str]] = [
        (("logged", "values", value), answer) for value, answer in (mapping.values or {}).items()
    ]
    if mapping.absent != NOT_APPLICABLE:
        used.append((("logged", "absent"), mapping.absent))
    if mapping.unmapped != "error":
        used.append((("logged", "unmapped"), mapping.unmapped))
    yield from _answers(metric, used)


def _rule(metric: MetricDefinition, rule: Rule) -> Iterator[Misfit]:
    given = {name for name in rule.model_fields_set if getattr(rule, name) is not None}
    wanted = {"boolean": {"true_if"}, "categorical": {"labels", "otherwise"}, "numeric": {"number"}}[metric.type]
    allowed = wanted | ({"function"} if rule.number == "function_call_count" else set())
    if not wanted <= given <= allowed:
        message = f"rule of a {metric.type} metric has {' and '.join(sorted(wanted))}, and nothing else: correct it"
        yield Misfit(("rule",), message)
    used: list[tuple[Loc, str]] = [(("rule", "labels", label), label) for label in rule.labels or ()]
    if rule.otherwise is not None:
        used.append((("rule", "otherwise"), rule.otherwise))
    yield from _answers(metric, used)


def _answers(metric: MetricDefinition, used: Iterable[tuple[Loc, str]]) -> Iterator[Misfit]:
    for loc, answer in used:
        if answer not in metric.answers:
            where = ".".join(shortened(str(part), 60) for part in loc)
            yield Misfit(loc, f"{where}: {_no_answer(answer, metric.answers)}")


def _example(metric: MetricDefinition, place: int, example: Example) -> Iterator[Misfit]:
    allowed = (*metric.answers, UNDECIDED, *([NOT_APPLICABLE] if metric.applies_when else []))
    if metric.type != "numeric" and example.answer not in allowed:
        message = f"examples: the answer of example {place + 1}, {_no_answer(example.answer, allowed)}"
        yield Misfit(("examples", place, "answer"), message)


def _no_answer(answer: str, allowed: tuple[str, ...]) -> str:
    answers = ", ".join(allowed)
    return f"{shortened(answer, 60)!r} is not an answer of this metric; use one of: {shortened(answers, 200)}"
