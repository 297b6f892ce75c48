"""Preview, diff and estimate as an analyst meets them: what they show, what they cost, and what they leave alone."""

from __future__ import annotations

import json
import subprocess

import pytest
from analyst import DEFINITION, TURNED, Project
from exports import raw
from model_server import model_server
from read_only import read_only

LABELS = """\
name: "Result: kind"
type: categorical
definition: What the agent answered.
labels:
  - {name: first, when: The agent said an answer., outcome: success}
  - {name: second, when: The agent said a question., outcome: OUTCOME}
  - {name: none, when: The agent said nothing., outcome: neutral}
"""


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """A project whose forty conversations the baseline has judged; tests put their definitions back."""
    found = Project(tmp_path_factory.mktemp("judged"))
    found.define(DEFINITION)
    found.run("run", "--from", "2026-09-01")
    return found


def git(project: Project, *arguments: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    subprocess.run(["git", *who, *arguments], cwd=project.root, check=True, capture_output=True)


def commit(project: Project) -> None:
    git(project, "init", "-q", "-b", "main")
    git(project, "add", "definitions")
    git(project, "commit", "-qm", "first")


def test_a_preview_of_a_draft_publishes_nothing_and_going_live_pays_nothing_again(project):
    project.define(DEFINITION)
    project.run("run")
    project.define(DEFINITION.replace("Result: given", "Reply") + "status: draft\n", "reply")
    before = project.published()
    with model_server() as server:
        model = {"model": "openai/x", "api_base": server.base}
        shown = json.loads(project.run("preview", "reply", "--sample", "25", "--json", **model))
        asked = set(server.bodies)

        assert shown["sources"][0]["states"]["answered"]["number"] == 25 == server.request_count
        assert shown["expected"]["requests"] == shown["tally"]["requests"] == 25
        assert shown["backfill"]["requests"] == 15
        assert shown["nightly"]["requests"] == 8
        assert project.published() == before
        again = json.loads(project.run("preview", "reply", "--sample", "25", "--json", **model))
        assert (again["tally"]["requests"], again["held_count"]) == (0, 25)
        assert again["shown"] == shown["shown"]

        project.define(DEFINITION.replace("Result: given", "Reply"), "reply")
        (project.definitions / "result_given.yaml").unlink()
        live = json.loads(project.run("run", "--from", "2026-09-01", "--json", **model))

        assert live["requests"] == 15
        assert len(asked) == 25
        assert max(server.bodies.values()) == 1


def test_the_first_preview_needs_no_run_before_it(project):
    project.define(DEFINITION)

    shown = json.loads(project.run("preview", "result_given", "--sample", "25", "--json"))

    assert len(set(shown["conversation_ids"])) == 25
    assert not (project.data / "published").exists()


def test_a_diff_counts_the_flips_and_takes_old_answers_from_the_ledger(judged):
    judged.define(TURNED)

    found = json.loads(judged.run("diff", "--sample", "30", "--json"))

    (metric,) = found["metrics"]
    (judgement,) = metric["judgements"]
    assert len(found["conversation_ids"]) == judgement["compared_count"] == 30
    assert metric["held_count"] == 30
    assert found["tally"]["requests"] == 30
    assert found["backfill"]["held_answers"] == 30
    flips = sum(judgement["directions"].values())
    assert flips == 30
    assert judgement["change"] is None or judgement["change"]["pair_count"] <= 30
    assert f"more than --max-flips {flips - 1}" in judged.run("diff", "--sample", "30", "--max-flips", "29", code=1)
    judged.run("diff", "--sample", "30", "--max-flips", "30")
    judged.define(DEFINITION)


def test_an_edit_of_the_owner_is_no_difference_to_what_was_put_to_work(judged):
    judged.define(DEFINITION + "owner: somebody@example.com\n")

    assert judged.run("diff") == "no definition differs in what it asks\n"
    judged.define(DEFINITION)


def test_a_model_named_by_the_metric_is_another_judge_and_its_answers_are_compared(judged):
    with model_server() as server:
        judged.define(DEFINITION + "model: openai/other\n")
        found = json.loads(judged.run("diff", "--sample", "10", "--json", api_base=server.base))
        shown = judged.run("diff", "--sample", "10", api_base=server.base)

        assert (server.request_count, found["metrics"][0]["held_count"]) == (10, 10)
        assert "judged by the model in use → openai/other" in shown
    judged.define(DEFINITION)


def test_a_diff_against_a_revision_needs_one_that_the_repository_has(project):
    project.define(DEFINITION)
    assert "cannot be read at it" in project.run("diff", "--against", "main", code=2)
    commit(project)
    assert project.run("diff", "--against", "main") == "no definition differs in what it asks\n"

    project.define(DEFINITION + "owner: somebody@example.com\n")
    project.define(DEFINITION.replace("Result: given", "Other"), "other")

    shown = project.run("diff", "--against", "main")
    assert "other: is new" in shown
    assert "result_given: asks what it asked" in shown
    assert "a night of what is new or asks anew: 8 requests" in shown


def test_a_metric_that_is_retired_is_said_once_and_one_that_is_removed_can_be_named(project):
    project.define(DEFINITION)
    project.define(DEFINITION.replace("Result: given", "Old") + "status: retired\n", "old")
    project.define(DEFINITION.replace("Result: given", "Gone"), "gone")
    commit(project)
    project.define(DEFINITION + "status: retired\n")
    project.define(DEFINITION.replace("Result: given", "Older") + "status: retired\n", "old")
    (project.definitions / "gone.yaml").unlink()

    assert project.run("diff", "--against", "main").splitlines() == ["gone: is removed", "result_given: is retired"]
    assert project.run("diff", "gone", "--against", "main") == "gone: is removed\n"
    assert "no metric 'gone'" in project.run("diff", "gone", code=2)


def test_what_an_outcome_means_moves_the_rate_without_asking_anybody(project):
    project.define(LABELS.replace("OUTCOME", "failure"))
    commit(project)
    project.define(LABELS.replace("OUTCOME", "neutral"))

    found = json.loads(project.run("diff", "--against", "main", "--json"))
    shown = project.run("diff", "--against", "main")

    (judgement,) = found["metrics"][0]["judgements"]
    assert sum(judgement["directions"].values()) == 0
    assert judgement["rate_before"]["out_of"] >= judgement["rate_after"]["out_of"]
    assert "nothing is judged anew; its answers count differently" in shown


def test_a_rule_and_what_was_logged_are_previewed_without_a_request(tmp_path):
    conversations = [raw(n, turn_count=1 + n % 4, metrics={"wait": str(n)}) for n in range(40)]
    project = Project(tmp_path, conversations)
    rule = "type: numeric\nsource: rule\nrule: {number: turn_count}\n"
    project.define(f"name: Turns\ndefinition: How many turns.\nunit: turns\n{rule}", "turns")
    project.define(
        "name: Wait\ntype: numeric\ndefinition: How long.\nsource: logged\nlogged: {metric: wait}\nunit: s\n", "wait"
    )
    (logged,) = json.loads(project.run("preview", "wait", "--sample", "40", "--json"))["sources"]
    shown = project.run("preview", "turns", "--sample", "40")
    commit(project)
    project.define(f"name: Turns\ndefinition: How many turns.\nattempts: first\n{rule}", "turns")
    (comparison,) = json.loads(project.run("diff", "--against", "main", "--json"))["metrics"]

    assert logged["numbers"]["mean"] == pytest.approx(sum(range(40)) / 40)
    assert logged["numbers"]["low"] < 19.5 < logged["numbers"]["high"]
    assert "mean 5 (" in shown
    assert "0 requests; there is nothing to judge" in shown
    assert comparison["judgements"][0]["compared_count"] == 40
    assert comparison["judgements"][0]["directions"] == {}


def test_a_metric_that_is_logged_and_judged_is_shown_by_both_and_its_value_first(tmp_path):
    project = Project(tmp_path, [raw(n, metrics={"result": "ok" if n % 2 else "no"}) for n in range(40)])
    both = 'source: [logged, judged]\nlogged:\n  metric: result\n  values: {"ok": "true", "no": "false"}\n'
    project.define(DEFINITION + both)

    found = json.loads(project.run("preview", "result_given", "--sample", "40", "--json"))
    commit(project)
    project.define(DEFINITION + both.replace('"no": "false"', '"no": "true"'))
    (comparison,) = json.loads(project.run("diff", "--against", "main", "--json"))["metrics"]

    first, second = found["sources"]
    assert (first["source"], first["is_primary"], first["rate"]["number"]) == ("logged", True, 20)
    assert (second["source"], second["is_primary"]) == ("judged", False)
    assert found["same_as_logged"][1] <= 40
    assert comparison["judgements"][0]["sources"] == ["logged", "logged"]
    assert comparison["judgements"][0]["directions"] == {"false -> true": 20}


def test_a_metric_with_a_sample_of_its_own_is_previewed_on_conversations_of_that_sample(project):
    project.define(DEFINITION + "sample: 0.5\n")

    found = json.loads(project.run("preview", "result_given", "--sample", "10", "--json"))

    assert found["sources"][0]["states"]["unjudged"]["number"] == 0
    assert found["tally"]["requests"] == 10


def test_the_baseline_is_not_compared_with_itself(project):
    project.define(DEFINITION)
    assert json.loads(project.run("preview", "result_given", "--json"))["same_as_baseline"] is None

    with model_server() as server:
        model = {"model": "openai/x", "api_base": server.base}
        assert json.loads(project.run("preview", "result_given", "--json", **model))["same_as_baseline"] is not None


def test_an_estimate_is_what_the_run_then_sends(tmp_path):
    # Two callers hang up after the same greeting: their words are one question.
    turns = [{"agent_response": "hello", "agent_response_datetime": "2026-09-01T10:00:00.000Z"}]
    project = Project(tmp_path, [raw(n) for n in range(38)] + [raw(90, turns=turns), raw(95, turns=turns)])
    project.define(DEFINITION)
    with model_server() as server:
        model = {"model": "openai/x", "api_base": server.base}
        days = ("--from", "2026-09-01")
        planned = json.loads(project.run("estimate", *days, "--json", **model))
        assert server.request_count == 0

        done = json.loads(project.run("run", *days, "--json", **model))

        assert planned["requests"] == done["requests"] == 39
        assert planned["most_tokens"] > planned["prompt_tokens"] > 0
        assert planned["dollars"] is None
        assert "0 requests; the ledger holds 40 of 40 answers" in project.run("estimate", *days, **model)

        # Of a second judge what is drawn is counted, also where the first has nothing more to be asked.
        model |= {"second_model": "openai/y", "second_share": "0.4"}
        planned = json.loads(project.run("estimate", *days, "--json", **model))
        done = json.loads(project.run("run", *days, "--json", **model))
        assert planned["requests"] == done["requests"] > 8


def _fresh(root):
    (root / "again").mkdir()
    return root / "again"


def test_more_requests_than_the_budget_ask_first_for_trials_and_for_days_by_name(project):
    project.define(DEFINITION)
    with model_server() as server:
        model = {"model": "openai/x", "api_base": server.base, "budget_requests": "20"}
        refused = project.run("preview", "result_given", "--sample", "30", code=2, **model)
        assert "30 requests to openai/x, more than the budget of 20" in refused
        refused = project.run("run", "--from", "2026-09-01", code=2, **model)
        assert "40 requests to openai/x, more than the budget of 20" in refused
        assert server.request_count == 0
        assert "asks first, or needs --yes, and stops at this budget" in project.run("estimate", **model)

        stopped = project.run("preview", "result_given", "--sample", "30", "--yes", code=1, **model)

        assert "budget of 20 requests is used up" in stopped
        assert server.request_count == 20


def test_over_a_thousand_requests_of_a_diff_ask_first(project):
    project.define(DEFINITION)
    commit(project)
    project.define(TURNED)
    many = Project(_fresh(project.root), [raw(number) for number in range(520)])
    many.definitions.rmdir()
    settings = {"definitions": str(project.definitions)}
    with model_server() as server:
        model = {"model": "openai/x", "api_base": server.base} | settings
        refused = many.run("diff", "--against", "main", "--sample", "520", code=2, **model)

        assert "would send 1,040 requests to openai/x. Say --yes" in refused
        assert server.request_count == 0


def test_an_example_is_asked_of_the_metrics_own_judge_and_a_wrong_answer_is_named(project):
    transcripts = [f'  - {{transcript: "agent: The answer is {word}.", answer: "false"}}\n' for word in ("yes", "no")]
    project.define(DEFINITION + "examples:\n" + "".join(transcripts))
    with model_server() as server:
        model = {"model": "openai/x", "api_base": server.base}
        shown = project.run("preview", "result_given", "--sample", "5", **model)

        assert server.request_count == 7
    assert "example 1: WRONG, true (the file says false)" in shown
    assert "example 2: WRONG, true (the file says false)" in shown


def test_a_page_shows_what_was_said_as_text_and_never_as_markup(project):
    project.define(DEFINITION.replace("The agent gave an answer.", "<script>alert(1)</script> was said."))

    project.run("preview", "result_given", "--html", "page.html")

    page = (project.root / "page.html").read_text()
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "src=" not in page


def test_a_comment_mentions_nobody_and_holds_hostile_words_as_code(tmp_path):
    said = "answer ``` @everyone </details> [x](https://evil.example) | #1"
    turns = [{"user_input": "q", "agent_response": said}]
    project = Project(tmp_path, [raw(number, turns=turns) for number in range(5)])
    project.define(DEFINITION)
    commit(project)
    project.define(TURNED)

    comment = project.run("diff", "--against", "main", "--markdown")

    assert comment.startswith("### Metrics: 1 changed, 5 flips")
    assert "| before | after | conversations |" in comment
    quoted = [line for line in comment.splitlines() if "@everyone" in line]
    assert quoted
    assert all("```` answer ``` @everyone" in line for line in quoted)


def test_a_metric_that_is_not_there_and_a_folder_without_conversations_are_said(project):
    project.define(DEFINITION)
    assert "Did you mean result_given" in project.run("preview", "result_givn", code=2)
    for key in ("result_given_again", "result_given_never", "result_giver"):
        project.define(DEFINITION.replace("Result: given", key), key)
    said = project.run("preview", "result_givn", code=2)
    assert "Did you mean result_given, result_giver or result_given_" in said
    assert "Did you mean" not in project.run("diff", "xyz", code=2)
    assert project.run("estimate", "--from", "2026-13-01", code=2) == (
        "metrics: --from 2026-13-01: is not a day. Write it like 2026-09-30.\n"
    )
    assert "Swap them" in project.run("diff", "--from", "2026-09-05", "--to", "2026-09-01", code=2)
    assert "those there are go from" in project.run("estimate", "--from", "2027-01-01", code=2)
    nowhere = {"landing": "nowhere", "data": "none"}
    assert "no conversation has landed" in project.run("preview", "result_given", code=2, **nowhere)
    assert not (project.root / "none").exists()


def test_a_page_is_refused_where_it_cannot_be_written_before_anything_is_judged(judged):
    for path in ("missing/page.html", "definitions"):
        assert "name a file in a folder that exists" in judged.run("preview", "result_given", "--html", path, code=2)
    assert not (judged.root / "missing").exists()


def test_the_heading_of_a_comment_tells_what_is_changed_from_what_is_new_and_what_is_gone(project):
    for key in ("edited", "left"):
        project.define(DEFINITION.replace("Result: given", key), key)
    commit(project)
    project.define(TURNED.replace("Result: given", "edited"), "edited")
    (project.definitions / "left.yaml").unlink()
    for key in ("first", "second"):
        project.define(DEFINITION.replace("Result: given", key), key)

    comment = project.run("diff", "--against", "main", "--markdown", "--sample", "1")

    assert comment.startswith("### Metrics: 1 changed, 2 new, 1 removed, 1 flip\n")
    assert "1 of 1 conversation flips" in comment


def test_an_estimate_refuses_what_the_run_would_refuse_and_a_diff_two_forms_at_once(project):
    project.define(DEFINITION)
    project.define("name: [", "broken")

    assert "broken.yaml:1: is not YAML" in project.run("estimate", code=1)
    assert "nothing to judge" not in project.run("estimate", "result_given")
    assert "exclude each other" in project.run("diff", "--markdown", "--json", code=2)


def test_where_no_server_answers_a_preview_is_one_sentence(judged):
    dead = {"model": "openai/x", "api_base": "http://127.0.0.1:9/v1", "retries": "0"}

    said = judged.run("preview", "result_given", "--sample", "2", code=1, **dead)

    assert said.startswith("metrics: Nothing answered for the model openai/x: 2 tries, no connection to http://127.")


def test_what_a_writable_folder_shows_is_shown_of_one_that_cannot_be_written(judged):
    commands = [("list", "--json"), ("show", "result_given"), ("estimate", "--from", "2026-09-01", "--json")]
    expected = [judged.run(*command) for command in commands]
    before = sorted(judged.data.rglob("*"))

    with read_only(judged.data):
        assert [judged.run(*command) for command in commands] == expected
        assert json.loads(expected[2])["held_answers"] == 40

    assert sorted(judged.data.rglob("*")) == before


def test_an_edit_is_compared_in_a_folder_that_cannot_be_written_and_leaves_nothing_there(judged):
    ledger = judged.data / "ledger.sqlite"
    before = ledger.read_bytes()
    judged.define(TURNED.replace("Music", "A song"))
    with read_only(judged.data):
        shown = json.loads(judged.run("diff", "--json"))

    judged.define(DEFINITION)
    assert shown["metrics"][0]["judgements"][0]["compared_count"] == 40
    assert shown["tally"]["requests"] == 40
    assert ledger.read_bytes() == before


def test_nothing_is_paid_for_that_could_not_be_kept(judged):
    judged.define(TURNED)
    with model_server() as server, read_only(judged.data):
        said = judged.run("diff", code=2, model="openai/x", api_base=server.base)

    judged.define(DEFINITION)
    assert "would be paid for and lost. Correct the permissions" in said
    assert server.request_count == 0


def test_without_a_data_folder_reading_commands_say_that_nothing_has_landed_and_make_none(project, tmp_path):
    project.define(DEFINITION)
    nowhere = {"landing": "nowhere", "data": "none"}

    assert "result_given: is new" in project.run("diff", **nowhere)
    assert "0 requests; there is nothing to judge" in project.run("estimate", **nowhere)
    assert "result_given" in project.run("list", **nowhere)
    assert "no conversation was compared" in project.run("diff", "--max-flips", "3", code=1, **nowhere)
    assert not (tmp_path / "none").exists()
