"""A model's review: asked once, kept, bounded, and never more than advice."""

from __future__ import annotations

import json

import pytest
from model_server import model_server
from typer.testing import CliRunner

from metrics_pipeline.cli import cli
from metrics_pipeline.errors import SettingsError
from metrics_pipeline.evaluation.ledger import Ledger

DEFINITION = """\
name: "{name}: issued"
type: boolean
definition: The caller asked for the money back that {name} had cost.
true_when: The agent said that the money for {name} goes back to the card it was paid with.
false_when: The agent refused to refund {name}, or the conversation ended without a word of it.
good: true
"""
FINDING = {
    "code": "S301",
    "field": "true_when",
    "problem": "'goes back' may\nbe a \u001b[31mpromise\u202e.",
    "suggestion": "Say 'has been sent'.",
}


def said(*findings: object, **rest: object) -> str:
    return json.dumps({"findings": findings, **rest})


class Project:
    def __init__(self, root, server) -> None:
        self.definitions, self.data, self.server = root / "definitions", root / "data", server
        self.definitions.mkdir()
        for name in ("Shoes", "Lamps"):
            self.define(name)

    def define(self, name: str, more: str = "") -> None:
        (self.definitions / f"{name.lower()}_issued.yaml").write_text(DEFINITION.format(name=name) + more)

    def lint(self, *arguments: str):
        done = CliRunner().invoke(cli, ["lint", "--with-model", *arguments])
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    def findings(self) -> list[dict[str, object]]:
        return [found for found in json.loads(self.lint("--json").stdout) if found["code"] == "M701"]


@pytest.fixture
def project(tmp_path, monkeypatch):
    with model_server() as server:
        found = Project(tmp_path, server)
        settings = {
            "DATA": found.data,
            "DEFINITIONS": found.definitions,
            "MODEL": "openai/x",
            "API_BASE": server.base,
            "RETRIES": 0,
        }
        for name, value in settings.items():
            monkeypatch.setenv(f"METRICS_{name}", str(value))
        monkeypatch.chdir(tmp_path)
        yield found


def test_what_the_model_says_stands_at_its_line_in_every_form_and_never_fails_the_check(project):
    project.server.said = said(FINDING, FINDING | {"code": "other", "field": "nowhere"})

    found = project.findings()

    assert [(one["line"], one["severity"]) for one in found] == [(1, "info"), (4, "warning")] * 2
    assert found[1]["message"] == "the model says: 'goes back' may be a ⟨U+001B⟩[31mpromise⟨U+202E⟩. (S301)"
    assert found[1]["fix"] == "It suggests: Say 'has been sent'."
    done = project.lint()
    assert done.exit_code == 0
    assert "openai/x reviewed 2 of 2 definitions: 0 requests sent, the ledger held 2 answers." in done.stderr
    assert project.lint("--github").stdout.count("title=M701::the model says") == 4
    results = json.loads(project.lint("--sarif").stdout)["runs"][0]["results"]
    assert [result["level"] for result in results] == ["note", "warning"] * 2


def test_a_definition_is_paid_for_once_and_again_only_when_its_words_change(project):
    assert project.findings() == []
    assert project.server.request_count == 2
    project.define("Shoes", "owner: somebody@example.com  # and a comment\n")
    assert project.findings() == []
    assert project.server.request_count == 2
    assert not any("somebody@example.com" in body for body in project.server.bodies)

    project.define("Shoes", "applies_when: Once the shoes were looked at.\n")
    assert project.findings() == []

    assert project.server.request_count == 3
    with Ledger(project.data / "ledger.sqlite") as ledger:
        assert ledger.request_counts() == {"reply": 3}
        # What a review takes says nothing about the price of a verdict.
        assert ledger.seen_calls("openai/x") is None


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        said(1),
        said(FINDING | {"problem": None}),
        said(FINDING | {"problem": " "}),
        json.dumps({"findings": {}}),
        '{"findings": [' + "[" * 50_000,
    ],
)
def test_a_reply_that_cannot_be_read_is_counted_and_said(project, text):
    project.server.said = text

    done = project.lint("--json")

    assert json.loads(done.stdout) == []
    assert done.exit_code == 0
    assert "2 of its replies could not be read: nothing is said of lamps_issued, shoes_issued." in done.stderr


def test_a_reply_in_a_code_fence_with_endless_findings_of_endless_length_is_cut(project):
    endless = FINDING | {"problem": "x " * 1_000, "code": "Z1"}
    project.server.said = f"```json\n{said(*[endless] * 50)}\n```"

    found = project.findings()

    assert [one["severity"] for one in found] == ["info"] * 2
    assert all(len(str(one["message"])) < 400 for one in found)


@pytest.mark.parametrize(("fault", "says"), [("500", "HTTP 500"), ("401", "the key was not accepted")])
def test_a_model_that_does_not_answer_is_said_and_the_rest_of_lint_stands(project, fault, says):
    (project.definitions / "weak_one.yaml").write_text(
        'name: "Lamp"\ntype: boolean\ndefinition: Lamp metric.\ntrue_when: It is.\nfalse_when: It is not.\ngood: true\n'
    )
    project.server.fault = fault

    done = project.lint("--json")

    assert done.exit_code == 0
    assert "O202" in {found["code"] for found in json.loads(done.stdout)}
    assert "Not reviewed: lamps_issued, shoes_issued, weak_one." in done.stderr
    assert says in done.stderr
    # A failure is no reply: the next review asks again.
    project.server.fault = ""
    assert "reviewed 3 of 3 definitions: 3 requests" in project.lint("--json").stderr


def test_a_budget_stops_the_review_and_the_next_one_goes_on(project, monkeypatch):
    monkeypatch.setenv("METRICS_BUDGET_REQUESTS", "1")
    monkeypatch.setenv("METRICS_CONCURRENCY", "1")

    assert "The budget of 1 request is used up" in project.lint().stderr
    assert "reviewed 2 of 2 definitions: 1 request sent, the ledger held 1 answer" in project.lint().stderr


def test_more_than_a_thousand_requests_ask_first(project):
    for number in range(1_000):
        project.define(f"Thing{number}")

    with pytest.raises(SettingsError, match="would send 1,002 requests"):
        project.lint()
    assert project.server.request_count == 0


def test_without_a_model_it_says_what_to_set_and_the_baseline_reviews_nothing(project, monkeypatch):
    monkeypatch.setenv("METRICS_MODEL", "baseline")
    done = project.lint()
    assert done.exit_code == 0
    assert "the baseline is no language model and reviews nothing" in done.stderr
    assert not project.data.exists()

    monkeypatch.delenv("METRICS_MODEL")
    with pytest.raises(SettingsError, match="Set METRICS_MODEL") as error:
        project.lint()
    assert error.value.exit_code == 2


def test_a_damaged_ledger_costs_the_review_and_not_the_rest(project):
    project.data.mkdir()
    (project.data / "ledger.sqlite").write_bytes(b"no ledger" * 1_000)

    done = project.lint("--json")

    assert done.exit_code == 0
    assert "the model's review is left out" in done.stderr
    assert project.server.request_count == 0


def test_a_file_may_excuse_itself_from_the_model_with_and_without_one(project):
    project.server.said = said(FINDING)
    (project.definitions / "lamps_issued.yaml").unlink()
    (project.definitions / "shoes_issued.yaml").write_text(
        "# lint: ignore M701: weighed and left\n" + DEFINITION.format(name="Shoes")
    )

    assert json.loads(project.lint("--json").stdout) == []
    assert json.loads(CliRunner().invoke(cli, ["lint", "--json"]).stdout) == []
