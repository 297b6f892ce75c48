"""The `metrics` command as its user meets it: what it prints, how it ends, and what it leaves behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from hashlib import sha256
from pathlib import Path

import duckdb
import numpy as np
import pytest
from command_line import metrics
from exports import raw, write
from model_server import model_server

from metrics_pipeline.evaluation.ledger import Ledger
from metrics_pipeline.metrics.sampling import position

ROOT = Path(__file__).parents[1]
METRICS = Path(sys.executable).with_name("metrics")
DEFINITION = """\
name: "Result: given"
type: boolean
definition: The agent gave an answer.
true_when: The agent said an answer.
false_when: The agent gave none.
good: true
"""


class Project:
    """A folder with exports, definitions and a data folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.landing, self.definitions, self.data = root / "landing", root / "definitions", root / "data"
        self.definitions.mkdir(parents=True)
        (self.definitions / "result_given.yaml").write_text(DEFINITION)
        write(self.landing / "a.jsonl", *(raw(number) for number in range(40)))

    def environment(self, **settings: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("METRICS_")}
        return (
            kept
            | {"METRICS_DATA": str(self.data)}
            | {f"METRICS_{name.upper()}": value for name, value in settings.items()}
        )

    def command(self, *arguments: str) -> list[str]:
        where = ["--landing", str(self.landing), "--definitions", str(self.definitions)]
        return [str(METRICS), "run", *where, *arguments]

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return metrics(self.command(*arguments)[1:], self.root, self.environment(**settings))

    def run_as_a_process(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.root,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def published(self) -> dict[str, str]:
        files = [path for path in (self.data / "published").rglob("*") if path.is_file()]
        return {str(path): sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A project after its first run."""
    project = Project(tmp_path_factory.mktemp("project"))
    done = project.run_as_a_process("--json")
    assert done.returncode == 0, done.stderr
    return project, json.loads(done.stdout)


@pytest.fixture
def project(finished, tmp_path):
    """A copy of it, to be broken."""
    root = tmp_path / "project"
    shutil.copytree(finished[0].root, root, symlinks=True)
    copy = Project.__new__(Project)
    copy.root = root
    copy.landing, copy.definitions, copy.data = root / "landing", root / "definitions", root / "data"
    return copy


def test_a_run_goes_from_export_files_to_a_table_a_bi_tool_reads(finished):
    project, summary = finished

    assert summary["landed"] == {
        "files": 1,
        "skipped_files": 0,
        "read": 40,
        "kept": 40,
        "duplicate": 0,
        "waiting": 0,
        "quarantined": 0,
        "erased": 0,
    }
    assert summary["conversations"] == 40
    assert [stage["name"] for stage in summary["stages"]] == ["land", "merge", "judge", "build", "check", "publish"]
    with duckdb.connect(str(project.data / "published" / "current" / "metrics.duckdb"), read_only=True) as database:
        rows = database.execute(
            "select sum(conversation_count), sum(success_count + failure_count + not_applicable_count"
            " + undecided_count + error_count + unjudged_count) from trend_metric_daily"
        ).fetchone()
    assert rows == (40, 40)


def test_a_second_run_says_in_words_that_there_was_nothing_to_do(project):
    done = project.run()

    assert done.returncode == 0
    assert "0 new files (1 landed before)" in done.stdout
    assert "judged     0 days: 0 requests" in done.stdout
    assert "Result: given" in done.stdout


def test_deleted_tables_come_back_without_a_request(project):
    before = {path.name: path.read_bytes() for path in sorted((project.data / "verdicts").rglob("day=*.parquet"))}
    for table in ("conversations", "turns", "logged_metrics", "verdicts", "metrics", "metric_days", "ingest_files"):
        shutil.rmtree(project.data / table)

    done = project.run("--json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["requests"] == 0
    after = {path.name: path.read_bytes() for path in sorted((project.data / "verdicts").rglob("day=*.parquet"))}
    assert after == before


def _unknown_key(project):
    (project.definitions / "result_given.yaml").write_text(DEFINITION + "colour: red\n")


def _twins(project):
    (project.definitions / "twin.yaml").write_text(DEFINITION)


@pytest.mark.parametrize(
    ("sabotage", "arguments", "settings", "code", "says"),
    [
        (lambda p: shutil.rmtree(p.landing), (), {}, 2, "is not a folder. Put export files"),
        (lambda p: shutil.rmtree(p.definitions), (), {}, 2, "is not a folder. Point --definitions"),
        (_unknown_key, (), {}, 1, "result_given.yaml:7: unknown key 'colour'. Remove it or correct the spelling"),
        (_twins, (), {}, 1, "the name 'Result: given' is taken by"),
        (lambda p: (p.data / "format").write_text("0\n"), (), {}, 1, "made by another version of the pipeline"),
        (lambda p: (p.data / "ledger.sqlite").write_bytes(b"x" * 999), (), {}, 1, "ledger.sqlite: is damaged"),
        (lambda p: None, ("--from", "2026-09-05", "--to", "2026-09-01"), {}, 2, "is after --to"),
        (lambda p: None, ("--from", "2027-01-01"), {}, 2, "No conversation from 2027-01-01"),
        (lambda p: None, (), {"concurrency": "lots"}, 2, "METRICS_CONCURRENCY in the environment"),
        (
            lambda p: None,
            (),
            {"model": "openai/x", "api_base": "http://127.0.0.1:9/v1"},
            1,
            "tries, no connection to http://127.0.0.1:9/v1, and no request was sent. Start its server",
        ),
        (lambda p: None, (), {"model": "x"}, 2, "No provider has a model 'x'. Write it as"),
    ],
)
def test_bad_input_ends_in_a_sentence_and_what_was_published_is_still_read(
    project, sabotage, arguments, settings, code, says
):
    before = project.published()
    if settings.get("model"):
        write(project.landing / "b.jsonl", *(raw(number) for number in range(100, 140)))
    sabotage(project)

    done = project.run(*arguments, **settings)

    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("metrics: ")
    assert project.published() == before


def test_a_full_disk_while_writing_ends_in_a_sentence_and_leaves_what_was_published(project):
    write(project.landing / "b.jsonl", *(raw(number, 20) for number in range(100, 400)))
    before = project.published()
    # A limit on the size of files stands in for a disk that is full: the write itself fails.
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 16; trap "" XFSZ; exec "$@"', "bash", *project.command()],
        cwd=project.root,
        env=project.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("metrics: ")
    assert "Traceback" not in done.stderr
    assert project.published() == before
    assert project.run().returncode == 0


def test_two_runs_at_once_in_one_folder_both_end_well_and_pay_for_each_answer_once(tmp_path):
    project = Project(tmp_path / "project")
    with model_server(latency_seconds=0.02) as server:
        settings = {"model": "openai/x", "api_base": server.base}
        both = [
            subprocess.Popen(
                project.command("--json"),
                cwd=project.root,
                env=project.environment(**settings),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        outputs = [process.communicate() for process in both]

    assert [process.returncode for process in both] == [0, 0], outputs
    assert server.request_count == 40
    assert set(server.bodies.values()) == {1}
    summaries = [json.loads(out) for out, _ in outputs]
    assert {summary["conversations"] for summary in summaries} == {40}
    with duckdb.connect(str(project.data / "published" / "current" / "metrics.duckdb"), read_only=True) as database:
        assert database.execute(
            "select sum(conversation_count - unjudged_count) from trend_metric_daily"
        ).fetchone() == (40,)


@pytest.mark.parametrize("seconds", [1.5, 3.0])
def test_a_command_that_its_user_ends_says_so_and_goes_on_next_time(project, seconds):
    before = project.published()
    process = subprocess.Popen(
        project.command(), cwd=project.root, env=project.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate()

    if process.returncode == 0:
        pytest.skip("this machine was done before it could be stopped")
    assert process.returncode == 130, error
    assert error.decode().startswith("metrics: stopped. What was recorded is kept")
    assert b"Traceback" not in out + error
    assert project.published() == before


def test_rules_numbers_and_samples_reach_the_tables(project):
    define = project.definitions
    (define / "turns.yaml").write_text(
        "name: Turns\ntype: numeric\nunit: turns\ndefinition: How many.\nsource: rule\nrule: {number: turn_count}\n"
    )
    (define / "short.yaml").write_text(
        "name: Short\ntype: boolean\ndefinition: Few turns.\nsource: rule\nrule: {true_if: {turn_count: {max: 99}}}\n"
    )
    (define / "waited.yaml").write_text(
        "name: Waited\ntype: numeric\ndefinition: How long.\nsource: logged\nlogged: {metric: wait}\n"
    )
    (define / "tried.yaml").write_text(DEFINITION.replace("Result: given", "Tried") + "sample: 0.3\n")
    waits = {100 + place: (place * place) % 17 / 4 for place in range(30)}
    write(
        project.landing / "b.jsonl",
        *(raw(number, 1 + number % 4, metrics={"wait": str(wait)}) for number, wait in waits.items()),
        raw(130, metrics={"wait": "long"}),
    )

    done = project.run("--json", "--from", "2026-09-01")

    assert done.returncode == 0, done.stderr
    with duckdb.connect(str(project.data / "published" / "current" / "metrics.duckdb"), read_only=True) as database:
        ids = [row[0] for row in database.execute("select conversation_id from dim_conversations").fetchall()]
        numbers = {
            (metric, day.day): row
            for metric, day, *row in database.execute(
                "select metric, conversation_date, answered_count, mean, p50, p95, p99 from trend_number_daily"
            ).fetchall()
        }
        unmapped = database.execute(
            "select sum(error_count), sum(not_applicable_count) from trend_metric_daily where metric = 'waited'"
        ).fetchone()
        short = database.execute("select sum(rate_numerator) from trend_metric_daily where metric = 'short'").fetchone()
        sampled = database.execute(
            "select sum(unjudged_count), sum(not_sampled_count), any_value(day_status) from trend_metric_daily "
            "where metric = 'tried'"
        ).fetchone()
    left_out = sum(position("tried", one) >= 0.3 for one in ids)
    expected: dict[tuple[str, int], list[float]] = {}
    for number in [*range(40), *waits, 130]:
        # Each turn of the export is one of the caller and one of the agent.
        turns = 2 * (1 + number % 4) if number in waits else 4
        expected.setdefault(("turns", 1 + number % 5), []).append(turns)
        if number in waits:
            expected.setdefault(("waited", 1 + number % 5), []).append(waits[number])
    assert numbers.keys() == expected.keys()
    for place, values in expected.items():
        quantiles = np.quantile(values, [0.5, 0.95, 0.99])
        assert numbers[place] == pytest.approx([len(values), np.mean(values), *quantiles])
    assert unmapped == (1, 40)
    assert short == (71,)
    assert sampled == (left_out, left_out, "complete")


def test_many_requests_to_a_model_ask_first(project):
    write(project.landing / "b.jsonl", *(raw(number) for number in range(100, 1_200)))
    with model_server() as server:
        # Without days the older ones stay with the baseline, and free requests are no reason to ask.
        done = project.run("--from", "2026-09-01", model="openai/x", api_base=server.base)

        assert done.returncode == 2
        assert "1,140 requests to openai/x. Say --yes" in done.stderr
        assert server.request_count == 0


def test_a_model_behind_an_address_judges_the_newest_day_and_is_named_on_it(project):
    with model_server() as server:
        done = project.run("--json", model="openai/x", api_base=server.base)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["requests"] == server.request_count > 0
    with duckdb.connect(str(project.data / "published" / "current" / "metrics.duckdb"), read_only=True) as database:
        rows = database.execute(
            "select conversation_date, judge_kind, judge, is_break from trend_metric_daily order by 1 desc limit 2"
        ).fetchall()
        cost = database.execute(
            "select judge, judge_call_count, prompt_tokens, reply_tokens, dollars from trend_cost_daily order by 1"
        ).fetchall()
    assert [row[1:] for row in rows] == [("model", "openai/x", True), ("baseline", "baseline", False)]
    assert cost[0] == ("baseline", 40, 0, 0, 0)
    assert cost[1] == ("openai/x", server.request_count, 7 * server.request_count, 3 * server.request_count, None)


def test_after_a_kill_in_the_middle_of_judging_no_recorded_reply_is_asked_for_again(tmp_path):
    project = Project(tmp_path / "project")
    write(project.landing / "b.jsonl", *(raw(number) for number in range(100, 300)))
    with model_server(latency_seconds=0.05) as server:
        settings = {"model": "openai/x", "api_base": server.base, "concurrency": "8"}
        first = subprocess.Popen(
            project.command(),
            cwd=project.root,
            env=project.environment(**settings),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while server.request_count < 100:
            assert first.poll() is None
            time.sleep(0.02)
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        time.sleep(0.5)
        sent = Counter(server.bodies)
        with Ledger(project.data / "ledger.sqlite") as ledger:
            counts = ledger.request_counts()
        # Every call that may have been paid has a row; those in flight have no outcome, nor has the one about to be.
        assert counts["reply"] + counts.get("in flight or lost", 0) >= sent.total()
        assert counts.get("in flight or lost", 0) <= 8 + 1

        done = project.run(**settings)

        assert done.returncode == 0, done.stderr
        repeated = sum(count - 1 for count in server.bodies.values())
        assert len(server.bodies) == 240
        assert repeated <= 8
