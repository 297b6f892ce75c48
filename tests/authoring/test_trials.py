"""Preview, diff and estimate as an analyst meets them: what they show, what they cost, and what they leave alone."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from exports import raw, write
from model_server import model_server

METRICS = Path(sys.executable).with_name("metrics")
DEFINITION = """\
name: "Result: given"
type: boolean
definition: The agent gave an answer.
true_when: The agent said an answer.
false_when: The agent gave none.
good: true
"""


class Project:
    def __init__(self, root: Path) -> None:
        self.root, self.data, self.definitions = root, root / "data", root / "definitions"
        self.definitions.mkdir()
        write(root / "landing" / "a.jsonl", *(raw(number) for number in range(40)))
        self.define(DEFINITION)

    def define(self, text: str, key: str = "result_given") -> None:
        (self.definitions / f"{key}.yaml").write_text(text)

    def run(self, *arguments: str, code: int = 0, **settings: str) -> str:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("METRICS_")}
        folders = {"data": str(self.data), "definitions": str(self.definitions), "landing": str(self.root / "landing")}
        named = {f"METRICS_{name.upper()}": value for name, value in (folders | settings).items()}
        command = [str(METRICS), *arguments]
        done = subprocess.run(command, cwd=self.root, env=kept | named, capture_output=True, text=True)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code == 0 else done.stdout + done.stderr

    def published(self) -> dict[str, str]:
        folders = (self.data / "verdicts", self.data / "published", self.data / "metric_days")
        files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture
def project(tmp_path):
    found = Project(tmp_path)
    found.run("run")
    return found


def test_a_preview_of_a_draft_publishes_nothing_and_going_live_pays_nothing_again(project):
    project.define(DEFINITION.replace("Result: given", "Reply") + "status: draft\n", "reply")
    before = project.published()
    with model_server() as server:
        model = {"model": "openai/x", "api_base": server.base}
        shown = json.loads(project.run("preview", "reply", "--sample", "25", "--json", **model))
        asked = set(server.bodies)

        assert shown["states"]["answered"] == 25 == server.request_count
        assert shown["tally"]["requests"] == 25
        assert shown["backfill"]["requests"] == 15
        assert project.published() == before
        # Again: the same conversations, and nothing is paid.
        again = json.loads(project.run("preview", "reply", "--sample", "25", "--json", **model))
        assert again["tally"]["requests"] == 0
        assert again["shown"] == shown["shown"]

        project.define(DEFINITION.replace("Result: given", "Reply"), "reply")
        (project.definitions / "result_given.yaml").unlink()
        live = json.loads(project.run("run", "--from", "2026-09-01", "--json", **model))

        assert live["requests"] == 15
        assert len(asked) == 25
        assert max(server.bodies.values()) == 1


def test_a_diff_counts_the_flips_and_takes_old_answers_from_the_ledger(project):
    project.run("run", "--from", "2026-09-01")
    turned = DEFINITION.replace("The agent said an answer.", "A song was sung.")
    turned = turned.replace("The agent gave an answer.", "Music was heard.")
    project.define(turned.replace("The agent gave none.", "The agent gave an answer."))

    found = json.loads(project.run("diff", "--sample", "30", "--json"))

    (metric,) = found["metrics"]
    assert found["sample_count"] == metric["compared_count"] == 30
    assert metric["held_count"] == 30
    assert found["tally"]["requests"] == 30
    flips = sum(metric["directions"].values())
    assert flips > 0
    assert metric["change"]["gained_count"] + metric["change"]["lost_count"] <= flips
    assert f"more than --max-flips {flips - 1}" in project.run(
        "diff", "--sample", "30", "--max-flips", str(flips - 1), code=1
    )
    assert project.run("diff", "--sample", "30", "--markdown").startswith(f"### Metrics: 1 changed, {flips} flips")


def test_an_edit_of_the_owner_is_no_difference_to_what_was_put_to_work(project):
    project.define(DEFINITION + "owner: somebody@example.com\n")

    assert project.run("diff") == "no definition differs\n"


def test_a_diff_against_a_revision_needs_one_that_the_repository_has(project):
    def git(*arguments: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        subprocess.run(["git", *who, *arguments], cwd=project.root, check=True, capture_output=True)

    assert "cannot be read at it" in project.run("diff", "--against", "main", code=2)
    git("init", "-q", "-b", "main")
    git("add", "definitions")
    git("commit", "-qm", "first")
    assert project.run("diff", "--against", "main") == "no definition differs\n"

    project.define(DEFINITION + "owner: somebody@example.com\n")
    project.define(DEFINITION.replace("Result: given", "Other"), "other")

    shown = project.run("diff", "--against", "main")
    assert "other: is new" in shown
    assert "result_given: asks what it asked" in shown


def test_an_estimate_is_what_the_run_then_sends(project):
    with model_server() as server:
        model = {"model": "openai/x", "api_base": server.base}
        days = ("--from", "2026-09-01")
        planned = json.loads(project.run("estimate", *days, "--json", **model))
        assert server.request_count == 0

        done = json.loads(project.run("run", *days, "--json", **model))

        assert planned["requests"] == done["requests"] == 40
        assert planned["prompt_tokens"] > 0
        assert planned["dollars"] is None
        assert "0 requests; the ledger holds all 40 answers" in project.run("estimate", *days, **model)


def test_an_example_that_its_judge_gets_wrong_is_named(project):
    right = 'examples:\n  - {transcript: "agent: The answer is yes.", answer: "false"}\n'
    project.define(DEFINITION + right)

    assert "example 1: WRONG, true (the file says false)" in project.run("preview", "result_given", "--sample", "5")


def test_a_page_shows_what_was_said_as_text_and_never_as_markup(project):
    project.define(DEFINITION.replace("The agent gave an answer.", "<script>alert(1)</script> was said."))

    project.run("preview", "result_given", "--html", "page.html")

    page = (project.root / "page.html").read_text()
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "default-src 'none'" in page


def test_a_metric_that_is_not_there_and_a_folder_without_conversations_are_said(tmp_path):
    project = Project(tmp_path)
    assert "no conversation has landed yet" in project.run("preview", "result_given", code=2)
    assert not project.data.exists()
    assert "Did you mean result_given" in project.run("preview", "result_givn", code=2)
