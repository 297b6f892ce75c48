"""Labels do not cover the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metrics_pipeline.metrics.lint.english import is_reported
from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each

BAD = """\
name: "Contact: reason"
type: categorical
definition: What the caller first asked the shop about.
labels:
  - {name: delivery, when: The caller asked where a parcel is.}
  - {name: return, when: The caller asked to send an article back.}
"""
GOOD = """\
name: "Contact: reason"
type: categorical
definition: What the caller first asked the shop about.
labels:
  - {name: delivery, when: The caller asked where a parcel is.}
  - {name: return, when: The caller asked to send an article back.}
  - {name: other, when: The caller asked about something else.}
"""


REST = re.compile(
    r"\b(?:other|others|else|none|neither|unknown|unclear|misc\w*|rest|remaining|otherwise|everything|nothing|nobody|"
    r"never|not|no|without|mixed|anything|any|undetermined|un\w{4,}|didn't|elsewhere|incomplete)\b"
)


def check(subject: Subject) -> Iterator[Hit]:
    metric = subject.metric
    if metric.type != "categorical":
        return
    for label in metric.labels:
        if REST.search(label.name.lower().replace("_", " ").replace("-", " ")):
            return
        text = (label.when or "").lower()
        if any(not is_reported(text, found.start()) and found.group() != "any" for found in REST.finditer(text)):
            return
    yield Hit(subject, ("labels",), "no label is for what the others do not describe.")


RULE = Rule(
    code="S306",
    title="Labels do not cover the rest",
    wrong="No label is for what none of the others describes.",
    why="What fits nowhere is pressed into the nearest label.",
    fix="Add a label for the rest, such as other, or none.",
    bad=BAD,
    good=GOOD,
    check=judged_each(check),
)
