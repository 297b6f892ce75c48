"""Writes the lint's lexicon from WordNet 3.0 (Debian's package wordnet-base, or the `dict` folder of its release).

    python scripts/make_lexicon.py /usr/share/wordnet

A line is a word and, for each part of speech, how often it was so tagged in SemCor and the lexicographer class of most
of its tagged senses (of the first sense where none was tagged): `offer n4:act v150:possession`. Kept are single words
that were tagged at least once, every verb, and every word for a person or a feeling.
"""

from __future__ import annotations

import gzip
import sys
from collections import Counter, defaultdict
from pathlib import Path

TARGET = Path(__file__).parents[1] / "metrics_pipeline" / "metrics" / "lint" / "lexicon.txt.gz"
# https://wordnet.princeton.edu/documentation/lexnames5wn
CLASSES = (
    "all pert all tops act animal artifact attribute body cognition communication event feeling food group location "
    "motive object person phenomenon plant possession process quantity relation shape state substance time body change "
    "cognition communication competition consumption contact creation emotion motion perception possession social "
    "stative weather ppl"
).split()
PARTS = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}
FILES = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}


def main(folder: Path) -> None:
    tagged: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for line in (folder / "cntlist.rev").read_text().splitlines():
        key, _, count = line.split()
        word, sense = key.split("%")
        part, number = sense.split(":")[:2]
        tagged[word, PARTS[part]][CLASSES[int(number)]] += int(count)
    words: dict[str, dict[str, str]] = defaultdict(dict)
    for name, part in FILES.items():
        class_at = {
            line[:8]: CLASSES[int(line.split()[1])]
            for line in (folder / f"data.{name}").read_text().splitlines()
            if line[:1] != " "
        }
        for line in (folder / f"index.{name}").read_text().splitlines():
            if line[:1] == " ":
                continue
            word, _, sense_count, *rest = line.split()
            counts = tagged.get((word, part), Counter())
            if word.isascii() and word.isalpha():
                first = class_at[rest[-int(sense_count)]]
                words[word][part] = f"{counts.total()}:{counts.most_common(1)[0][0] if counts else first}"
    kept = {
        word: parts
        for word, parts in words.items()
        if "v" in parts
        or parts.get("n", "").endswith((":person", ":feeling"))
        or any(not entry.startswith("0:") for entry in parts.values())
    }
    lines = [
        f"{word} {' '.join(f'{part}{entry}' for part, entry in sorted(kept[word].items()))}" for word in sorted(kept)
    ]
    TARGET.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    print(f"{len(lines):,} words, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
