"""Spans that a test made, without an exporter."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

from ome.telemetry.tracing import tracing_with
from tests.support.otlp import Seen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.sdk.trace import ReadableSpan

__all__ = ["recording"]


@contextmanager
def recording(*, sampled: bool = True) -> Iterator[Callable[[], list[Seen]]]:
    """Trace while the block runs; gives what lists the spans in the order in which they ended."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(sampler=ALWAYS_ON if sampled else ALWAYS_OFF, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with tracing_with(provider):
        yield lambda: [_seen(span) for span in exporter.get_finished_spans()]


def _seen(span: ReadableSpan) -> Seen:
    assert span.context is not None
    return Seen(
        span.name,
        f"{span.context.trace_id:032x}",
        f"{span.context.span_id:016x}",
        f"{span.parent.span_id:016x}" if span.parent else "",
        span.kind.name,
        span.start_time or 0,
        span.end_time or 0,
        dict(span.attributes or {}),
        dict(span.resource.attributes),
        [(f"{link.context.trace_id:032x}", f"{link.context.span_id:016x}") for link in span.links],
    )
