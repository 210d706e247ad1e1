"""What arrives over OTLP: a receiver for tests, and spans in a form that tests can read."""

from __future__ import annotations

import gzip
import json
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Receiver", "Seen", "collecting", "receiving"]


@dataclass(frozen=True, slots=True)
class Seen:
    """One span; ids in hexadecimal, times in nanoseconds."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: str
    start: int
    end: int
    attributes: dict[str, Any]
    resource: dict[str, Any]
    links: list[tuple[str, str]]


@dataclass
class Receiver:
    """Keeps what was exported to ``endpoint``."""

    endpoint: str = ""
    spans: list[Seen] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    expected: tuple[str, ...] = ()
    """What a test will look for."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Receive OTLP over HTTP with protobuf, in a thread of its own, while the block runs."""
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            found.paths.append(self.path)
            found.headers.append({name.lower(): value for name, value in self.headers.items()})
            found.spans += _spans(ExportTraceServiceRequest.FromString(body))
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    found.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _spans(request: ExportTraceServiceRequest) -> Iterator[Seen]:
    for of_resource in request.resource_spans:
        resource = _attributes(of_resource.resource.attributes)
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                yield Seen(
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                    _attributes(span.attributes),
                    resource,
                    [(link.trace_id.hex(), link.span_id.hex()) for link in span.links],
                )


def _attributes(pairs: Any) -> dict[str, Any]:
    found = {}
    for pair in pairs:
        which = pair.value.WhichOneof("value")
        found[pair.key] = getattr(pair.value, which) if which else None
    return found


@contextmanager
def collecting(
    program: Path, folder: Path, port: int, protocol: str = "http"
) -> Iterator[Receiver]:
    """Receive with an OpenTelemetry Collector; the spans are there once the block has ended.

    ``protocol`` is ``http`` or ``grpc``.
    """
    out, log = folder / "spans.json", folder / "collector.log"
    config = {
        "receivers": {"otlp": {"protocols": {protocol: {"endpoint": f"127.0.0.1:{port}"}}}},
        "exporters": {"file": {"path": str(out)}},
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["file"]}},
        },
    }
    (folder / "collector.yaml").write_text(json.dumps(config))
    found = Receiver(f"http://127.0.0.1:{port}")
    with log.open("wb") as said:
        command = [str(program), "--config", str(folder / "collector.yaml")]
        process = subprocess.Popen(command, stdout=said, stderr=said)
    try:
        deadline = time.monotonic() + 30
        while "Everything is ready" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield found
    finally:
        process.terminate()
        code = process.wait(20)
    assert code == 0, log.read_text()
    for line in out.read_text().splitlines():
        found.spans += _from_json(json.loads(line))


def _from_json(document: dict[str, Any]) -> Iterator[Seen]:
    for of_resource in document["resourceSpans"]:
        resource = _pairs(of_resource["resource"])
        for of_scope in of_resource["scopeSpans"]:
            for span in of_scope["spans"]:
                yield Seen(
                    span["name"],
                    span["traceId"],
                    span["spanId"],
                    span.get("parentSpanId", ""),
                    {1: "INTERNAL", 2: "SERVER", 3: "CLIENT"}[span["kind"]],
                    int(span["startTimeUnixNano"]),
                    int(span["endTimeUnixNano"]),
                    _pairs(span),
                    resource,
                    [(link["traceId"], link["spanId"]) for link in span.get("links", ())],
                )


def _pairs(holder: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for pair in holder.get("attributes", ()):
        ((type_, value),) = pair["value"].items()
        found[pair["key"]] = int(value) if type_ == "intValue" else value
    return found
