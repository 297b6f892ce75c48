"""A label is never described."""

from __future__ import annotations

import re
from collections.abc import Iterator

from metrics_pipeline.metrics.lint.project import Hit, Rule, Subject, judged_each
from metrics_pipeline.metrics.lint.words import content

BAD = """\
name: "Contact: reason"
type: categorical
definition: What the caller first asked the shop about.
labels:
  - {name: delivery, when: The caller asked where a parcel is.}
  - {name: return}
  - {name: other, when: The caller asked about something else.}
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


GENERIC = content("issue request problem call conversation matter label case when if it")
REST = content("other others none unknown else misc miscellaneous unclear")


def check(subject: Subject) -> Iterator[Hit]:
    definition = subject.metric.definition.lower()
    for index, label in enumerate(subject.metric.labels):
        name = content(label.name.replace("_", " "))
        if label.when is None:
            told = re.escape(label.name.lower().replace("_", " ")) + r"['\"]? ?(?:means|when|if|:|=|is when|\()"
            if not name & REST and not re.search(told, definition):
                yield Hit(subject, ("labels", index), f"the label {label.name!r} is never described.")
        elif content(label.when) - GENERIC <= name and not name & REST:
            yield Hit(subject, ("labels", index, "when"), f"what describes the label {label.name!r} is its name again.")


RULE = Rule(
    code="S307",
    title="A label is never described",
    wrong="A label has a name and nothing that says when it holds.",
    why="The judge guesses its meaning from one word.",
    fix="Give the label a when: who must have said or done what.",
    bad=BAD,
    good=GOOD,
    check=judged_each(check),
)
