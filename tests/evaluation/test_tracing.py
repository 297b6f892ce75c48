"""Traces go to a collector where one is named, hold what a person looks for, and no word of a conversation."""

from __future__ import annotations

import gzip
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from worlds import DELIVERY, REFUND, FakeJudge, agreeable, conversation

from metrics_pipeline.errors import JudgeBusyError, SettingsError
from metrics_pipeline.tracing import span, traced

INSTALL = "the extra `otel` is not installed: pip install 'metrics-pipeline[otel]'"


@contextmanager
def collector():
    """A collector of OTLP over HTTP: its address, and the bodies that it was sent."""
    bodies = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            is_zipped = self.headers.get("Content-Encoding") == "gzip"
            bodies.append((self.path, gzip.decompress(body) if is_zipped else body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", bodies
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def spans(bodies):
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    assert {path for path, _ in bodies} == {"/v1/traces"}
    found = [ExportTraceServiceRequest.FromString(body) for _, body in bodies]
    return [one for each in found for part in each.resource_spans for scope in part.scope_spans for one in scope.spans]


def attributes(one):
    values = {item.key: item.value for item in one.attributes}
    return {key: getattr(value, value.WhichOneof("value")) for key, value in values.items()}


def test_a_run_its_day_and_its_calls_are_spans_of_one_trace_without_a_word_of_a_conversation(world):
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason=INSTALL)
    world.define("delivery_day", DELIVERY)
    world.define("refund_promised", REFUND)
    world.land(*(conversation(number, "Unspeakable greeting.", f"Words {number}.") for number in range(1, 6)))
    failures = [JudgeBusyError("unspeakable failure", kind="server_error")]
    judge = FakeJudge(lambda request: failures.pop() if failures else agreeable(request))

    with collector() as (endpoint, bodies):
        world.run(judge)
        with traced(None):
            world.run(judge)
        assert bodies == []
        failures.append(JudgeBusyError("unspeakable failure", kind="server_error"))
        judge.name = "fake/other"
        with traced(endpoint), span("metrics run"), traced(endpoint):
            world.run(judge)

    found = spans(bodies)
    by_id = {one.span_id: one for one in found}
    (run,) = (one for one in found if one.name == "metrics run")
    (day,) = (one for one in found if one.name == "judge 2026-09-01")
    calls = [one for one in found if one.name == "chat other"]
    assert len(found) == 2 + len(calls) == 2 + 6
    assert {one.trace_id for one in found} == {run.trace_id}
    assert by_id[day.parent_span_id] is run
    assert {call.parent_span_id for call in calls} == {day.span_id}
    failed = [attributes(call) for call in calls if "error.type" in attributes(call)]
    assert [one["error.type"] for one in failed] == ["server_error"]
    (answered, *_) = (attributes(call) for call in calls if "error.type" not in attributes(call))
    said = {
        "gen_ai.operation.name": "chat",
        "gen_ai.system": "fake",
        "gen_ai.request.model": "other",
        "gen_ai.response.model": "fake/other",
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
    }
    assert {name: answered[name] for name in said} == said
    assert [value.string_value for value in answered["metrics.keys"].values] == ["delivery_day", "refund_promised"]
    assert not any(b"nspeakable" in body or b"Words" in body for _, body in bodies)


def test_a_collector_that_is_gone_takes_nothing_from_a_run(world):
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason=INSTALL)
    world.define("refund_promised", REFUND)
    world.land(conversation(1))
    with collector() as (endpoint, _):
        pass
    with traced(endpoint):
        report = world.run(FakeJudge(agreeable))
    assert report.tally.replies == 1


def test_an_endpoint_without_the_extra_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(SettingsError, match=r"pip install .metrics-pipeline\[otel\]."), traced("http://127.0.0.1:9"):
        pass
