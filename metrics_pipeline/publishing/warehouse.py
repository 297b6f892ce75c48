"""dbt builds every table into one private DuckDB file; nobody else reads it."""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from metrics_pipeline.data_folder import DataFolder
from metrics_pipeline.errors import AuditError, PublishError
from metrics_pipeline.files import explained, write_atomically
from metrics_pipeline.publishing.broken_rows import broken_rows
from metrics_pipeline.publishing.known_parse import known_parse
from metrics_pipeline.publishing.lake_state import built_from, lake_state
from metrics_pipeline.settings import quiet_libraries
from metrics_pipeline.wording import counted

PROJECT = Path(__file__).parents[2] / "dbt_project"
KNOWN_PARSE = PROJECT / "target" / "known_parse.msgpack"
PROFILE = "metrics_pipeline"
MEMORY_LIMIT = "2GB"
"""DuckDB takes 80 % of the machine for each process unless told."""
MAX_FAILURES_SHOWN = 5
TABLES_AND_CHECKS = ("--exclude-resource-type", "unit_test", "exposure")
"""What models make of invented rows does not change from night to night, and who reads them is not built."""


class Build(NamedTuple):
    """What dbt built."""

    database: Path
    model_count: int
    test_count: int


def database_path(folder: DataFolder) -> Path:
    """The private file that dbt builds into, always at the same place: dbt need not parse anew."""
    return folder.warehouse / "build.duckdb"


def profile_output(folder: DataFolder) -> dict[str, Any]:
    """How dbt builds in this data folder.

    The models read relative paths; DuckDB finds them through `file_search_path`, so no path is ever spliced into SQL.
    """
    return {
        "type": "duckdb",
        "path": str(database_path(folder)),
        "threads": 2,
        # Given once, when dbt opens the file: DuckDB refuses a new folder for spilling as soon as it has spilled.
        "config_options": {
            "memory_limit": MEMORY_LIMIT,
            "temp_directory": str(folder.warehouse / "spill"),
            "preserve_insertion_order": "false",
        },
        "settings": {"file_search_path": str(folder.root), "enable_progress_bar": False},
    }


def write_profile(folder: DataFolder) -> Path:
    """Write dbt's profile for this data folder, if it is not as it should be; its path."""
    profile = {PROFILE: {"target": "build", "outputs": {"build": profile_output(folder)}}}
    text = yaml.safe_dump(profile, sort_keys=True)
    path = folder.warehouse / "profiles.yml"
    if not path.exists() or path.read_bytes() != text.encode():
        write_atomically(path, text.encode())
    return path


class Node(NamedTuple):
    """What came of one model or test."""

    unique_id: str
    name: str
    kind: str
    """`model` or `test`."""
    status: str
    """dbt's word: success or pass, and fail, error, runtime error or skipped."""
    seconds: float
    failure_count: int
    """Rows that a test found."""
    message: str | None
    rows: str = ""
    """The first rows that it found, or that lack what their table needs, for a person to read."""


def build_marts(folder: DataFolder) -> Build:
    """Build all models and run all their tests.

    Raises:
        AuditError: A test found rows, by name and number.
        PublishError: A model cannot be built.
    """
    nodes = build_nodes(folder)
    refuse_failures(nodes)
    kinds = [node.kind for node in nodes]
    return Build(database_path(folder), kinds.count("model"), len(kinds) - kinds.count("model"))


def build_nodes(folder: DataFolder) -> list[Node]:
    """Build all models and run all their tests; what came of each, in dbt's order.

    Raises:
        PublishError: dbt cannot do its work at all.
    """
    begin_build(folder)
    return invoke_nodes("build", folder)


def invoke_nodes(command: str, folder: DataFolder) -> list[Node]:
    """Have dbt `build` all models and run their tests, or `test` those that are built; what came of each, in its order.

    Raises:
        PublishError: dbt cannot do its work at all.
    """
    found = _invoke_dbt(command, folder, *TABLES_AND_CHECKS)
    return [
        Node(
            result.node.unique_id,
            result.node.name,
            result.node.resource_type.value,
            result.status.value,
            result.execution_time,
            result.failures or 0,
            result.message,
            _rows_behind(folder, result),
        )
        for result in found.result.results
    ]


def _rows_behind(folder: DataFolder, result: Any) -> str:
    """The rows behind a failure: those of a test's own query, or those of a model's that have the NULL."""
    query = getattr(result.node, "compiled_code", None)
    refused = _NULL_REFUSED.search(str(result.message))
    if not query or not (refused or result.status.value == "fail"):
        return ""
    return broken_rows(database_path(folder), folder.root, query, refused[2] if refused else None)


