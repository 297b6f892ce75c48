"""`metrics ledger` shows, checks, copies and restores what was paid for."""

from __future__ import annotations

import json

import pytest
from analyst import DEFINITION, Project


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    made = Project(tmp_path_factory.mktemp("project"))
    made.define(DEFINITION)
    made.run("preview", "result_given", "--sample", "20")
    return made


def test_figures_checks_and_a_smaller_file(project):
    assert json.loads(project.run("ledger", "stats", "--json"))["judges"][0]["judge"] == "baseline"
    assert "BY METRIC\n  result_given" in project.run("ledger", "stats")
    found = json.loads(project.run("ledger", "verify", "--json"))
    assert found["problems"] == []
    assert found["replies"] == found["requests"] > 0
    assert "MB now; failures dropped: 0" in project.run("ledger", "compact")


def test_a_copy_restores_a_lost_ledger_and_a_folder_that_is_there_is_not_written_over(project):
    count = json.loads(project.run("ledger", "export", "copy", "--json"))["requests"]
    assert "copy: is there already" in project.run("ledger", "export", "copy", code=1)
    (project.data / "ledger.sqlite").unlink()
    assert "there is no ledger" in project.run("ledger", "stats", code=1)
    assert json.loads(project.run("ledger", "import", "copy", "--json")) == {
        "requests": count,
        "replies": count,
        "known": 0,
    }
    assert "0 requests sent" in project.run("preview", "result_given", "--sample", "20")


def test_a_ledger_that_is_not_whole_is_named_and_the_command_fails(project):
    from metrics_pipeline.evaluation.ledger import Ledger

    with Ledger(project.data / "ledger.sqlite") as ledger:
        ledger.connection.db.execute("delete from replies")
        ledger.connection.db.execute("delete from reply_blocks")
    said = project.run("ledger", "verify", code=1)
    assert "Replies that are not there or cannot be read" in said
    assert "is not whole. Put a good copy in its place" in said
