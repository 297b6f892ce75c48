"""Traces for OpenTelemetry, where an address is set to send them to: spans of a run, its stages, days and calls.

Attributes follow OpenTelemetry's conventions for generative AI. Never a text, never a key. While nothing is traced a
span costs one comparison, and none of OpenTelemetry is imported.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.metadata import version
from typing import Any

from metrics_pipeline.errors import SettingsError

SERVICE = "metrics-pipeline"
SEND_SECONDS = 3
"""A collector that has not taken spans by then, tries included, does not get them."""
Attributes = Mapping[str, Any]
Span = Any
"""OpenTelemetry's, which need not be installed; None where nothing is traced."""

_tracer: Any = None


@contextmanager
def traced(endpoint: str | None) -> Iterator[None]:
    """Trace what goes on inside the block, and send it; within another such block, part of that one.

    Args:
        endpoint: Of an OTLP collector over HTTP, for example `http://localhost:4318`; None: nothing is traced.

    Raises:
        SettingsError: The extra `otel` is not installed.
    """
    global _tracer
    if endpoint is None or _tracer is not None:
        yield
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise SettingsError(
            f"Traces are to be sent to {endpoint}, and OpenTelemetry is not installed. Run "
            "pip install 'metrics-pipeline[otel]', or unset METRICS_OTEL_ENDPOINT and OTEL_EXPORTER_OTLP_ENDPOINT."
        ) from None
    resource = Resource.create({"service.name": SERVICE, "service.version": version(SERVICE)})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=SEND_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracer = provider.get_tracer(SERVICE, version(SERVICE))
    try:
        yield
    finally:
        _tracer = None
        provider.shutdown()


def span(name: str, attributes: Attributes | None = None) -> AbstractContextManager[Span]:
    """What goes on inside the block, as a part of what it stands in."""
    if _tracer is None:
        return nullcontext()
    started: AbstractContextManager[Span] = _tracer.start_as_current_span(
        name, attributes=attributes, record_exception=False
    )
    return started


def begin(name: str, attributes: Attributes | None = None) -> Span:
    """A span that somebody ends with `end`; what is started `within` it is part of it."""
    return None if _tracer is None else _tracer.start_span(name, attributes=attributes)


def within(parent: Span) -> AbstractContextManager[Any]:
    if parent is None:
        return nullcontext()
    from opentelemetry.trace import use_span

    entered: AbstractContextManager[Any] = use_span(parent, end_on_exit=False, record_exception=False)
    return entered


def end(started: Span) -> None:
    if started is not None:
        started.end()


def call_span(model: str, metrics: tuple[str, ...], tries: int) -> AbstractContextManager[Span]:
    """One call to a model.

    Args:
        model: By its litellm name, such as `openai/gpt-5-mini`.
        tries: Tries of the same question before this one.
    """
    if _tracer is None:
        return nullcontext()
    from opentelemetry.trace import SpanKind

    provider, _, name = model.partition("/")
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.system": provider,
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": name or model,
        "metrics.keys": metrics,
        "metrics.tries_before": tries,
    }
    started: AbstractContextManager[Span] = _tracer.start_as_current_span(
        f"chat {name or model}", kind=SpanKind.CLIENT, attributes=attributes, record_exception=False
    )
    return started


def note_reply(
    call: Span, served: str | None, finish: str, prompt_tokens: int | None, reply_tokens: int | None
) -> None:
    """What came back from a call."""
    if call is None:
        return
    said = {
        "gen_ai.response.model": served,
        "gen_ai.response.finish_reasons": (finish,),
        "gen_ai.usage.input_tokens": prompt_tokens,
        "gen_ai.usage.output_tokens": reply_tokens,
    }
    call.set_attributes({name: value for name, value in said.items() if value is not None})


def note_failure(call: Span, kind: str) -> None:
    """That nothing came back, and of which kind the failure is."""
    if call is None:
        return
    from opentelemetry.trace import StatusCode

    call.set_attribute("error.type", kind)
    call.set_status(StatusCode.ERROR)
