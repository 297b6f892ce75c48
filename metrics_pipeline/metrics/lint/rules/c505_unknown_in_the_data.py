"""It names what the data does not have."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from metrics_pipeline.metrics.lint.project import Hit, Project, Rule, Seen
from metrics_pipeline.metrics.loading import Loc

BAD = """\
name: "Refund: issued"
type: boolean
definition: The agent refunded an order that the caller had returned.
true_when: The agent said that the money goes back to the card the order was paid with.
false_when: The agent refused the refund, or the conversation ended without one.
good: true
applies_if: {function_called: isue_refund}
"""
GOOD = """\
name: "Refund: issued"
type: boolean
definition: The agent refunded an order that the caller had returned.
true_when: The agent said that the money goes back to the card the order was paid with.
false_when: The agent refused the refund, or the conversation ended without one.
good: true
applies_if: {function_called: issue_refund}
"""


def check(project: Project) -> Iterator[Hit]:
    seen = project.seen
    if seen is None:
        return
    for subject in project.subjects:
        gate, logged = subject.metric.applies_if, subject.metric.logged
        asked: list[tuple[Loc, str, tuple[str, ...], frozenset[str]]] = (
            [(("logged", "metric"), "logged metric", (logged.metric,), frozenset(seen.logged_metrics))]
            if logged
            else []
        )
        if gate is not None:
            asked += [
                (("applies_if", "function_called"), "function", gate.function_called or (), seen.functions),
                (("applies_if", "variant"), "variant", gate.variant or (), seen.variants),
                (("applies_if", "channel"), "channel", gate.channel or (), seen.channels),
                (("applies_if", "language"), "language", gate.language or (), seen.languages),
                (
                    ("applies_if", "logged_metric"),
                    "logged metric",
                    tuple(gate.logged_metric or ()),
                    frozenset(seen.logged_metrics),
                ),
            ]
        for loc, kind, names, known in asked:
            for name in names if known else ():
                if name not in known:
                    near = get_close_matches(name, sorted(known), n=1)
                    hint = f" Is {near[0]!r} meant?" if near else ""
                    yield Hit(subject, loc, f"the data has no {kind} {name!r}.{hint}")


RULE = Rule(
    code="C505",
    title="It names what the data does not have",
    wrong="A function, variant or logged metric of that name is not in the data seen.",
    why="The gate can never pass, or the mapping never answers.",
    fix="Correct the spelling, or remove it.",
    bad=BAD,
    good=GOOD,
    check=check,
    severity="error",
    seen=Seen(functions=frozenset({"issue_refund"})),
)
