"""What is read quickly is what is read leniently, whatever stands in a conversation."""

from __future__ import annotations

import gzip
import json
import random
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from exports import raw
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from mutations import mutate

from metrics_pipeline.conversations.adapters import polyai_v3, polyai_v3_exact
from metrics_pipeline.conversations.adapters.polyai_v3_exact import convert_exact
from metrics_pipeline.conversations.adapters.registry import ADAPTERS, choose
from metrics_pipeline.conversations.cutting import HOLDERS, LISTS
from metrics_pipeline.conversations.reading import read_export

STAR = Path(__file__).parents[3] / "shared" / "data" / "star" / "v3"
BERLIN = ZoneInfo("Europe/Berlin")
KEYS = polyai_v3_exact._Conversation.__struct_fields__

fractions = st.sampled_from(["", ".5", ".000", ".123456", ".1234567", ".999999999"])
zones = st.sampled_from(["", "Z", "+00:00", "-23:59", "+02:00", "+0200"])
times = st.builds(
    "{}-{:02d}-28T23:59:59{}{}".format, st.sampled_from([2026, 2099, 1999]), st.integers(1, 12), fractions, zones
)
odd_times = st.builds(
    "{}-12-{}{}{}:{}:{}{}{}".format,
    st.sampled_from(["0001", "9999", "0000", "2026"]),
    st.sampled_from([31, 30, "00"]),
    st.sampled_from("Tt _"),
    st.sampled_from([23, 24]),
    st.sampled_from([59, 60]),
    st.sampled_from([59, 60]),
    fractions | st.just(",5"),
    zones | st.sampled_from(["z", "+24:00", "+02"]),
)
texts = st.sampled_from(["", " ", "a", " b ", "\u00a0", "\x00", "VOICE-SIP", "webchat", "x" * 201, "ß☎", "\x1c"])
flags = st.booleans() | st.none()
numbers = st.sampled_from([0, 1, 30, 2**31 - 1, 2**31, 2**63, 2**64, 10**400, -1, 0.0, -0.0, 1.5, 1e308])
values = st.recursive(
    st.none() | texts | numbers | flags,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts | st.sampled_from(["language", "k"]), inner),
    max_leaves=4,
)
objects = st.dictionaries(texts | st.just("language"), values, max_size=3)
right = {
    "started_at": times,
    "updated_at": times | st.none(),
    "in_progress": st.sampled_from([False, False, False, True, None]),
    "metrics": objects | st.none(),
    "state": objects | st.none(),
    "num_turns": st.sampled_from([0, 5, 2**31 - 1, 2**31]),
    "total_duration": numbers,
    "handoff": flags,
    "from_number": values,
    **dict.fromkeys(("id", "language", "variant_id", "variant_name", "environment", "channel"), texts),
    **dict.fromkeys(("account_id", "project_id", "handoff_reason", "handoff_destination"), texts | st.none()),
}
words, moments = texts | st.none(), times | odd_times | st.none()
turns = st.fixed_dictionaries(
    {},
    optional={
        "user_input": words,
        "agent_response": words,
        "user_input_dtmf": words,
        "user_input_datetime": times | st.none(),
        "agent_response_datetime": moments,
        "latency": values,
    },
)
anything = st.dictionaries(
    st.sampled_from([*KEYS, "messages", "conversations", "conversation_id", "source_channel"]),
    values | odd_times,
    max_size=1,
)
PUT_IN = [b"\x00", b"\xff", b'"', b"\\ud800", b"\\u0000", b"{", b"]", b",", b" ", b"1e999", b""]
bytes_put_in = st.none() | st.none() | st.tuples(st.floats(0, 1), st.sampled_from(PUT_IN), st.integers(0, 3))


@settings(max_examples=500, deadline=None)
@given(st.fixed_dictionaries({}, optional=right), st.lists(turns, max_size=4), st.none() | anything, bytes_put_in)
def test_what_is_read_quickly_is_what_is_read_leniently(changed, exchanges, odd, mutation):
    content = json.dumps(raw(1, 1) | changed | {"turns": exchanges} | (odd or {})).encode()
    if mutation is not None:
        place = int(mutation[0] * len(content))
        content = content[:place] + mutation[1] + content[place + mutation[2] :]

    quickly = convert_exact(content, BERLIN)

    if quickly is not None:
        assert choose(content).name == "polyai_v3"
        quickly = quickly.conversation()
        leniently = polyai_v3.convert(content, BERLIN)
        assert quickly == leniently
        assert msgspec.json.encode(quickly) == msgspec.json.encode(leniently)


def test_no_other_adapter_knows_what_is_read_quickly():
    assert not [one.name for one in ADAPTERS if one.recognises(frozenset(KEYS)) and one.name != "polyai_v3"]


@pytest.mark.parametrize("twice", [b'"id":"c2"', b'"id":null', b'"turns":[]', b'"metrics":{"a":1,"a":"2"}'])
def test_of_a_key_that_stands_twice_both_take_the_last(twice):
    content = json.dumps(raw(1, 1)).encode()[:-1] + b"," + twice + b"}"
    quickly = convert_exact(content, BERLIN)
    if twice != b'"id":null':
        assert quickly.conversation() == polyai_v3.convert(content, BERLIN)
    else:
        assert quickly is None


def test_conversations_of_the_interface_are_read_quickly():
    everything = raw(
        1, 2, state={"language": "de"}, variant_name="B", handoff=True, from_number="+1", handoff_reason="x"
    )
    assert convert_exact(json.dumps(everything).encode(), BERLIN) is not None


def test_no_page_is_read_quickly():
    """Else its conversations would be looked for by nobody."""
    assert not {*LISTS, *HOLDERS} & {*KEYS}


@pytest.mark.parametrize("seed", range(4))
def test_of_a_mutated_file_the_same_places_are_found_whether_or_not_lines_are_read_quickly(tmp_path, seed):
    rng = random.Random(seed)
    corpus = [raw(number, 2, metrics={"a": ["1", 2]}) for number in range(4)]
    quick_count = 0
    for number in range(100):
        mutation = mutate(rng, corpus)
        path = tmp_path / f"{number}{mutation.format}"
        path.write_bytes(mutation.content)
        quickly = list(read_export(path, partial(convert_exact, zone=BERLIN)))
        quick_count += sum(place.exact is not None for place in quickly)
        assert [replace(place, exact=None) for place in quickly] == list(read_export(path))
        for place in quickly:
            if place.exact is not None:
                assert place.exact.conversation() == polyai_v3.convert(place.raw, BERLIN)
    assert quick_count > 50


@pytest.mark.skipif(not STAR.is_dir(), reason="the STAR conversations are not at hand")
def test_every_star_conversation_is_read_quickly_and_as_it_is_read_leniently():
    page = msgspec.json.decode(gzip.decompress((STAR / "page_0000.json.gz").read_bytes()))
    for one in page["conversations"]:
        content = msgspec.json.encode(one)
        quickly = convert_exact(content, BERLIN)
        assert quickly is not None
        assert quickly.conversation() == polyai_v3.convert(content, BERLIN)
