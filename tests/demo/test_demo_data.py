"""What the demo's data promises is in it."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from metrics_pipeline.demo import export
from metrics_pipeline.demo.export import AUTH_DROP, BROKEN_LINES, END, START, write_demo
from metrics_pipeline.metrics.catalog import load_catalog

DEFINITIONS = Path(__file__).parents[2] / "metric_definitions"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    root = tmp_path_factory.mktemp("demo")
    summary = write_demo(root / "landing", root / "truth.parquet")
    return root, summary


def read(path: Path) -> tuple[list[dict], list[str]]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if ".jsonl" not in path.name:
        return json.loads(content)["conversations"], []
    good, broken = [], []
    for line in content.decode().splitlines():
        try:
            raw = json.loads(line)
            (good if "id" in raw else broken).append(raw if "id" in raw else line)
        except json.JSONDecodeError:
            broken.append(line)
    return good, broken


@pytest.fixture(scope="module")
def files(demo):
    return {path.name: read(path) for path in sorted((demo[0] / "landing").iterdir())}


@pytest.fixture(scope="module")
def conversations(files):
    """Every finished conversation once: the version with the most turns."""
    found: dict[str, dict] = {}
    for good, _ in files.values():
        for raw in good:
            if not raw["in_progress"] and len(raw["turns"]) >= len(found.get(raw["id"], raw)["turns"]):
                found[raw["id"]] = raw
    return found


@pytest.fixture(scope="module")
def truth(demo):
    table = pq.read_table(demo[0] / "truth.parquet").to_pylist()
    found = defaultdict(dict)
    for row in table:
        found[row["metric"]][row["conversation_id"]] = row["answer"]
    return found


def test_the_same_seed_writes_the_same_bytes_and_another_does_not(demo, tmp_path):
    write_demo(tmp_path / "again", tmp_path / "truth.parquet")
    write_demo(tmp_path / "other", tmp_path / "other.parquet", seed=8)

    for path in (demo[0] / "landing").iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()
    assert (demo[0] / "truth.parquet").read_bytes() == (tmp_path / "truth.parquet").read_bytes()
    assert (tmp_path / "truth.parquet").read_bytes() != (tmp_path / "other.parquet").read_bytes()


def test_about_two_thousand_conversations_stand_in_files_of_every_format_over_sixty_days(demo, files):
    _, summary = demo
    assert 1_900 < summary.conversation_count < 2_150
    assert summary.file_count == len(files) == (END - START).days + 1 == 60
    assert Counter(name.split(".", 1)[1] for name in files) == dict.fromkeys(
        ("json", "json.gz", "jsonl", "jsonl.gz"), 15
    )


def test_the_truth_answers_every_shipped_metric_about_every_delivered_conversation(conversations, truth):
    definitions = load_catalog(DEFINITIONS).require_sound().definitions
    delivered = {key for key, raw in conversations.items() if raw["turns"] or not raw["num_turns"]}
    assert {metric.key for metric in definitions} == set(truth)
    for metric in definitions:
        assert set(truth[metric.key]) == delivered
        assert set(truth[metric.key].values()) <= {*metric.answers, "not_applicable"}


def test_every_answer_of_every_metric_is_common_enough_to_be_seen(truth):
    for metric in load_catalog(DEFINITIONS).definitions:
        counts = Counter(truth[metric.key].values())
        assert all(counts[answer] >= 10 for answer in metric.answers), (metric.key, counts)


def test_fewer_callers_are_verified_from_the_known_day_on(conversations, truth):
    shares = {}
    for dropped in (False, True):
        days = [
            (date.fromisoformat(conversations[key]["started_at"][:10]) >= AUTH_DROP, answer)
            for key, answer in truth["auth_verified"].items()
        ]
        answers = Counter(answer for after, answer in days if after == dropped)
        shares[dropped] = answers["true"] / (answers["true"] + answers["false"])
    assert shares[False] > 0.75
    assert shares[True] < shares[False] - 0.2


def test_one_variant_sells_better_than_the_other(conversations, truth):
    shares = {}
    for variant in export.ACCEPTS:
        answers = Counter(
            answer
            for key, answer in truth["booking_completed"].items()
            if conversations[key]["variant_name"] == variant
        )
        shares[variant] = answers["true"] / (answers["true"] + answers["false"])
    assert shares["concise"] > shares["classic"] + 0.1


def test_some_functions_log_the_opposite_of_what_was_said(conversations, truth):
    told = Counter()
    for key, answer in truth["auth_verified"].items():
        logged = conversations[key]["metrics"].get("auth_result")
        if logged and answer in ("true", "false"):
            last = logged[-1] if isinstance(logged, list) else logged
            told[(last == "verified") == (answer == "true")] += 1
    assert 0.01 < told[False] / told.total() < 0.1


def test_callers_leave_personal_data_and_talk_to_the_judge_and_speak_spanish(conversations):
    said = {key: " ".join(turn["user_input"] for turn in raw["turns"]).lower() for key, raw in conversations.items()}
    assert sum("@example.com" in text or "example.com" in text for text in said.values()) > 20
    assert sum("4111 1111" in text or "5555 5555" in text or "3782" in text for text in said.values()) > 20
    assert sum("020 7946" in text for text in said.values()) > 20
    orders = ("ignore all previous", "system:", "evaluator", "as an ai judge")
    assert sum(any(order in text for order in orders) for text in said.values()) >= 8
    languages = Counter(raw["state"]["language"] for raw in conversations.values())
    assert 0.03 < languages["es"] / languages.total() < 0.1


def test_some_come_late_some_twice_some_too_early_some_empty_and_some_without_their_transcript(files, conversations):
    seen, late, early = Counter(), 0, 0
    for name, (good, _) in files.items():
        for raw in good:
            seen[raw["id"]] += 1
            late += raw["started_at"][:10] < name[:10] and seen[raw["id"]] == 1
            early += raw["in_progress"] or len(raw["turns"]) < len(conversations[raw["id"]]["turns"])
    assert late > 30
    assert sum(count > 1 for count in seen.values()) > 40
    assert early > 20
    assert sum(not raw["num_turns"] for raw in conversations.values()) > 15
    assert sum(not raw["turns"] and raw["num_turns"] > 0 for raw in conversations.values()) > 5


def test_some_lines_are_broken(files):
    broken = Counter(line for _, lines in files.values() for line in lines)
    assert broken.total() >= 5
    assert set(broken) <= set(BROKEN_LINES)
    assert len(broken) > 1


def test_words_vary_more_than_one_template_a_label(conversations, truth):
    said = Counter(turn["user_input"] for raw in conversations.values() for turn in raw["turns"] if turn["user_input"])
    assert len(said) > 2_500
    for reason, keys in _by_answer(truth["contact_reason"]).items():
        first = Counter(
            next((t["user_input"] for t in conversations[key]["turns"] if t["user_input"]), "") for key in keys
        )
        assert first.most_common(1)[0][1] < 0.2 * len(keys), reason


def _by_answer(answers: dict[str, str]) -> dict[str, list[str]]:
    found = defaultdict(list)
    for key, answer in answers.items():
        if answer != "not_applicable":
            found[answer].append(key)
    return found
