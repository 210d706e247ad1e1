"""Spans: free while tracing is off, part of the caller's trace while it is on."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from ome.telemetry import tracing
from tests.support.spans import recording

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
PARENT = f"00-{TRACE}-{SPAN}-01"


def test_without_tracing_a_span_is_nothing() -> None:
    assert isinstance(tracing.span("x", parent=PARENT), nullcontext)
    assert isinstance(tracing.call_span("x"), nullcontext)
    with tracing.span("x") as current:
        assert not current.is_recording()
        tracing.recorded("y", 1)
        assert tracing.traceparent() == ""
        assert tracing.exemplar() is None
        assert tracing.current_ids() == {}


@pytest.mark.parametrize(
    ("header", "continued"), [(PARENT, True), (None, False), ("", False), ("rubbish", False)]
)
def test_a_span_continues_the_trace_of_its_caller(header: str | None, continued: bool) -> None:
    with recording() as spans, tracing.span("review", {"kind": "Pod"}, parent=header):
        pass
    (found,) = spans()
    assert found.name == "review"
    assert found.attributes == {"kind": "Pod"}
    assert (found.trace_id == TRACE) is continued
    assert (found.parent_id == SPAN) is continued


@pytest.mark.parametrize(("header", "linked"), [(PARENT, True), ("rubbish", False)])
def test_a_span_may_point_at_a_trace_and_have_its_own(header: str, linked: bool) -> None:
    with recording() as spans, tracing.span("later", link=header):
        pass
    (found,) = spans()
    assert found.trace_id != TRACE
    assert found.links == ([(TRACE, SPAN)] if linked else [])


def test_what_was_waited_for_is_a_span_at_the_beginning() -> None:
    with recording() as spans, tracing.span("run", ago=5):
        tracing.recorded("wait", 4)
    wait, run = spans()
    assert (wait.name, wait.parent_id) == ("wait", run.span_id)
    assert wait.start == run.start
    assert wait.end - wait.start == 4_000_000_000
    assert run.end - run.start >= 5_000_000_000


def test_requests_are_spans_only_within_a_trace() -> None:
    with recording() as spans:
        with tracing.call_span("watch"):
            assert tracing.traceparent() == ""
        with tracing.span("run"), tracing.call_span("GET"):
            sent, log = tracing.traceparent(), tracing.current_ids()
            labels = tracing.exemplar()
    get, run = spans()
    assert (get.name, get.parent_id, get.kind) == ("GET", run.span_id, "CLIENT")
    assert sent[:-3] == f"00-{run.trace_id}-{get.span_id}"
    assert log == labels == {"trace_id": run.trace_id, "span_id": get.span_id}


def test_what_is_not_sampled_is_not_handed_on() -> None:
    with recording(sampled=False) as spans, tracing.span("run"):
        assert tracing.traceparent() == ""
        assert tracing.exemplar() is None
        assert set(tracing.current_ids()) == {"trace_id", "span_id"}
    assert spans() == []
