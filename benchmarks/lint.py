"""How often the lint is right, on a corpus of definitions whose weaknesses are known, and how long it takes.

    .venv/bin/python benchmarks/lint.py [FOLDER]

Each folder below FOLDER is a project of its own, with an `expected.toml`: for each definition the codes that it must
get (`expect`) and those that a fair reviewer might add (`allow`). A clean one expects none.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from metrics_pipeline.metrics.lint.checking import all_rules, lint, read_project

CORPUS = Path(__file__).parents[1] / "tests" / "metrics" / "lint" / "corpus"
TIMED_COUNT = 500


class Score(NamedTuple):
    """What the lint said of one definition, against what is known of it."""

    project: str
    key: str
    expected: frozenset[str]
    allowed: frozenset[str]
    found: frozenset[str]

    @property
    def right(self) -> frozenset[str]:
        return self.found & self.expected

    @property
    def wrong(self) -> frozenset[str]:
        return self.found - self.expected - self.allowed

    @property
    def missed(self) -> frozenset[str]:
        return self.expected - self.found


def score(corpus: Path) -> list[Score]:
    """Every definition of every project of the corpus, linted as its project."""
    scores = []
    for listed in sorted(corpus.glob("*/expected.toml")):
        known = tomllib.loads(listed.read_text())
        project = read_project(listed.parent)
        found: dict[str, set[str]] = {path.stem: set() for path in listed.parent.glob("*.yaml")}
        for finding in lint(project):
            found[finding.file.stem].add(finding.code)
        if found.keys() != known.keys():
            raise SystemExit(f"{listed}: {sorted(found.keys() ^ known.keys())} stand in one place only")
        scores += [
            Score(
                listed.parent.name,
                key,
                frozenset(entry["expect"]),
                frozenset(entry.get("allow", ())),
                frozenset(found[key]),
            )
            for key, entry in known.items()
        ]
    return scores


def precision(scores: Iterable[Score]) -> float:
    """Findings that are right, of those that are right or wrong; what a reviewer might add counts as neither."""
    right, wrong, _ = _counts(scores)
    return right / (right + wrong) if right + wrong else 1.0


def recall(scores: Iterable[Score]) -> float:
    """Weaknesses that were found, of those that are there."""
    right, _, missed = _counts(scores)
    return right / (right + missed) if right + missed else 1.0


def _counts(scores: Iterable[Score]) -> tuple[int, int, int]:
    listed = list(scores)
    return tuple(sum(len(getattr(one, part)) for one in listed) for part in ("right", "wrong", "missed"))


def seconds_for(count: int, corpus: Path) -> tuple[float, float]:
    """Wall and CPU seconds from files to findings, of a folder of `count` definitions made from the corpus; medians of
    three."""
    texts = [path.read_text() for path in sorted(corpus.glob("*/*.yaml"))]
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            text = texts[number % len(texts)]
            Path(folder, f"metric_{number}.yaml").write_text(
                f"{text}tags: [copy {number}]\n" if "tags:" not in text else text
            )
        walls, cpus = zip(*(_timed(Path(folder)) for _ in range(3)), strict=True)
    return statistics.median(walls), statistics.median(cpus)


def _timed(folder: Path) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    lint(read_project(folder))
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    named = [Path(name) for name in sys.argv[1:]]
    for corpus in named or [CORPUS]:
        scores = score(corpus)
        print(f"## {corpus.name}\n")
        print_codes(scores)
        weak, clean = [one for one in scores if one.expected], [one for one in scores if not one.expected]
        quiet = sum(not one.found for one in clean)
        caught = sum(bool(one.found) for one in weak)
        print(f"{len(scores)} definitions of {len({one.project for one in scores})} projects")
        print(f"precision {precision(scores):.3f}   recall {recall(scores):.3f}")
        print(f"weak ones with a finding {caught} of {len(weak)}   clean ones without {quiet} of {len(clean)}\n")
        for one in scores if named else ():
            if one.wrong or one.missed:
                print(f"{one.project}/{one.key}: wrong {sorted(one.wrong)} missed {sorted(one.missed)}")
    wall, cpu = seconds_for(TIMED_COUNT, (named or [CORPUS])[0])
    print(f"{TIMED_COUNT} definitions in {wall:.2f} s, {cpu:.2f} s of CPU")


def print_codes(scores: list[Score]) -> None:
    """A line for each code that is there or was found."""
    parts = {
        part: Counter(code for one in scores for code in getattr(one, part))
        for part in ("expected", "right", "missed", "wrong")
    }
    print("| code | there | found | missed | wrong | title |\n|---|---|---|---|---|---|")
    for rule in all_rules():
        numbers = [counts[rule.code] for counts in parts.values()]
        if any(numbers):
            print(f"| {rule.code} | {' | '.join(map(str, numbers))} | {rule.title} |")
    print()


if __name__ == "__main__":
    main()
