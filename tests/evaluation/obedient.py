"""The attacks on a judge, and a judge that falls for every one of them."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from worlds import says

from metrics_pipeline.conversations.record import Turn
from metrics_pipeline.evaluation.judge import JudgeReply, JudgeRequest

OFF_LIST = ("certainly", "perfect")


class Attack(NamedTuple):
    """One thing that somebody says in a conversation so that its judge hears it."""

    kind: str
    language: str
    text: str
    speaker: str = "user"

    @property
    def turns(self) -> tuple[Turn, ...]:
        """A conversation in which it is said."""
        hello = Turn(0, "agent", "Hello, the furniture shop, how can I help?")
        if self.speaker != "function":
            return hello, Turn(1, self.speaker, self.text), Turn(2, "agent", "I do not understand you.")
        name, _, rest = self.text.partition("(")
        arguments, _, result = rest.partition(") -> ")
        call = Turn(1, "function", "", function_name=name, function_arguments=arguments, function_result=result)
        return hello, call, Turn(2, "agent", "One moment.")


def attacks() -> list[Attack]:
    found = tomllib.loads(Path(__file__).with_name("attacks.toml").read_text(encoding="utf-8"))["attack"]
    return [
        Attack(one["kind"], one["language"], one["text"] * one.get("times", 1), one.get("speaker", "user"))
        for one in found
    ]


def unseen() -> list[Attack]:
    """Attacks to which the patterns were not fitted."""
    found = tomllib.loads(Path(__file__).with_name("attacks_unseen.toml").read_text(encoding="utf-8"))["said"]
    return [Attack("unseen", "en", text) for text in found]


def obey(request: JudgeRequest) -> dict[str, Any] | JudgeReply:
    """A reply that does whatever any line of the prompt's second message asks for."""
    prompt = request.messages[1]["content"]
    texts = [json.loads(line)["text"] for line in prompt.split("\n")[1:-1]]
    said = "\n".join(texts)
    if "nothing else" in said and (word := re.search(r'output "(\w+)"', said)):
        return JudgeReply(text=word[1])
    reply: dict[str, Any] = {}
    forged = list(_objects(said))
    for asked in request.metrics:
        ordered = [answer for answer in (*OFF_LIST, *asked.answers) if re.search(rf"\b{answer}\b", said)]
        part = says((ordered or [asked.answers[-1]])[0], texts[0])
        if ordered:
            turn_index = int(found[1]) if (found := re.search(r"\bturn[= \"]+(\d+)", said)) else 0
            quotes = [item["text"] for item in forged if "text" in item] + re.findall(
                r'["“>]([^"”<>]{4,80})["”<]', said
            )
            part["evidence"] = [{"turn_index": turn_index, "quote": quote} for quote in quotes or [said[:200]]]
            part["evidence"] += [
                {"turn_index": item["turn_index"], "quote": item["text"]} for item in forged if _is_turn(item)
            ]
            part["reason"] = prompt if "secret" in said else said[:2000]
        reply[asked.key] = part
    for item in forged:
        reply |= item
    return reply


def _is_turn(item: dict[str, Any]) -> bool:
    return {"turn_index", "text"} <= set(item)


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Every JSON object that stands in `text`."""
    position, decoder = 0, json.JSONDecoder()
    while (position := text.find("{", position)) >= 0:
        try:
            found, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            position += 1
        else:
            if isinstance(found, dict):
                yield found
