"""What stands in the ledger is never paid for again, and survives whatever ends the process."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
from datetime import timedelta

import pytest
from read_only import read_only
from worlds import DAY, NOON

from metrics_pipeline.errors import LedgerError
from metrics_pipeline.evaluation.judge import JudgeReply
from metrics_pipeline.evaluation.ledger import REVIEW_ASKING, Cell, Intent, Ledger, MetricDay, Outcome, in_force

CELLS = tuple(Cell("hash", metric, "v1", "judge") for metric in ("a", "b"))
REPLY = JudgeReply(text="{}", model_served="served", prompt_tokens=3)


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


def settle(ledger: Ledger, reply: JudgeReply | None, failure: str | None = None, gives_up: bool = False) -> int:
    (request_id,) = ledger.apply([Intent(CELLS, 0)], NOON)
    (reply_id,) = ledger.apply([Outcome(request_id, CELLS, reply, failure, gives_up)], NOON)
    return reply_id


def test_a_reply_is_found_by_each_cell_it_answers(ledger):
    reply_id = settle(ledger, REPLY)

    assert ledger.find(CELLS) == {cell.key: (reply_id, True) for cell in CELLS}
    assert ledger.replies([reply_id])[reply_id].reply == REPLY


def test_a_cell_is_another_for_each_thing_that_was_asked():
    base = Cell("h", "m", "v", "j")
    others = [base._replace(**{field: "other"}) for field in Cell._fields]

    assert len({cell.key for cell in [base, *others]}) == 1 + len(others)


def test_a_request_in_flight_has_a_row_that_says_so(ledger):
    ledger.apply([Intent(CELLS, 0)], NOON)

    assert ledger.request_counts() == {"in flight or lost": 1}
    assert ledger.find(CELLS) == {}


def test_a_failure_that_will_be_tried_again_leaves_no_reply(ledger):
    assert settle(ledger, None, "server_error") == 0
    assert ledger.find(CELLS) == {}
    assert ledger.request_counts() == {"server_error": 1}


def test_a_failure_after_the_last_try_is_kept_and_gives_way_to_a_reply(ledger):
    failed = settle(ledger, None, "server_error", gives_up=True)
    assert ledger.find(CELLS)[CELLS[0].key] == (failed, False)

    replied = settle(ledger, REPLY)
    assert ledger.find(CELLS)[CELLS[0].key] == (replied, True)

    settle(ledger, None, "server_error", gives_up=True)
    assert ledger.find(CELLS)[CELLS[0].key] == (replied, True)


def test_many_cells_are_found_at_once(ledger):
    cells = [Cell(f"h{number}", "m", "v", "j") for number in range(2_500)]
    (request_id,) = ledger.apply([Intent(tuple(cells[:2_000]), 0)], NOON)
    ledger.apply([Outcome(request_id, tuple(cells[:2_000]), REPLY)], NOON)

    assert set(ledger.find(cells)) == {cell.key for cell in cells[:2_000]}


def test_a_secret_is_made_once(ledger):
    assert ledger.secret("fence", b"first") == b"first"
    assert ledger.secret("fence", b"second") == b"first"


def test_a_version_keeps_the_time_it_was_first_seen(ledger):
    ledger.remember_versions([("m", "v", "text")], NOON)
    ledger.remember_versions([("m", "v", "other text")], NOON + timedelta(days=1))

    assert ledger.versions() == {("m", "v"): ("text", NOON)}


def test_the_decision_to_judge_a_day_again_makes_that_version_the_newest(ledger):
    ledger.start_days([("m", DAY, "v1", "j")])
    ledger.start_days([("m", DAY, "v2", "j")])
    ledger.start_days([("m", DAY, "v2", "j")])
    assert [(row.metric_version, row.turn) for row in ledger.metric_days()] == [("v1", 1), ("v2", 2)]

    ledger.start_days([("m", DAY, "v1", "j")])
    assert [row.metric_version for row in ledger.metric_days()] == ["v2", "v1"]


def test_in_force_is_the_newest_that_judged_the_whole_day_or_else_the_newest():
    first = MetricDay("m", DAY, "v1", "j", 1, "mark")
    second = MetricDay("m", DAY, "v2", "j", 2, None)

    assert in_force([first, second]) == first
    assert in_force([first._replace(completed=None), second]) == second
    assert in_force([first, second._replace(completed="mark")]).metric_version == "v2"
    assert in_force([]) is None


def test_a_ledger_of_another_version_is_refused_and_left_as_it_is(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("create table other (x)")
        database.execute("pragma user_version = 99")
    before = path.read_bytes()

    with pytest.raises(LedgerError, match="ledger of version 99"):
        Ledger(path)
    assert path.read_bytes()[100:] == before[100:]


def test_a_file_that_is_no_ledger_is_refused_in_a_sentence(tmp_path):
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(b"not a database at all" * 100)

    with pytest.raises(LedgerError, match=r"ledger.sqlite: is damaged, .*Put a good copy in its place") as error:
        Ledger(path)
    assert "space" not in str(error.value)


def test_a_ledger_whose_pages_are_damaged_is_named_in_a_sentence(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with Ledger(path) as ledger:
        settle(ledger, REPLY)
    with sqlite3.connect(path) as database:
        database.execute("pragma wal_checkpoint(truncate)")
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))

    with pytest.raises(LedgerError, match=r"is damaged, .*Put a good copy in its place"), Ledger(path) as ledger:
        ledger.find(CELLS)


def test_a_reply_that_is_damaged_is_named_in_a_sentence(tmp_path):
    path = tmp_path / "ledger.sqlite"
    with Ledger(path) as ledger:
        reply_id = settle(ledger, REPLY)
    with sqlite3.connect(path) as database:
        database.execute("update replies set body = x'00'")

    with pytest.raises(LedgerError, match="is damaged"), Ledger(path) as ledger:
        ledger.replies([reply_id])


def test_only_its_owner_can_read_the_ledger(tmp_path):
    with Ledger(tmp_path / "ledger.sqlite"):
        assert (tmp_path / "ledger.sqlite").stat().st_mode & 0o077 == 0


def test_what_was_committed_survives_a_kill_in_the_middle_of_writing(tmp_path):
    script = textwrap.dedent(
        f"""
        import sys
        from datetime import datetime, timezone
        from pathlib import Path
        from metrics_pipeline.evaluation.judge import JudgeReply
        from metrics_pipeline.evaluation.ledger import Cell, Intent, Ledger, Outcome
        now = datetime(2026, 9, 1, tzinfo=timezone.utc)
        ledger = Ledger(Path({str(tmp_path / "ledger.sqlite")!r}))
        for number in range(100_000):
            cells = (Cell(f"h{{number}}", "m", "v", "j"),)
            (request_id,) = ledger.apply([Intent(cells, 0)], now)
            ledger.apply([Outcome(request_id, cells, JudgeReply(text="x" * 500))], now)
            print(number, flush=True)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    last = 0
    while last < 50:
        last = int(process.stdout.readline())
    os.kill(process.pid, signal.SIGKILL)
    last = int((process.stdout.read().split() or [str(last)])[-1])
    process.wait()

    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        told = [Cell(f"h{number}", "m", "v", "j") for number in range(last + 1)]
        assert len(ledger.find(told)) == last + 1
        counts = ledger.request_counts()
        assert counts["reply"] >= last + 1
        assert counts.get("in flight or lost", 0) <= 1


