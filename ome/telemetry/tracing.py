"""Traces: spans cost nothing until an OTLP endpoint is named in the environment."""

from __future__ import annotations

import os
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

__all__ = ["configure_tracing", "span"]

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_W3C = TraceContextTextMapPropagator()
_enabled = False


def span(
    name: str, attributes: Mapping[str, Any] | None = None, *, traceparent: str | None = None
) -> AbstractContextManager[Any]:
    """A span around a block; a no-op while tracing is off.

    It continues the trace of a W3C ``traceparent`` header, if one is given and well formed.
    """
    if not _enabled:
        return nullcontext()
    parent = _W3C.extract({"traceparent": traceparent}) if traceparent else None
    return trace.get_tracer("ome").start_as_current_span(
        name, context=parent, attributes=dict(attributes or {})
    )


@contextmanager
def configure_tracing(service: str, version: str) -> Iterator[None]:
    """Export spans over OTLP while the block runs, if the standard variables name an endpoint."""
    global _enabled
    if not any(os.environ.get(name) for name in _ENDPOINTS):
        yield
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(
        resource=Resource.create({"service.name": service, "service.version": version})
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    _enabled = True
    try:
        yield
    finally:
        _enabled = False
        provider.shutdown()
