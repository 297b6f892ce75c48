"""Findings as text, JSON, SARIF 2.1.0 and annotations of GitHub."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

from metrics_pipeline.metrics.lint.project import Finding, Rule
from metrics_pipeline.wording import counted

PLURALS = {"error": "errors", "warning": "warnings", "info": "info"}
SARIF_LEVELS = {"error": "error", "warning": "warning", "info": "note"}
GITHUB_LEVELS = {"error": "error", "warning": "warning", "info": "notice"}
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def as_text(findings: Sequence[Finding], file_count: int) -> str:
    """Two lines a finding, and a last one that counts."""
    lines = []
    for finding in findings:
        place = f"{finding.file}:{finding.line}" if finding.line else str(finding.file)
        said = f"{place}: {finding.severity} {finding.code} {finding.message}"
        lines += [printable(said), f"    {printable(finding.fix)}"]
    counts: Counter[str] = Counter(finding.severity for finding in findings)
    said = ", ".join(f"{counted(counts[severity], severity, plural)}" for severity, plural in PLURALS.items())
    return "\n".join([*lines, f"{counted(file_count, 'file')}: {said}"])


def printable(text: str) -> str:
    """`text` in one line, with everything that a terminal would obey or could not show written out."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


def as_json(findings: Iterable[Finding]) -> str:
    """A list of objects: file, line, code, severity, message, fix."""
    return json.dumps([finding._asdict() | {"file": str(finding.file)} for finding in findings], indent=2)


def as_sarif(findings: Iterable[Finding], rules: Iterable[Rule]) -> str:
    """One run, with every rule described."""
    described = [
        {
            "id": rule.code,
            "name": rule.title,
            "shortDescription": {"text": rule.title},
            "fullDescription": {"text": f"{rule.wrong} {rule.why}"},
            "help": {"text": rule.fix},
            "defaultConfiguration": {"level": SARIF_LEVELS[rule.severity]},
        }
        for rule in rules
    ]
    driver = {"name": "metrics lint", "rules": described}
    run = {"tool": {"driver": driver}, "results": list(map(_result, findings))}
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(finding: Finding) -> dict[str, Any]:
    file = finding.file
    # A URI: spaces and the like are escaped, and an absolute path says that it is a file's.
    uri = file.as_uri() if file.is_absolute() else quote(os.fsencode(file.as_posix()))
    physical: dict[str, Any] = {"artifactLocation": {"uri": uri}}
    if finding.line:
        physical["region"] = {"startLine": finding.line}
    return {
        "ruleId": finding.code,
        "level": SARIF_LEVELS[finding.severity],
        "message": {"text": f"{finding.message} {finding.fix}"},
        "locations": [{"physicalLocation": physical}],
    }


def as_github(findings: Iterable[Finding]) -> str:
    """One workflow command a finding."""
    return "\n".join(map(_annotation, findings))


def _annotation(finding: Finding) -> str:
    properties = [f"file={_property(finding.file.as_posix())}"]
    if finding.line:
        properties.append(f"line={finding.line}")
    properties.append(f"title={_property(finding.code)}")
    return f"::{GITHUB_LEVELS[finding.severity]} {','.join(properties)}::{_escaped(f'{finding.message} {finding.fix}')}"


def _escaped(text: str) -> str:
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return printable(escaped)


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def explain(rule: Rule) -> str:
    """What a rule is about, with its two examples."""
    return (
        f"{rule.code} {rule.title} [{rule.severity}]\n\n{rule.wrong}\n{rule.why}\n{rule.fix}\n\n"
        f"Weak:\n\n{rule.bad}\nBetter:\n\n{rule.good}"
    )
