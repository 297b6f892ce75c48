"""How much of what is personal is found, how much else is taken for it, and what it costs.

    .venv/bin/python benchmarks/redaction.py

The items and what only looks like them come from `planted.py`, which knows nothing of the patterns. An item counts as
found when nothing of it is left: between the words around it only tokens stand. A token counts as right when it stands
for an item of its own kind. With `--landing`, also the CPU that redaction adds to a conversation.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from planted import NearMiss, Piece, Planted, near_misses, planted

from metrics_pipeline.conversations.adapters.polyai_v3 import convert
from metrics_pipeline.conversations.reading import read_export
from metrics_pipeline.conversations.record import Conversation, Turn
from metrics_pipeline.conversations.redaction.redactor import Redactor

STAR = Path(__file__).parents[2] / "shared" / "data" / "star" / "v3"
TOKEN = re.compile(r"⟦([A-Z_]+?)(?:_\d+)?⟧")
GOALS = {"recall": 0.98, "precision": 0.95}


def conversation(turns: list[tuple[str, str]]) -> Conversation:
    started_at = datetime(2026, 9, 1, 10, tzinfo=UTC)
    said = tuple(Turn(index, speaker, text) for index, (speaker, text) in enumerate(turns))  # type: ignore[arg-type]
    return Conversation("c1", started_at.date(), started_at, "planted", said)


def is_gone(piece: Piece, text: str) -> bool:
    """Whether nothing of the item is left between the words that stood around it."""
    bare = TOKEN.sub("", text)
    before, after = piece.before, piece.after
    while before and not bare.startswith(before):
        before = before[:-1]
    while after and not bare.endswith(after):
        after = after[1:]
    middle = bare[len(before) : len(bare) - len(after)] if len(before) + len(after) <= len(bare) else ""
    return TOKEN.search(text) is not None and not re.search(r"\w", middle)


def measure(redactor: Redactor, seed: int) -> dict[str, Any]:
    return compare(redactor, planted(seed), near_misses(seed + 1))


def compare(redactor: Redactor, made: Sequence[Planted], misses: Sequence[NearMiss]) -> dict[str, Any]:
    """What is found of the items, by kind, and what else is taken for them."""
    items: Counter[str] = Counter()
    gone: Counter[str] = Counter()
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    missed, mistaken = defaultdict(list), defaultdict(list)
    for one in made:
        turns = redactor.redact(conversation(one.turns)).conversation.turns
        items[one.kind] += 1
        if all(is_gone(piece, turns[piece.turn_index].text) for piece in one.pieces):
            gone[one.kind] += 1
        else:
            missed[one.kind].append((one.form, [turns[piece.turn_index].text for piece in one.pieces]))
        held = {piece.turn_index for piece in one.pieces}
        for turn in turns:
            for kind in TOKEN.findall(turn.text):
                if turn.turn_index in held and kind == one.kind:
                    right[kind] += 1
                else:
                    wrong[kind] += 1
                    mistaken[kind].append((f"{one.kind} {one.form}", one.turns[turn.turn_index][1], turn.text))
    touched = 0
    for miss in misses:
        turns = redactor.redact(conversation(miss.turns)).conversation.turns
        kinds = [kind for turn in turns for kind in TOKEN.findall(turn.text)]
        touched += bool(kinds)
        for kind in kinds:
            wrong[kind] += 1
            mistaken[kind].append((miss.kind, miss.turns[2][1], turns[2].text))
    kinds = {
        kind: {
            "items": items[kind],
            "recall": gone[kind] / items[kind],
            "precision": right[kind] / max(1, right[kind] + wrong[kind]),
        }
        for kind in items
    }
    total = {
        "items": items.total(),
        "recall": gone.total() / items.total(),
        "precision": right.total() / (right.total() + wrong.total()),
    }
    return {
        "kinds": kinds,
        "all": total,
        "near_misses": len(misses),
        "near_misses_touched": touched,
        "missed": missed,
        "mistaken": mistaken,
    }


def cost(redactor: Redactor, landing: Path) -> dict[str, float]:
    """Microseconds of CPU that redaction takes for a conversation, and that converting it takes."""
    raws = [found.raw for path in sorted(landing.glob("*.json.gz")) for found in read_export(path) if found.raw]
    zone = ZoneInfo("UTC")
    started = time.process_time()
    read = [one for raw in raws if (one := convert(raw, zone))]
    converted = time.process_time()
    redacted = [redactor.redact(one) for one in read]
    ended = time.process_time()
    hashes = [one.content_hash for one in read]
    hashed = time.process_time()
    return {
        "conversations": len(hashes),
        "convert_us": (converted - started) / len(read) * 1e6,
        "redact_us": (ended - converted) / len(read) * 1e6,
        "hash_us": (hashed - ended) / len(read) * 1e6,
        "changed": sum(bool(one.counts) for one in redacted),
        "tokens": sum(sum(one.counts.values()) for one in redacted),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--regions", default="US,GB", help="countries whose telephone numbers need no word before them")
    parser.add_argument("--landing", type=Path, default=STAR, help="a folder of exports to measure the cost on")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--mistakes", action="store_true", help="print what was missed and what was mistaken")
    options = parser.parse_args()
    redactor = Redactor(regions=tuple(options.regions.split(",")))
    result = measure(redactor, options.seed)
    missed, mistaken = result.pop("missed"), result.pop("mistaken")
    if options.landing.is_dir():
        redactor.redact(conversation([("user", "My card is 4111 1111 1111 1111")]))
        result["cost"] = cost(redactor, options.landing)
    print(json.dumps(result, indent=2) if options.json else table(result))
    if options.mistakes:
        for title, found in (("missed", missed), ("mistaken", mistaken)):
            for kind, examples in found.items():
                for example in examples:
                    print(title, kind, *example, sep=" | ")


def table(result: dict[str, Any]) -> str:
    lines = ["| kind | items | recall | precision |", "|---|---|---|---|"]
    for kind, row in [*result["kinds"].items(), ("all", result["all"])]:
        lines.append(f"| {kind} | {row['items']} | {row['recall']:.3f} | {row['precision']:.3f} |")
    lines += ["", f"{result['near_misses_touched']} of {result['near_misses']} near-misses were taken for something."]
    if cost := result.get("cost"):
        lines.append(
            f"CPU a conversation over {cost['conversations']:,}: {cost['redact_us']:.0f} µs to redact, beside "
            f"{cost['convert_us']:.0f} µs to convert and {cost['hash_us']:.0f} µs to hash once; "
            f"{cost['changed']:,} changed, {cost['tokens']:,} tokens."
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
