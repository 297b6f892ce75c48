"""What a run will send, before it sends anything: requests, tokens, dollars and time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from metrics_pipeline.evaluation import prompt
from metrics_pipeline.evaluation.judge import Judge
from metrics_pipeline.evaluation.ledger import Ledger
from metrics_pipeline.evaluation.runner import PlannedRequest
from metrics_pipeline.settings import quiet_libraries

CHARACTERS_A_TOKEN = 4
"""Of English, about. No provider tells before it is asked, and their counts differ by a fifth."""
REPLY_TOKENS_A_METRIC = 120
"""Expected where the ledger has seen no reply yet."""
SECONDS_A_CALL = 2.0
"""Expected where the ledger has seen no call yet."""

Price = Callable[[str, int, int], float | None]
"""Dollars for (model, prompt tokens, reply tokens); None where the price is not known."""


class Estimate(NamedTuple):
    """What is to be sent, expected and at most. Failed calls that are tried again come on top of it."""

    requests: int
    most_requests: int
    """If every first reply needed its one corrective question."""
    held_cells: int
    """Questions that the ledger answers: nothing is paid for them."""
    open_cells: int
    prompt_tokens: int
    reply_tokens: int
    most_tokens: int
    dollars: float | None
    """None where the price of the model is not known; 0 of the baseline."""
    most_dollars: float | None
    seconds: float
    """At the concurrency that is set, if the provider keeps up."""
    is_measured: bool
    """Whether tokens and seconds a call come from earlier replies of the same judge, not from a rule of thumb."""


def estimate(
    planned: Iterable[PlannedRequest], held_cells: int, ledger: Ledger, concurrency: int, price: Price
) -> Estimate:
    """What sending `planned` takes."""
    totals: dict[str, list[int]] = {}
    judges: dict[str, Judge] = {}
    requests = open_cells = 0
    for request in planned:
        requests, open_cells = requests + 1, open_cells + len(request.metrics)
        judges[request.judge.name] = request.judge
        sums = totals.setdefault(request.judge.name, [0, 0, 0, 0])
        if request.judge.reads_prompt:
            sums[0] += _prompt_tokens(request)
            sums[1] += prompt.max_reply_tokens(request.metrics)
        sums[2] += len(request.metrics)
        sums[3] += 1
    prompt_tokens = reply_tokens = most_tokens = 0
    dollars: float | None = 0.0
    most_dollars: float | None = 0.0
    seconds = 0.0
    is_measured = bool(totals)
    for name, (sent, most_replied, metrics, calls) in totals.items():
        seen = ledger.seen_calls(name)
        is_measured = is_measured and seen is not None
        if judges[name].kind == "model":
            each = seen.reply_tokens_a_metric if seen else None
            replied = round(metrics * (each or REPLY_TOKENS_A_METRIC))
            prompt_tokens, reply_tokens = prompt_tokens + sent, reply_tokens + replied
            most_tokens += 2 * (sent + most_replied)
            dollars = _add(dollars, price(name, sent, replied))
            most_dollars = _add(most_dollars, price(name, 2 * sent, 2 * most_replied))
            seconds += calls * (seen.seconds if seen else SECONDS_A_CALL) / max(min(concurrency, calls), 1)
    return Estimate(
        requests,
        2 * requests,
        held_cells,
        open_cells,
        prompt_tokens,
        reply_tokens,
        most_tokens,
        dollars,
        most_dollars,
        seconds,
        is_measured,
    )


def litellm_price(model: str, prompt_tokens: int, reply_tokens: int) -> float | None:
    """Dollars by litellm's own list; None for a model that it does not know."""
    quiet_libraries()
    # litellm takes seconds to import: only who asks for a price waits for it.
    import litellm

    try:
        costs: Sequence[float] = litellm.cost_per_token(
            model=model, prompt_tokens=prompt_tokens, completion_tokens=reply_tokens
        )
    except Exception:  # litellm raises a bare Exception for a model that it has no price of
        return None
    return sum(costs) or None


def _prompt_tokens(request: PlannedRequest) -> int:
    turns = request.subject.conversation.turns
    messages = prompt.render(turns, request.metrics, request.subject.judged_hash, b"estimate")
    schema = prompt.reply_schema(request.metrics)
    return -(-(sum(len(message["content"]) for message in messages) + len(str(schema))) // CHARACTERS_A_TOKEN)


def _add(total: float | None, more: float | None) -> float | None:
    return None if total is None or more is None else total + more
