"""Requests within a trace are spans, with the names of the semantic conventions."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from ome.errors import NotFound
from ome.kube import Client
from ome.kube.resource import ObjectKey
from ome.kube.resources import PODS
from ome.kube.spans import template
from ome.kube.transport import Response
from ome.telemetry.tracing import span
from tests.support.spans import recording
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from ome.kube.request import Request


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/version", "/version"),
        ("/api/v1/nodes", "/api/v1/nodes"),
        ("/api/v1/nodes/n-1", "/api/v1/nodes/{name}"),
        ("/api/v1/namespaces/demo", "/api/v1/namespaces/{name}"),
        ("/api/v1/namespaces/demo/pods", "/api/v1/namespaces/{namespace}/pods"),
        (
            "/apis/ome.io/v1beta1/namespaces/demo/inferenceservices/chat/status",
            "/apis/ome.io/v1beta1/namespaces/{namespace}/inferenceservices/{name}/status",
        ),
        ("/apis/apps/v1", "/apis/apps/v1"),
    ],
)
def test_paths_lose_their_names(path: str, expected: str) -> None:
    assert template(path) == expected


class Answers:
    """A transport that answers with these codes, one after the other."""

    host = "10.0.0.1:6443"

    def __init__(self, *codes: int) -> None:
        self.codes = list(codes)
        self.sent: list[str] = []

    async def send(self, request: Request) -> Response:
        self.sent.append(dict(request.headers).get("traceparent", ""))
        return Response(self.codes.pop(0), {}, b'{"kind": "Pod", "metadata": {}}')


def test_each_attempt_is_a_span_and_hands_its_trace_on() -> None:
    transport = Answers(200, 503, 200, 404)

    async def body() -> None:
        client = Client(transport, clock=VirtualClock(), rng=random.Random(1))  # type: ignore[arg-type]
        await client.get(PODS, ObjectKey("demo", "a"))
        with span("run"):
            await client.get(PODS, ObjectKey("demo", "a"))
            with pytest.raises(NotFound):
                await client.get(PODS, ObjectKey("demo", "b"))

    with recording() as spans:
        run_virtual(body)
    first, second, third, run = spans()
    assert {item.parent_id for item in (first, second, third)} == {run.span_id}
    assert first.name == "GET /api/v1/namespaces/{namespace}/pods/{name}"
    assert first.kind == "CLIENT"
    assert first.attributes["http.response.status_code"] == 503
    assert first.attributes["error.type"] == "503"
    assert first.attributes["url.full"] == "https://10.0.0.1:6443/api/v1/namespaces/demo/pods/a"
    assert first.attributes["server.address"] == "10.0.0.1"
    assert first.attributes["server.port"] == 6443
    assert second.attributes["http.request.resend_count"] == 1
    assert third.attributes["http.response.status_code"] == 404
    assert [sent[:-3] for sent in transport.sent] == [
        "",
        *(f"00-{run.trace_id}-{item.span_id}" for item in (first, second, third)),
    ]
