"""A conversation that is too long for its judge is refused without a call, or judged on its beginning and its end."""

from __future__ import annotations

import json
from itertools import pairwise
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_server import model_server
from worlds import DELIVERY, REFUND, FakeJudge, agreeable, conversation, metric, says

from metrics_pipeline import pipeline
from metrics_pipeline.conversations.record import Turn
from metrics_pipeline.evaluation.judge import JudgeReply
from metrics_pipeline.evaluation.litellm_judge import LitellmJudge
from metrics_pipeline.evaluation.prompt import max_reply_tokens, render, reply_schema, with_left_out
from metrics_pipeline.evaluation.reading import read_reply
from metrics_pipeline.evaluation.window import Shown, shown_to
from metrics_pipeline.metrics.catalog import load_catalog
from metrics_pipeline.settings import Settings

WINDOW = "long_conversations: window\n"
CONTEXT = 4_000
LONG = [f"Turn {number}: " + "we still talk about the sofa. " * 6 for number in range(150)]


class ShortSighted(FakeJudge):
    """Reads 4,000 tokens of three bytes, and remembers how long each prompt was."""

    context_tokens = CONTEXT

    def count_tokens(self, text):
        return ceil(len(text.encode()) / 3)


def _size(judge, request):
    """Tokens of everything that was sent, and of the longest reply."""
    sent = "".join(message["content"] for message in request.messages) + str(reply_schema(request.metrics))
    return judge.count_tokens(sent) + request.max_reply_tokens


def test_a_conversation_that_is_too_long_is_an_error_and_no_call_is_made(world):
    world.define("refund_promised", REFUND)
    world.land(conversation(1, *LONG), conversation(2))
    judge = ShortSighted(agreeable)

    report = world.run(judge)
    before = world.bytes()
    world.run(judge)

    assert world.answers("refund_promised") == {"c1": ("error", "too_long"), "c2": "true"}
    assert len(judge.requests) == report.tally.requests == 1
    assert report.open_count == 0
    assert world.bytes() == before


def test_where_the_definition_allows_it_the_beginning_and_the_end_are_judged_and_the_judge_is_told(world):
    world.define("refund_promised", REFUND + WINDOW)
    world.land(conversation(1, *LONG))
    judge = ShortSighted(lambda request: {"refund_promised": says("true", request.turns[-1].text, 149)})

    world.run(judge)

    (request,) = judge.requests
    shown = [turn.turn_index for turn in request.turns]
    first, last = next((a + 1, b - 1) for a, b in pairwise(shown) if b - a > 1)
    opening, *lines = request.messages[1]["content"].split("\n")
    told = lines[-1]
    assert (shown[0], shown[-1]) == (0, 149)
    assert shown == [index for index in range(150) if not first <= index <= last]
    assert [json.loads(line)["turn_index"] for line in lines[: len(shown)]] == shown
    assert lines[len(shown)] == opening.replace("<", "</")
    assert told.startswith(f"Turns {first} to {last} are left out")
    assert 0.8 * CONTEXT < _size(judge, request) <= CONTEXT
    assert abs(first - (149 - last)) <= 2
    assert world.answers("refund_promised") == {"c1": "true"}


def test_nothing_of_what_is_left_out_can_be_quoted_or_be_where_a_metric_began(world):
    world.define("refund_promised", REFUND + WINDOW + "applies_when: Once money is spoken of.\n")
    world.land(conversation(1, *LONG))
    hidden = says("true", LONG[75], 75, applies=True, applies_from_turn=75)
    judge = ShortSighted(lambda request: {"refund_promised": hidden})

    world.run(judge)

    (row,) = world.verdicts()
    assert (row["state"], row["detail"], row["evidence"]) == ("undecided", "evidence_failed", [])
    assert row["applies_from_turn"] is None
    assert len(judge.requests) == 2, "it is asked once more, on a window as well"
    assert all(_size(judge, request) <= CONTEXT for request in judge.requests)
    assert "left out" in judge.requests[1].messages[1]["content"]


def test_metrics_that_may_be_cut_are_asked_apart_from_those_that_may_not_only_where_it_is_long(world):
    world.define("refund_promised", REFUND + WINDOW)
    world.define("delivery_day", DELIVERY)
    world.land(conversation(1, *LONG), conversation(2))
    judge = ShortSighted(agreeable)

    world.run(judge)

    assert world.answers("refund_promised") == {"c1": "true", "c2": "true"}
    assert world.answers("delivery_day") == {"c1": ("error", "too_long"), "c2": "agreed"}
    assert sorted(len(request.metrics) for request in judge.requests) == [1, 2]