def test_a_ledger_is_read_where_it_cannot_be_written_beside_a_run_and_after_it(tmp_path):
    path = tmp_path / "folder" / "ledger.sqlite"
    with Ledger(path) as writer:
        settle(writer, REPLY)
        with read_only(path.parent), Ledger.to_read(path) as reader:
            assert reader.request_counts() == {"reply": 1}
    with read_only(path.parent), Ledger.to_read(path) as reader:
        assert reader.request_counts() == {"reply": 1}
        with pytest.raises(LedgerError, match="cannot be read"):
            settle(reader, REPLY)
    assert [file.name for file in path.parent.iterdir()] == ["ledger.sqlite"]


def test_a_ledger_that_is_read_in_a_writable_folder_is_left_as_it_is(ledger, tmp_path):
    settle(ledger, REPLY)
    ledger.close()
    before = (tmp_path / "ledger.sqlite").read_bytes()

    with Ledger.to_read(tmp_path / "ledger.sqlite") as reader:
        assert reader.request_counts() == {"reply": 1}
        with pytest.raises(LedgerError, match="cannot be read"):
            settle(reader, REPLY)

    assert (tmp_path / "ledger.sqlite").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["ledger.sqlite"]


def test_what_a_killed_run_left_is_said_where_it_cannot_be_set_right(tmp_path):
    path = tmp_path / "folder" / "ledger.sqlite"
    with Ledger(path) as writer:
        settle(writer, REPLY)
        shutil.copytree(path.parent, tmp_path / "copy", ignore=shutil.ignore_patterns("*-shm"))

    with read_only(tmp_path / "copy"), pytest.raises(LedgerError, match="a run was killed while it wrote"):
        Ledger.to_read(tmp_path / "copy" / "ledger.sqlite")


