"""Where a setting comes from, and what is said when it cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from metrics_pipeline.cli import cli
from metrics_pipeline.data_folder import data_folder_to_read, open_data_folder
from metrics_pipeline.errors import DataFolderError, SettingsError
from metrics_pipeline.settings import load_settings, origins, unknown_variables


def test_an_option_wins_over_the_environment_that_over_the_file_and_that_over_the_default(tmp_path):
    (tmp_path / "metrics.toml").write_text('model = "from/file"\ngroup_size = 2\nconcurrency = 3\n')
    environment = {"METRICS_MODEL": "from/environment", "METRICS_GROUP_SIZE": "4", "METRICS_TIMEZONE": ""}

    settings = load_settings({"model": "from/option", "landing": None}, environment, tmp_path)
    where = origins({"model": "from/option", "landing": None}, environment, tmp_path)

    assert (settings.model, settings.group_size, settings.concurrency) == ("from/option", 4, 3)
    assert (settings.timezone, settings.landing) == ("UTC", None)
    assert [where[name] for name in ("model", "group_size", "concurrency", "timezone")] == [
        "option",
        "environment",
        "file",
        "default",
    ]


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"METRICS_CONCURRENCY": "many"}, "METRICS_CONCURRENCY in the environment"),
        ({"METRICS_CONCURRENCY": "0"}, "METRICS_CONCURRENCY in the environment: must be 1 or more."),
        (
            {"METRICS_CALL_TIMEOUT_SECONDS": "nan"},
            "METRICS_CALL_TIMEOUT_SECONDS in the environment: must be more than 0",
        ),
        ({"METRICS_BUDGET_REQUESTS_BY_METRIC": '{"asked": -1}'}, "in the environment, asked: must be 0 or more"),
        ({"METRICS_RETRIES": "1.5"}, "must be a whole number, like 20"),
        ({"METRICS_SECOND_SHARE": "half"}, "must be a number, like 20 or 0.5"),
        ({"METRICS_RECORD_TRANSCRIPTS": "perhaps"}, "must be true or false"),
        ({"METRICS_FIRST_DAY": "soon"}, "must be a day, written like 2026-09-30"),
        ({"METRICS_REDACT_PATTERNS": "[1]"}, "must be a table of names and values"),
        ({"METRICS_CLIENT": "curl"}, "must be one of 'auto', 'litellm' or 'openai'"),
        ({"METRICS_TIMEZONE": "Mars/Base"}, "'Mars/Base' is not a time zone"),
        ({"METRICS_DATA": "/tmp/a*b"}, "must not contain '*'"),
        (
            {"METRICS_LINT_SYNONYMS": "guest"},
            "METRICS_LINT_SYNONYMS in the environment: each group needs two different words",
        ),
        ({"METRICS_PULL_URL": "http://example.com"}, "METRICS_PULL_URL in the environment: must begin with https://"),
        ({"METRICS_PULL_URL": "https://user:word@example.com"}, "write the server's address alone"),
        ({"METRICS_PULL_URL": "example.com"}, "write the server's address alone"),
        ({"METRICS_PULL_TOKEN": "secret\nword"}, "METRICS_PULL_TOKEN in the environment: holds a space"),
        (
            {"METRICS_RETENTION_DAYS": "99999999999"},
            "METRICS_RETENTION_DAYS in the environment: must be 36,525 or less",
        ),
        (
            {"METRICS_PULL_OVERLAP_HOURS": "inf"},
            "METRICS_PULL_OVERLAP_HOURS in the environment: must be 876,600 or less",
        ),
        ({"METRICS_LINT_SYNONYMS": "guest, visitor,"}, "each of letters"),
        (
            {"METRICS_CHECKS": '{"error": "block"}'},
            "METRICS_CHECKS in the environment: no such check: error (did you mean errors?). Correct it",
        ),
        ({"METRICS_CHECKS": '{"errors": "loud"}'}, "METRICS_CHECKS in the environment, errors: must be one of 'warn'"),
        ({"METRICS_CHECKS": "errors=block"}, 'is not JSON; write it like {"errors": "block"}'),
        (
            {"METRICS_CHECK_LIMITS": '{"errors": 5}'},
            "METRICS_CHECK_LIMITS in the environment: errors = 5 is not from 0 to 1 (share of a day's judged",
        ),
    ],
)
def test_a_value_that_cannot_be_used_names_where_it_came_from(tmp_path, environment, says):
    with pytest.raises(SettingsError) as error:
        load_settings(environment=environment, folder=tmp_path)
    assert says in str(error.value)
    assert error.value.exit_code == 2
    assert "word" not in str(error.value).replace("two different words", "")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("colour = 1", "no such setting: colour. The settings are data"),
        ("modle = 1", r"no such setting: modle. Did you mean model or mode\?"),
        ("a = [", "cannot be read"),
    ],
)
def test_a_file_of_settings_that_cannot_be_used_says_why(tmp_path, text, says):
    (tmp_path / "metrics.toml").write_text(text)
    with pytest.raises(SettingsError, match=says):
        load_settings(environment={}, folder=tmp_path)


def test_a_variable_that_is_no_setting_is_named_with_the_one_that_it_is_nearest_to():
    said = unknown_variables({"METRICS_MODLE": "x", "METRICS_WHATEVER_ELSE": "y", "METRICS_MODEL": "z", "PATH": "p"})

    assert said == "not a setting, and not read: METRICS_MODLE (did you mean METRICS_MODEL?), METRICS_WHATEVER_ELSE"
    assert unknown_variables({"METRICS_MODEL": "z", "PATH": "p"}) is None


def test_a_command_says_once_what_it_does_not_read_and_goes_on(monkeypatch):
    monkeypatch.setenv("METRICS_MODLE", "x")

    done = CliRunner().invoke(cli, ["lint", "--explain", "O203"])

    assert done.exit_code == 0
    assert done.stderr == "note: not a setting, and not read: METRICS_MODLE (did you mean METRICS_MODEL?)\n"


def test_synonyms_are_lists_in_the_file_and_set_apart_by_signs_in_the_environment(tmp_path):
    (tmp_path / "metrics.toml").write_text('lint_synonyms = [["guest", "Visitor"], ["room", "suite"]]')
    environment = {"METRICS_LINT_SYNONYMS": "order, purchase; agent,rep"}

    assert load_settings({}, {}, tmp_path).lint_synonyms == (("guest", "visitor"), ("room", "suite"))
    assert load_settings({}, environment, tmp_path).lint_synonyms == (("order", "purchase"), ("agent", "rep"))


def test_paths_are_absolute_also_by_default(tmp_path):
    settings = load_settings({"definitions": Path("defs")}, {}, tmp_path)
    assert settings.data.is_absolute()
    assert settings.definitions.is_absolute()


def test_a_data_folder_of_another_version_is_refused_and_left_alone(tmp_path):
    (tmp_path / "format").write_text("999\n")
    with pytest.raises(DataFolderError, match="made by another version"):
        open_data_folder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["format"]


def test_a_data_folder_that_is_a_file_is_wrong_usage(tmp_path):
    (tmp_path / "data").write_text("a file")
    for opened in (open_data_folder, data_folder_to_read):
        with pytest.raises(SettingsError, match="is a file, not a data folder. Set METRICS_DATA"):
            opened(tmp_path / "data")


def test_a_data_folder_that_cannot_be_written_ends_in_a_sentence(tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(DataFolderError, match="cannot be written or read"):
        open_data_folder(tmp_path / "data" / "below")


def test_the_budgets_of_metrics_are_a_table_in_the_file_or_json_in_the_environment(tmp_path):
    (tmp_path / "metrics.toml").write_text("[budget_requests_by_metric]\nauth_verified = 5000\n")
    environment = {"METRICS_BUDGET_DOLLARS_BY_METRIC": '{"auth_verified": 2.5}'}

    settings = load_settings(environment=environment, folder=tmp_path)

    assert settings.budget_requests_by_metric == {"auth_verified": 5000}
    assert settings.budget_dollars_by_metric == {"auth_verified": 2.5}
    for wrong in ("auth_verified=3", '{"auth_verified": -1}'):
        with pytest.raises(SettingsError, match="METRICS_BUDGET_DOLLARS_BY_METRIC in the environment"):
            load_settings(environment={"METRICS_BUDGET_DOLLARS_BY_METRIC": wrong}, folder=tmp_path)
