"""The files of `deploy/` are what their programs read, name what is there, and open nothing to the network."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from dockerfile_parse import DockerfileParser

from metrics_pipeline.settings import load_settings

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
INSTALLED = "/opt/metrics-pipeline"
UNITS = ("metrics-daemon.service", "metrics-web.service")


class Unit(configparser.ConfigParser):
    """A unit file: its keys as they are written, the last of a key that stands twice."""

    def __init__(self, path: Path) -> None:
        super().__init__(interpolation=None, strict=False)
        self.optionxform = str
        self.read_string(path.read_text())


def program(command: str) -> str:
    """The program of a command line, as a file of this checkout."""
    return command.split()[0].removeprefix(f"{INSTALLED}/")


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_runs_what_is_there_as_a_user_of_its_own(name):
    service = Unit(DEPLOY / name)["Service"]
    commands = [service[key] for key in ("ExecStartPre", "ExecStart") if key in service]
    for command in commands:
        assert shutil.which(program(command).removeprefix(".venv/bin/"), path=Path(sys.executable).parent)
        for word in command.split()[1:]:
            if word.startswith(INSTALLED):
                assert (ROOT / word.removeprefix(f"{INSTALLED}/")).exists()
    assert (service["User"], service["ProtectSystem"], service["NoNewPrivileges"]) == ("metrics", "strict", "yes")
    assert service["ReadWritePaths"].split() == ["/var/lib/metrics", f"{INSTALLED}/dbt_project"]


@pytest.mark.parametrize("name", UNITS)
def test_systemd_takes_a_unit(name, tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here: it comes with systemd")
    # Programs that are there, and a user that is: else it says of those that they are missing.
    text = (
        (DEPLOY / name)
        .read_text()
        .replace(f"{INSTALLED}/.venv/bin/", "/bin/true ")
        .replace("User=metrics", "User=daemon")
    )
    (tmp_path / name).write_text(text)
    done = subprocess.run(["systemd-analyze", "verify", tmp_path / name], capture_output=True, text=True)
    assert (done.returncode, [line for line in done.stderr.splitlines() if name in line]) == (0, [])


def test_the_web_server_listens_on_loopback_alone():
    assert "--host 127.0.0.1" in Unit(DEPLOY / "metrics-web.service")["Service"]["ExecStart"]
    ports = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["web"]["ports"]
    assert [port.split(":")[0] for port in ports] == ["127.0.0.1"]


def test_each_setting_of_the_environment_file_is_one():
    lines = [line.removeprefix("# ") for line in (DEPLOY / "metrics.env").read_text().splitlines() if "=" in line]
    given = dict(line.split("=", 1) for line in lines)
    settings = load_settings(environment={name: value or "x" for name, value in given.items()}, folder=DEPLOY)
    assert {name.removeprefix("METRICS_").lower() for name in given} - set(type(settings).model_fields) == {
        "dagster_home",
        "openai_api_key",
    }
    assert given["DAGSTER_HOME"] == f"{given['METRICS_DATA']}/dagster_home"


def test_the_image_runs_as_a_user_without_rights_and_copies_what_is_there(tmp_path):
    (tmp_path / "Dockerfile").write_bytes((DEPLOY / "Dockerfile").read_bytes())
    file = DockerfileParser(str(tmp_path))
    steps = [(one["instruction"], one["value"]) for one in file.structure if one["instruction"] != "COMMENT"]
    named = [instruction for instruction, _ in steps]
    assert named.index("USER") < named.index("CMD")
    assert file.baseimage == "python:3.11-slim"
    assert dict(steps)["USER"] == "metrics"
    environment = {name: value for name, value in file.envs.items() if name.startswith("METRICS_")}
    assert load_settings(environment=environment, folder=DEPLOY).data == Path("/var/lib/metrics")


def test_compose_builds_that_image_and_keeps_the_data_in_a_volume():
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for service in compose["services"].values():
        build = service["build"]
        assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == DEPLOY / "Dockerfile"
        for volume in service["volumes"]:
            source, target, *_ = volume.split(":")
            assert source in compose["volumes"] or (DEPLOY / source).is_dir(), target
    assert set(compose["services"]) == {"daemon", "web"}
