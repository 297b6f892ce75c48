"""A ledger outlives versions, disks and losses: brought up to date, looked through, made smaller, copied, restored."""

from __future__ import annotations

import json
import shutil
import sqlite3
from datetime import timedelta

import pyarrow.parquet as pq
import pytest
from older_ledgers import write_older
from worlds import DAY, DELIVERY, LIMITS, NOON, REFUND, FakeJudge, agreeable, conversation, says

from metrics_pipeline.errors import JudgeBusyError, LedgerError
from metrics_pipeline.evaluation.bookkeeping.exchange import read_copy, write_copy
from metrics_pipeline.evaluation.bookkeeping.replies import FOLDED
from metrics_pipeline.evaluation.bookkeeping.statistics import figures
from metrics_pipeline.evaluation.bookkeeping.upkeep import compact, verify
from metrics_pipeline.evaluation.budget import Allowance
from metrics_pipeline.evaluation.judge import JudgeReply
from metrics_pipeline.evaluation.ledger import Cell, Intent, Ledger, Outcome
from metrics_pipeline.evaluation.options import Judges, Options
from metrics_pipeline.evaluation.runner import evaluate
from metrics_pipeline.metrics.catalog import load_catalog


def moody(request):
    """Answers in every way there is: held, corrected, off the list, and not at all."""
    number = int(request.turns[0].text.split()[2].strip(","))
    if number % 10 == 7:
        return JudgeBusyError("no", kind="server_error")
    wrong = {asked.key: says("never", "not said") for asked in request.metrics}
    return wrong if number % 5 == 3 else agreeable(request)


@pytest.fixture(scope="module")
def template(make_world, tmp_path_factory):
    world = make_world(tmp_path_factory.mktemp("template"))
    world.define("refund_promised", REFUND)
    world.define("delivery_day", DELIVERY)
    world.land(*(conversation(number, day=DAY + timedelta(days=number % 2)) for number in range(FOLDED + 20)))
    with Ledger(world.folder.ledger) as ledger:
        # Lost with its process: from here on replies and requests do not have the same numbers.
        ledger.apply([Intent((Cell("lost", "m", "v", "j"),), 0)], NOON)
    world.run(FakeJudge(moody), retries=0)
    world.run(
        FakeJudge(lambda request: moody(request) if "27" in request.turns[0].text else agreeable(request)), retries=0
    )
    return world


@pytest.fixture
def judged(world, template):
    """Two days with more replies than fill a block; of two conversations every try failed, of others only the first."""
    for part in ("data", "definitions"):
        shutil.copytree(template.definitions.parent / part, world.definitions.parent / part, dirs_exist_ok=True)
    return world


def restored(world):
    """Every file of verdicts, written anew from the ledger alone."""
    for file in world.folder.table("verdicts").rglob("day=*.parquet"):
        file.unlink()
    judge = FakeJudge(agreeable)
    world.run(judge, budget=Allowance(requests=0))
    assert judge.requests == []
    return world.bytes()


@pytest.mark.parametrize("version", [1, 2, 3])
def test_an_older_ledger_is_brought_up_to_date_and_gives_the_same_verdicts(judged, tmp_path, version):
    path, before = judged.folder.ledger, judged.bytes()
    with Ledger(path) as ledger:
        write_copy(ledger.connection, ledger.names, tmp_path / "copy")
        counts, days = ledger.request_counts(), ledger.metric_days()
    path.unlink()
    write_older(tmp_path / "copy", path, version)

    with Ledger(path) as ledger:
        assert verify(ledger.connection).problems == ()
        assert (ledger.request_counts(), ledger.metric_days()) == (counts, days)
        (number,) = ledger.apply([Intent((Cell("h", "m", "v", "j"),), 0)], NOON)
        assert number > sum(counts.values())
    assert judged.bytes() == before
    assert restored(judged) == before


def test_a_ledger_that_held_nothing_for_requests_under_way_is_brought_up_to_date(judged):
    path, before = judged.folder.ledger, judged.bytes()
    with Ledger.to_read(path) as ledger:
        spent = ledger.spent_since(NOON)
    with sqlite3.connect(path) as database:
        database.execute("drop table held")
        database.execute("pragma user_version = 4")
    database.close()

    with Ledger.to_read(path) as ledger:
        assert ledger.spent_since(NOON) == spent
    assert restored(judged) == before


