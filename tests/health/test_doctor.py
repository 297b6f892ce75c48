"""`metrics doctor` finds what would spoil a night, says what to do, and leaves everything as it is."""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from conversations_server import TOKEN, conversations_server
from exports import raw
from model_server import model_server
from nightly_project import night, project
from older_ledgers import write_older
from pydantic import SecretStr
from read_only import read_only, unreadable
from typer.testing import CliRunner

from metrics_pipeline.cli import cli
from metrics_pipeline.defs.home import open_home
from metrics_pipeline.defs.nights_seen import nights_seen
from metrics_pipeline.evaluation.bookkeeping.exchange import write_copy
from metrics_pipeline.evaluation.ledger import Ledger
from metrics_pipeline.health.doctor import examine
from metrics_pipeline.health.examined import Examined
from metrics_pipeline.health.examined_servers import clock_of_servers
from metrics_pipeline.settings import Settings

SECRET = "sk-very-secret"


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    return project(tmp_path)


def look(settings: Settings, offline: bool = False) -> list[Examined]:
    now = datetime.now(UTC)
    return list(examine(settings, lambda: nights_seen(settings, (), now), now, offline))


def bad(settings: Settings, offline: bool = False) -> list[tuple[str, str]]:
    return [(one.name, one.state) for one in look(settings, offline) if one.state != "ok"]


def test_a_new_project_and_one_after_a_night_are_fine_and_nothing_is_written(settings):
    assert bad(settings) == []
    night(settings)
    before = {path: path.stat().st_size for path in settings.data.rglob("*")}
    assert bad(settings) == []
    assert {path: path.stat().st_size for path in settings.data.rglob("*")} == before


def test_a_model_that_answers_costs_one_request_of_one_token_and_offline_none(settings):
    with model_server() as server:
        server.said = "yes"
        asked = settings.model_copy(
            update={"model": "openai/first", "second_model": "openai/second", "api_base": server.base}
        )
        assert bad(asked, offline=True) == []
        assert server.request_count == 0
        assert [one.said for one in look(asked) if "model" in one.name] == [
            "an answer from openai/first, served by served-model",
            "an answer from openai/second, served by served-model",
        ]
        assert {json.loads(body)["max_tokens"] for body in server.bodies} == {1}
        assert server.request_count == 2


@pytest.mark.parametrize(("fault", "state"), [("401", "fail"), ("500", "fail"), ("hang", "fail"), ("400", "warn")])
def test_a_model_that_does_not_answer_is_said_without_its_key(settings, fault, state):
    with model_server(fault) as server:
        asked = {
            "model": "openai/x",
            "api_base": server.base,
            "api_key": SecretStr(SECRET),
            "call_timeout_seconds": 0.5,
        }
        found = look(settings.model_copy(update=asked))
        assert [(one.name, one.state) for one in found if one.state != "ok"] == [("model", state)]
        assert server.keys == {f"Bearer {SECRET}"}
    assert SECRET not in str(found)


@pytest.mark.parametrize(
    ("token", "expected"), [(TOKEN, []), ("another", [("pull", "fail")]), (None, [("pull", "fail")])]
)
def test_the_platform_is_asked_for_one_conversation_with_the_token(settings, token, expected):
    with conversations_server([raw(1)]) as server:
        pulls = {"pull_url": server.url, "pull_account": "acme", "pull_project": "hotel one"}
        pulls["pull_token"] = token and SecretStr(token)
        assert bad(settings.model_copy(update=pulls)) == expected
        assert bad(settings.model_copy(update=pulls), offline=True) == ([] if token else expected)
        assert {request.get("limit") for request in server.requests} <= {"1", None}


class Late(BaseHTTPRequestHandler):
    """A server whose clock is two minutes late."""

    signed_in: ClassVar[list[str | None]] = []

    def do_HEAD(self) -> None:
        self.signed_in.append(self.headers.get("Authorization"))
        self.send_response(404)
        self.end_headers()

    def date_time_string(self, timestamp: float | None = None) -> str:
        return super().date_time_string(time.time() - 120)

    def log_message(self, *_: object) -> None:
        pass


