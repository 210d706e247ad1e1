"""One trace from a user's apply to the workload, and what comes later points at it."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import pytest

from hack.control_plane import build
from ome.api import names
from ome.cli.assembly import Settings, operate
from ome.clock import SystemClock
from ome.controllers.resources import CLUSTER_BASE_MODELS, INFERENCE_SERVICES
from ome.kube.http import connect
from ome.kube.resource import ObjectKey
from ome.kube.resources import DEPLOYMENTS
from ome.telemetry.exporting import configure_tracing
from ome.webhooks.serving import WebhookSettings
from tests import cluster
from tests.e2e.harness import free_port
from tests.support.otlp import collecting, receiving
from tests.webhooks.test_live import a_place, place_address, reaching

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.otlp import Receiver, Seen
    from tests.webhooks.test_live import Place

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

MUTATE = "POST /mutate-ome-io-v1beta1-inferenceservice"
DEPLOYMENT = "/apis/apps/v1/namespaces/{namespace}/deployments/{name}"
SERVICE = "/apis/ome.io/v1beta1/namespaces/{namespace}/inferenceservices/{name}"


@asynccontextmanager
async def an_operator(place: Place) -> AsyncIterator[None]:
    """A manager with its webhooks, in this process, at its place in the Service."""
    address, port = place_address(), free_port()
    settings = WebhookSettings(place.name, port, host=address, prefix=f"{place.name}.", linger=0)
    async with await connect(cluster.user_kubeconfig()) as transport:
        async with anyio.create_task_group() as group:

            async def run() -> None:
                own = Settings(place.name, webhooks=settings)
                await operate(transport, own, SystemClock(), random.Random(), signals=False)

            group.start_soon(run)
            await place.join(address, port)
            await reaching(place)
            yield
            group.cancel_scope.cancel()


async def applied(place: Place, replicas: int) -> str:
    """Apply the service; the trace context that was put on it, once its workload says the same."""
    engine = place.service("chat")["spec"]["engine"] | {"minReplicas": replicas}
    sent = place.service("chat", engine=engine)
    made = await place.client.apply(INFERENCE_SERVICES, sent, manager="kubectl")
    generation = made["metadata"]["generation"]
    with anyio.fail_after(30):
        while True:
            now = await place.client.get(INFERENCE_SERVICES, ObjectKey(place.name, "chat"))
            if (now.get("status") or {}).get("observedGeneration") == generation:
                break
            await anyio.sleep(0.05)
    mark: str = now["metadata"]["annotations"][names.ANNOTATION_TRACEPARENT]
    return mark


def check_apply(spans: list[Seen], mark: str, name: str) -> None:
    """The trace of an apply has the review, the wait, the run and its requests, each in place."""
    _, trace, root, _ = mark.split("-")
    found = [span for span in spans if span.trace_id == trace]
    by_id = {span.span_id: span for span in found}
    review = by_id[root]
    assert review.name == MUTATE
    assert review.kind == "SERVER"
    assert review.attributes["k8s.object.name"] == "chat"
    assert review.attributes["http.response.status_code"] == 200
    runs = [span for span in found if span.name == "reconcile inferenceservice"]
    assert runs
    assert {run.parent_id for run in runs} == {root}
    assert all(run.attributes["k8s.namespace.name"] == name for run in runs)
    waits = [span for span in found if span.name == "queue inferenceservice"]
    assert {wait.parent_id for wait in waits} == {run.span_id for run in runs}
    calls = [span for span in found if span.kind == "CLIENT"]
    assert {call.parent_id for call in calls} <= {run.span_id for run in runs}
    assert {f"PATCH {DEPLOYMENT}", f"PATCH {SERVICE}/status"} <= {call.name for call in calls}
    assert review.start < min(run.start for run in runs)
    assert all(call.attributes["http.response.status_code"] < 500 for call in calls)


def check_later(spans: list[Seen], mark: str) -> None:
    """What other events lead to is no part of the trace but points at it."""
    _, trace, root, _ = mark.split("-")
    later = [
        span
        for span in spans
        if span.name == "reconcile inferenceservice" and (trace, root) in span.links
    ]
    assert later
    assert all(span.trace_id != trace and not span.parent_id for span in later)


async def play(place: Place) -> tuple[str, str]:
    """Apply, touch, apply again unchanged and changed; the marks of the two changes."""
    key = ObjectKey(place.name, "chat")
    async with an_operator(place):
        first = await applied(place, 1)
        await place.client.merge_patch(
            INFERENCE_SERVICES, key, {"metadata": {"labels": {"touched": "yes"}}}
        )
        assert await applied(place, 1) == first
        workloads = await place.client.list(DEPLOYMENTS, place.name)
        second = await applied(place, 2)
        assert second != first
        for workload in workloads:
            assert names.ANNOTATION_TRACEPARENT not in str(workload)
        # Pods that come up, or a mere label: a run with nothing to do with the second change.
        await place.client.merge_patch(
            INFERENCE_SERVICES, key, {"metadata": {"labels": {"touched": "again"}}}
        )
        await anyio.sleep(0.3)
    return first, second


async def one_trace(collector: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the collector receive the life of a service; what to look for is kept beside it."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
    async with a_place() as place:
        await place.register()
        # Where its files are is known, so pods are made at once.
        known = {"spec": {"storage": {"path": "/raid/live"}}}
        await place.client.merge_patch(CLUSTER_BASE_MODELS, ObjectKey("", place.name), known)
        with configure_tracing("ome-manager", "test"):
            collector.expected = (place.name, *await play(place))


def check(collector: Receiver) -> None:
    """What it received: two traces of two applies, and what points at them."""
    name, *marks = collector.expected
    for mark in marks:
        check_apply(collector.spans, mark, name)
    check_later(collector.spans, marks[-1])
    assert {span.resource["service.name"] for span in collector.spans} == {"ome-manager"}


async def test_one_trace_from_the_apply_to_the_workload(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as collector:
        await one_trace(collector, monkeypatch)
    check(collector)


@pytest.fixture(scope="module")
def otelcol() -> Path:
    """The real collector; the first time on a machine it is built, which takes minutes."""
    return build.ensure_collector()


@pytest.mark.control_plane
@pytest.mark.parametrize(("protocol", "name"), [("http", "http/protobuf"), ("grpc", "grpc")])
async def test_a_real_collector_receives_it(
    otelcol: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, protocol: str, name: str
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", name)
    with collecting(otelcol, tmp_path, free_port(), protocol) as collector:
        await one_trace(collector, monkeypatch)
    check(collector)
