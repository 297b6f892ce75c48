"""A CSV file of turns becomes raw conversations of the plain shape: one row a turn, a conversation's rows together.

The first row names the columns. Of what is true of a whole conversation, the first row that says it counts.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from io import TextIOWrapper
from typing import Any, BinaryIO, NamedTuple

import msgspec

MAX_FIELD_CHARACTERS = 8 << 20
MAX_HELD_BYTES = 32 << 20
"""Of one conversation's rows, with what each field takes besides its characters."""
FIELD_BYTES = 100
DELIMITERS = ",;\t"
NEEDED = ("conversation_id", "started_at", "speaker", "text")
TURN_COLUMNS = ("speaker", "text", "said_at", "function_name", "function_arguments", "function_result")
FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
LOGGED, VERDICT = "logged.", "verdict."
"""What a column's name begins with that holds a logged value, or a verdict of the platform."""


class Group(NamedTuple):
    """The rows of one conversation, or why there is none."""

    line: int
    """Where its first row begins."""
    raw: bytes | None
    reason: str = ""


class _Run(NamedTuple):
    line: int
    conversation_id: str
    rows: list[dict[str, str]]
    reason: str = ""
    """Why they are not all there."""


def read_rows(opened: Callable[[], BinaryIO], max_bytes: int) -> Iterator[Group]:
    """Each conversation of a CSV file in order; rows that stand apart from the others of their conversation are none.

    Args:
        opened: Opens the file anew; it is read twice, so that no more than one conversation is held at a time.
        max_bytes: Of the file's content; what is longer is cut off there, and said to be.
    """
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    seen: set[str] = set()
    scattered: set[str] = set()
    for run in _runs(opened(), max_bytes):
        if isinstance(run, _Run):
            (scattered if run.conversation_id in seen else seen).add(run.conversation_id)
    for run in _runs(opened(), max_bytes):
        if isinstance(run, Group):
            yield run
        elif run.reason:
            yield Group(run.line, None, run.reason)
        elif run.conversation_id in scattered:
            yield Group(run.line, None, "the rows of this conversation do not stand together: sort the file")
        else:
            yield _group(run)


def _runs(file: BinaryIO, max_bytes: int) -> Iterator[_Run | Group]:
    # What is no valid text stays recognisable, and only its own conversation is lost.
    with TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="") as lines:
        header = lines.readline(MAX_FIELD_CHARACTERS)
        delimiter = max(DELIMITERS, key=header.count)
        names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter), [])]
        missing = [name for name in NEEDED if name not in names]
        if missing:
            yield Group(1, None, f"the first line of a CSV file must name its columns; {', '.join(missing)} missing")
            return
        reader = csv.reader(_bounded(lines), delimiter=delimiter, strict=True)
        id_column = names.index("conversation_id")
        run: _Run | None = None
        line = read = held = 0
        try:
            for values in reader:
                begin, line = line + 2, reader.line_num
                read += sum(map(len, values)) + len(values)
                if read > max_bytes:
                    yield from [run] if run else []
                    yield Group(begin, None, f"the file unpacks to more than {max_bytes >> 20} MiB")
                    return
                if not any(values):
                    continue
                if len(values) != len(names):
                    yield from [run] if run else []
                    run = None
                    yield Group(begin, None, f"a row of {len(values)} fields, where the first line names {len(names)}")
                    continue
                conversation_id = values[id_column].strip()
                if run is None or run.conversation_id != conversation_id:
                    yield from [run] if run else []
                    run, held = _Run(begin, conversation_id, []), 0
                held += sum(map(len, values)) + FIELD_BYTES * len(values)
                if held <= MAX_HELD_BYTES:
                    run.rows.append(dict(zip(names, values, strict=True)))
                elif not run.reason:
                    run.rows.clear()
                    run = run._replace(reason="a conversation of too many rows to be held")
        except (csv.Error, EOFError) as error:
            # What cannot be read may be the rest of the conversation before it.
            yield from [run._replace(reason="it may go on in what cannot be read after it")] if run else []
            yield Group(line + 2, None, f"not readable as CSV from here on: {error}")
            return
        yield from [run] if run else []


def _bounded(lines: TextIOWrapper) -> Iterator[str]:
    while line := lines.readline(MAX_FIELD_CHARACTERS):
        if len(line) == MAX_FIELD_CHARACTERS:
            raise csv.Error(f"a line of more than {MAX_FIELD_CHARACTERS:,} characters")
        yield line


def _group(run: _Run) -> Group:
    try:
        return Group(run.line, msgspec.json.encode(_conversation(run)))
    except UnicodeError:
        return Group(run.line, None, "text that is not valid UTF-8")


def _conversation(run: _Run) -> dict[str, Any]:
    """The object that docs/adapters.md describes."""
    found: dict[str, Any] = {"conversation_id": run.conversation_id, "turns": []}
    # A column that stands empty says that nothing was called or logged; one that is not there says nothing.
    if "function_name" in run.rows[0]:
        found["carries_functions"] = True
    if any(name.startswith(LOGGED) for name in run.rows[0]):
        found["logged"] = {}
    for row in run.rows:
        if row.get("speaker", "").strip() or row.get("text", "").strip():
            found["turns"].append({name: row[name] for name in TURN_COLUMNS if row.get(name)})
        for name, value in row.items():
            if value.strip() and name and name not in TURN_COLUMNS and name != "conversation_id":
                _put(found, name, value)
    return found


def _put(found: dict[str, Any], name: str, value: str) -> None:
    for start, key in ((LOGGED, "logged"), (VERDICT, "verdicts")):
        if name.startswith(start):
            # Written again, it was logged again; the same cell repeated down the column was not.
            values = found.setdefault(key, {}).setdefault(name.removeprefix(start), [])
            if value not in values[-1:]:
                values.append(value)
            return
    found.setdefault(name, _typed(name, value))


def _typed(name: str, value: str) -> Any:
    if name == "duration_seconds":
        try:
            return float(value)
        except ValueError:
            return value
    return FLAGS.get(value.strip().lower(), value) if name in ("handoff", "in_progress") else value
