"""Whatever a provider does is one reply or one named failure, and never a secret or a transcript in its text."""

from __future__ import annotations

import asyncio

import pytest
from model_server import model_server
from worlds import REFUND, conversation, metric

from metrics_pipeline.errors import JudgeBusyError, JudgeClosedError, JudgeError, JudgeRefusedError, SettingsError
from metrics_pipeline.evaluation.judge import NEVER_SENT, JudgeRequest
from metrics_pipeline.evaluation.litellm_judge import LitellmJudge, require_known_models
from metrics_pipeline.evaluation.prompt import max_reply_tokens, render, reply_schema
from metrics_pipeline.evaluation.reading import read_reply

TURNS = conversation(1, "Shop, hello?", "My unspeakable secret!").turns
ASKED = (metric(REFUND),)
REQUEST = JudgeRequest(TURNS, ASKED, render(TURNS, ASKED, "hash", b"s"), reply_schema(ASKED), max_reply_tokens(ASKED))


def ask(base: str | None, model: str = "openai/some-model", timeout_seconds: float = 5.0):
    judge = LitellmJudge(model, base, "sk-private-key", timeout_seconds)
    return asyncio.run(judge.ask(REQUEST))


def test_a_reply_carries_its_text_its_tokens_and_the_model_that_answered():
    with model_server() as server:
        reply = ask(server.base)

    assert read_reply(reply, ASKED[0], TURNS).answer == "true"
    assert (reply.model_served, reply.prompt_tokens, reply.reply_tokens) == ("served-model", 7, 3)
    assert reply.cost_dollars is None
    assert server.request_count == 1
    assert server.keys == {"Bearer sk-private-key"}


@pytest.mark.parametrize(("fault", "finish"), [("length", "truncated"), ("filter", "filtered"), ("refusal", "refused")])
def test_how_a_reply_ended_is_kept(fault, finish):
    with model_server(fault) as server:
        assert ask(server.base).finish == finish


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        ("429", JudgeBusyError, "rate_limited"),
        ("500", JudgeBusyError, "server_error"),
        ("503", JudgeBusyError, "server_error"),
        ("drop", JudgeBusyError, "unreachable"),
        ("html", JudgeBusyError, "server_error"),
        ("no_choice", JudgeBusyError, "server_error"),
        ("400", JudgeRefusedError, "bad_request"),
        ("401", JudgeClosedError, "http_401"),
        ("402", JudgeClosedError, "http_402"),
        ("403", JudgeClosedError, "http_403"),
        ("404", JudgeClosedError, "http_404"),
        ("4290", JudgeClosedError, "quota"),
    ],
)
def test_every_failure_is_named_sent_once_and_says_nothing_it_should_not(fault, error, kind):
    with model_server(fault) as server:
        with pytest.raises(JudgeError) as raised:
            ask(server.base)

        assert type(raised.value) is error
        assert raised.value.kind == kind
        assert server.request_count == 1
        if fault == "429":
            assert raised.value.retry_after_seconds == 2
    chain = [raised.value, raised.value.__cause__, raised.value.__context__]
    assert "unspeakable" not in repr([vars(link) for link in chain if link is not None])
    assert "sk-private" not in repr(chain)


def test_a_server_that_never_answers_is_given_up_in_time():
    with model_server("hang") as server, pytest.raises(JudgeBusyError) as raised:
        ask(server.base, timeout_seconds=0.5)
    assert raised.value.kind == "timeout"


@pytest.mark.parametrize("base", ["http://127.0.0.1:9/v1", "127.0.0.1:9", "ftp://127.0.0.1:9/v1"])
def test_a_server_that_is_not_there_has_been_sent_nothing(base):
    with pytest.raises(JudgeBusyError, match="no connection to") as raised:
        ask(base)
    assert raised.value.kind in NEVER_SENT


def test_a_server_is_named_by_its_address_without_what_may_be_secret_in_it():
    with pytest.raises(JudgeBusyError, match="no connection to http://127.0.0.1:9/v1$"):
        ask("http://127.0.0.1:9/v1?key=secret", model="ollama/x")


def test_a_name_without_a_provider_closes_the_judge():
    with pytest.raises(JudgeClosedError, match="write it like openai/NAME") as raised:
        ask("http://127.0.0.1:9/v1", model="some-model")
    assert raised.value.kind in NEVER_SENT


@pytest.mark.parametrize("name", ["nonsense", "foo/bar", "/x", " "])
def test_a_name_that_no_provider_has_is_refused_in_one_sentence_and_nothing_else_is_printed(name, capfd):
    with pytest.raises(SettingsError, match="No provider has a model .* example openai/gpt-5-mini"):
        require_known_models(["openai/x", name])
    assert capfd.readouterr() == ("", "")
