"""The walls of the house, each held by a machine."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "metrics_pipeline"
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in PACKAGE.rglob("*.py")
)
LAYERS = {
    "wording": 0,
    "refused_setting": 0,
    "errors": 0,
    "tables": 1,
    "files": 1,
    "data_folder": 1,
    "settings": 1,
    "setting_values": 1,
    "thresholds": 1,
    "tracing": 1,
    "logs": 1,
    "stages": 2,
    "conversations": 2,
    "metrics": 2,
    "evaluation": 3,
    "publishing": 4,
    "serving": 5,
    "erasing": 5,
    "health": 6,
    "notifying": 7,
    "pipeline": 7,
    "consent": 6,
    "terminal": 8,
    "authoring": 8,
    "commands": 9,
    "demo": 8,
    "defs": 8,
    "definitions": 9,
    "cli": 10,
}
"""A module imports from its own layer or a lower one; its own folder, of course."""
SIDEWAYS = {("demo", "defs"), ("demo", "terminal")}


def part(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
    return found


def test_imports_point_one_way():
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        here = part(module)
        for name in imports(path):
            there = part(name) if name.startswith("metrics_pipeline.") else here
            if there == here or (here, there) in SIDEWAYS:
                continue
            if LAYERS[there] >= LAYERS[here] and not (LAYERS[there] == LAYERS[here] == 1):
                wrong.append(f"{module} imports {name}")
    assert wrong == []


def test_metrics_and_conversations_do_not_know_each_other():
    for folder, other in (("metrics", "conversations"), ("conversations", "metrics")):
        for path in (PACKAGE / folder).rglob("*.py"):
            assert not any(name.startswith(f"metrics_pipeline.{other}") for name in imports(path)), path


def test_only_settings_reads_the_environment():
    readers = [
        path.name
        for path in PACKAGE.rglob("*.py")
        if re.search(r"\bos\.(environ|getenv)\b|from os import .*environ", path.read_text())
    ]
    assert readers == ["settings.py"]


def test_no_module_is_named_for_being_useful_and_every_init_is_empty():
    assert not {path.stem for path in PACKAGE.rglob("*.py")} & {"utils", "helpers", "common", "util", "helper", "misc"}
    assert [path for path in PACKAGE.rglob("__init__.py") if path.read_text()] == []


IMPORT_EACH = """
import importlib, json, sys
heavy = ("dagster", "litellm", "dbt", "openai")
found = {}
for module in sys.argv[1:]:
    importlib.import_module(module)
    found[module] = [name for name in heavy if name in sys.modules]
print(json.dumps(found))
"""


def fresh(*modules: str) -> dict[str, list[str]]:
    done = subprocess.run([sys.executable, "-c", IMPORT_EACH, *modules], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_nothing_but_defs_imports_dagster_and_nothing_imports_a_model_library_before_it_is_needed():
    ours = [name for name in MODULES if part(name) not in ("defs", "definitions")]

    assert {module: heavy for module, heavy in fresh(*ours).items() if heavy} == {}


IMPORT_EACH_FIRST = """
import importlib, json, os, sys
for library in filter(None, sys.argv[1].split(",")):
    importlib.import_module(library)
heavy = ("dagster", "litellm", "dbt", "openai")
for module in sys.argv[2:]:
    child = os.fork()
    if not child:
        importlib.import_module(module)
        print(json.dumps([module, [name for name in heavy if name in sys.modules]]), flush=True)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit(f"{module} does not import first")
"""


def first(libraries: str, *modules: str) -> dict[str, list[str]]:
    """The model libraries and the like that each module has loaded, imported before any other module of ours."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_EACH_FIRST, libraries, *modules], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return dict(map(json.loads, done.stdout.splitlines()))


def test_each_module_of_defs_imports_first_and_without_a_model_library():
    ours = [name for name in MODULES if part(name) == "defs" and name.count(".") == 2]

    found = first("dagster,dagster_dbt", *ours)

    assert set(found) == set(ours)
    assert {module for module, heavy in found.items() if {"litellm", "openai"} & set(heavy)} == set()


def test_a_module_of_the_rest_imports_first_and_loads_no_heavy_library():
    ours = [name for name in MODULES if part(name) not in ("defs", "definitions")][::6]

    assert first(
        "pyarrow.compute,pyarrow.parquet,pydantic,typer,rich.progress,yaml,duckdb,msgspec,phonenumbers,re2,stdnum",
        *ours,
    ) == {module: [] for module in ours}


def test_help_answers_without_loading_what_only_a_run_needs():
    code = (
        "import sys; from typer.testing import CliRunner; from metrics_pipeline.cli import cli;"
        "result = CliRunner().invoke(cli, ['--help']); assert result.exit_code == 0, result.output;"
        "heavy = ('pyarrow', 'duckdb', 'polars', 'pydantic', 'dagster', 'litellm');"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_module_grows_past_three_hundred_lines_without_a_reason():
    reasons = {
        "english.py": "word lists",
        "settings.py": "every setting, and what each means",
    }
    long = {path.name: len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {name: lines for name, lines in long.items() if lines > 310 and name not in reasons} == {}


def test_no_message_counts_one_thing_as_several():
    things = (
        "files|conversations|days|requests|replies|tokens|flips|cells|definitions|pages|pulls|times|answers(?! no| ex)"
    )
    counts = re.compile(rf"\{{(?![^{{}}]*counted|[A-Z_]+[.}}])[^{{}}]+\}} (new |more )?({things})\b")
    found = {
        f"{path.relative_to(PACKAGE)}: {line.strip()}"
        for path in PACKAGE.rglob("*.py")
        for line in path.read_text().splitlines()
        if counts.search(line)
    }
    assert found == set()


def test_the_project_speaks_of_itself_alone():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    words = re.compile(r"/work/(main|shared)|pypi\.org|pythonhosted|\bsubagent|\bissue #?\d|/root/", re.IGNORECASE)
    wrong = []
    for name in listed.stdout.split():
        path = ROOT / name
        if name == "tests/test_house.py" or not path.is_file() or path.suffix == ".png":
            continue
        wrong += [name for line in path.read_text(errors="replace").splitlines() if words.search(line)]
    assert wrong == []


def test_the_lock_holds_a_hash_for_everything_and_no_address():
    text = (ROOT / "requirements.lock").read_text()
    entries = [line for line in text.splitlines() if line and not line.startswith(" ")]
    assert len(entries) > 100
    assert all("==" in line for line in entries)
    assert text.count("--hash=sha256:") > len(entries)
    assert "://" not in text


def test_secrets_are_masked_wherever_settings_are_shown():
    from metrics_pipeline.settings import load_settings

    settings = load_settings(environment={"METRICS_API_KEY": "sk-very-secret"}, folder=ROOT / "tests")
    assert "very-secret" not in repr(settings) + str(settings) + settings.model_dump_json()
