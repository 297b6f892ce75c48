"""A conversation is erased from everything that was written about it, whoever is killed or reads meanwhile."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import threading
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import killed
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from everything import everything_in
from exports import raw, write
from typer.testing import CliRunner

from metrics_pipeline import pipeline
from metrics_pipeline.cli import cli
from metrics_pipeline.conversations.erased import Erased, Gone
from metrics_pipeline.conversations.landing import land_folder
from metrics_pipeline.conversations.merge import merge
from metrics_pipeline.conversations.quarantine import retry
from metrics_pipeline.conversations.receipts import receipts
from metrics_pipeline.conversations.redaction.redactor import Redactor
from metrics_pipeline.data_folder import DataFolder, open_data_folder
from metrics_pipeline.erasing.due import erase_conversations, look_before_erasing
from metrics_pipeline.erasing.landed import erase_from_shards
from metrics_pipeline.erasing.unfinished import Unfinished, write_unfinished
from metrics_pipeline.errors import ErasingError
from metrics_pipeline.evaluation.ledger import Ledger
from metrics_pipeline.files import locked, write_parquet
from metrics_pipeline.metrics.catalog import load_catalog
from metrics_pipeline.settings import load_settings
from metrics_pipeline.tables import to_table

NOW = datetime(2026, 9, 10, 12, tzinfo=UTC)
ID, OTHER = "call-7f3a9c21e0", "call-00000000ff"
WORDS = ("zanzibar", "ocelot", "quagmire", "periwinkle", "hummock")
DEFINITION = """\
name: "Refund: promised"
type: boolean
definition: The agent promised a refund.
true_when: The agent promised that a refund is on its way.
false_when: The caller was told an answer about something else.
"""


def victim(turn_count: int = 2, **rest):
    turns = [
        {
            "user_input": "my trip, the ocelot ate it",
            "agent_response": "I promised a zanzibar refund, it is on its way",
        },
        *({"user_input": f"quagmire {index}", "agent_response": "yes"} for index in range(turn_count - 1)),
    ]
    told = {"metrics": {"told": "periwinkle"}, "state": {"heard": "hummock"}, "num_turns": turn_count}
    return raw(1, id=ID, turns=turns, **told) | rest


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A project of two generations; one conversation came twice, once in a file with its name and a broken place."""
    root = tmp_path_factory.mktemp("erase") / "project"
    data = root / "data"
    (root / "metric_definitions").mkdir(parents=True)
    (root / "metric_definitions" / "refund_promised.yaml").write_text(DEFINITION)
    write(data / "landing" / "a.jsonl", *(raw(number) for number in range(12)), victim())
    settings = settings_of(root)
    pipeline.run(settings)
    write(data / "landing" / f"{ID}.jsonl", victim(3), "not json")
    pipeline.run(settings)
    second = {"conversation_id": ID, "judge_role": "second", "second_reason": "an ocelot", "second_evidence": []}
    write_parquet(to_table("second_opinions", [second]), data / "second_opinions" / "day=2026-09-02.parquet")
    (data / "labels").mkdir()
    (data / "labels" / "refund.csv").write_bytes(
        f'conversation_id,answer,note\r\nc1,true,"two\nlines"\r\n{ID},false,ocelot\r\nc2,true,\u2028\r\n'.encode()
    )
    (data / "sets").mkdir()
    (data / "sets" / "mine.jsonl").write_text(f'{{"conversation_id": "{ID}"}}\n{{ "conversation_id":"c1"}}\n')
    labels = pa.table({"conversation_id": ["c1", ID], "answer": ["true", "ocelot"]})
    write_parquet(labels, data / "calibration" / "answers.parquet")
    (data / "conversations" / f".day=2026-09-02.parquet.{'0' * 32}.tmp").write_text("half of ocelot")
    return root


@pytest.fixture
def unpublished(project) -> Path:
    """The same before anything was published: nothing is built there, which takes a while."""
    shutil.rmtree(project / "data" / "published")
    return project


@pytest.fixture
def project(finished, tmp_path, monkeypatch) -> Path:
    """A copy of it, in which the command is given."""
    copy = tmp_path / "project"
    shutil.copytree(finished, copy, symlinks=True)
    monkeypatch.chdir(copy)
    return copy


def settings_of(root: Path, **options):
    return load_settings({"data": root / "data", "definitions": root / "metric_definitions"} | options, {}, root)