def test_an_update_that_is_ended_leaves_the_older_ledger_as_it_was(judged, tmp_path):
    with Ledger(judged.folder.ledger) as ledger:
        write_copy(ledger.connection, ledger.names, tmp_path / "copy")
    path = tmp_path / "old.sqlite"
    write_older(tmp_path / "copy", path, 3)
    with sqlite3.connect(path) as database:
        last = database.execute("select max(reply_id) from replies").fetchone()[0]
        database.execute("update replies set body = x'00' where reply_id = ?", (last,))
    database.close()

    with pytest.raises(LedgerError, match="is damaged"):
        Ledger(path)
    with sqlite3.connect(path) as database:
        assert database.execute("pragma user_version").fetchone() == (3,)
        assert database.execute("select count(*) from cells").fetchone()[0] > 200
    database.close()


def test_a_smaller_ledger_gives_the_same_verdicts(judged):
    before = judged.bytes()
    with Ledger(judged.folder.ledger) as ledger:
        done = compact(ledger.connection, ledger.names)
        assert verify(ledger.connection).problems == ()
    assert done.dropped_failures > 5
    assert done.bytes_after < done.bytes_before
    assert restored(judged) == before


def test_a_lost_ledger_is_rebuilt_from_its_copy_and_gives_the_same_verdicts(judged, tmp_path):
    before = judged.bytes()
    copy = tmp_path / "copies" / "copy"
    with Ledger(judged.folder.ledger) as ledger:
        count = write_copy(ledger.connection, ledger.names, copy)
        assert count == sum(ledger.request_counts().values())
    assert {path.stat().st_mode & 0o777 for path in copy.iterdir()} == {0o600}
    assert copy.stat().st_mode & 0o777 == 0o700
    judged.folder.ledger.unlink()

    with Ledger(judged.folder.ledger) as ledger:
        assert read_copy(ledger.connection, ledger.names, copy).requests == count
        assert verify(ledger.connection).problems == ()
        assert read_copy(ledger.connection, ledger.names, copy) == (0, 0, count)
    assert restored(judged) == before


def test_a_copy_is_added_to_another_ledger_and_neither_loses_anything(judged, tmp_path):
    with Ledger(judged.folder.ledger) as ledger:
        write_copy(ledger.connection, ledger.names, tmp_path / "copy")
        held, days = ledger.request_counts(), ledger.metric_days()
    answers = judged.answers("refund_promised")
    judged.folder.ledger.unlink()
    (judged.definitions / "delivery_day.yaml").unlink()
    late = FakeJudge(lambda request: {"refund_promised": says("false", request.turns[0].text)})
    judged.run(late, days=[DAY])

    with Ledger(judged.folder.ledger) as ledger:
        own = ledger.request_counts()
        read_copy(ledger.connection, ledger.names, tmp_path / "copy")
        assert ledger.request_counts() == {name: held[name] + own.get(name, 0) for name in held}
        assert verify(ledger.connection).problems == ()
        assert {row[:4] for row in ledger.metric_days()} == {row[:4] for row in days}
    judge = FakeJudge(agreeable)
    judged.run(judge, days=[DAY, DAY + timedelta(days=1)])
    # The copy's two questions that no try had answered.
    assert sorted(request.turns[0].text for request in judge.requests) == [
        f"Shop number {number}, hello?" for number in (127, 27)
    ]
    # What the ledger had answered itself counts; the other day's answers are those of the copy.
    both = judged.answers("refund_promised")
    assert {both[f"c{number}"] for number in range(0, 100, 2)} == {"false"}
    odd = [f"c{number}" for number in range(1, 100, 2) if number != 27]
    assert [both[key] for key in odd] == [answers[key] for key in odd]


def test_what_a_ledger_has_put_to_work_is_newer_than_what_a_copy_brings(tmp_path):
    with Ledger(tmp_path / "lost.sqlite") as ledger:
        for version in ("v1", "v2", "v3"):
            ledger.start_days([("m", DAY, version, "j")])
        write_copy(ledger.connection, ledger.names, tmp_path / "copy")
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        for version in ("v2", "v4"):
            ledger.start_days([("m", DAY, version, "j")])
        read_copy(ledger.connection, ledger.names, tmp_path / "copy")
        assert [row.metric_version for row in ledger.metric_days()] == ["v1", "v3", "v2", "v4"]


def test_of_a_damaged_copy_nothing_is_added(judged, tmp_path):
    with Ledger(judged.folder.ledger) as ledger:
        write_copy(ledger.connection, ledger.names, tmp_path / "copy")
    file = tmp_path / "copy" / "requests.parquet"
    content = bytearray(file.read_bytes())
    content[4000:4400] = bytes(400)
    file.write_bytes(content)

    with Ledger(tmp_path / "new.sqlite") as ledger:
        with pytest.raises(LedgerError, match=r"copy: this copy of a ledger is damaged"):
            read_copy(ledger.connection, ledger.names, tmp_path / "copy")
        assert ledger.request_counts() == {}
        (tmp_path / "copy" / "judges.parquet").unlink()
        with pytest.raises(LedgerError, match=r"judges\.parquet: cannot be read"):
            read_copy(ledger.connection, ledger.names, tmp_path / "copy")


