"""Traces: spans cost nothing until spans are wanted, and then belong to whoever caused them.

What is exported where is decided in ``exporting``. Everything here works on the current span of the
task; without tracing ``span`` gives one that records nothing, so callers never ask.
"""

from __future__ import annotations

import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Literal

from opentelemetry import trace
from opentelemetry.trace import Link, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from opentelemetry.context import Context
    from opentelemetry.trace import Span, SpanContext, Tracer, TracerProvider
    from opentelemetry.util.types import AttributeValue

__all__ = [
    "call_span",
    "current_ids",
    "enabled",
    "exemplar",
    "recorded",
    "span",
    "traceparent",
    "tracing_with",
]

_W3C = TraceContextTextMapPropagator()
_KINDS = {"internal": SpanKind.INTERNAL, "server": SpanKind.SERVER, "client": SpanKind.CLIENT}
_NOTHING: AbstractContextManager[Span] = nullcontext(trace.INVALID_SPAN)
_tracer: Tracer | None = None


@contextmanager
def tracing_with(provider: TracerProvider) -> Iterator[None]:
    """Make spans with this provider while the block runs."""
    global _tracer
    before, _tracer = _tracer, provider.get_tracer("ome")
    try:
        yield
    finally:
        _tracer = before


def enabled() -> bool:
    """Whether spans are made at all."""
    return _tracer is not None


def span(
    name: str,
    attributes: Mapping[str, AttributeValue] | None = None,
    *,
    kind: Literal["internal", "server", "client"] = "internal",
    parent: str | None = None,
    link: str | None = None,
    ago: float = 0.0,
) -> AbstractContextManager[Span]:
    """A span around a block; one that records nothing while tracing is off.

    ``parent`` and ``link`` are W3C ``traceparent`` values and ignored unless well formed: the span
    continues the one trace, or begins its own and points at the other. It began ``ago`` seconds
    before now.
    """
    if _tracer is None:
        return _NOTHING
    other = None if not link else trace.get_current_span(_extracted(link)).get_span_context()
    return _tracer.start_as_current_span(
        name,
        context=_extracted(parent) if parent else None,
        kind=_KINDS[kind],
        attributes=attributes,
        links=[Link(other)] if other is not None and other.is_valid else None,
        start_time=time.time_ns() - int(ago * 1e9),
    )


def call_span(name: str) -> AbstractContextManager[Span]:
    """A span around a request to somebody else, if it is made within a trace.

    Requests that nobody waits for (watches, the Lease) would be traces of their own, without end.
    """
    if _tracer is None or not trace.get_current_span().is_recording():
        return _NOTHING
    return _tracer.start_as_current_span(name, kind=SpanKind.CLIENT)


def recorded(name: str, seconds: float) -> None:
    """A span inside the current one that began with it and took so many seconds."""
    current = trace.get_current_span()
    began = getattr(current, "start_time", None)
    if _tracer is None or began is None:
        return
    _tracer.start_span(name, start_time=began).end(began + int(seconds * 1e9))


def traceparent() -> str:
    """The current span for a ``traceparent`` header; empty when it is not sampled."""
    if _tracer is None or _sampled() is None:
        return ""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier.get("traceparent", "")


def exemplar() -> dict[str, str] | None:
    """The current span as the labels of an exemplar; None when it is not sampled."""
    context = _sampled() if _tracer is not None else None
    return None if context is None else _ids(context)


def current_ids() -> dict[str, str]:
    """The ids of trace and span for a line of a log; empty outside of one."""
    context = trace.get_current_span().get_span_context() if _tracer is not None else None
    return _ids(context) if context is not None and context.is_valid else {}


def _sampled() -> SpanContext | None:
    context = trace.get_current_span().get_span_context()
    return context if context.is_valid and context.trace_flags.sampled else None


def _ids(context: SpanContext) -> dict[str, str]:
    return {
        "trace_id": trace.format_trace_id(context.trace_id),
        "span_id": trace.format_span_id(context.span_id),
    }


def _extracted(value: str) -> Context:
    return _W3C.extract({"traceparent": value})
