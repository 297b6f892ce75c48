"""Lint knows what landed: gates, names, rare answers, examples that the judge gets wrong; and leaves it as it was."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date, datetime, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from landed import land
from typer.testing import CliRunner

from metrics_pipeline.authoring.newest import landed_days, newest_facts
from metrics_pipeline.authoring.preview import example_tests
from metrics_pipeline.authoring.seen import ANY_DAY
from metrics_pipeline.cli import cli
from metrics_pipeline.conversations.record import Conversation, LoggedValue, Turn
from metrics_pipeline.data_folder import open_data_folder
from metrics_pipeline.evaluation.judge import JudgeReply
from metrics_pipeline.evaluation.judges import open_judges
from metrics_pipeline.evaluation.ledger import Intent, Ledger, Outcome
from metrics_pipeline.evaluation.results import cells_of
from metrics_pipeline.evaluation.standing import judge_fingerprint
from metrics_pipeline.metrics.catalog import load_catalog
from metrics_pipeline.settings import load_settings

NOON = datetime(2026, 9, 1, 12, tzinfo=timezone.utc)
DEFINITION = """\
name: "Refund: issued"
type: boolean
definition: The agent refunded an order that the caller had returned.
true_when: The agent said that the money goes back to the card the order was paid with.
false_when: The agent refused the refund, or the conversation ended without one.
good: true
"""
EXAMPLE = 'examples: [{{transcript: "agent: The money goes back to the card you paid with.", answer: "{}"}}]\n'


def conversation(number: int) -> Conversation:
    return Conversation(
        conversation_id=f"c{number}",
        conversation_date=date(2026, 9, 1 + number % 4),
        started_at=NOON,
        source="test",
        channel="voice" if number % 2 else "chat",
        variant="plain",
        turns=(
            Turn(0, "user", f"hello {number}"),
            Turn(1, "function", "", function_name="issue_refund", function_arguments="{}"),
        ),
        logged_metrics=(LoggedValue("result", 0, "ok"),),
        carries_functions=True,
        carries_logged=True,
    )


class Project:
    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.definitions = root / "definitions"
        self.definitions.mkdir()
        self.folder = open_data_folder(root / "data")
        land(self.folder, map(conversation, range(40)))
        monkeypatch.chdir(root)
        monkeypatch.setenv("METRICS_DATA", str(self.folder.root))
        monkeypatch.setenv("METRICS_DEFINITIONS", str(self.definitions))

    def lint(self, text: str, *arguments: str) -> tuple[dict[str, str], int, str]:
        """(severity by code, exit code, notes) of the one definition."""
        (self.definitions / "refund_issued.yaml").write_text(text)
        done = CliRunner().invoke(cli, ["lint", "--json", *arguments])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return {found["code"]: found["severity"] for found in json.loads(done.stdout)}, done.exit_code, done.stderr

    def state(self) -> dict[str, tuple[int, bytes]]:
        found = [self.folder.root, *self.folder.root.rglob("*")]
        return {str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"") for path in found}


@pytest.fixture
def project(tmp_path, monkeypatch):
    return Project(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("gate", "code", "without"),
    [
        ("applies_if: {turn_count: {min: 50}}\n", {"A403": "warning"}, {}),
        ("applies_if: {function_called: issue_refund}\n", {"A403": "warning"}, {}),
        ("applies_if: {channel: voice}\n", {"A402": "info"}, {}),
        ("applies_if: {channel: [voice, fax]}\n", {"A402": "info", "C505": "error"}, {}),
        ("applies_if: {function_called: isue_refund}\n", {"A403": "warning", "C505": "error"}, {}),
        ("applies_when: Once it came back.\napplies_if: {variant: x}\n", {"A403": "warning", "C505": "error"}, {}),
        ('logged: {metric: reslt, values: {"ok": true}}\n', {"A402": "info", "C505": "error"}, {}),
        ('logged: {metric: result, values: {"ok": true}}\n', {"A402": "info"}, {}),
    ],
)
def test_gates_and_names_are_held_against_what_landed(project, gate, code, without):
    codes, exit_code, notes = project.lint(DEFINITION + gate)

    expected = code | ({"A402": "info"} if "turn_count" in gate else {})
    assert codes == expected
    assert exit_code == ("error" in codes.values())
    assert notes == ""
    assert project.lint(DEFINITION + gate, "--without-data")[:2] == (without, 0)


def test_an_answer_that_is_hardly_ever_given_is_named_once_there_are_enough_of_them(project):
    (project.definitions / "refund_issued.yaml").write_text(DEFINITION)
    version = load_catalog(project.definitions).definitions[0].version
    (project.folder.published / "current").mkdir(parents=True)

    def publish(rare: int, version: str) -> dict[str, str]:
        rows = [
            {"metric": "refund_issued", "metric_version": version, "label": label, "label_count": count}
            for label, count in (("true", 60), ("true", 60), ("false", rare))
        ]
        pq.write_table(pa.Table.from_pylist(rows), project.folder.published / "current" / "trend_label_daily.parquet")
        return project.lint(DEFINITION)[0]

    assert publish(4, version)["J601"] == "warning"
    assert "J601" not in publish(5, version)
    assert "J601" not in publish(0, "another")


def test_an_example_that_the_baseline_gets_wrong_is_named_without_any_data(project, monkeypatch, tmp_path):
    monkeypatch.setenv("METRICS_DATA", str(tmp_path / "nowhere"))

    assert project.lint(DEFINITION + EXAMPLE.format("false"))[0] == {"J602": "info"}
    assert project.lint(DEFINITION + EXAMPLE.format("true"))[0] == {}
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(("reply", "is_wrong"), [("true", True), ("false", False), ("undecided", True), ("", False)])
def test_what_a_model_said_about_an_example_is_taken_from_the_ledger_and_nothing_is_asked(
    project, monkeypatch, reply, is_wrong
):
    monkeypatch.setenv("METRICS_MODEL", "openai/x")
    monkeypatch.setenv("METRICS_API_BASE", "http://127.0.0.1:9/v1")
    assert "J602" not in project.lint(DEFINITION + EXAMPLE.format("false"))[0]
    (metric,) = load_catalog(project.definitions).definitions
    ((left, made, _),) = example_tests(metric, ANY_DAY)
    answer = {"evidence": [{"turn_index": 0, "quote": "The money goes back"}], "reason": "r", "answer": reply}
    cells = cells_of(made, left, judge_fingerprint(open_judges(load_settings()).current))
    with Ledger(project.folder.ledger) as ledger:
        for cell in cells:
            (request_id,) = ledger.apply([Intent((cell,), 0)], NOON)
            ledger.apply([Outcome(request_id, (cell,), JudgeReply(json.dumps({metric.key: answer})))], NOON)
    before = project.state()

    assert project.lint(DEFINITION + EXAMPLE.format("false"))[0].get("J602") == ("warning" if is_wrong else None)
    assert project.state() == before


def test_a_ledger_in_use_or_damaged_is_left_alone_and_said(project, monkeypatch):
    monkeypatch.setenv("METRICS_MODEL", "openai/x")
    with Ledger(project.folder.ledger):
        before = project.state()
        assert "is being written" in project.lint(DEFINITION + EXAMPLE.format("false"))[2]
        assert project.state() == before
    project.folder.ledger.write_bytes(b"not a ledger" * 1000)

    assert "is damaged" in project.lint(DEFINITION + EXAMPLE.format("false"))[2]


@pytest.mark.parametrize("table", ["conversations", "turns", "logged_metrics"])
@pytest.mark.parametrize("harm", ["cut", "other", "gone"])
def test_damaged_tables_are_said_and_what_they_held_is_not_called_unknown(project, table, harm):
    path = project.folder.day_file(table, date(2026, 9, 2))
    if harm == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    elif harm == "other":
        pq.write_table(pa.table({"another": [1]}), path)
    elif table == "conversations":
        (path.parent / "day=someday.parquet").write_bytes(b"")
        path.write_bytes(b"")
    else:
        path.unlink()
    before = project.state()
    kind = {"conversations": "channel: fax", "turns": "function_called: x", "logged_metrics": "logged_metric: {x: }"}

    codes, exit_code, notes = project.lint(f"{DEFINITION}applies_if: {{{kind[table]}}}\n")

    assert path.name in notes
    assert notes.count("\n") == 1
    assert exit_code == 0
    assert "C505" not in codes
    # The three other days are still a sample of thirty.
    assert codes["A403"] == "warning"
    assert project.state() == before


def test_a_long_definition_is_named_with_and_without_data(project):
    long = DEFINITION.replace("caller had returned.", f"caller had returned. {'It was very long. ' * 1000}")

    assert "J603" in project.lint(long)[0]
    assert "J603" in project.lint(long, "--without-data")[0]
    # What no judge reads costs nothing.
    assert "J603" not in project.lint(DEFINITION + f"owner: {'a' * 40_000}\n")[0]


def test_what_only_data_can_show_is_excused_without_it_as_well(project):
    excused = "# lint: ignore A402: the function is new\n" + DEFINITION

    assert project.lint(excused)[0] == {}
    assert project.lint(excused, "--without-data")[0] == {}


def test_of_many_conversations_only_the_newest_are_put_to_gates(project):
    unread: list[Path] = []

    facts = list(newest_facts(project.folder, landed_days(project.folder), unread.append, limit=15))

    assert (len(facts), unread) == (15, [])
    assert all(one.functions_called == {"issue_refund"} and one.logged == {"result": ["ok"]} for one in facts)


def test_lint_with_data_loads_no_library_that_only_a_run_needs(project):
    (project.definitions / "refund_issued.yaml").write_text(DEFINITION)
    code = (
        "import sys; from typer.testing import CliRunner; from metrics_pipeline.cli import cli;"
        "done = CliRunner().invoke(cli, ['lint', '--json']); assert done.exit_code == 0, done.output;"
        "assert 'A402' in done.output;"
        "print([name for name in ('litellm', 'openai', 'dagster', 'dbt', 'polars') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