def test_a_server_with_another_clock_is_named(settings):
    server = HTTPServer(("127.0.0.1", 0), Late)
    threading.Thread(target=server.handle_request, daemon=True).start()
    asked = settings.model_copy(update={"api_base": f"http://me:secret@127.0.0.1:{server.server_port}/v1?key=secret"})
    found = list(clock_of_servers(asked, datetime.now(UTC), offline=False))
    server.server_close()
    assert [(one.state, one.said.partition(" s ")[2]) for one in found] == [("warn", "behind this machine")]
    assert "secret" not in str(found)
    assert Late.signed_in == [None]


def test_a_folder_that_cannot_be_written_or_read_is_named(settings):
    night(settings)
    (settings.data / "published").mkdir()
    with read_only(settings.data / "published"):
        found = [one for one in look(settings) if one.state == "fail"]
    assert [one.said for one in found] == [f"{settings.data / 'published'} cannot be written (Permission denied)"]
    with unreadable(settings.landing_folder):
        assert bad(settings) == [("landing", "fail")]
    with unreadable(settings.landing_folder / "a.json"):
        assert bad(settings) == [("landing", "fail")]


def test_who_holds_a_lock_is_named_and_one_held_too_long_is_a_warning(settings):
    night(settings)
    lock = settings.data / "landed" / ".lock"
    with lock.open("wb") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        held = next(one for one in look(settings) if one.name == "locks")
        assert (held.state, f"held by process {os.getpid()}" in held.said) == ("ok", True)
        day_ago = datetime.now(UTC).timestamp() - 86_400
        os.utime(lock, (day_ago, day_ago))
        assert bad(settings) == [("locks", "warn")]
    assert bad(settings) == []


def test_a_claim_of_a_killed_process_is_a_warning_and_one_that_lives_is_not(settings):
    night(settings)
    with Ledger(settings.data / "ledger.sqlite") as ledger:
        assert ledger._processes.own_id
        assert bad(settings) == []
        (Path(ledger._processes._folder) / ("0" * 32)).touch()
        assert bad(settings) == [("claims", "warn")]
        (Path(ledger._processes._folder) / ("0" * 32)).unlink()


def test_a_ledger_that_is_older_or_damaged_is_said(settings, tmp_path):
    night(settings)
    path = settings.data / "ledger.sqlite"
    sound = path.read_bytes()
    with Ledger(path) as ledger:
        write_copy(ledger.connection, ledger.names, tmp_path / "copy")
    path.unlink()
    write_older(tmp_path / "copy", path, 3)
    assert bad(settings) == [("ledger", "warn")]
    path.write_bytes(sound[:8192] + b"\xff" * 4096 + sound[12288:])
    assert ("ledger", "fail") in bad(settings)


def test_dagsters_home_its_schedule_and_its_daemon_are_looked_at(settings, monkeypatch):
    with open_home(settings):
        pass
    assert bad(settings) == [("schedule", "warn"), ("daemon", "warn")]
    monkeypatch.setenv("DAGSTER_HOME", "relative/home")
    assert bad(settings) == [("dagster home", "fail")]


def test_an_address_of_a_message_that_nobody_understands_is_said_by_its_number(settings, capfd, caplog):
    addresses = (SecretStr("json://127.0.0.1:9/very-secret"), SecretStr("nothing://very-secret"))
    found = [one for one in look(settings.model_copy(update={"notify_urls": addresses})) if one.name == "notify"]
    assert [(one.state, "number 2" in one.said, "very-secret" in one.said) for one in found] == [("fail", True, False)]
    assert "very-secret" not in caplog.text + "".join(capfd.readouterr())


def test_the_command_prints_a_line_for_each_and_its_exit_code_tells_a_monitor(settings):
    environment = {"METRICS_DATA": str(settings.data), "METRICS_DEFINITIONS": str(settings.definitions)}
    done = CliRunner().invoke(cli, ["doctor"], env=environment)
    assert (done.exit_code, done.output.splitlines()[-1].endswith("0 warn, 0 fail")) == (0, True)
    (settings.definitions / "price_given.yaml").write_text("name: [broken\n")
    done = CliRunner().invoke(cli, ["doctor", "--json"], env=environment | {"METRICS_MODLE": "x"})
    states = {one["name"]: one["state"] for one in json.loads(done.stdout)}
    assert (done.exit_code, states["definitions"], states["settings"]) == (1, "fail", "warn")
    done = CliRunner().invoke(cli, ["doctor"], env=environment | {"METRICS_RETRIES": "many"})
    assert done.exception.exit_code == 2
