"""What is flagged as an order to the judge: of the attacks in the tests, and by mistake of ordinary conversations.

    .venv/bin/python benchmarks/orders.py

Prints the share of the attacks that are flagged by kind, the share of the demo's and (where it is there) STAR's
conversations that are, and the CPU microseconds a conversation.
"""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from metrics_pipeline.conversations.record import Turn
from metrics_pipeline.demo.export import write_demo
from metrics_pipeline.evaluation.orders import looks_like_an_order

HERE = Path(__file__).parent
STAR = HERE.parents[1] / "shared" / "data" / "star" / "v3"


def conversations(landing: Path) -> Iterator[tuple[Turn, ...]]:
    """What was said in each conversation of a folder of exports of the first format."""
    for path in sorted(landing.glob("*.json*")):
        text = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()
        try:
            found = json.loads(text)
        except ValueError:
            continue
        for raw in found["conversations"]:
            said = []
            for turn in raw.get("turns") or ():
                said += [turn.get("agent_response") or "", turn.get("user_input") or ""]
            yield tuple(Turn(index, ("agent", "user")[index % 2], text) for index, text in enumerate(said))


def false_alarms(name: str, found: Sequence[tuple[Turn, ...]]) -> None:
    started = time.process_time()
    flagged = [turns for turns in found if looks_like_an_order(turns)]
    spent = (time.process_time() - started) / len(found) * 1e6
    print(f"{name}: {len(flagged)} of {len(found)} flagged ({len(flagged) / len(found):.2%}), {spent:.0f} us each")
    if "--show" in sys.argv:
        for turns in flagged[:20]:
            print("  ", next((turn.text for turn in turns if looks_like_an_order([turn])), ""))


def main() -> None:
    sys.path.insert(0, str(HERE.parent / "tests" / "evaluation"))
    from obedient import attacks, unseen

    made = attacks()
    flagged = Counter(attack.kind for attack in made if looks_like_an_order(attack.turns))
    for kind, count in Counter(attack.kind for attack in made).items():
        print(f"{kind}: {flagged[kind]} of {count}")
    print(f"attacks: {flagged.total()} of {len(made)} flagged ({flagged.total() / len(made):.0%})")
    new = unseen()
    found = sum(looks_like_an_order(attack.turns) for attack in new)
    print(f"attacks to which no pattern was fitted: {found} of {len(new)} flagged ({found / len(new):.0%})")
    with tempfile.TemporaryDirectory() as place:
        write_demo(Path(place) / "landing", Path(place) / "truth.parquet")
        false_alarms("demo", list(conversations(Path(place) / "landing")))
    if STAR.exists():
        false_alarms("STAR", list(conversations(STAR)))


if __name__ == "__main__":
    main()
