"""Whatever a provider does is one reply or one named failure, and never a secret or a transcript in its text."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from model_server import model_server
from worlds import REFUND, conversation, metric

from metrics_pipeline.errors import JudgeBusyError, JudgeClosedError, JudgeError, JudgeRefusedError, SettingsError
from metrics_pipeline.evaluation.chat_completions import retry_after_seconds, takes_plain_parameters
from metrics_pipeline.evaluation.judge import NEVER_SENT, JudgeRequest
from metrics_pipeline.evaluation.judges import open_judges
from metrics_pipeline.evaluation.litellm_judge import LitellmJudge, require_known_models
from metrics_pipeline.evaluation.openai_judge import OpenaiJudge
from metrics_pipeline.evaluation.prices import known_price
from metrics_pipeline.evaluation.prompt import max_reply_tokens, render, reply_schema
from metrics_pipeline.evaluation.reading import read_reply
from metrics_pipeline.evaluation.standing import judge_fingerprint
from metrics_pipeline.settings import Settings

TURNS = conversation(1, "Shop, hello?", "My unspeakable secret!").turns
ASKED = (metric(REFUND),)
REQUEST = JudgeRequest(TURNS, ASKED, render(TURNS, ASKED, "hash", b"s"), reply_schema(ASKED), max_reply_tokens(ASKED))


WAYS = [LitellmJudge, OpenaiJudge]
each_way = pytest.mark.parametrize("way", WAYS)


def ask(way, base: str | None, model: str = "openai/some-model", timeout_seconds: float = 5.0):
    async def asked():
        judge = way(model, base, "sk-private-key", timeout_seconds)
        try:
            return await judge.ask(REQUEST)
        finally:
            await judge.close()

    return asyncio.run(asked())


@each_way
def test_a_reply_carries_its_text_its_tokens_and_the_model_that_answered(way):
    with model_server() as server:
        reply = ask(way, server.base)

    assert read_reply(reply, ASKED[0], TURNS).answer == "true"
    assert (reply.model_served, reply.prompt_tokens, reply.reply_tokens) == ("served-model", 7, 3)
    assert reply.cost_dollars is None
    assert server.request_count == 1
    assert server.keys == {"Bearer sk-private-key"}


@each_way
@pytest.mark.parametrize(("fault", "finish"), [("length", "truncated"), ("filter", "filtered"), ("refusal", "refused")])
def test_how_a_reply_ended_is_kept(way, fault, finish):
    with model_server(fault) as server:
        assert ask(way, server.base).finish == finish


@each_way
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
def test_every_failure_is_named_sent_once_and_says_nothing_it_should_not(way, fault, error, kind):
    with model_server(fault) as server:
        with pytest.raises(JudgeError) as raised:
            ask(way, server.base)

        assert type(raised.value) is error
        assert raised.value.kind == kind
        assert server.request_count == 1
        if fault == "429":
            assert raised.value.retry_after_seconds == 2
    chain = [raised.value, raised.value.__cause__, raised.value.__context__]
    assert "unspeakable" not in repr([vars(link) for link in chain if link is not None])
    assert "sk-private" not in repr(chain)


@each_way
def test_a_server_that_never_answers_is_given_up_in_time(way):
    with model_server("hang") as server, pytest.raises(JudgeBusyError) as raised:
        ask(way, server.base, timeout_seconds=0.5)
    assert raised.value.kind == "timeout"


@each_way
@pytest.mark.parametrize("base", ["http://127.0.0.1:9/v1", "127.0.0.1:9", "ftp://127.0.0.1:9/v1"])
def test_a_server_that_is_not_there_has_been_sent_nothing(way, base):
    with pytest.raises(JudgeBusyError, match="no connection to") as raised:
        ask(way, base)
    assert raised.value.kind in NEVER_SENT


@pytest.mark.parametrize(("way", "model"), [(LitellmJudge, "ollama/x"), (OpenaiJudge, "openai/x")])
def test_a_server_is_named_by_its_address_without_what_may_be_secret_in_it(way, model):
    with pytest.raises(JudgeBusyError, match="no connection to http://127.0.0.1:9/v1$"):
        ask(way, "http://127.0.0.1:9/v1?key=secret", model)


def test_a_name_without_a_provider_closes_the_judge():
    with pytest.raises(JudgeClosedError, match="write it like openai/NAME") as raised:
        ask(LitellmJudge, "http://127.0.0.1:9/v1", model="some-model")
    assert raised.value.kind in NEVER_SENT


@pytest.mark.parametrize("name", ["nonsense", "foo/bar", "/x", " "])
def test_a_name_that_no_provider_has_is_refused_in_one_sentence_and_nothing_else_is_printed(name, capfd):
    with pytest.raises(SettingsError, match="No provider has a model .* example openai/gpt-5-mini"):
        require_known_models(["openai/x", name])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("model", ["some-model", "gpt-4o", "Qwen/Qwen3-8B", "gpt-oss-120b"])
def test_both_ways_send_the_same_body_and_stand_for_the_same_judge(model):
    with model_server() as server:
        for way in WAYS:
            ask(way, server.base, f"openai/{model}")
        bodies = [json.loads(body) for body in server.bodies.elements()]

    assert bodies[0] == bodies[1]
    assert bodies[0]["model"] == model
    assert len({judge_fingerprint(way(f"openai/{model}")) for way in WAYS}) == 1


def test_a_body_without_an_end_is_cut_off_while_it_is_read():
    with model_server("flood") as server:
        reply = ask(OpenaiJudge, server.base)
        flooded = server.flooded_bytes

    assert (reply.text, reply.finish) == ("", "truncated")
    assert flooded < 20_000_000


@each_way
def test_a_text_that_is_too_long_to_be_an_answer_is_not_kept(way):
    with model_server() as server:
        server.said = "x" * 300_000
        reply = ask(way, server.base)

    assert (reply.text, reply.finish) == ("", "truncated")


@pytest.mark.parametrize(
    ("settings", "client"),
    [
        ({"model": "openai/own", "api_base": "http://localhost:1/v1"}, "openai"),
        ({"model": "openai/own"}, "litellm"),
        ({"model": "ollama/own", "api_base": "http://localhost:1/v1"}, "litellm"),
        ({"model": "openai/gpt-5-mini", "api_base": "http://localhost:1/v1"}, "litellm"),
        ({"model": "openai/own", "api_base": "http://localhost:1/v1", "client": "litellm"}, "litellm"),
        ({"model": "openai/own", "client": "openai"}, "openai"),
    ],
)
def test_the_way_follows_from_the_model_and_its_address_and_can_be_forced(settings, client):
    assert open_judges(Settings(**settings)).current.client == client


def test_a_way_that_does_not_reach_the_model_is_refused():
    for model in ("ollama/own", "openai/o3"):
        with pytest.raises(SettingsError, match="METRICS_CLIENT=openai does not reach"):
            open_judges(Settings(model=model, client="openai"))
    assert takes_plain_parameters("gpt-4o")


def test_a_wait_is_read_in_seconds_in_milliseconds_and_as_a_date():
    soon = datetime.now(UTC) + timedelta(seconds=90)

    assert retry_after_seconds({"retry-after": "7"}) == 7
    assert retry_after_seconds({"retry-after-ms": "250", "retry-after": "1"}) == 0.25
    assert 80 < (retry_after_seconds({"retry-after": format_datetime(soon, usegmt=True)}) or 0) <= 90
    assert retry_after_seconds({"retry-after": "-3"}) == 0
    for nonsense in ("", "soon", "inf", "nan", "12:61"):
        assert retry_after_seconds({"retry-after": nonsense}) is None


def test_prices_are_those_of_the_list_that_litellm_brings_along():
    from metrics_pipeline.authoring.estimate import litellm_price

    for model in (
        "openai/gpt-4o",
        "gpt-4o-mini",
        "openai/gpt-5-mini",
        "gemini/gemini-2.5-pro",
        "mistral/codestral-latest",
    ):
        for tokens in (1_000, 250_000):
            assert known_price(model, tokens, 500) == pytest.approx(litellm_price(model, tokens, 500)), model
    assert known_price("openai/some-model", 10, 10) is None
    assert known_price("other/gpt-4o", 10, 10) is None
    assert known_price("openai/gpt-4o", 1_000, 0, cached_tokens=1_000)[0] == known_price("openai/gpt-4o", 500, 0)[0]


def test_the_openai_client_needs_nothing_of_litellm():
    code = (
        "import asyncio, sys; from metrics_pipeline.evaluation.openai_judge import OpenaiJudge;"
        "judge = OpenaiJudge('openai/gpt-4o', 'http://127.0.0.1:9/v1');"
        "from metrics_pipeline.evaluation.judge import NEVER_SENT, JudgeRequest;"
        "from metrics_pipeline.errors import JudgeError; assert judge.context_tokens == 128_000\n"
        "try: asyncio.run(judge.ask(JudgeRequest((), (), (), {}, 1)))\n"
        "except JudgeError: pass\n"
        "print([name for name in ('openai', 'aiohttp', 'litellm') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['openai', 'aiohttp']"


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_what_a_first_call_needs_is_loaded_without_a_call(way):
    code = (
        "import asyncio, sys, threading\n"
        f"from {way.__module__} import {way.__name__} as Way\n"
        "from metrics_pipeline.evaluation.judge import JudgeRequest\n"
        "from metrics_pipeline.errors import JudgeError\n"
        "judge = Way('openai/x', 'http://127.0.0.1:9/v1', None, 5.0)\n"
        "thread = threading.Thread(target=judge.load)\n"
        "thread.start(); thread.join()\n"
        "before = set(sys.modules)\n"
        "try: asyncio.run(judge.ask(JudgeRequest((), (), ({'role': 'user', 'content': 'x'},), {}, 1)))\n"
        "except JudgeError: pass\n"
        "print(len(sys.modules.keys() - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 20
