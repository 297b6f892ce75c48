"""A language model's opinion of the definitions: one request each, kept in the ledger, and never more than advice.

The key of a review is all that is asked: the definition's words, the prompt with its list of rules, and the judge. An
edit of an owner or a comment pays nothing; an edit of a condition is a new question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec

from metrics_pipeline import consent, pipeline
from metrics_pipeline.conversations.record import fingerprint
from metrics_pipeline.data_folder import open_data_folder
from metrics_pipeline.errors import SettingsError
from metrics_pipeline.evaluation.asking import Asker
from metrics_pipeline.evaluation.containment import visible
from metrics_pipeline.evaluation.judge import Judge, JudgeReply, JudgeRequest
from metrics_pipeline.evaluation.judges import open_known_judges
from metrics_pipeline.evaluation.ledger import REVIEW_ASKING, Cell, Ledger, Recorded
from metrics_pipeline.evaluation.options import Limits
from metrics_pipeline.evaluation.questions import Question
from metrics_pipeline.evaluation.reading import decoded
from metrics_pipeline.evaluation.results import recorded_replies
from metrics_pipeline.evaluation.standing import judge_fingerprint
from metrics_pipeline.files import locked
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.metrics.lint.checking import all_rules
from metrics_pipeline.metrics.lint.project import Remark
from metrics_pipeline.settings import Settings
from metrics_pipeline.wording import counted

MAX_REMARKS = 5
MAX_CHARACTERS = 300
REPLY_TOKENS = 1_200
OTHER = "other"
FIELDS = (
    "name",
    "definition",
    "true_when",
    "false_when",
    "labels",
    "applies_when",
    "applies_if",
    "attempts",
    "evidence",
    "examples",
)
NOT_REVIEWED = {"owner", "group", "tags", "status", "sample", "model", "logged", "rule", "source"}


class Review(NamedTuple):
    """What the model said, and what there is to say about the asking."""

    remarks: Mapping[str, tuple[Remark, ...]]
    """By metric; a definition that was not reviewed is not in it."""
    notes: tuple[str, ...]


@cache
def instructions() -> str:
    """What the model is told, whatever the definition; with the rules that one definition alone can break."""
    text = files("metrics_pipeline.authoring").joinpath("review.md").read_text(encoding="utf-8").strip()
    rules = [f"- {rule.code} {rule.title}: {rule.wrong}" for rule in all_rules() if rule.code in codes()]
    return "\n".join([text, "", "# Rules", *rules])


@cache
def codes() -> tuple[str, ...]:
    """The rules about the words of a single definition: neither about names among others, nor about data."""
    return tuple(rule.code for rule in all_rules() if rule.code[0] in "OSAC" and rule.seen is None)


def review(settings: Settings, metrics: Iterable[MetricDefinition], may_send: Callable[[int], bool]) -> Review:
    """Have the project's model review every definition that a judge will read.

    Raises:
        SettingsError: No provider has the model, or `may_send` said no; nothing was sent.
        DataFolderError, LedgerError: What is paid for could not be kept.
    """
    judge = open_known_judges(settings).current
    asked = {metric.key: metric for metric in metrics if metric.is_judged and metric.status != "retired"}
    questions = {key: _question(metric, judge) for key, metric in asked.items()}
    folder = open_data_folder(settings.data)
    with locked(folder.judging_lock, shared=True), Ledger(folder.ledger) as ledger:
        ledger.remember_judge(judge_fingerprint(judge), judge.kind, judge.name, judge.settings)
        known = recorded_replies(ledger, (question.cells[0] for question in questions.values()))
        held = {key: known.get(question.cells[0]) for key, question in questions.items()}
        found = {key: recorded for key, recorded in held.items() if recorded is not None and recorded.reply}
        left = [key for key in questions if key not in found]
        if len(left) > consent.UNASKED_REQUESTS and not consent.is_bounded(settings) and not may_send(len(left)):
            raise SettingsError(
                f"This would send {counted(len(left), 'request')}. Say --yes, set METRICS_BUDGET_REQUESTS, or "
                "name a smaller folder. Nothing was sent."
            )
        answers, said = asyncio.run(_ask(ledger, pipeline.limits(settings), [questions[key] for key in left]))
    found |= {key: answer for key, answer in zip(left, answers, strict=True) if answer is not None and answer.reply}
    read = {key: read_review(recorded.reply) for key, recorded in found.items() if recorded.reply}
    unreadable = sorted(key for key, remarks in read.items() if remarks is None)
    missing = sorted(questions.keys() - found.keys())
    notes = [
        f"{judge.name} reviewed {len(found)} of {counted(len(questions), 'definition')}: "
        f"{counted(said.sent, 'request')} sent, the ledger held {counted(len(questions) - len(left), 'answer')}."
    ]
    if unreadable:
        notes.append(
            f"{len(unreadable)} of its replies could not be read: nothing is said of {_listed(unreadable)}. They are "
            "paid, and asked again when the words change."
        )
    if missing:
        notes.append(f"Not reviewed: {_listed(missing)}. {said.reason}")
    return Review({key: remarks for key, remarks in read.items() if remarks is not None}, tuple(notes))


class _Said(NamedTuple):
    sent: int
    reason: str
    """Why not everything was answered; empty where it was."""


async def _ask(
    ledger: Ledger, limits: Limits, questions: Sequence[Question]
) -> tuple[Sequence[Recorded | None], _Said]:
    asker = Asker(ledger, limits, b"", pipeline.now)
    try:
        answers = await asyncio.gather(*map(asker.ask, questions))
    finally:
        await asker.close()
    reasons = [asker.stopped, *asker.circuit.closed.values()]
    failures = ", ".join(f"{kind} {counted(count, 'time')}" for kind, count in sorted(asker.tally.failures.items()))
    reason = " ".join(filter(None, reasons)) or (f"Its calls failed: {failures}." if failures else "")
    if asker.elsewhere:
        reason = f"{reason} Another run is asking about them at this moment: run again.".strip()
    return answers, _Said(asker.tally.requests, reason)


def _question(metric: MetricDefinition, judge: Judge) -> Question:
    text = msgspec.json.encode(metric.model_dump(mode="json", exclude=NOT_REVIEWED, exclude_none=True)).decode()
    shown = visible(text)
    cell = Cell(
        fingerprint([instructions(), reply_schema(), shown]),
        metric.key,
        metric.version,
        judge_fingerprint(judge),
        REVIEW_ASKING,
    )
    messages = ({"role": "system", "content": instructions()}, {"role": "user", "content": shown})
    request = JudgeRequest((), (metric,), messages, reply_schema(), REPLY_TOKENS)
    return Question((), (metric,), (cell,), judge, {}, request)


def reply_schema() -> dict[str, Any]:
    """JSON schema of a review: closed, every key required."""
    finding = {
        "code": {"type": "string", "enum": [*codes(), OTHER]},
        "field": {"type": "string", "enum": [*FIELDS]},
        "problem": {"type": "string"},
        "suggestion": {"type": "string"},
    }
    item = {"type": "object", "properties": finding, "required": [*finding], "additionalProperties": False}
    return {
        "type": "object",
        "properties": {"findings": {"type": "array", "items": item}},
        "required": ["findings"],
        "additionalProperties": False,
    }


def read_review(reply: JudgeReply) -> tuple[Remark, ...] | None:
    """What a reply says: bounded, and without a character that hides or moves others. None: it cannot be read."""
    # A cut reply may still hold JSON that parses: how it ended comes first.
    said = decoded(reply.text) if reply.finish == "complete" else None
    found = said.get("findings") if isinstance(said, dict) else None
    if not isinstance(found, list):
        return None
    remarks = [_remark(item) for item in found[:MAX_REMARKS]]
    return None if None in remarks else tuple(remark for remark in remarks if remark is not None)


def _remark(item: object) -> Remark | None:
    if not isinstance(item, dict):
        return None
    code, field, problem, suggestion = (item.get(name) for name in ("code", "field", "problem", "suggestion"))
    if not isinstance(problem, str) or not problem.strip() or not isinstance(suggestion, str):
        return None
    known_code, known_field = code if code in codes() else None, field if field in FIELDS else None
    return Remark(known_code, known_field, _bounded(problem), _bounded(suggestion))


def _bounded(text: str) -> str:
    line = visible(" ".join(text[: 4 * MAX_CHARACTERS].split()))
    return line if len(line) <= MAX_CHARACTERS else f"{line[: MAX_CHARACTERS - 1]}…"


def _listed(keys: Sequence[str]) -> str:
    return ", ".join(keys[:5]) + (f" and {len(keys) - 5} more" if len(keys) > 5 else "")
