"""Who has to say yes before a run sends many requests to a model."""

from __future__ import annotations

import sys
from collections.abc import Callable

from metrics_pipeline.errors import SettingsError
from metrics_pipeline.evaluation.prices import known_price
from metrics_pipeline.settings import Settings
from metrics_pipeline.wording import counted

MaySend = Callable[[int], bool]
"""Whether so many requests may be sent."""
UNASKED_REQUESTS = 1_000
"""Requests that a run may send to a model without a budget and without being told to."""


def is_bounded(settings: Settings) -> bool:
    """Whether a budget stops a run by itself. One in dollars does where the model's price is known."""
    in_dollars = settings.budget_dollars is not None or settings.budget_dollars_per_day is not None
    return bool(_request_budgets(settings)) or (in_dollars and known_price(settings.model, 1, 1) is not None)


def unasked_requests(settings: Settings) -> int:
    """Requests that are sent to a model without a question."""
    return min(_request_budgets(settings), default=sys.maxsize if is_bounded(settings) else UNASKED_REQUESTS)


def _request_budgets(settings: Settings) -> list[int]:
    return [budget for budget in (settings.budget_requests, settings.budget_requests_per_day) if budget is not None]


def ask_before_sending(settings: Settings, requests: int, may_send: MaySend, narrower: str) -> None:
    """Let `may_send` decide about more requests than the budget, or than 1,000 where there is none.

    Args:
        narrower: What a user can do to send fewer.

    Raises:
        SettingsError: It said no.
    """
    budget = unasked_requests(settings)
    if requests <= budget or may_send(requests):
        return
    if not is_bounded(settings):
        raise SettingsError(
            f"This would send {counted(requests, 'request')} to {settings.model}. Say --yes, set "
            f"METRICS_BUDGET_REQUESTS, or {narrower}. Nothing was sent."
        )
    raise SettingsError(
        f"This takes {counted(requests, 'request')} to {settings.model}, more than the budget of {budget:,} "
        f"(METRICS_BUDGET_REQUESTS). Say --yes to send those of the budget and leave the rest open, or {narrower}. "
        "Nothing was sent."
    )
