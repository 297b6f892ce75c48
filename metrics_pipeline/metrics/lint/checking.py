"""Run every rule over every definition; what a comment in a file excuses is left out."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from metrics_pipeline.errors import SettingsError
from metrics_pipeline.metrics.catalog import read_folder
from metrics_pipeline.metrics.lint import rules
from metrics_pipeline.metrics.lint.project import Finding, Project, Rule, Seen, Subject
from metrics_pipeline.metrics.loading import Located, read_located

COMMENT = re.compile(r"(?:^|\s)#\s*lint:\s*ignore\b[ \t]*(?P<code>[A-Za-z]\d{3})?(?P<rest>[^\n]*)", re.MULTILINE)
UNLOADABLE = "L001"
SUPPRESSION = "X001"


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule of the package `rules`, by code."""
    modules = (
        importlib.import_module(f"{rules.__name__}.{found.name}") for found in pkgutil.iter_modules(rules.__path__)
    )
    return tuple(sorted((module.RULE for module in modules), key=lambda rule: str(rule.code)))


def read_project(folder: Path, seen: Seen | None = None, synonyms: tuple[tuple[str, ...], ...] = ()) -> Project:
    """Every definition in `folder` and below, or of the one file that `folder` is.

    Raises:
        SettingsError: There is no such folder, or nothing in it.
    """
    if not folder.exists():
        raise SettingsError(f"{folder}: does not exist. Name the folder of the definitions, or one of its files.")
    if folder.is_file():
        read = read_located(folder)
        found, problems = ([(folder, read)], []) if isinstance(read, Located) else ([], read)
    else:
        found, problems = read_folder(folder)
    subjects = [Subject(path, located.definition, located.lines, located.text) for path, located in found]
    return Project(tuple(subjects), seen, tuple(problems), synonyms)


def lint(project: Project) -> list[Finding]:
    """What is weak, by file, line and code."""
    findings = [
        Finding(problem.file, problem.line, UNLOADABLE, "error", problem.message, "Correct the file: nothing reads it.")
        for problem in project.problems
    ]
    for rule in all_rules():
        for hit in rule.check(project):
            line = _line(hit.subject, hit.loc)
            fix, severity = hit.fix or rule.fix, hit.severity or rule.severity
            findings.append(Finding(hit.subject.file, line, rule.code, severity, hit.message, fix))
    for subject in project.subjects:
        findings = _without_excused(subject, findings)
    return sorted(set(findings), key=lambda finding: (str(finding.file), finding.line or 0, finding.code))


def _line(subject: Subject, loc: tuple[str | int, ...]) -> int | None:
    while loc and loc not in subject.lines:
        loc = loc[:-1]
    return subject.lines.get(loc)


def _without_excused(subject: Subject, findings: list[Finding]) -> list[Finding]:
    known = {rule.code for rule in all_rules()}
    beyond_words = {rule.code for rule in all_rules() if rule.seen is not None}
    for line, code, reason in suppressions(subject.text):
        here = [finding for finding in findings if finding.file == subject.file and finding.code == code]
        if not code or code not in known:
            message = f"the comment excuses {code or 'nothing'}, which is no code of a rule."
        elif not reason:
            message = f"the comment excuses {code} without a reason."
        elif not here and code in beyond_words:
            # It may well be there when there is data, or a model, to look at.
            continue
        elif not here:
            message = f"the comment excuses {code}, which this file does not have."
        else:
            findings = [finding for finding in findings if finding not in here]
            continue
        fix = "Write `# lint: ignore CODE: <reason>`, or remove the comment."
        findings = [*findings, Finding(subject.file, line, SUPPRESSION, "warning", message, fix)]
    return findings


def suppressions(text: str) -> Iterator[tuple[int, str, str]]:
    """Line, code and reason of each comment `# lint: ignore CODE: <reason>`; a missing part is empty."""
    for found in COMMENT.finditer(text):
        line = text.count("\n", 0, found.start("rest")) + 1
        yield line, (found["code"] or "").upper(), found["rest"].strip(" \t\r:")
