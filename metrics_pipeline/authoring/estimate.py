"""What a run will send, before it sends anything: requests, tokens, dollars and time, expected and at most."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

from metrics_pipeline.evaluation import prompt
from metrics_pipeline.evaluation.ledger import Ledger, SeenCalls
from metrics_pipeline.evaluation.litellm_library import load_litellm
from metrics_pipeline.evaluation.open_cells import PlannedRequest
from metrics_pipeline.evaluation.reading import Reading
from metrics_pipeline.settings import Settings

CHARACTERS_A_TOKEN = 4
"""Of English, about. No provider tells before it is asked, and their counts differ by a fifth."""
RULE_OF_THUMB = SeenCalls(seconds=2.0, reply_tokens_a_metric=120, corrections_a_question=0.05)
"""Expected where the ledger has seen no call yet."""
TOKENS_AROUND_A_PROMPT = 64
"""More than what any chat format puts around messages and a schema."""
ASKINGS = 2
"""A first question and its one correction."""

Price = Callable[[str, int, int], tuple[float, float] | None]
"""Dollars for (model, prompt tokens, reply tokens) of one call: for the prompt, for the reply; None: not known."""


class Estimate(NamedTuple):
    """What is to be sent.

    At most: every answer is asked for once more, every call fails as often as it is tried again and is paid all the
    same, every byte is a token (no tokenizer makes more of them), and every reply is as long as it may be. Calls that
    a rate limit refuses cost nothing and are not counted, and a budget stops a run before.
    """

    requests: int
    """First questions that the ledger cannot answer: the least that is sent."""
    expected_requests: int
    """With the corrections that the judge has needed so far."""
    most_requests: int
    held_answers: int
    """Answers that the ledger holds: nothing is paid for them."""
    open_answers: int
    prompt_tokens: int
    reply_tokens: int
    most_tokens: int
    dollars: float | None
    """None where the price of a model is not known; 0 of the baseline."""
    most_dollars: float | None
    seconds: float
    """At the concurrency that is set, if the provider keeps up."""
    is_measured: bool
    """Whether corrections, replies and time come from earlier calls to the same judge, not from a rule of thumb."""

    def a_day(self, days: int) -> Estimate:
        """The mean of `days`, rounded up where a thing is counted."""
        days = max(days, 1)
        return Estimate(
            requests=-(-self.requests // days),
            expected_requests=-(-self.expected_requests // days),
            most_requests=-(-self.most_requests // days),
            held_answers=-(-self.held_answers // days),
            open_answers=-(-self.open_answers // days),
            prompt_tokens=-(-self.prompt_tokens // days),
            reply_tokens=-(-self.reply_tokens // days),
            most_tokens=-(-self.most_tokens // days),
            dollars=None if self.dollars is None else self.dollars / days,
            most_dollars=None if self.most_dollars is None else self.most_dollars / days,
            seconds=self.seconds / days,
            is_measured=self.is_measured,
        )


class _Calls:
    """First questions to one model, added up."""

    def __init__(self) -> None:
        self.requests = self.answers = 0
        self.characters = self.most_prompt = self.most_reply = 0
        self.longest_prompt = self.longest_reply = 0

    def add(self, request: PlannedRequest) -> None:
        size = _size(request)
        replied = prompt.max_reply_tokens(request.metrics)
        self.requests += 1
        self.answers += len(request.metrics)
        self.characters += size.characters
        self.most_prompt += size.bytes
        self.most_reply += replied
        self.longest_prompt = max(self.longest_prompt, size.bytes)
        self.longest_reply = max(self.longest_reply, replied)


def estimate(
    planned: Iterable[PlannedRequest], held_answers: int, ledger: Ledger, settings: Settings, price: Price
) -> Estimate:
    """What sending `planned` takes."""
    calls: defaultdict[str, _Calls] = defaultdict(_Calls)
    free_requests = open_answers = 0
    for request in planned:
        open_answers += len(request.metrics)
        if request.judge.kind == "model":
            calls[request.judge.name].add(request)
        else:
            free_requests += 1
    requests = most_requests = prompt_tokens = reply_tokens = most_tokens = 0
    expected_requests, seconds = 0.0, 0.0
    dollars: float | None = 0.0
    most_dollars: float | None = 0.0
    tries = ASKINGS * (1 + settings.retries)
    seen = {name: ledger.seen_calls(name) for name in calls}
    for name, sums in calls.items():
        usual = seen[name] or RULE_OF_THUMB
        often = 1 + usual.corrections_a_question
        prompted = round(often * sums.characters / CHARACTERS_A_TOKEN)
        replied = round(
            often * sums.answers * (usual.reply_tokens_a_metric or RULE_OF_THUMB.reply_tokens_a_metric or 0)
        )
        expected = often * sums.requests
        expected_requests += expected
        requests, most_requests = requests + sums.requests, most_requests + tries * sums.requests
        prompt_tokens, reply_tokens = prompt_tokens + prompted, reply_tokens + replied
        most_tokens += tries * (sums.most_prompt + sums.most_reply)
        # Some prices rise with the length of a call: each call is priced at its own length, not all of them as one.
        each = price(name, round(prompted / expected), round(replied / expected))
        dollars = None if each is None or dollars is None else dollars + expected * sum(each)
        longest = price(name, sums.longest_prompt, sums.longest_reply)
        if longest is None or most_dollars is None:
            most_dollars = None
        else:
            paid = (
                longest[0] * sums.most_prompt / sums.longest_prompt + longest[1] * sums.most_reply / sums.longest_reply
            )
            most_dollars += tries * paid
        seconds += expected * usual.seconds / max(min(settings.concurrency, expected), 1)
    return Estimate(
        requests=requests + free_requests,
        expected_requests=round(expected_requests) + free_requests,
        most_requests=most_requests + free_requests,
        held_answers=held_answers,
        open_answers=open_answers,
        prompt_tokens=prompt_tokens,
        reply_tokens=reply_tokens,
        most_tokens=most_tokens,
        dollars=dollars,
        most_dollars=most_dollars,
        seconds=seconds,
        is_measured=all(found is not None for found in seen.values()),
    )


def litellm_price(model: str, prompt_tokens: int, reply_tokens: int) -> tuple[float, float] | None:
    """Dollars by litellm's own list; None for a model that it does not know, or knows no price of."""
    litellm = load_litellm()
    try:
        costs: tuple[float, float] = litellm.cost_per_token(
            model=model, prompt_tokens=prompt_tokens, completion_tokens=reply_tokens
        )
    except Exception:  # litellm raises a bare Exception for a model that it has no price of
        return None
    return costs if sum(costs) else None


class _Size(NamedTuple):
    characters: int
    bytes: int
    """Of the longer prompt: the one with the correction."""


def _size(request: PlannedRequest) -> _Size:
    turns = request.subject.conversation.turns
    messages = prompt.render(turns, request.metrics, request.subject.judged_hash, b"estimate")
    text = "".join(message["content"] for message in messages) + str(prompt.reply_schema(request.metrics))
    # Whatever was wrong with the first reply is said in a sentence like this one.
    wrong = Reading(state="undecided", detail="evidence_failed").problem or ""
    correction = prompt.correction({metric.key: wrong for metric in request.metrics})["content"]
    return _Size(len(text), len((text + correction).encode("utf-8", "replace")) + TOKENS_AROUND_A_PROMPT)
