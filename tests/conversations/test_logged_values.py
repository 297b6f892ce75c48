"""Whatever an agent logs, in whatever form, is kept under its name, in its order, with its type and its time."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from exports import raw, write

from metrics_pipeline import pipeline
from metrics_pipeline.conversations.adapters.registry import choose
from metrics_pipeline.data_folder import open_data_folder
from metrics_pipeline.metrics.catalog import load_catalog
from metrics_pipeline.settings import load_settings

TEN = "2026-09-01T10:00:00Z"
AT_TEN = datetime(2026, 9, 1, 10, tzinfo=timezone.utc)


def plain(logged: object) -> dict[str, object]:
    return {"conversation_id": "p1", "started_at": TEN, "turns": [], "logged": logged}


def read(content: dict[str, object]):
    text = json.dumps(content).encode()
    found = choose(text).convert(text, ZoneInfo("UTC"))
    assert found is not None
    return found


def values(logged: object) -> list[tuple[object, ...]]:
    """The same from two shapes: (name, position, value, type, kind)."""
    one, other = (read(content).logged_metrics for content in (plain(logged), raw(metrics=logged)))
    assert one == other
    return [(each.metric, each.position, each.value, each.value_type, each.kind) for each in one]


@pytest.mark.parametrize(
    ("logged", "value", "value_type"),
    [
        ("paid", "paid", "string"),
        ("", "", "string"),
        (7, "7", "number"),
        (-0.5, "-0.5", "number"),
        (2**70, str(2**70), "number"),
        (True, "true", "boolean"),
        ({"b": 1, "a": None}, '{"a":null,"b":1}', "json"),
    ],
)
def test_a_value_that_is_written_once_keeps_its_type_by_itself_in_a_list_and_as_an_event(logged, value, value_type):
    assert values({"x": logged}) == [("x", 0, value, value_type, "value")]
    assert values({"x": [logged]}) == [("x", 0, value, value_type, "value")]
    for event in ({"value": logged, "time": TEN}, {"name": "x", "value": logged}):
        assert values({"x": event}) == values([event | {"name": "x"}]) == [("x", 0, value, value_type, "event")]


def test_a_value_that_is_written_again_keeps_every_one_in_its_order():
    assert values({"x": ["b", None, "a", 3, ["deep"]], "w": True}) == [
        ("w", 0, "true", "boolean", "value"),
        ("x", 0, "b", "string", "value"),
        ("x", 1, "a", "string", "value"),
        ("x", 2, "3", "number", "value"),
        ("x", 3, '["deep"]', "json", "value"),
    ]
    events = [{"name": name, "value": value, "timestamp": TEN} for name, value in (("x", "b"), ("w", 1), ("x", "a"))]
    assert [value[:3] for value in values(events)] == [("w", 0, "1"), ("x", 0, "b"), ("x", 1, "a")]


@pytest.mark.parametrize("key", ["time", "timestamp", "logged_at", "at"])
@pytest.mark.parametrize("time", [TEN, "2026-09-01T12:00:00+02:00", AT_TEN.timestamp(), AT_TEN.timestamp() * 1000])
def test_an_event_keeps_its_time_and_its_turn_and_may_have_no_value(key, time):
    (one,) = read(plain({"x": {"value": "y", key: time, "turn_index": 2}})).logged_metrics
    assert (one.logged_at, one.turn_index, one.value) == (AT_TEN, 2, "y")
    (one,) = read(plain([{"name": "x", key: time}])).logged_metrics
    assert (one.kind, one.value, one.logged_at) == ("event", "", AT_TEN)


@pytest.mark.parametrize(
    "other",
    [
        {"value": 1},
        {"name": "x"},
        {"name": "another", "value": 1},
        {"value": 1, "time": "noon"},
        {"value": 1, "time": TEN, "at": TEN},
        {"value": 1, "time": TEN, "turn_index": "last"},
        {"value": 1, "time": TEN, "why": "no other key may get lost"},
    ],
)
def test_what_says_more_or_less_than_an_event_is_kept_whole(other):
    ((_, _, value, value_type, kind),) = values({"x": other})
    assert (json.loads(value), value_type, kind) == (other, "json", "value")


def test_what_has_no_name_is_counted():
    found = read(plain([{"value": 1}, 7, {"name": "x", "value": 1}]))
    assert len(found.logged_metrics) == 1
    assert json.loads(found.attributes)["not_understood"] == {"logged value without a name": 2}
    assert json.loads(read(plain("paid")).attributes)["not_understood"] == {"logged value without a name": 1}


def test_events_answer_a_metric_that_maps_them_and_stay_in_the_table_as_they_were(tmp_path):
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions" / "paid.yaml").write_text(
        'name: "Payment: taken"\ntype: boolean\ndefinition: The payment was taken.\nsource: logged\n'
        'logged: {metric: payment, values: {"ok": "true", "refused*": "false"}}\nattempts: last\n'
    )
    events = [{"name": "payment", "value": value, "time": TEN} for value in ("refused by the bank", "ok")]
    write(tmp_path / "landing" / "a.jsonl", plain(events))
    settings = load_settings(
        {"data": tmp_path / "data", "landing": tmp_path / "landing"}, environment={}, folder=tmp_path
    )
    folder = open_data_folder(settings.data)
    pipeline.take_in(settings, folder)

    pipeline.judge(folder, load_catalog(tmp_path / "definitions"), settings)

    (verdict,) = pq.read_table(folder.verdict_file("paid", AT_TEN.date()), partitioning=None).to_pylist()
    assert (verdict["source"], verdict["answer"]) == ("logged", "true")
    rows = pq.read_table(folder.day_file("logged_metrics", AT_TEN.date())).to_pylist()
    assert [(row["value"], row["kind"], row["logged_at"]) for row in rows] == [
        ("refused by the bank", "event", AT_TEN),
        ("ok", "event", AT_TEN),
    ]
