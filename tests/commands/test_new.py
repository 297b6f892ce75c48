"""`metrics new`: from a few answers to a definition file that loads."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from metrics_pipeline.cli import cli
from metrics_pipeline.errors import SettingsError
from metrics_pipeline.metrics.loading import load_definition

PARKING = ["--name", "Parking: asked about", "--definition", "The caller asked about parking."]
CONDITIONS = ["--true-when", "The caller asked: what does it cost?", "--false-when", "No"]
BOOLEAN = [*PARKING, "--type", "boolean", *CONDITIONS]


def new(folder: Path, *arguments: str):
    return CliRunner().invoke(cli, ["new", *arguments, "--folder", str(folder)])


def refusal(result) -> str:
    assert isinstance(result.exception, SettingsError), result.output
    assert result.exception.exit_code == 2
    return str(result.exception)


def test_a_boolean_is_written_as_a_draft(tmp_path):
    result = new(tmp_path, "parking_asked", *BOOLEAN, "--good", "--owner", "me@example.com")

    assert result.exit_code == 0
    assert "It is a draft" in result.stdout
    metric = load_definition(tmp_path / "parking_asked.yaml")
    assert (metric.status, metric.good, metric.owner) == ("draft", True, "me@example.com")
    assert (metric.true_when, metric.false_when) == ("The caller asked: what does it cost?", "No")


def test_a_categorical_has_its_labels_from_its_flags(tmp_path):
    labels = [
        "--label",
        "booked=It said: booked:success",
        "--label",
        "lost=It did not book.:failure",
        "--label",
        "no=Else",
    ]

    result = new(tmp_path, "room", *PARKING, "--type", "categorical", *labels, "--status", "active")

    assert result.exit_code == 0, result.exception
    found = [(label.name, label.when, label.outcome) for label in load_definition(tmp_path / "room.yaml").labels]
    assert found == [
        ("booked", "It said: booked", "success"),
        ("lost", "It did not book.", "failure"),
        ("no", "Else", "neutral"),
    ]


@pytest.mark.parametrize(
    ("flags", "source"), [(["--number", "turn_count"], "rule"), (["--logged", "seconds_waited"], "logged")]
)
def test_a_numeric_is_counted_or_logged(tmp_path, flags, source):
    result = new(tmp_path, "wait", *PARKING, "--type", "numeric", *flags, "--bad")

    assert result.exit_code == 0, result.exception
    metric = load_definition(tmp_path / "wait.yaml")
    assert (metric.primary_source, metric.good) == (source, "down")


def test_without_a_terminal_what_is_missing_is_named_in_one_sentence(tmp_path):
    assert refusal(new(tmp_path, "parking_asked", *PARKING, "--type", "boolean")).startswith(
        "--true-when, --false-when:"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_stays_as_it_is(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "parking_asked.yml").write_text("mine")

    assert "is there already" in refusal(new(tmp_path, "parking_asked", *BOOLEAN))
    assert [path.name for path in tmp_path.iterdir()] == ["below"]


def test_a_folder_is_made_where_its_parent_is_and_said_and_refused_where_it_is_not(tmp_path):
    made = new(tmp_path / "fresh", "parking_asked", *BOOLEAN)
    assert f"made       {tmp_path / 'fresh'}, a new folder" in made.stdout
    assert "made " not in new(tmp_path / "fresh", "other", *BOOLEAN, "--name", "Other").stdout

    assert "is not a folder. Correct --folder" in refusal(new(tmp_path / "no" / "where", "parking_asked", *BOOLEAN))
    assert not (tmp_path / "no").exists()


def test_a_name_that_another_metric_has_is_refused(tmp_path):
    new(tmp_path, "parking_asked", *BOOLEAN)

    assert "is taken by the metric parking_asked" in refusal(new(tmp_path, "parking_again", *BOOLEAN))


@pytest.mark.parametrize("key", ["Parking", "parking asked", "1st", "../parking", "parking\n", ""])
def test_a_key_that_cannot_be_one_is_refused(tmp_path, key):
    assert "cannot be a key" in refusal(new(tmp_path, key, *BOOLEAN))


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--type", "number"], "--type number: is none of boolean, categorical, numeric."),
        (["--type", "boolean", "--status", "live"], "--status live: is none of draft, active."),
        (["--type", "categorical", "--label", "a=One"], "needs labels, two at least"),
        (["--type", "categorical", "--label", "a=One:sucess", "--label", "b=Two"], "'sucess' is none of"),
        (["--type", "categorical", "--label", "a"], "write it like"),
        (["--type", "numeric", "--number", "words"], "must be one of"),
        (["--type", "numeric", "--number", "turn_count", "--true-when", "x"], "no true_when"),
    ],
)
def test_what_does_not_fit_together_is_explained_and_nothing_is_written(tmp_path, flags, said):
    assert said in refusal(new(tmp_path, "room", *PARKING, *flags))
    assert list(tmp_path.iterdir()) == []


def test_the_new_file_names_the_schema_that_stands_beside_it(tmp_path):
    CliRunner().invoke(cli, ["schema", "--to", str(tmp_path / "definition.schema.json")])
    new(tmp_path, "parking_asked", *BOOLEAN)

    assert (tmp_path / "parking_asked.yaml").read_text().startswith("# yaml-language-server: $schema=definition")


def at_a_terminal(folder: Path, typed: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    ours, theirs = pty.openpty()
    code = "from metrics_pipeline.cli import main; main()"
    os.write(ours, typed.encode())
    command = [sys.executable, "-c", code, "new", *arguments, "--folder", str(folder)]
    done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, timeout=60)
    os.close(ours)
    os.close(theirs)
    return done


def test_at_a_terminal_it_asks_for_what_is_missing_and_again_for_what_cannot_be(tmp_path):
    new(tmp_path, "taken", *BOOLEAN)
    answers = ["{room}", "parking: ASKED about", "Room: outcome", "category", "categorical", "How far it got."]
    answers += [
        "",
        "yes=A room was booked:success",
        "yes",
        "A room was booked.",
        "",
        "success",
        "",
        "YES",
        "undecided",
        "no",
        "None was.",
        "failed",
        "failure",
    ]

    done = at_a_terminal(tmp_path, "\n".join([*answers, "", ""]), "room")

    assert done.returncode == 0, done.stderr
    assert "it looks like code or a path" in done.stdout
    assert "'parking: ASKED about' is taken by the metric taken: another one, please." in done.stdout
    assert "one of boolean, categorical, numeric, please." in done.stdout
    assert "the name alone: what makes it so is asked next, please." in done.stdout
    assert "one of success, partial, failure, neutral, please." in done.stdout
    assert "'YES' is taken by a label above" in done.stdout
    metric = load_definition(tmp_path / "room.yaml")
    assert (metric.name, metric.definition, metric.answers) == ("Room: outcome", "How far it got.", ("yes", "no"))
    assert metric.outcomes == {"yes": "success", "no": "failure"}


def test_at_a_terminal_a_number_may_be_a_logged_one(tmp_path):
    done = at_a_terminal(tmp_path, "numeric\nlogged\nseconds_waited\n", "wait", *PARKING)

    assert done.returncode == 0, done.stderr
    assert load_definition(tmp_path / "wait.yaml").logged.metric == "seconds_waited"


def test_who_ends_the_questions_is_told_that_nothing_was_written(tmp_path):
    done = at_a_terminal(tmp_path, "boolean\n\x04", "parking_asked", *PARKING)

    assert done.returncode == 130
    assert done.stderr.endswith("metrics: stopped. Nothing was written.\n")
    assert list(tmp_path.iterdir()) == []