def erase(*arguments: str):
    return CliRunner().invoke(cli, ["erase", *arguments])


def judge_what_is_new(settings) -> int:
    """Land, merge and judge, and build no table; how many requests that took."""
    folder = open_data_folder(settings.data)
    pipeline.take_in(settings, folder)
    return pipeline.judge(folder, load_catalog(settings.definitions), settings).tally.requests


def left_of(data: Path, *words: str) -> list[tuple[str, str]]:
    return [
        (word, str(path.relative_to(data)))
        for path, text in everything_in(data).items()
        for word in words
        if word in text
    ]


def rows(path: Path, table: str, column: str = "conversation_id") -> list:
    with duckdb.connect(str(path / "metrics.duckdb"), read_only=True) as database:
        return [row[0] for row in database.execute(f"select {column} from {table} order by all").fetchall()]


def bytes_in(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.stat().st_size and not path.name.endswith("-shm")
    }


def test_nothing_of_an_erased_conversation_is_left_but_in_the_landing_folder(project, monkeypatch):
    data = project / "data"
    # As it is outside of tests: dbt writes the command line of its process into its results.
    monkeypatch.setattr(sys, "argv", ["metrics", "erase", ID, "--yes", "--json"])
    before = left_of(data, ID, *WORDS)
    tops = {place.split("/")[0] for _, place in before}
    assert tops >= {"landed", "conversations", "turns", "logged_metrics", "verdicts", "ledger.sqlite", "published"}
    assert tops >= {"labels", "calibration", "sets", "quarantine", "ingest_files", "warehouse"}
    raw_files = bytes_in(data / "landing")
    with Ledger(data / "ledger.sqlite") as ledger:
        bodies = [body for (body,) in ledger._rows("select body from replies")]
    generations = {path.name for path in (data / "published" / "generations").iterdir()}

    done = erase(ID, "--yes", "--json")

    assert done.exit_code == 0, done.output
    assert left_of(data, ID, *WORDS) == []
    assert bytes_in(data / "landing") == raw_files
    (erasure,) = json.loads(done.output)["erasures"]
    assert erasure["raw_files"] == ["a.jsonl", f"{ID}.jsonl"]
    found = {place["place"]: place["found"] for place in erasure["places"] if place["unit"] != "files that name it"}
    assert not any(place["left"] for place in erasure["places"])
    assert [found[name] for name in ("landed", "turns", "labels", "sets", "calibration")] == [2, 6, 1, 1, 1]
    assert found["ledger.sqlite"] >= 2
    # What is deleted from SQLite often stays in its pages: the compressed replies themselves are looked for.
    file = b"".join(path.read_bytes() for path in data.glob("ledger.sqlite*"))
    with Ledger(data / "ledger.sqlite") as ledger:
        kept = {body for (body,) in ledger._rows("select body from replies")}
    assert [body in file for body in bodies] == [body in kept for body in bodies]
    assert 0 < len(kept) < len(bodies)
    # The others are as they were, and stand in a generation of their own.
    current = (data / "published" / "current").resolve()
    assert current.name not in generations
    assert rows(current, "dim_conversations") == sorted(f"c{number}" for number in range(12))
    assert sum(rows(current, "trend_metric_daily", "conversation_count")) == 12
    assert (data / "labels" / "refund.csv").read_bytes() == (
        'conversation_id,answer,note\r\nc1,true,"two\nlines"\r\nc2,true,\u2028\r\n'.encode()
    )
    assert (data / "sets" / "mine.jsonl").read_text() == '{ "conversation_id":"c1"}\n'
    for generation in (data / "published" / "generations").iterdir():
        manifest = json.loads((generation / "manifest.json").read_text())
        hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in generation.iterdir()}
        del hashes["manifest.json"]
        assert manifest["sha256"] == hashes
        assert manifest["rows"]["dim_conversations"] == 12 == len(rows(generation, "dim_conversations"))
        assert (generation / "transcripts.duckdb").stat().st_mode & 0o777 == 0o600
    (tombstone,) = pq.read_table(erasure["tombstones"]).to_pylist()
    assert tombstone["change"] == "erased"
    assert tombstone["conversation_sha256"] == hashlib.sha256((tombstone["salt"] + ID).encode()).hexdigest()

    # A run has nothing to ask, and says the same, but for the tables that speak of runs.
    summary = pipeline.run(settings_of(project))
    assert summary.evaluation.tally.requests == 0
    assert summary.publication.path != current
    of_runs = {"evaluation_runs.parquet", "trend_cost_daily.parquet"}
    before, after = (
        {path.name: path.read_bytes() for path in generation.glob("*.parquet") if path.name not in of_runs}
        for generation in (current, summary.publication.path)
    )
    assert after == before


