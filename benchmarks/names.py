"""How many people's names a recogniser finds, what else it takes for one, and what it costs.

    .venv/bin/python benchmarks/names.py
    .venv/bin/python benchmarks/names.py --recogniser package.module:function

Names and what only looks like them come from `planted_names.py`, which knows nothing of the recogniser. A name counts
as found when nothing of it is left where it was said; a token counts as right when it stands there.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from planted_names import near_names, planted_names
from redaction import STAR, TOKEN, compare, conversation

from metrics_pipeline.conversations.adapters.polyai_v3 import convert
from metrics_pipeline.conversations.reading import read_export
from metrics_pipeline.conversations.redaction.recogniser import open_recogniser
from metrics_pipeline.conversations.redaction.redactor import Redactor

MEASURED_CONVERSATIONS = 500


def measure(redactor: Redactor, seed: int, per_form: int = 40, per_kind: int = 60) -> dict[str, Any]:
    made = planted_names(seed, per_form)
    found = compare(redactor, made, near_names(seed + 1, per_kind))
    missed = Counter(form for form, _ in found["missed"]["NAME"])
    forms = {form: 1 - missed[form] / count for form, count in Counter(one.form for one in made).items()}
    touched = Counter(kind for kind, _, _ in found["mistaken"]["NAME"])
    return found | {"forms": forms, "touched": dict(touched)}


def same_person(redactor: Redactor, seed: int, per_form: int = 40) -> float:
    """Of the people who are named twice, the share that is one token."""
    made = [one for one in planted_names(seed, per_form) if one.form in ("said_twice", "spelled")]
    one_token = 0
    for one in made:
        turns = redactor.redact(conversation(one.turns)).conversation.turns
        held = [turns[piece.turn_index].text for piece in one.pieces]
        one_token += all(TOKEN.search(text) for text in held) and all("⟦NAME_2⟧" not in turn.text for turn in turns)
    return one_token / len(made)


def cost(redactor: Redactor, landing: Path) -> dict[str, float]:
    """Milliseconds of CPU that redaction with names takes for a conversation."""
    raws = [found.raw for path in sorted(landing.glob("*.json.gz")) for found in read_export(path) if found.raw]
    step = max(1, len(raws) // MEASURED_CONVERSATIONS)
    read = [one for raw in raws[::step] if (one := convert(raw, ZoneInfo("UTC")))]
    redactor.redact(read[0])
    started = time.process_time()
    counts = [redactor.redact(one).counts for one in read]
    spent = (time.process_time() - started) / len(read) * 1e3
    held = sum(bool(one.get("NAME")) for one in counts)
    return {
        "conversations": len(read),
        "ms": spent,
        "with_names": held,
        "names": sum(one.get("NAME", 0) for one in counts),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=41)
    parser.add_argument("--recogniser", default="", help="package.module:function; the one of the extra when left out")
    parser.add_argument("--landing", type=Path, default=STAR, help="a folder of exports to measure the cost on")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--mistakes", action="store_true", help="print what was missed and what was mistaken")
    options = parser.parse_args()
    redactor = Redactor(recogniser=open_recogniser(options.recogniser or True))
    result = measure(redactor, options.seed)
    missed, mistaken = result.pop("missed")["NAME"], result.pop("mistaken")["NAME"]
    result["same_person"] = same_person(redactor, options.seed)
    if options.landing.is_dir():
        result["cost"] = cost(redactor, options.landing)
    print(json.dumps(result, indent=2) if options.json else table(result))
    for title, found in (("missed", missed), ("mistaken", mistaken)) if options.mistakes else ():
        for example in found:
            print(title, *example, sep=" | ")


def table(result: dict[str, Any]) -> str:
    found = result["kinds"]["NAME"]
    lines = [
        "| form | recall |",
        "|---|---|",
        *(f"| {form} | {share:.3f} |" for form, share in result["forms"].items()),
    ]
    lines += [f"| all {found['items']} | {found['recall']:.3f} |", "", f"Precision {found['precision']:.3f}."]
    lines.append(f"{result['near_misses_touched']} of {result['near_misses']} near-misses were taken for something:")
    lines.append(", ".join(f"{kind} {count}" for kind, count in result["touched"].items()) or "none")
    lines.append(f"Named twice and one token: {result['same_person']:.3f}.")
    if cost := result.get("cost"):
        lines.append(
            f"CPU a conversation over {cost['conversations']:,}: {cost['ms']:.1f} ms; {cost['with_names']:,} of them "
            f"hold {cost['names']:,} names."
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
