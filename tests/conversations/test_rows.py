"""A CSV file of turns: each conversation is whole, or named with its line and reason."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from metrics_pipeline.conversations.reading import read_export

HEADER = "conversation_id,started_at,speaker,text\n"


def places(path: Path, content: str | bytes) -> list[tuple[str, list[str] | str]]:
    """Each place with the words of its conversation, or its reason."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = []
    for place in read_export(path):
        raw = None if place.raw is None else json.loads(bytes(place.raw))
        found.append((place.position, place.reason if raw is None else [turn["text"] for turn in raw["turns"]]))
    return found


def test_rows_that_stand_together_are_a_conversation(tmp_path):
    content = HEADER + 'a,2026-09-01,user,"one\n1"\na,,agent,two\nb,2026-09-01,user,three\n'

    assert places(tmp_path / "x.csv", content) == [("line 2", ["one\n1", "two"]), ("line 5", ["three"])]
    assert places(tmp_path / "x.csv.gz", gzip.compress(content.encode()))[1] == ("line 5", ["three"])


def test_a_conversation_whose_rows_are_scattered_is_not_kept_in_part(tmp_path):
    content = HEADER + "a,2026-09-01,user,one\nb,2026-09-01,user,two\na,,agent,three\n"

    (first, reason), second, third = places(tmp_path / "x.csv", content)

    assert (first, third[0]) == ("line 2", "line 4")
    assert "sort the file" in reason
    assert reason == third[1]
    assert second == ("line 3", ["two"])


@pytest.mark.parametrize(
    ("rows", "position", "says"),
    [
        (b"b,2026-09-01,user,x,y\n", "line 3", "a row of 5 fields"),
        (b"b,2026-09-01,user\n", "line 3", "a row of 3 fields"),
        (b"b,2026-09-01,user,\xff\n", "line 3", "not valid UTF-8"),
    ],
)
def test_a_bad_row_takes_no_conversation_before_it_with_it(tmp_path, rows, position, says):
    first, second = places(tmp_path / "x.csv", HEADER.encode() + b"a,2026-09-01,user,one\n" + rows)

    assert first == ("line 2", ["one"])
    assert second[0] == position
    assert says in second[1]


@pytest.mark.parametrize("damage", ["quote", "gzip"])
def test_a_conversation_that_may_go_on_in_what_cannot_be_read_is_not_kept_in_part(tmp_path, damage):
    rows = "a,2026-09-01,user,one\nb,2026-09-01,user,two\n"
    if damage == "quote":
        content = (HEADER + rows + 'b,,agent,"never closed\nc,2026-09-01,user,three\n').encode()
    else:
        rest = "".join(f"b,,agent,{index**9}\n" for index in range(200))
        content = gzip.compress((HEADER + rows + rest).encode())[:-400]

    first, second, third = places(tmp_path / "x.csv", content)

    assert first == ("line 2", ["one"])
    assert second == ("line 3", "it may go on in what cannot be read after it")
    assert third[1].startswith("not readable as CSV from here on")


@pytest.mark.parametrize("content", ["", "\n", "conversation_id,text\na,b\n", "<html>Gateway Timeout</html>"])
def test_a_file_without_the_needed_columns_says_which(tmp_path, content):
    ((position, reason),) = places(tmp_path / "x.csv", content)

    assert position == "line 1"
    assert "speaker" in reason
    assert "Gateway" not in reason
