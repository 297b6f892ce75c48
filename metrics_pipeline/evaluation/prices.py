"""What a call costs, and how much a model reads at once, by the list that litellm brings along, read without litellm.

Dollars. Where a model or its price is not on the list, there is no price: never a made-up zero.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

LIST = "model_prices_and_context_window_backup.json"
_ABOVE = re.compile(r"^input_cost_per_token_above_(\d+)k_tokens$")

Price = Callable[[str, int, int], tuple[float, float] | None]
"""Dollars for (model, prompt tokens, reply tokens) of one call: for the prompt, for the reply; None: not known."""


def known_price(
    model: str, prompt_tokens: int, reply_tokens: int, cached_tokens: int = 0
) -> tuple[float, float] | None:
    """Dollars for the prompt and for the reply of one call; None where they are not known.

    Args:
        model: By its litellm name, with its provider or without.
        cached_tokens: How many of the prompt's tokens came out of the provider's cache.
    """
    prices = _entry(model)
    tier = _tier(prices, prompt_tokens)
    prompt = prices.get(f"input_cost_per_token{tier}") or 0.0
    reply = prices.get(f"output_cost_per_token{tier}") or prices.get("output_cost_per_token") or 0.0
    cached = prices.get(f"cache_read_input_token_cost{tier}", prompt)
    dollars = (prompt * (prompt_tokens - cached_tokens) + cached * cached_tokens, reply * reply_tokens)
    return dollars if sum(dollars) else None


def known_batch_price(model: str, prompt_tokens: int, reply_tokens: int) -> tuple[float, float] | None:
    """The same of one request in a batch; None where the list has no price of its own for that: half is a guess."""
    prices = _entry(model)
    tier = _tier(prices, prompt_tokens)
    prompt = prices.get(f"input_cost_per_token{tier}_batches")
    reply = prices.get(f"output_cost_per_token{tier}_batches")
    return (prompt * prompt_tokens, reply * reply_tokens) if prompt and reply else None


def _tier(prices: Mapping[str, Any], prompt_tokens: int) -> str:
    """Some prices rise with the length of the prompt: for the whole call, from there on."""
    limits = [int(found[1]) for key in prices if (found := _ABOVE.match(key))]
    passed = [limit for limit in limits if prompt_tokens > limit * 1000]
    return f"_above_{max(passed)}k_tokens" if passed else ""


def cost_dollars(
    model: str, prompt_tokens: int | None, reply_tokens: int | None, cached_tokens: int | None = None
) -> float | None:
    """What a call that took so many tokens cost; None where the price or the tokens are not known."""
    if prompt_tokens is None or reply_tokens is None:
        return None
    price = known_price(model, prompt_tokens, reply_tokens, cached_tokens or 0)
    return None if price is None else sum(price)


def known_context_tokens(model: str) -> int | None:
    """Tokens that a model can read at once; None where it is not on the list."""
    return _entry(model).get("max_input_tokens")


@cache
def _entry(model: str) -> Mapping[str, Any]:
    found = _listed()
    provider, _, name = model.partition("/")
    entry: Mapping[str, Any] = found.get(model) or {}
    if not entry and found.get(name, {}).get("litellm_provider") == provider:
        entry = found[name]
    return entry


@cache
def _listed() -> dict[str, dict[str, Any]]:
    spec = find_spec("litellm")
    path = Path(spec.origin).with_name(LIST) if spec and spec.origin else Path(LIST)
    if not path.exists():
        return {}
    # Kept without what is no price: the list is 3 MB, and a nightly run holds it for hours.
    listed = msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, Any]])
    return {
        name: {key: value for key, value in entry.items() if "_token" in key or key == "litellm_provider"}
        for name, entry in listed.items()
        if entry.get("mode") in ("chat", "responses", "completion")
    }