def test_what_is_missing_or_unreadable_is_found(judged):
    with Ledger(judged.folder.ledger) as ledger:
        ledger.connection.db.execute("delete from replies where reply_id = (select max(reply_id) from replies)")
        assert verify(ledger.connection).problems[0].startswith("Replies that are not there or cannot be read: 1 of ")
        ledger.connection.db.execute("update reply_blocks set body = x'00'")
        problems = verify(ledger.connection).problems
        assert problems[0] == "Blocks of replies that cannot be unpacked: 1."
        ledger.connection.db.execute("delete from asked where request_id = 1")
        assert "Requests that do not say about which words they were: 1." in verify(ledger.connection).problems


def test_figures_add_up_by_outcome_judge_and_metric(judged):
    with Ledger(judged.folder.ledger) as ledger, ledger.connection.reading() as db:
        found = figures(db)
    assert found["requests"] == sum(found["outcomes"].values()) == sum(row["requests"] for row in found["judges"])
    assert found["replies"] == found["outcomes"]["reply"]
    assert found["prompt_tokens"] == 10 * found["replies"] == sum(row["prompt_tokens"] or 0 for row in found["metrics"])
    assert {row["metric"] for row in found["metrics"]} == {"refund_promised", "delivery_day", "m"}


def test_what_was_asked_about_some_words_can_be_taken_out_to_the_last_byte(judged):
    said, kept = [conversation(number, day=DAY + timedelta(days=number % 2)) for number in (11, 12)]
    path = judged.folder.ledger
    with Ledger(path) as ledger:
        assert bytes.fromhex(said.judged_hash) in path.with_name("ledger.sqlite").read_bytes()
        assert ledger.forget([said.judged_hash, "never there"]) == 1
        ledger.compact()
        assert verify(ledger.connection).problems == ()
        assert bytes.fromhex(said.judged_hash) not in path.read_bytes()
        assert bytes.fromhex(kept.judged_hash) in path.read_bytes()
        write_copy(ledger.connection, ledger.names, judged.folder.root / "copy")
    copied = pq.read_table(judged.folder.root / "copy" / "requests.parquet").to_pylist()
    assert not any("number 11," in (row["text"] or "") for row in copied)
    assert any("number 12," in (row["text"] or "") for row in copied)


def test_a_full_disk_ends_the_run_in_a_sentence_and_loses_nothing(world):
    world.define("refund_promised", REFUND)
    world.land(*(conversation(number) for number in range(200)))
    judge = FakeJudge(lambda request: agreeable(request) | {"noise": request.turns[0].text * 200})
    judges, options = Judges(judge, lambda record: judge), Options(LIMITS, 6, lambda: NOON)
    with Ledger(world.folder.ledger) as ledger:
        pages = ledger.connection.db.execute("pragma page_count").fetchone()[0]
        ledger.connection.db.execute(f"pragma max_page_count = {pages + 40}")
        with pytest.raises(LedgerError, match=r"ledger\.sqlite: the disk that holds it is full .*Free some space"):
            evaluate(world.folder, load_catalog(world.definitions), judges, ledger, options)
        counts = ledger.request_counts()
        assert verify(ledger.connection).problems == ()
    sent = len(judge.requests)
    assert 20 < sent < 200
    # Every call had its row before it was made, and all but those in flight have their reply.
    assert sent <= sum(counts.values()) <= sent + LIMITS.concurrency
    assert counts["reply"] >= sent - LIMITS.concurrency

    world.run(judge)
    assert len(judge.requests) - sent == 200 - counts["reply"]


def test_replies_are_read_the_same_from_rows_and_from_blocks(tmp_path):
    cells = [Cell(f"{number:032x}", "m", "v", "j") for number in range(2 * FOLDED + 5)]
    replies = [JudgeReply(json.dumps({"number": number}), cost_dollars=0.1 * number) for number in range(len(cells))]
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ids = ledger.apply([Intent((cell,), 0) for cell in cells], NOON)
        asked = [Outcome(number, (cell,), reply) for number, cell, reply in zip(ids, cells, replies, strict=True)]
        for start in range(0, len(asked), 50):
            ledger.apply(asked[start : start + 50], NOON)
        found = ledger.find(cells)
        recorded = ledger.replies(answer.reply_id for answer in found.values())
        assert [recorded[found[cell].reply_id].reply for cell in cells] == replies
        assert ledger.connection.db.execute("select count(*) from reply_blocks").fetchone() == (2,)
