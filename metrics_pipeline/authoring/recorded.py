"""Definitions as they were: by a git revision, or as the pipeline recorded them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from metrics_pipeline.errors import SettingsError
from metrics_pipeline.evaluation.ledger import Ledger
from metrics_pipeline.metrics.definition import MetricDefinition
from metrics_pipeline.metrics.loading import SUFFIXES, parse_definition


def definitions_at(folder: Path, revision: str) -> dict[str, MetricDefinition]:
    """The definitions of `folder` at a git revision, by key; files that did not load then are left out.

    Raises:
        SettingsError: The folder is in no git repository, or the repository knows no such revision.
    """
    listed = _git(folder, revision, "ls-tree", "-r", "--name-only", "-z", revision, "--", ".")
    found = {}
    for name in filter(None, listed.split("\0")):
        path = Path(name)
        if path.suffix.lower() in SUFFIXES:
            parsed = parse_definition(_git(folder, revision, "show", f"{revision}:./{name}"), path)
            if isinstance(parsed, MetricDefinition):
                found[parsed.key] = parsed
    return found


def recorded_definitions(ledger: Ledger) -> dict[str, tuple[MetricDefinition, str | None]]:
    """Each metric's definition as it was last put to work, and the judge's name if it had one, by key."""
    newest = {row.metric: row for row in sorted(ledger.metric_days(), key=lambda row: (row.day, row.turn))}
    texts, judges = ledger.versions(), ledger.judges()
    found = {}
    for key, row in newest.items():
        text, _ = texts[key, row.metric_version]
        parsed = parse_definition(text, Path(f"{key}.yaml"))
        if isinstance(parsed, MetricDefinition):
            judge = judges.get(row.judge_fingerprint)
            found[key] = parsed, judge.name if judge else None
    return found


def _git(folder: Path, revision: str, *arguments: str) -> str:
    if revision.startswith("-"):
        raise SettingsError(f"--against {revision}: is not a git revision. Name one, for example main or HEAD~1.")
    try:
        # A file of another revision may hold anything: what cannot be decoded does not load.
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, encoding="utf-8", errors="replace", check=False
        )
    except OSError as error:
        raise SettingsError(f"--against needs git, which cannot be started ({error.strerror}). Install it.") from None
    if done.returncode:
        why = done.stderr.strip().splitlines()[-1:] or ["git failed"]
        raise SettingsError(
            f"--against {revision}: {folder} cannot be read at it ({why[0]}). Name a revision that the repository has, "
            "or leave --against out to compare with what the pipeline last put to work."
        )
    return done.stdout