def begin_build(folder: DataFolder) -> None:
    """Make way for a build of all tables, and note what the lake is now: what changes from here on, it may lack."""
    state = lake_state(folder)
    discard_build(folder)
    write_atomically(built_from(folder), state.encode())


def discard_build(folder: DataFolder) -> None:
    """Remove what was built before: every table is built anew, and a damaged file would stop dbt from doing so."""
    database = database_path(folder)
    with explained(database):
        for path in (database, database.with_name(f"{database.name}.wal")):
            path.unlink(missing_ok=True)


def manifest_path(folder: DataFolder) -> Path:
    """dbt's manifest for this data folder, made anew when a model has changed since.

    Raises:
        PublishError: dbt cannot read the project.
    """
    manifest = target_path(folder) / "manifest.json"
    write_profile(folder)
    models = [path.stat().st_mtime for path in PROJECT.rglob("*") if path.suffix in {".sql", ".yml"}]
    if not manifest.exists() or manifest.stat().st_mtime < max(models):
        _invoke_dbt("parse", folder)
    return manifest


def target_path(folder: DataFolder) -> Path:
    """Where dbt keeps what it parsed and compiled."""
    return folder.warehouse / "target"


def _invoke_dbt(command: str, folder: DataFolder, *arguments: str) -> Any:
    profile = write_profile(folder)
    quiet_libraries()
    paths = ["--project-dir", PROJECT, "--profiles-dir", profile.parent, "--target-path", target_path(folder)]
    paths += ["--log-path", folder.warehouse / "logs"]
    options = ["--quiet", "--no-use-colors", "--no-version-check", "--log-level", "none", "--log-level-file", "none"]
    # Redirected before the import: dbt keeps the standard output that it finds then, and prints tracebacks to it.
    with explained(folder.warehouse), contextlib.redirect_stdout(io.StringIO()), _named_dbt(command):
        # dbt takes seconds to import: only who builds waits for it.
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager
        from dbt.cli.main import dbtRunner

        try:
            with known_parse(KNOWN_PARSE, target_path(folder), profile_output(folder)):
                found = dbtRunner().invoke([command, *arguments, *map(str, paths), *options])
        finally:
            # dbt would keep the file open, and the audit could not read it.
            DuckDBConnectionManager.close_all_connections()
    if found.exception is not None and _was_stopped(found.exception):
        raise KeyboardInterrupt
    if found.exception is not None:
        raise PublishError(f"dbt cannot build the tables: {_first_line(found.exception)}. {_STILL_READ}") from None
    return found


@contextlib.contextmanager
def _named_dbt(command: str) -> Iterator[None]:
    """Keep dbt from writing this process's own command line, and whom it names, into its results."""
    given = sys.argv
    sys.argv = ["dbt", command]
    try:
        yield
    finally:
        sys.argv = given


_STILL_READ = "What was published before is still read."


_NULL_REFUSED = re.compile(r"NOT NULL constraint failed: (\w+?)(?:__dbt_tmp)?\.(\w+)")


def refuse_failures(nodes: Sequence[Node]) -> None:
    """
    Raises:
        AuditError: A test found rows, or a column that may not have one has a NULL.
        PublishError: A model cannot be built.
    """
    findings = [finding for finding in map(_finding, nodes) if finding]
    broken = [node for node in nodes if node.status in ("error", "runtime error") and not _finding(node)]
    if broken:
        shown = "; ".join(f"{node.name}: {_first_line(node.message)}" for node in broken[:MAX_FAILURES_SHOWN])
        raise PublishError(f"dbt cannot build {len(broken)} of the tables: {shown}. {_STILL_READ}")
    if findings:
        shown = "; ".join(findings[:MAX_FAILURES_SHOWN])
        raise AuditError(f"The audit of the new tables failed: {shown}. {_STILL_READ}")


def _finding(node: Node) -> str | None:
    """What is wrong with the rows, as a test of dbt or a constraint of a table says it."""
    shown = f": {node.rows}" if node.rows else ""
    if node.status == "fail":
        return f"{node.name} ({counted(node.failure_count, 'row')}{shown})"
    refused = _NULL_REFUSED.search(str(node.message))
    return f"{refused[1]}: a row without {refused[2]}{shown}" if refused else None


def _was_stopped(exception: BaseException | None) -> bool:
    """Whether the user ended it: dbt wraps that in errors of its own."""
    while exception is not None:
        if isinstance(exception, KeyboardInterrupt):
            return True
        exception = exception.__cause__ or exception.__context__
    return False


def _first_line(message: object) -> str:
    lines = [line.strip() for line in str(message).splitlines() if line.strip()]
    return " ".join(lines[:2])[:300]