def test_an_erased_conversation_that_lands_again_is_counted_and_stays_out(unpublished):
    data, settings = unpublished / "data", settings_of(unpublished)
    folder, counts = DataFolder(data), ("read_count", "kept_count", "quarantined_count", "erased_count")
    assert erase(ID, "--yes").exit_code == 0
    write(data / "landing" / f"again-{ID}.jsonl", victim(5), raw(40), victim(5))

    landing, _ = pipeline.take_in(settings, folder)

    (receipt,) = landing.receipts
    assert (receipt.read_count, receipt.kept_count, receipt.erased_count) == (3, 1, 2)
    table = pq.read_table(folder.whole_file("ingest_files"), columns=list(counts))
    assert [sum(table[name].to_pylist()) for name in counts] == [18, 13, 1, 4]
    # Neither other rules of redaction, under which every file lands anew, nor reading again brings it back.
    other_rules = Redactor(own={"HOUSE": "HB-[0-9]+"})
    land_folder(data / "landing", folder, ZoneInfo("UTC"), other_rules)
    retry([], data / "landing", folder, ZoneInfo("UTC"), other_rules)
    merge(folder)
    assert left_of(data, ID, *WORDS) == []
    assert sum(receipt.erased_count for receipt in receipts(folder)) == 4


def test_of_words_that_two_conversations_share_the_reply_stays_with_the_other(unpublished):
    data, settings = unpublished / "data", settings_of(unpublished)
    write(data / "landing" / "twin.jsonl", victim() | {"id": OTHER}, victim(3) | {"id": OTHER + "2"})
    assert judge_what_is_new(settings) == 0

    assert erase(ID, "--yes").exit_code == 0

    assert judge_what_is_new(settings) == 0
    assert left_of(data, ID) == []
    assert erase(OTHER, OTHER + "2", "--yes").exit_code == 0
    assert left_of(data, OTHER, *WORDS) == []


def test_what_was_asked_about_words_that_were_since_redacted_goes_as_well(unpublished):
    data = unpublished / "data"
    (unpublished / "metrics.toml").write_text('[redact_patterns]\nPLACE = "zanzibar"\n')
    assert judge_what_is_new(settings_of(unpublished)) == 1
    assert {place for word, place in left_of(data, "zanzibar")} == {"ledger.sqlite"}

    assert erase(ID, "--yes").exit_code == 0

    assert left_of(data, ID, *WORDS) == []


def test_an_unknown_id_is_said_and_nothing_is_recorded_of_any(project):
    before = bytes_in(project / "data")

    done = erase("call-nobody", ID, "--yes")

    assert isinstance(done.exception, ErasingError)
    assert done.exception.exit_code == 1
    assert "nothing is known of call-nobody." in str(done.exception)
    assert bytes_in(project / "data") == before


def test_ids_that_a_command_line_cannot_hold_come_in_a_file(unpublished):
    data = unpublished / "data"
    odd, quoted = "call\nwith\0 signs", '"its quotes"'
    write(data / "landing" / "odd.jsonl", *(victim() | {"id": one} for one in (odd, quoted)))
    pipeline.take_in(settings_of(unpublished), DataFolder(data))
    file = unpublished / "ids.txt"
    file.write_bytes(b"\xef\xbb\xbf" + f"{ID}\r\n\n{json.dumps(odd)}\n{json.dumps(quoted)}".encode())

    done = erase("--ids", str(file), "c3", "--yes", "--json")

    assert done.exit_code == 0, done.output
    assert [erasure["conversations"] for erasure in json.loads(done.output)["erasures"]] == [4]
    assert left_of(data, ID, *WORDS) == []


