"""`metrics lint`: what is weak in the definitions, before a judge is paid to read them."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metrics_pipeline.commands.options import asker, stoppable
from metrics_pipeline.errors import DataFolderError, LedgerError, SettingsError

if TYPE_CHECKING:
    from metrics_pipeline.metrics.definition import MetricDefinition
    from metrics_pipeline.metrics.lint.project import Remark
    from metrics_pipeline.settings import Settings


def lint(
    folder: Annotated[
        Path | None, typer.Argument(metavar="FOLDER", help="The folder of definitions, or a file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list.")] = False,
    as_sarif: Annotated[bool, typer.Option("--sarif", help="Print SARIF 2.1.0.")] = False,
    as_github: Annotated[bool, typer.Option("--github", help="Print annotations for GitHub.")] = False,
    without_data: Annotated[
        bool, typer.Option("--without-data", help="Judge the definitions by their words alone, not by what landed.")
    ] = False,
    with_model: Annotated[
        bool, typer.Option("--with-model", help="Add a review by the project's model; it never fails the check.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Send however many requests the review takes.")] = False,
    explain: Annotated[
        str | None, typer.Option(metavar="CODE", help="Say what a code means, and stop; `all` lists them.")
    ] = None,
) -> None:
    """Say what is weak in metric definitions. Ends with 1 when there is an error; a warning is no error.

    Where conversations have landed, their functions, variants, logged values and answers are looked at as well.

    With `--with-model`, the project's model reviews each definition once: the reply is kept, and nothing is paid twice.

    A comment in a file, `# lint: ignore O203: <reason>`, excuses it from a code.

    \b
    Example:
        metrics lint metric_definitions
    """
    from metrics_pipeline.metrics.lint import checking, report
    from metrics_pipeline.metrics.lint.project import Seen
    from metrics_pipeline.settings import load_settings, origins

    if sum((as_json, as_sarif, as_github)) > 1:
        raise SettingsError("--json, --sarif and --github exclude each other. Take one.")
    rules = checking.all_rules()
    if explain is not None:
        sys.stdout.write(_explained(explain))
        return
    from metrics_pipeline.authoring.seen import look, prompt_tokens

    settings = load_settings()
    if with_model and origins()["model"] == "default":
        raise SettingsError("--with-model: no model is set. Set METRICS_MODEL, for example to openai/gpt-5-mini.")
    project = checking.read_project(folder or _from_here(settings.definitions), synonyms=settings.lint_synonyms)
    metrics = [subject.metric for subject in project.subjects]
    seen, notes = (Seen(prompt_tokens=prompt_tokens(metrics)), ()) if without_data else look(settings, metrics)
    if with_model:
        remarks, more = _reviewed(settings, metrics, yes)
        seen, notes = seen._replace(remarks=remarks), (*notes, *more)
    findings = checking.lint(project._replace(seen=seen))
    if as_json:
        text = report.as_json(findings)
    elif as_sarif:
        text = report.as_sarif(findings, rules)
    elif as_github:
        text = report.as_github(findings)
    else:
        text = report.as_text(findings, len(project.subjects) + len({problem.file for problem in project.problems}))
    if text:
        sys.stdout.write(f"{text}\n")
    for note in notes:
        sys.stderr.write(f"note: {report.printable(note)}\n")
    if any(finding.severity == "error" for finding in findings):
        raise SystemExit(1)


def _reviewed(
    settings: Settings, metrics: Sequence[MetricDefinition], yes: bool
) -> tuple[Mapping[str, tuple[Remark, ...]], tuple[str, ...]]:
    if settings.model == "baseline":
        return {}, ("the baseline is no language model and reviews nothing. Set METRICS_MODEL to one.",)
    from metrics_pipeline.authoring.review import review

    try:
        with stoppable():
            return review(settings, metrics, asker(yes, settings.model))
    except (DataFolderError, LedgerError) as error:
        return {}, (f"the model's review is left out. {error}",)


def _explained(code: str) -> str:
    from metrics_pipeline.metrics.lint import checking, report

    rules = checking.all_rules()
    if code.lower() == "all":
        return "".join(f"{rule.code} {rule.severity:7} {rule.title}\n" for rule in rules)
    rule = next((rule for rule in rules if rule.code == code.upper()), None)
    if rule is None:
        raise SettingsError(f"--explain {code}: no such code. There are {', '.join(rule.code for rule in rules)}.")
    return report.explain(rule)


def _from_here(path: Path) -> Path:
    """`path` as seen from the working directory, where it lies below it: annotations are for the repository's files."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