def test_a_scratch_copy_takes_more_and_the_ledger_stays_as_it_is(ledger, tmp_path):
    settle(ledger, REPLY)

    with Ledger.scratch_copy(tmp_path / "ledger.sqlite") as scratch:
        settle(scratch, REPLY)
        assert scratch.request_counts() == {"reply": 2}

    assert ledger.request_counts() == {"reply": 1}


def test_where_there_is_no_ledger_an_empty_one_is_read_and_none_is_made(tmp_path):
    with Ledger.to_read(tmp_path / "ledger.sqlite") as reader:
        assert (reader.versions(), reader.metric_days()) == ({}, [])
    assert list(tmp_path.iterdir()) == []


def noise(number: int) -> str:
    """Text that does not compress: what is kept of it can be found in a file's bytes."""
    return hashlib.sha512(str(number).encode()).hexdigest() * 3


def about(ledger: Ledger, judged_hash: str, conversation: str, text: str) -> bytes:
    """A reply about these words; as it is kept."""
    cell = Cell(judged_hash, "a", "v1", "judge")
    (request_id,) = ledger.apply([Intent((cell,), 0, "rules", conversation)], NOON)
    (reply_id,) = ledger.apply([Outcome(request_id, (cell,), JudgeReply(text=text))], NOON)
    return ledger._rows("select body from replies where reply_id = ?", (reply_id,))[0][0]


def test_of_what_was_forgotten_no_byte_is_left_in_the_file_or_beside_it(ledger, tmp_path):
    # However SQLite was built: many builds overwrite what they delete, and none is bound to.
    ledger._db.execute("pragma secure_delete = off")
    bodies = [about(ledger, f"words {number % 9}", f"mark {number}", noise(number)) for number in range(60)]

    def held() -> list[bool]:
        content = b"".join(path.read_bytes() for path in tmp_path.glob("ledger.sqlite*"))
        return [body in content for body in bodies]

    assert all(held())
    ledger.forget({"words 0", "words 4"})
    assert all(held())
    ledger.compact()

    assert held() == [number % 9 not in (0, 4) for number in range(60)]
    cells = [Cell(f"words {number}", "a", "v1", "judge") for number in range(9)]
    assert set(ledger.find(cells)) == {cell.key for cell in cells if cell.judged_hash not in ("words 0", "words 4")}
    assert ledger.request_counts() == {"reply": sum(held())}


def test_a_reader_in_the_middle_keeps_the_log_and_is_named(ledger, tmp_path):
    about(ledger, "words", "mark", "text")
    with sqlite3.connect(tmp_path / "ledger.sqlite") as reader:
        reader.execute("begin")
        reader.execute("select * from replies").fetchone()
        ledger._db.execute("pragma busy_timeout = 50")
        with pytest.raises(LedgerError, match="being read by another process"):
            ledger.compact()
    reader.close()


def test_what_was_asked_is_known_by_its_words_by_its_conversation_or_when_nobody_says_whose_it_is(ledger):
    for judged_hash, conversation in (("these", "x"), ("as they were", "wanted"), ("others", "y"), ("unknown", "")):
        about(ledger, judged_hash, conversation, "text")
    ledger.apply([Intent((Cell("definition", "a", "v1", "judge", REVIEW_ASKING),), 0)], NOON)

    assert ledger.asked_about({"these"}, {"wanted"}) == {"these": 1, "as they were": 1, "unknown": 1}


@pytest.mark.parametrize("version", [1, 2])
def test_a_ledger_of_an_older_version_gains_what_it_lacks(tmp_path, version):
    path = tmp_path / "ledger.sqlite"
    with Ledger(path) as ledger:
        settle(ledger, REPLY)
    with sqlite3.connect(path) as database:
        for column in ("redaction", "conversation")[version - 1 :]:
            database.execute(f"alter table requests drop column {column}")
        database.execute(f"pragma user_version = {version}")
    database.close()

    with Ledger(path) as ledger:
        assert len(ledger.find(CELLS)) == 2
        assert ledger._rows("select redaction, conversation from requests") == [("", "")]
