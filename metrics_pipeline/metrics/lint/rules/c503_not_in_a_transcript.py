"""A transcript cannot show it."""

from __future__ import annotations

from collections.abc import Iterator

from metrics_pipeline.metrics.lint.acts import is_observable
from metrics_pipeline.metrics.lint.english import has_verb, is_account, reports
from metrics_pipeline.metrics.lint.grammar import tagged
from metrics_pipeline.metrics.lint.hidden import beyond, inner
from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each

BAD = """\
name: "Refund: issued"
type: boolean
definition: The agent refunded an order that the caller had returned.
true_when: The caller was satisfied with the refund.
false_when: The agent refused the refund, or the conversation ended without one.
good: true
"""
GOOD = """\
name: "Refund: issued"
type: boolean
definition: The agent refunded an order that the caller had returned.
true_when: The agent said that the money goes back to the card the order was paid with.
false_when: The agent refused the refund, or the conversation ended without one.
good: true
"""


def check(subject: Subject) -> Iterator[Hit]:
    # `What the guest complained about`: each label is part of what was said.
    is_topic = {label.outcome for label in subject.metric.labels} == {"neutral"}
    is_told = is_topic or any(map(reports, tagged(subject.metric.definition)))
    is_theirs = is_account(subject.metric.definition)
    anchored = any(is_observable(text) and not inner(text) for text in subject.conditions)
    for loc, text in subject.prose:
        is_condition = loc[0] in ("true_when", "false_when")
        is_what_was_told = (is_condition and is_theirs) or (loc[0] == "labels" and (is_told or not has_verb(text)))
        if loc == ("applies_when",) or is_what_was_told:
            continue
        # What the definition calls a feeling may be made visible by the conditions; a sound or a later day may not.
        found = beyond(text, is_label=loc[0] == "labels")
        if not found and not (anchored and loc == ("definition",)):
            found = inner(text)
        if found:
            yield Hit(subject, loc, f"{found!r} is nothing that a transcript shows.")


RULE = Rule(
    code="C503",
    title="A transcript cannot show it",
    wrong="It asks for a tone of voice, what somebody felt or thought, or what happened after the call.",
    why="The judge has words alone: it would make the answer up.",
    fix="Ask for what was said about it, or for an action in the conversation.",
    bad=BAD,
    good=GOOD,
    check=judged_each(check),
)