def test_ids_are_read_in_where_the_file_is_a_dash_and_an_unknown_one_is_said_in_one_line(unpublished):
    done = CliRunner().invoke(cli, ["erase", "--ids", "-", "--yes"], input='c1\n"no\\u0000\\nbody"\n')

    assert 'nothing is known of "no\\u0000\\nbody".' in str(done.exception)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "ids.txt: cannot be read (No such file or directory). Name a file with one id a line."),
        (b"\n \r\n", "ids.txt: names no conversation. Write one id a line."),
        (b"c1\n\n\xff\xfe\n", "ids.txt:3: is not UTF-8. Write one id a line, as text in UTF-8."),
        (b'c1\n"secret\n', "ids.txt:2: begins with a quote and is no JSON string."),
        (b'"\\ud800"', "ids.txt:1: begins with a quote and is no JSON string."),
        (b'c1\n""\n', "An id is empty or not UTF-8, and no conversation has such a one. Leave it out."),
    ],
)
def test_a_file_of_ids_that_cannot_be_read_is_refused_in_a_sentence(tmp_path, monkeypatch, content, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    if content is not None:
        (tmp_path / "ids.txt").write_bytes(content)

    done = erase("--ids", "ids.txt", "--yes")

    assert done.exception.exit_code == 2
    assert str(done.exception).startswith(says)


@pytest.mark.parametrize("one", ["", "\udcff"])
def test_an_id_that_no_conversation_can_have_is_refused_in_a_sentence(tmp_path, monkeypatch, one):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()

    done = erase("--yes", "--", one)

    assert str(done.exception).startswith("An id is empty or not UTF-8")


def test_a_file_of_somebody_else_is_left_as_it_is_and_said_with_exit_code_1(unpublished):
    exports = unpublished / "data" / "exports" / "mine.csv"
    exports.parent.mkdir()
    exports.write_text(f"conversation_id,text\n{ID},ocelot\n")
    log = unpublished / "data" / "dagster_home" / "run.log"
    log.parent.mkdir()
    log.write_bytes(b"\xff run of " + ID.encode() + b"\n")

    done = erase(ID, "--yes")

    assert done.exception.exit_code == 1
    assert str(done.exception).startswith("exports/mine.csv, dagster_home/run.log in ")
    assert sorted(left_of(unpublished / "data", ID)) == [(ID, "dagster_home/run.log"), (ID, "exports/mine.csv")]


def test_without_a_yes_it_shows_what_it_found_and_erases_nothing(project):
    before = bytes_in(project / "data")

    done = erase(ID)

    assert done.exception.exit_code == 2
    assert "Erase 1 conversation for good? Say --yes." in str(done.exception)
    assert "landed: 2 rows" in done.output
    assert bytes_in(project / "data") == before


@pytest.mark.parametrize("every", [13, pytest.param(1, marks=pytest.mark.slow)])
def test_who_is_killed_at_any_moment_is_finished_by_the_next(finished, tmp_path, every):
    source = tmp_path / "source"
    shutil.copytree(finished, source, symlinks=True)
    shutil.rmtree(min((source / "data" / "published" / "generations").iterdir()))
    # A server that forks children which have imported everything, and run nothing.
    context = get_context("forkserver")
    context.set_forkserver_preload(["killed"])
    changes = killed.in_child(context, source, tmp_path / "whole", ID, NOW, None)
    assert changes > 40
    for number in range(0, changes, every):
        root = tmp_path / f"killed_{number}"
        killed.in_child(context, source, root, ID, NOW, number)
        data = root / "data"
        assert all(pq.read_metadata(path) for path in data.rglob("[!.]*.parquet")), number
        with duckdb.connect(str(data / "published" / "current" / "metrics.duckdb"), read_only=True) as published:
            assert published.execute("select count(*) from dim_conversations").fetchone() in [(12,), (13,)], number
        if number % 2:
            # A run does not stumble over what was left, and finishes it.
            pipeline.take_in(settings_of(root), open_data_folder(data))
        else:
            killed.erase(root, ID, NOW)
        assert left_of(data, ID, *WORDS) == [], number
        assert not (data / "erased" / "unfinished.json").exists()
        assert sorted(receipt.kept_count for receipt in receipts(DataFolder(data))) == [0, 12]
        shutil.rmtree(root)


def test_readers_see_whole_files_before_during_and_after(project):
    data = project / "data"
    current = data / "published" / "current"
    script = (
        "import duckdb, sys, pathlib\n"
        "seen = set()\n"
        "print('ready', flush=True)\n"
        "while not pathlib.Path('done').exists():\n"
        f"    place = pathlib.Path({str(current)!r}).resolve()\n"
        "    with duckdb.connect(str(place / 'metrics.duckdb'), read_only=True) as database:\n"
        "        seen.add(database.execute('select count(*) from dim_conversations').fetchone()[0])\n"
        "    seen.add(len(duckdb.read_parquet(str(place / 'dim_conversations.parquet')).fetchall()))\n"
        "print(sorted(seen))"
    )
    opened = pq.ParquetFile(current / "fct_verdicts.parquet")
    reader = subprocess.Popen([sys.executable, "-c", script], cwd=project, stdout=subprocess.PIPE, text=True)
    assert reader.stdout.readline() == "ready\n"

    killed.erase(project, ID, NOW)

    (project / "done").touch()
    seen, _ = reader.communicate()
    assert reader.returncode == 0
    assert seen.strip() == "[12, 13]"
    assert ID in opened.read()["conversation_id"].to_pylist()


def test_while_another_run_writes_it_says_so_and_waits(unpublished):
    data, waits = unpublished / "data", threading.Event()
    worker = threading.Thread(
        target=erase_conversations, args=(settings_of(unpublished), [ID], False, lambda: NOW, waits.set)
    )
    with locked(data / ".judging.lock"):
        worker.start()
        assert waits.wait(20)
        assert left_of(data, ID) != []
    worker.join()

    assert left_of(data, ID) == []


def test_runs_judge_side_by_side_and_an_erase_waits_for_all_of_them(unpublished):
    settings, waits = settings_of(unpublished), threading.Event()
    folder, catalog = DataFolder(unpublished / "data"), load_catalog(settings.definitions)
    other = threading.Thread(target=pipeline.judge, args=(folder, catalog, settings, folder.days()))
    erasing = threading.Thread(target=erase_conversations, args=(settings, [ID], False, lambda: NOW, waits.set))

    def meanwhile(_):
        if other.ident is None:
            other.start()
            other.join(20)
            assert not other.is_alive()
            erasing.start()
            assert waits.wait(20)
            assert left_of(folder.root, ID) != []

    pipeline.judge(folder, catalog, settings, folder.days(), on_progress=meanwhile)
    erasing.join()

    assert left_of(folder.root, ID) == []


def test_what_is_older_than_retention_days_is_erased_in_one_pass_and_does_not_land(unpublished):
    data = unpublished / "data"
    settings = settings_of(unpublished, retention_days=7)
    # The tenth less seven days is the third: of the days from the first to the fifth, two go.
    renamed = killed.renames(lambda: erase_conversations(settings, [], True, lambda: NOW))

    assert DataFolder(data).days() == [datetime(2026, 9, day).date() for day in (3, 4, 5)]
    assert max(renamed.values()) == 1
    assert left_of(data, ID, *WORDS) == []
    # Age keeps them out, and no hash of them is kept.
    assert not (data / "erased" / "marks").exists()
    write(data / "landing" / "late.jsonl", raw(1, id="late-and-too-old"), raw(2, id="late-and-fresh"))
    report = land_folder(data / "landing", DataFolder(data), settings.zone, None, NOW, datetime(2026, 9, 3).date())
    assert (report.kept_count, report.erased_count) == (1, 1)


def test_a_run_erases_what_is_too_old_before_it_lands_anything(project):
    data = project / "data"
    settings = settings_of(project, retention_days=1)

    landing, merged = pipeline.take_in(settings, open_data_folder(data))

    assert merged.conversation_count == 0
    assert landing.file_count == 0
    assert left_of(data, ID, *WORDS) == []


@pytest.mark.parametrize("is_killed", [True, False])
def test_one_that_is_named_stays_out_though_its_age_is_why_it_goes(unpublished, is_killed):
    data = unpublished / "data"
    settings = settings_of(unpublished, retention_days=7)
    if is_killed:
        gone = Unfinished((ID, "c0"), NOW, False, ())
        write_unfinished(DataFolder(data), gone)
        erase_from_shards(DataFolder(data), Gone(gone.conversation_ids))

    assert look_before_erasing(settings, [ID], not is_killed, NOW)[0] == (1 if is_killed else 7)
    erase_conversations(settings, [ID], not is_killed, lambda: NOW)

    assert len((data / "erased" / "marks").read_text().split()) == 1
    assert ID in Erased(DataFolder(data))
