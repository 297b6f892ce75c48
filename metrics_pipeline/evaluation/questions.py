"""A question becomes the request that is sent: rendered once for all its tries, counted before it leaves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, NamedTuple

import msgspec

from metrics_pipeline.conversations.record import Turn
from metrics_pipeline.evaluation import prompt
from metrics_pipeline.evaluation.judge import Judge, JudgeReply, JudgeRequest
from metrics_pipeline.evaluation.ledger import Cell
from metrics_pipeline.evaluation.prices import Price, known_price
from metrics_pipeline.evaluation.standing import Ask, Subject
from metrics_pipeline.metrics.definition import MetricDefinition

CHARACTERS_A_TOKEN = 3.0
"""Counted before sending until replies say better: rather too many tokens than too few."""
TOKENS_AROUND_A_PROMPT = 64


class Question(NamedTuple):
    """Metrics asked about one conversation in one request."""

    turns: tuple[Turn, ...]
    metrics: tuple[MetricDefinition, ...]
    cells: tuple[Cell, ...]
    """One for each metric, in the same order."""
    judge: Judge
    problems: Mapping[str, str]
    """What was wrong with the first reply, by metric key; empty for a first question."""
    request: JudgeRequest | None = None
    """What is sent in place of a question about a conversation."""
    redaction: str = ""
    """The version of the rules under which the conversation was redacted."""
    left_out: tuple[int, int] | None = None
    """The first and the last turn that `turns` leaves out; None where they are the whole conversation."""
    conversation: str = ""
    """The mark of the conversation's id; empty where the question is about none."""


def question_about(
    one: Subject, metrics: tuple[MetricDefinition, ...], asks: Sequence[Ask], judge: Judge, mark: str
) -> Question:
    """What is asked about one conversation, the whole of it.

    Args:
        asks: Of each of the metrics, in the same order.
        mark: Of the conversation's id.
    """
    return Question(
        one.conversation.turns,
        metrics,
        tuple(ask.cell for ask in asks),
        judge,
        {metric.key: ask.problem for metric, ask in zip(metrics, asks, strict=True) if ask.problem},
        redaction=one.conversation.redaction,
        conversation=mark,
    )


class Asked(NamedTuple):
    """A question as it is sent, once or several times."""

    question: Question
    request: JudgeRequest
    characters: int
    """Of the prompt and its schema."""
    most_dollars: float
    """What one request costs at most; 0 where no budget asks, or no price is known."""
    keys: tuple[str, ...]


class _Brief(NamedTuple):
    """What is the same for every conversation that some metrics are asked about."""

    message: Mapping[str, str]
    schema: Mapping[str, Any]
    schema_characters: int
    most_reply_tokens: int


class _Usage:
    """What a judge's replies say of its tokens."""

    def __init__(self) -> None:
        self.characters = self.tokens = 0

    @property
    def characters_a_token(self) -> float:
        return self.characters / self.tokens if self.tokens else CHARACTERS_A_TOKEN


class Prompter:
    """Prepares questions, and learns from replies how many tokens they come to."""

    def __init__(self, secret: bytes, counts_dollars: bool, price: Price = known_price) -> None:
        """
        Args:
            secret: Of the project, for the marks around transcripts.
            counts_dollars: Whether anybody asks what a request costs at most.
            price: Of one request.
        """
        self.notes: list[str] = []
        """What a person should know, a sentence each."""
        self._secret, self._counts_dollars, self._price = secret, counts_dollars, price
        self._usage: defaultdict[str, _Usage] = defaultdict(_Usage)
        self._briefs: dict[tuple[tuple[str, str], ...], _Brief] = {}

    def priced(self, price: Price) -> Prompter:
        """The same, with another price of a request."""
        found = copy(self)
        found._price = price
        return found

    def prepare(self, question: Question) -> Asked:
        judge, request, schema_characters = question.judge, question.request, 0
        if request is None:
            brief = self._brief(question.metrics)
            messages: tuple[Mapping[str, str], ...] = ()
            if judge.reads_prompt:
                hidden = prompt.transcript_message(question.turns, question.cells[0].judged_hash, self._secret)
                messages = prompt.with_left_out((brief.message, hidden), question.left_out)
                if question.problems:
                    messages = (*messages, prompt.correction(question.problems))
                schema_characters = brief.schema_characters
            request = JudgeRequest(question.turns, question.metrics, messages, brief.schema, brief.most_reply_tokens)
        characters = schema_characters + sum(len(message["content"]) for message in request.messages)
        keys = tuple(metric.key for metric in question.metrics)
        return Asked(question, request, characters, self._most_dollars(judge, request, schema_characters), keys)

    def _brief(self, metrics: Sequence[MetricDefinition]) -> _Brief:
        """The same for thousands of conversations, so it is written once."""
        key = tuple((metric.key, metric.version) for metric in metrics)
        found = self._briefs.get(key)
        if found is None:
            schema = prompt.reply_schema(metrics)
            found = self._briefs[key] = _Brief(
                prompt.system_message(metrics),
                schema,
                len(msgspec.json.encode(schema)),
                prompt.max_reply_tokens(metrics),
            )
        return found

    def _most_dollars(self, judge: Judge, request: JudgeRequest, schema_characters: int) -> float:
        if not self._counts_dollars or judge.kind != "model":
            return 0.0
        sizes = (len(message["content"].encode("utf-8", "replace")) for message in request.messages)
        most = sum(sizes) + schema_characters + TOKENS_AROUND_A_PROMPT
        price = self._price(judge.name, most, request.max_reply_tokens)
        if price is None:
            note = (
                f"The price of {judge.name} is not known: no budget in dollars stops it. Set METRICS_BUDGET_REQUESTS."
            )
            if note not in self.notes:
                self.notes.append(note)
            return 0.0
        return sum(price)

    def tokens(self, asked: Asked) -> int:
        """What a request counts for before it is sent: its prompt, and a reply as long as it may be."""
        usage = self._usage[asked.question.judge.name]
        return round(asked.characters / usage.characters_a_token) + asked.request.max_reply_tokens

    def learn(self, asked: Asked, reply: JudgeReply) -> int | None:
        """The tokens that a request came to; None where the judge does not say."""
        if not reply.prompt_tokens:
            return None
        usage = self._usage[asked.question.judge.name]
        usage.characters += asked.characters
        usage.tokens += reply.prompt_tokens
        return reply.prompt_tokens + (reply.reply_tokens or 0)
