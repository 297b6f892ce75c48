"""litellm, loaded when it is needed, and how much a text is to a model by its count, whoever carries the request."""

from __future__ import annotations

import importlib
from contextlib import suppress
from functools import cache
from typing import Any

from metrics_pipeline.settings import quiet_libraries

NOTHING = "nothing"
NOWHERE = "http://127.0.0.1:9"


def load_litellm() -> Any:
    """The library, kept from talking to the terminal and to anybody but the provider."""
    quiet_libraries()
    # litellm takes seconds to import: only who asks a model waits for it.
    import litellm

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    return litellm


@cache
def load_for_calls(model: str) -> None:
    """Load what litellm itself loads at the first call to a model, half a second of CPU, and send nothing."""
    litellm = load_litellm()
    count_tokens(model, NOTHING)
    # An answer that is given beforehand goes through all of litellm but the sending. Were it empty, it would be sent.
    message = {"role": "user", "content": NOTHING}
    # A model of which litellm knows nothing is explained at its first call.
    with suppress(Exception):
        litellm.completion(model=model, messages=[message], mock_response=NOTHING, api_base=NOWHERE, api_key=NOTHING)
    # The client of the protocol loads its parts as they are used, in the middle of a call.
    importlib.import_module("openai.resources.chat.completions")


def count_tokens(model: str, text: str) -> int:
    """How many tokens `text` is to a model; by a tokeniser alike where its own is not at hand."""
    return int(load_litellm().token_counter(model=model, text=text))
