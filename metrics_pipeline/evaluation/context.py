"""How much a model reads at once, and how much a text is to it: by litellm's lists, whoever carries the request."""

from __future__ import annotations

from typing import Any

from metrics_pipeline.settings import quiet_libraries

DEFAULT_CONTEXT_TOKENS = 32_000
"""Of a model that litellm does not know, such as one on a server of one's own, unless METRICS_CONTEXT_TOKENS says."""


def load_litellm() -> Any:
    """The library, kept from talking to the terminal and to anybody but the provider."""
    quiet_libraries()
    # litellm takes seconds to import: only who asks a model waits for it.
    import litellm

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    return litellm


def known_context_tokens(model: str) -> int:
    """Tokens that a model can read and write at once; DEFAULT_CONTEXT_TOKENS of one that is not on the list."""
    try:
        found = load_litellm().get_model_info(model).get("max_input_tokens")
    except Exception:  # litellm raises a bare Exception for a model that it does not know
        found = None
    return int(found or DEFAULT_CONTEXT_TOKENS)


def count_tokens(model: str, text: str) -> int:
    """How many tokens `text` is to a model; by a tokeniser alike where its own is not at hand."""
    return int(load_litellm().token_counter(model=model, text=text))
