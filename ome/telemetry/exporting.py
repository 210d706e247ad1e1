"""Where spans go: over OTLP, as the standard environment variables say.

``OTEL_EXPORTER_OTLP_ENDPOINT`` (or ``..._TRACES_ENDPOINT``, or ``OTEL_TRACES_EXPORTER=otlp``)
switches it on; ``OTEL_EXPORTER_OTLP_PROTOCOL`` is ``http/protobuf`` (the default) or ``grpc``;
``OTEL_SDK_DISABLED=true`` and ``OTEL_TRACES_EXPORTER=none`` switch it off. Headers,
time limits, certificates, batches, sampling and the resource's attributes are read by the SDK.
A collector that is away costs nothing but spans: they wait in a bounded queue and are then dropped.
"""

from __future__ import annotations

import os
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ome.errors import UserError
from ome.telemetry.tracing import tracing_with

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

__all__ = ["configure_tracing"]

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_HTTP = "http/protobuf"
_GRPC = "grpc"
_FAREWELL = 3.0
"""Seconds for which the last spans are still tried to be sent when the process ends."""


@contextmanager
def configure_tracing(service: str, version: str) -> Iterator[None]:
    """Export spans while the block runs, if the environment asks for it.

    Raises ``UserError`` for a variable whose value cannot be followed.
    """
    if not _wanted(os.environ):
        yield
        return
    try:
        provider, exporter = _made(service, version)
    except UserError:
        raise
    except Exception as error:  # the SDK has no error of its own for values that it refuses
        raise UserError(
            f"tracing: {error}; correct the variable that begins with OTEL_, or set"
            " OTEL_TRACES_EXPORTER=none"
        ) from error
    try:
        with tracing_with(provider):
            yield
    finally:
        impatient = threading.Timer(_FAREWELL, exporter.shutdown)
        impatient.daemon = True
        impatient.start()
        provider.shutdown()
        impatient.cancel()


def _made(service: str, version: str) -> tuple[TracerProvider, SpanExporter]:
    """What makes spans and what sends them, as the environment says."""
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    ours = {
        "service.name": service,
        "service.version": version,
        "service.instance.id": socket.gethostname(),
    }
    # What the environment says of the resource wins over what we say.
    resource = Resource.create(ours).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = _exporter(os.environ)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider, exporter


def _wanted(environment: Mapping[str, str]) -> bool:
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporter = environment.get("OTEL_TRACES_EXPORTER", "").strip()
    if exporter not in ("", "otlp", "none"):
        raise UserError(f"OTEL_TRACES_EXPORTER={exporter}: expected otlp or none")
    if exporter == "none":
        return False
    return exporter == "otlp" or any(environment.get(name) for name in _ENDPOINTS)


def _exporter(environment: Mapping[str, str]) -> SpanExporter:
    name, protocol = next(
        ((name, environment[name].strip()) for name in _PROTOCOLS if environment.get(name)),
        (_PROTOCOLS[-1], _HTTP),
    )
    # Either is imported when used: gRPC brings a runtime of its own with threads and megabytes.
    if protocol == _HTTP:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter()
    if protocol == _GRPC:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (
            OTLPSpanExporter as GrpcSpanExporter,
        )

        return GrpcSpanExporter()
    raise UserError(
        f"{name}={protocol}: expected {_HTTP} (collectors listen for it on port 4318) or {_GRPC}"
        " (port 4317)"
    )
