"""Spans: free while tracing is off, part of the caller's trace while it is on."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ome.telemetry import tracing

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "_enabled", True)
    monkeypatch.setattr("opentelemetry.trace.get_tracer", provider.get_tracer)
    return exporter


def test_without_an_endpoint_a_span_is_nothing() -> None:
    assert isinstance(tracing.span("x", traceparent=PARENT), nullcontext)


@pytest.mark.parametrize(
    ("header", "continued"), [(PARENT, True), (None, False), ("", False), ("rubbish", False)]
)
def test_a_span_continues_the_trace_of_its_caller(
    spans: InMemorySpanExporter, header: str | None, continued: bool
) -> None:
    with tracing.span("admission.review", {"kind": "Pod"}, traceparent=header):
        pass
    (found,) = spans.get_finished_spans()
    assert found.name == "admission.review"
    assert found.attributes == {"kind": "Pod"}
    assert found.context is not None
    assert (f"{found.context.trace_id:032x}" == TRACE) is continued
    assert (found.parent is not None) is continued
