"""Any single call of a service's life fails, each in turn: the world ends as without a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.controllers.resources import INFERENCE_SERVICES, LEADER_WORKER_SETS
from ome.errors import InternalError, TransportError
from ome.kube.resource import ObjectKey
from ome.kube.resources import (
    CONFIGMAPS,
    DEPLOYMENTS,
    HPAS,
    PDBS,
    ROLE_BINDINGS,
    ROLES,
    SERVICE_ACCOUNTS,
    SERVICES,
)
from tests.controllers.inferenceservice.world import (
    available,
    edit,
    model,
    new_cluster,
    operator,
    runtime,
    says,
    service,
)
from tests.support.fake_answers import refusal
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import run_virtual

if TYPE_CHECKING:
    from ome.kube.request import Request
    from ome.kube.transport import Response

KINDS = (
    INFERENCE_SERVICES,
    LEADER_WORKER_SETS,
    CONFIGMAPS,
    DEPLOYMENTS,
    HPAS,
    PDBS,
    ROLE_BINDINGS,
    ROLES,
    SERVICE_ACCOUNTS,
    SERVICES,
)
RUNNER = {"name": "ome-container", "image": "example.test/serve:1"}
CALLS = 40
"""More than a life has."""


class Flaky(FakeCluster):
    """Fails the call of one number among those about the service; ``lost``: only its answer."""

    number = -1
    lost = False
    calls = 0

    async def send(self, request: Request) -> Response:
        if "/namespaces/demo/" not in request.path or "/events" in request.path:
            return await super().send(request)
        self.calls += 1
        if self.calls - 1 != self.number:
            return await super().send(request)
        if not self.lost:
            return refusal(InternalError("etcd is away"))
        await super().send(request)
        raise TransportError("connection reset")


async def life(number: int = -1, *, lost: bool = False) -> tuple[list[Any], int]:
    """From nothing to Ready, then without its router; the objects at the end and the calls."""
    cluster = new_cluster(LEADER_WORKER_SETS, kind=Flaky)
    assert isinstance(cluster, Flaky)
    cluster.number, cluster.lost = number, lost
    engine = {"leader": {"runner": RUNNER}, "worker": {"size": 1, "runner": RUNNER}}
    parts: dict[str, Any] = {"decoder": {"runner": RUNNER}, "router": {"runner": RUNNER}}
    for item in (model(), runtime(), service(engine=engine, **parts)):
        cluster.put(item)
    async with operator(cluster):
        await anyio.sleep(10)
        says(cluster, LEADER_WORKER_SETS, ObjectKey("demo", "lws-chat-engine"), "Available")
        for name in ("decoder", "router"):
            available(cluster, ObjectKey("demo", f"chat-{name}"))
        await anyio.sleep(10)
        edit(cluster, router=None)
        await anyio.sleep(70)
    found = [plain(item) for resource in KINDS for item in cluster.objects(resource, "demo")]
    return found, cluster.calls


def plain(document: dict[str, Any]) -> dict[str, Any]:
    """An object without what differs from life to life."""
    metadata = {
        name: value
        for name, value in document["metadata"].items()
        if name in ("name", "labels", "annotations", "finalizers")
    }
    status = dict(document.get("status") or {})
    status["conditions"] = [
        {name: value for name, value in item.items() if name != "lastTransitionTime"}
        for item in status.get("conditions") or ()
    ]
    return {**document, "metadata": metadata, "status": status}


@pytest.mark.parametrize("lost", [False, True], ids=["refused", "lost"])
@pytest.mark.parametrize(
    "numbers",
    [range(0, CALLS, 16), pytest.param(range(CALLS), marks=pytest.mark.slow)],
    ids=["some", "every"],
)
def test_a_failing_call_changes_nothing_in_the_end(numbers: range, lost: bool) -> None:
    expected, calls = run_virtual(life)
    assert 20 < calls <= CALLS, "every call gets its turn"
    assert any(item["kind"] == "LeaderWorkerSet" for item in expected)
    for number in numbers:

        async def flawed(number: int = number) -> tuple[list[Any], int]:
            return await life(number, lost=lost)

        found, _ = run_virtual(flawed)
        assert found == expected, f"call {number} failed"
