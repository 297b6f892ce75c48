"""With `log_format = json` a run says what it does as lines of JSON, and nothing that nobody should read."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from exports import raw, write
from model_server import model_server
from nightly_project import night, project
from pydantic import SecretStr

from metrics_pipeline.defs.json_console import json_console
from metrics_pipeline.errors import LandingError
from metrics_pipeline.logs import event, log_to_stderr, logger
from metrics_pipeline.stages import measured

SAID, SECRET = "the-planted-word", "sk-very-secret"


@pytest.fixture(autouse=True)
def quiet_again():
    yield
    log_to_stderr("text")
    logger.setLevel(logging.NOTSET)


def lines(capsys) -> list[dict]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize("fault", ["", "500"])
def test_a_run_is_told_in_figures_without_a_transcript_or_a_secret(tmp_path, capsys, fault):
    turns = [{"user_input": SAID, "agent_response": SAID}]
    log_to_stderr("json")
    with model_server(fault) as server:
        settings = project(tmp_path, model="openai/x", api_base=server.base, retries=0, api_key=SecretStr(SECRET))
        write(settings.landing_folder / "b.json", raw(99, turns=turns, num_turns=2), f'{{"id": "{SAID}')
        with measured("judge", []):
            night(settings)
        assert any(SAID in body for body in server.bodies)
        assert server.keys == {f"Bearer {SECRET}"}
    err = capsys.readouterr().err
    told = [json.loads(line) for line in err.splitlines()]

    assert [word for word in (SAID, SECRET) if word in err] == []
    assert [one["event"] for one in told] == ["stage_began", "landed", "judged", "judged", "stage_ended"]
    landed, judged = told[1], told[2]
    assert (landed["kept_count"], landed["quarantined_count"], landed["level"]) == (11, 1, "info")
    assert (judged["metric"], judged["open_count"] > 0) == ("answer_given", bool(fault))


def test_as_text_no_event_stands_among_what_is_said_whatever_a_library_does_with_the_root_logger(capsys):
    log_to_stderr("text")
    heard = logging.StreamHandler(sys.stderr)
    logging.getLogger().addHandler(heard)
    try:
        event("failed", logging.ERROR)
    finally:
        logging.getLogger().removeHandler(heard)
    assert capsys.readouterr().err == ""


def test_an_error_that_is_not_ours_is_told_by_its_kind_alone(capsys):
    log_to_stderr("json")
    for error in (LandingError("There is nothing to land."), ValueError(SAID)):
        try:
            raise error
        except Exception:
            logger.exception("ended")
    assert [(one["error"], one.get("message")) for one in lines(capsys)] == [
        ("LandingError", "There is nothing to land."),
        ("ValueError", None),
    ]


def test_as_text_nothing_is_logged(capsys):
    log_to_stderr("json")
    log_to_stderr("text")
    event("landed", logging.ERROR)
    assert capsys.readouterr().err == ""


def test_a_command_that_fails_ends_with_a_line_of_json(tmp_path):
    metrics = str(Path(sys.executable).with_name("metrics"))
    environment = {"METRICS_LOG_FORMAT": "json", "METRICS_DATA": str(tmp_path / "data")}
    done = subprocess.run([metrics, "run"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    (line,) = done.stderr.splitlines()
    assert (done.returncode, json.loads(line)["event"], json.loads(line)["error"]) == (2, "failed", "SettingsError")


@dg.op(config_schema={"ours": bool})
def fail(context) -> None:
    context.log.info("figures alone")
    raise LandingError("There is nothing to land.") if context.op_config["ours"] else ValueError(SAID)


@pytest.mark.parametrize(("ours", "why"), [(True, "There is nothing to land."), (False, None)])
def test_dagsters_own_log_is_lines_of_json_as_well(capsys, ours, why):
    @dg.job(logger_defs={"console": json_console})
    def lake() -> None:
        fail()

    config = {"loggers": {"console": {"config": {}}}, "ops": {"fail": {"config": {"ours": ours}}}}
    lake.execute_in_process(run_config=config, instance=dg.DagsterInstance.ephemeral(), raise_on_error=False)
    err = capsys.readouterr().err
    told = [json.loads(line) for line in err.splitlines()]

    assert SAID not in err
    assert {one["job"] for one in told} == {"lake"}
    assert [one["message"] for one in told if one["event"] == "message"] == ["figures alone"]
    failure = next(one for one in told if one["event"] == "step_failure")
    assert (failure["step"], failure["error"], failure.get("why")) == (
        "fail",
        "LandingError" if ours else "ValueError",
        why,
    )
