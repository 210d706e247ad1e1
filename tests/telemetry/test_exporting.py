"""The standard environment variables decide whether and where spans go."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from io import StringIO

import pytest
import structlog

from ome.errors import UserError
from ome.telemetry import tracing
from ome.telemetry.exporting import configure_tracing
from ome.telemetry.logging import LogSettings, configure_logging
from tests.support.otlp import Receiver, receiving


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> object:
    with receiving() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
        yield receiver


def one_span() -> None:
    with configure_tracing("ome-manager", "1.2.3"), tracing.span("work", {"n": 1}):
        pass


def test_spans_arrive_with_what_they_are_of(
    collector: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=blue")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=prod")
    one_span()
    (span,) = collector.spans
    assert (span.name, span.attributes) == ("work", {"n": 1})
    assert span.resource["service.name"] == "ome-manager"
    assert span.resource["service.version"] == "1.2.3"
    assert span.resource["service.instance.id"]
    assert span.resource["deployment.environment.name"] == "prod"
    assert collector.paths == ["/v1/traces"]
    assert collector.headers[0]["x-tenant"] == "blue"


@pytest.mark.parametrize(
    ("variables", "sent"),
    [
        ({}, True),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
        ({"OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_TRACES_SAMPLER": "always_off"}, False),
        (
            {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"},
            False,
        ),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
    ],
)
def test_the_environment_decides(
    collector: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    sent: bool,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    one_span()
    assert bool(collector.spans) is sent
    assert not tracing.enabled()


def test_a_name_in_the_environment_wins(
    collector: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "ome-blue")
    one_span()
    assert collector.spans[0].resource["service.name"] == "ome-blue"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "4318"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "thrift", "4317"),
        ("OTEL_TRACES_EXPORTER", "zipkin", "otlp or none"),
    ],
)
def test_what_cannot_be_followed_is_said(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=f"{name}={value}: .*{expected}"):
        one_span()


@pytest.mark.parametrize(
    ("protocol", "name", "value", "expected"),
    [
        ("http/protobuf", "OTEL_BSP_MAX_QUEUE_SIZE", "0", "max_queue_size"),
        ("grpc", "OTEL_EXPORTER_OTLP_COMPRESSION", "zip", "OTEL_EXPORTER_OTLP_COMPRESSION"),
    ],
)
def test_what_the_sdk_refuses_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, protocol: str, name: str, value: str, expected: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
    monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=f"tracing: .*{expected}.*OTEL_TRACES_EXPORTER=none"):
        one_span()


def test_a_collector_that_is_away_does_not_hold_the_end_up_over_grpc(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
    began = time.monotonic()
    one_span()
    assert time.monotonic() - began < 10


def test_grpc_is_loaded_by_who_asks_for_it() -> None:
    loaded = "import ome.cli.manager, ome.cli.assembly, sys; print('grpc' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_a_line_of_the_log_names_its_trace(collector: Receiver) -> None:
    out, root = StringIO(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        configure_logging(LogSettings(), out)
        log = structlog.get_logger("test")
        with configure_tracing("ome-manager", "1"), tracing.span("work"):
            log.info("inside")
        log.info("outside")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()
    inside, outside = (json.loads(line) for line in out.getvalue().splitlines())
    (span,) = collector.spans
    assert (inside["trace_id"], inside["span_id"]) == (span.trace_id, span.span_id)
    assert "trace_id" not in outside
