# On a machine with Python 3.11 to 3.13, pip and make:
#   make demo    sets everything up and runs the main job on the demo's data
#   make test    sets everything up and passes the tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# A worker takes the next file as it ends one, in the order of tests/conftest.py.
WORKERS := -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: help setup names browser demo test test-all lint format lock clean

help:
	@echo "make setup     a virtual environment in .venv, from requirements.lock"
	@echo "make names     what redact_names = true needs, into .venv"
	@echo "make browser   what drives a browser for pictures and tests of pages, into .venv"
	@echo "make demo      the main job on the demo's data, into ./data"
	@echo "make test      lint and the tests (six minutes on two cores)"
	@echo "make test-all  the slower proofs as well"
	@echo "make lint      ruff, mypy, sqlfluff"
	@echo "make lock      resolve requirements.lock anew"

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@echo "Setting up $(VENV) from requirements.lock"
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo "Python 3.11 to 3.13 is needed: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --compile-bytecode -r requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q metrics_pipeline
	@touch $(READY)

names: setup
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint requirements.lock --editable ".[names]"

browser: setup
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint requirements.lock --group browser

demo: setup
	@$(BIN)/metrics demo

test: lint
	@echo "Running the tests"
	@$(BIN)/python -m pytest $(WORKERS) -m "not slow"

test-all: lint
	@$(BIN)/python -m pytest $(WORKERS)

lint: setup
	@echo "Checking with ruff, mypy and sqlfluff"
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .
	@$(BIN)/mypy
	@$(BIN)/sqlfluff lint --disable-progress-bar -n dbt_project/models dbt_project/macros dbt_project/tests

format: setup
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format --quiet .

lock:
	@uv lock --upgrade
	@uv export --quiet --no-emit-project --format requirements-txt --no-header --no-annotate --output-file requirements.lock

clean:
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dbt_project/target dbt_project/logs
