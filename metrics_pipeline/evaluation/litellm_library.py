"""litellm, loaded when it is needed, and how much a text is to a model by its count, whoever carries the request."""

from __future__ import annotations

from typing import Any

from metrics_pipeline.settings import quiet_libraries


def load_litellm() -> Any:
    """The library, kept from talking to the terminal and to anybody but the provider."""
    quiet_libraries()
    # litellm takes seconds to import: only who asks a model waits for it.
    import litellm

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    return litellm


def count_tokens(model: str, text: str) -> int:
    """How many tokens `text` is to a model; by a tokeniser alike where its own is not at hand."""
    return int(load_litellm().token_counter(model=model, text=text))
