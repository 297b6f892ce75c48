"""What a preview and a diff show, counted anew with plain SQL from the ledger and from the tables."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from uuid import uuid4

import duckdb
import pytest
from analyst import Project
from scipy.stats import binomtest

from metrics_pipeline import pipeline
from metrics_pipeline.data_folder import open_data_folder
from metrics_pipeline.demo.export import write_demo
from metrics_pipeline.metrics.catalog import load_catalog
from metrics_pipeline.settings import Settings

ROOT = Path(__file__).parents[2]
STAR = next((place for up in ROOT.parents if (place := up / "shared" / "data" / "star" / "v3").is_dir()), None)
NEVER_ASKED = ("gated", "no_utterance", "no_transcript")


@pytest.fixture(scope="module")
def hotel(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("hotel"))
    shutil.rmtree(project.root / "landing")
    write_demo(project.root / "landing", project.root / "truth.parquet")
    for later in sorted((project.root / "landing").iterdir())[20:]:
        later.unlink()
    return project


def shipped(project: Project, key: str, folder: Path = ROOT / "metric_definitions") -> str:
    text = (folder / f"{key}.yaml").read_text()
    project.define(text, key)
    return text


def activate(project: Project) -> pipeline.Report:
    """What `metrics run` judges of every day, without building tables for readers."""
    settings = Settings(data=project.data, definitions=project.definitions, landing=project.root / "landing")
    folder = open_data_folder(settings.data)
    return pipeline.judge(folder, load_catalog(settings.definitions), settings, folder.days())


def requests(project: Project) -> str:
    """A copy of all requests in the ledger, as it is now."""
    place = project.root / "copies" / uuid4().hex
    project.run("ledger", "export", str(place))
    return str(place / "requests.parquet")


def replies(project: Project, key: str, version: str) -> dict[str, dict[str, object]]:
    """What the judge replied about each conversation's words, by their hash, as the ledger's copy says."""
    with duckdb.connect() as database:
        rows = database.execute(
            "select judged_hash, text, metrics from read_parquet(?) where asking = '0' and text is not null",
            [requests(project)],
        ).fetchall()
    found = {}
    for judged_hash, text, metrics in rows:
        if [key, version] in json.loads(metrics):
            found[judged_hash] = json.loads(text)[key]
    return found


def hashes(project: Project, ids: list[str]) -> dict[str, str]:
    with duckdb.connect() as database:
        rows = database.execute(
            "select conversation_id, judged_hash from read_parquet(?) where conversation_id in (select unnest(?))",
            [f"{project.data}/conversations/day=*.parquet", ids],
        ).fetchall()
    return dict(rows)


def outcome(said: dict[str, object]) -> str:
    if said.get("applies") is False:
        return "not_applicable"
    return str(said["answer"])


def check_preview(project: Project, key: str) -> None:
    shown = json.loads(project.run("preview", key, "--sample", "150", "--json"))
    ids, judged = shown["conversation_ids"], next(one for one in shown["sources"] if one["source"] == "judged")
    said, by_id = replies(project, key, shown["metric"]["version"]), hashes(project, ids)
    assert len(set(ids)) == 150
    from_ledger = Counter(outcome(said[by_id[one]]) for one in ids if by_id[one] in said)
    assert {name: one["number"] for name, one in judged["answers"].items()} == {
        name: from_ledger[name] for name in judged["answers"]
    }
    assert judged["states"]["undecided"]["number"] == from_ledger["undecided"]

    report = activate(project)
    asked = {row[0] for row in by_id.items()}
    with duckdb.connect() as database:
        rows = database.execute(
            "select conversation_id, state, answer, detail from read_parquet(?) where source = 'judged'",
            [f"{project.data}/verdicts/metric={key}/day=*.parquet"],
        ).fetchall()
    states = Counter(state for one, state, _, _ in rows if one in asked)
    answers = Counter(answer for one, _, answer, _ in rows if one in asked and answer)
    words = {by_id[one] for one, _, _, detail in rows if one in asked and detail not in NEVER_ASKED}
    assert {name: one["number"] for name, one in judged["states"].items() if one["number"]} == dict(states)
    assert {name: one["number"] for name, one in judged["answers"].items() if one["number"]} == dict(answers)
    # The version that was previewed goes live: nothing about the sample is asked again.
    assert len(words) == shown["tally"]["requests"] == shown["expected"]["requests"]
    assert report.tally.requests == shown["backfill"]["requests"]
    with duckdb.connect() as database:
        twice = database.execute(
            "select count(*) from "
            "(select 1 from read_parquet(?) group by judged_hash, metrics, asking having count(*) > 1)",
            [requests(project)],
        ).fetchone()
    assert twice == (0,)


def check_diff(project: Project, key: str, text: str, old: str, new: str) -> None:
    assert old in text
    project.define(text.replace(old, new), key)
    found = json.loads(project.run("diff", key, "--sample", "150", "--json"))
    (metric,) = found["metrics"]
    judgement = metric["judgements"][0]
    by_id = hashes(project, found["conversation_ids"])
    before = replies(project, key, metric["before"]["version"])
    after = replies(project, key, metric["after"]["version"])
    pairs = [
        (outcome(before[words]), outcome(after[words]))
        for words in by_id.values()
        if words in before and words in after
    ]
    flips = Counter(f"{was} -> {now}" for was, now in pairs if was != now)
    assert flips
    assert judgement["directions"] == dict(flips)
    both = [(was == "true", now == "true") for was, now in pairs if {was, now} <= {"true", "false"}]
    gained, lost = sum(now > was for was, now in both), sum(now < was for was, now in both)
    change = judgement["change"]
    assert (change["pair_count"], change["gained_count"], change["lost_count"]) == (len(both), gained, lost)
    expected = binomtest(gained, gained + lost).pvalue if gained + lost else 1.0
    assert change["p_value"] == pytest.approx(expected)
    for side, place in (("before", 0), ("after", 1)):
        counted = [pair[place] for pair in pairs if pair[place] in ("true", "false")]
        rate = judgement[f"rate_{side}"]
        assert (rate["number"], rate["out_of"]) == (counted.count("true"), len(counted))
    assert found["tally"]["requests"] == len(set(by_id.values()) & set(after))
    assert metric["held_count"] == sum(words in before for words in by_id.values())


def test_the_ledger_and_the_tables_confirm_a_preview_and_a_diff_of_the_demo(hotel):
    text = shipped(hotel, "handoff_requested")
    check_preview(hotel, "handoff_requested")
    check_diff(hotel, "handoff_requested", text, "a human, a real person, or somebody at the front desk", "a manager")


@pytest.mark.slow
@pytest.mark.skipif(STAR is None, reason="the STAR conversations are not here")
def test_the_ledger_and_the_tables_confirm_a_preview_and_a_diff_of_star(tmp_path):
    assert STAR is not None
    project = Project(tmp_path)
    shutil.rmtree(project.root / "landing")
    (project.root / "landing").symlink_to(STAR)
    key = "booking_completed"
    text = shipped(project, key, ROOT / "benchmarks" / "definitions" / "star")
    check_preview(project, key)
    check_diff(project, key, text, "true_when: ", "true_when: The agent greeted the caller, and ")