def test_one_turn_that_is_too_long_by_itself_is_no_window():
    judge = ShortSighted(agreeable)
    turns = (Turn(0, "agent", "Hello"), Turn(1, "user", "word " * 20_000), Turn(2, "agent", "Bye"))

    assert shown_to(judge, turns, [metric(REFUND + WINDOW)], {}) == Shown((turns[0], turns[2]), (1, 1))
    assert shown_to(judge, turns[1:], [metric(REFUND + WINDOW)], {}) is None
    assert shown_to(FakeJudge(agreeable), turns, [metric(REFUND)], {}) == Shown(turns, None)


_turns = st.lists(st.text(max_size=400) | st.just("word " * 300) | st.just("\u200b" * 200), min_size=1, max_size=80)


@given(_turns, st.booleans())
@settings(max_examples=80, deadline=None)
def test_what_is_shown_fits_and_says_truly_what_is_left_out(texts, is_corrected):
    judge, asked = ShortSighted(agreeable), [metric(REFUND + WINDOW)]
    turns = tuple(Turn(index, "user", text) for index, text in enumerate(texts))
    problems = {"refund_promised": "a quote must stand there"} if is_corrected else {}

    shown = shown_to(judge, turns, asked, problems)

    if shown is None:
        return
    first, last = shown.left_out or (len(turns), len(turns))
    assert shown.turns == tuple(turn for turn in turns if not first <= turn.turn_index <= last)
    messages = with_left_out(render(shown.turns, asked, "hash", b"secret"), shown.left_out)
    sent = "".join(message["content"] for message in messages) + str(reply_schema(asked))
    assert judge.count_tokens(sent) + max_reply_tokens(asked) <= CONTEXT


def test_refuse_is_what_holds_without_a_word_and_window_is_another_version():
    assert metric(REFUND + "long_conversations: refuse\n").version == metric(REFUND).version
    assert metric(REFUND + WINDOW).version != metric(REFUND).version


def test_a_reply_that_was_read_whole_may_quote_any_turn():
    turns = [Turn(index, "user", f"word {index}") for index in range(5)]
    text = json.dumps({"refund_promised": says("true", "word 2", 2)})

    assert read_reply(JudgeReply(text=text), metric(REFUND), turns).state == "answered"
    assert read_reply(JudgeReply(text=text, left_out=(2, 3)), metric(REFUND), turns).detail == "evidence_failed"


def test_a_model_s_context_comes_from_the_setting_or_from_litellms_list_and_the_setting_is_part_of_the_judge():
    def judge(name, context_tokens=None):
        return LitellmJudge(name, context_tokens=context_tokens)

    assert judge("gpt-4o").context_tokens == 128_000
    assert judge("openai/my-own").context_tokens == 32_000
    assert judge("gpt-4o", 9_000).context_tokens == 9_000
    assert judge("gpt-4o", 9_000).settings != judge("gpt-4o").settings
    assert 200 <= judge("gpt-4o").count_tokens("one word more " * 100) <= 400


def test_a_window_is_replayed_as_it_was_recorded(new_world, tmp_path):
    first, second = new_world("first"), new_world("second")
    for world in (first, second):
        world.define("refund_promised", REFUND + WINDOW)
        world.define("delivery_day", DELIVERY)
        world.land(conversation(1, *LONG), conversation(2))
    catalog, path = load_catalog(first.definitions), tmp_path / "recording"
    with model_server() as server:
        recorded = Settings(model="openai/x", api_base=server.base, record=path, context_tokens=CONTEXT)
        pipeline.judge(first.folder, catalog, recorded)
        assert server.request_count == 2

    report = pipeline.judge(second.folder, catalog, Settings(model=f"replay:{path}"))

    assert second.answers("refund_promised") == first.answers("refund_promised") == {"c1": "true", "c2": "true"}
    assert second.answers("delivery_day") == first.answers("delivery_day")
    assert second.answers("delivery_day")["c1"] == ("error", "too_long")
    assert len(report.notes) == 1


@pytest.mark.parametrize("word", ["maybe", "true", "[window]"])
def test_another_word_for_long_conversations_is_refused(word):
    with pytest.raises(AssertionError, match="long_conversations"):
        metric(f"{REFUND}long_conversations: {word}\n")
