"""What each edit of a definition costs, counted at the model's server, and which of its parts reach the model."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from exports import raw, write
from model_server import ModelServer, model_server

from metrics_pipeline import pipeline
from metrics_pipeline.conversations.landing import land_folder
from metrics_pipeline.conversations.merge import merge
from metrics_pipeline.data_folder import open_data_folder
from metrics_pipeline.metrics.catalog import load_catalog
from metrics_pipeline.metrics.sampling import position
from metrics_pipeline.settings import Settings

ASKED = """\
name: "Question: asked"
type: boolean
definition: The caller asked a question.
true_when: The caller asked something.
false_when: The caller asked nothing.
"""
EXAMPLE = """\
examples:
  - {transcript: "user: A zebra, please.", answer: "false", why: Nothing is asked.}
"""
OTHER = ASKED.replace("Question: asked", "Greeting: given")
COUNT = 12


class Bench:
    """Twelve conversations of one day, and a folder of definitions that is judged again and again."""

    def __init__(self, root: Path, server: ModelServer) -> None:
        self.server, self.definitions = server, root / "definitions"
        self.definitions.mkdir()
        self.settings = Settings(
            data=root / "data", definitions=self.definitions, model="openai/first", api_base=server.base
        )
        self.folder = open_data_folder(self.settings.data)
        self.write(asked=ASKED, other=OTHER)
        write(root / "landing" / "a.jsonl", *(raw(5 * number) for number in range(COUNT)))
        land_folder(root / "landing", self.folder, self.settings.zone)
        merge(self.folder)

    def write(self, **texts: str) -> None:
        for key, text in texts.items():
            (self.definitions / f"{key}.yaml").write_text(text)

    def judge(self) -> list[dict]:
        """Judge the day as the definitions stand; the requests that reached the server."""
        before = self.server.bodies.copy()
        pipeline.judge(self.folder, load_catalog(self.definitions), self.settings, self.folder.days())
        return [json.loads(body) for body in (self.server.bodies - before).elements()]

    def version(self, key: str) -> str:
        return next(one.version for one in load_catalog(self.definitions).definitions if one.key == key)

    def verdicts(self, key: str) -> pl.DataFrame:
        newest = pl.read_parquet(self.folder.verdict_file(key, self.folder.days()[0]))
        return newest.filter(pl.col("metric_version") == self.version(key))


def asked(requests: list[dict]) -> list[list[str]]:
    """The metrics that each request asks about."""
    return [sorted(one["response_format"]["json_schema"]["schema"]["properties"]) for one in requests]


def prompts(requests: list[dict]) -> list[str]:
    return [one["messages"][0]["content"] for one in requests]


@pytest.fixture
def bench(tmp_path):
    with model_server() as server:
        bench = Bench(tmp_path, server)
        assert asked(bench.judge()) == [["asked", "other"]] * COUNT
        yield bench


def test_another_owner_makes_no_version_and_asks_nothing(bench):
    version = bench.version("asked")
    bench.write(asked=ASKED + "owner: b@example.com\ngroup: Calls\ntags: [x]\ngood: true\n")

    assert bench.judge() == []
    assert bench.version("asked") == version


def test_another_condition_is_a_version_and_asks_about_its_own_metric_alone(bench):
    version = bench.version("asked")
    other = bench.folder.verdict_file("other", bench.folder.days()[0]).read_bytes()
    bench.write(asked=ASKED.replace("asked something", "asked anything"))

    assert asked(bench.judge()) == [["asked"]] * COUNT
    assert bench.version("asked") != version
    assert bench.folder.verdict_file("other", bench.folder.days()[0]).read_bytes() == other
    assert bench.judge() == []
    bench.write(asked=ASKED)
    assert bench.judge() == [], "what was asked once is never asked again"


def test_an_example_reaches_the_prompt_of_its_metric(bench):
    bench.write(asked=ASKED + EXAMPLE)

    found = bench.judge()

    assert asked(found) == [["asked"]] * COUNT
    for prompt in prompts(found):
        assert '"speaker":"user","text":"A zebra, please."' in prompt
        assert 'The right answer is "false", because: Nothing is asked.' in prompt


def test_a_metric_with_its_own_model_is_asked_of_that_model_alone(bench):
    bench.write(asked=ASKED + "model: openai/second\n")

    found = bench.judge()

    assert asked(found) == [["asked"]] * COUNT
    assert {one["model"] for one in found} == {"second"}
    assert set(bench.verdicts("asked")["judge"]) >= {"openai/second"}


def test_a_sample_asks_about_its_share_and_a_greater_one_about_the_rest_alone(bench):
    places = sorted(position("fresh", f"c{5 * number}") for number in range(COUNT))
    fresh = ASKED.replace("Question: asked", "Question: fresh")
    for upper, wanted in ((4, 4), (9, 5)):
        bench.write(fresh=f"{fresh}sample: {(places[upper - 1] + places[upper]) / 2}\n")
        assert asked(bench.judge()) == [["fresh"]] * wanted


@pytest.mark.parametrize(("whose", "states"), [("user", {"answered"}), ("agent", {"undecided"})])
def test_only_the_words_of_whom_it_names_count_as_evidence(bench, whose, states):
    # The server always quotes the first turn, which is the caller's.
    bench.write(asked=f"{ASKED}evidence_from: {whose}\n")

    found = bench.judge()

    words = {"user": "the customer's words", "agent": "the agent's words"}[whose]
    assert all(f"As evidence only {words} count." in prompt for prompt in prompts(found))
    assert set(bench.verdicts("asked")["state"]) == states
