"""What is served and what happens there: versions, new kinds, events."""

from __future__ import annotations

import uuid
from typing import Any

import anyio
import msgspec
import pytest

from ome.clock import SystemClock
from ome.errors import Conflict, Expired, TooManyRequests
from ome.kube import Applier, Client, Discovery, EventRecorder, ObjectKey, Resource
from ome.kube.resources import CONFIGMAPS, CRDS, DEPLOYMENTS, EVENTS, LEASES
from tests.kube.live import namespace, on_both, owner


@on_both
async def test_the_version_and_what_is_served(server: str) -> None:
    async with namespace(server) as (client, _):
        discovery = Discovery(client, SystemClock())

        await discovery.require_version()

        assert await discovery.serves(DEPLOYMENTS)
        assert await discovery.serves(CONFIGMAPS)
        assert not await discovery.serves(Resource("absent.ome.io", "v1", "Owner", "owners"))


@pytest.mark.cluster
async def test_discovery_sees_a_new_crd_whose_first_versions_are_too_old() -> None:
    async with namespace() as (client, ns):
        discovery = Discovery(client, SystemClock())
        kind = f"Gadget{uuid.uuid4().hex[:6]}"
        gadgets = Resource("kube.ome.io", "v1", kind, f"{kind.lower()}s")
        assert not await discovery.serves(gadgets)
        await client.create(CRDS, crd(gadgets))
        try:
            assert not await discovery.serves(gadgets)  # still from the cache
            with anyio.fail_after(10):
                while not await discovery.serves(gadgets):
                    await anyio.sleep(0.1)
                    discovery.invalidate()

            assert await _is_expired(client, gadgets)
            await _status_of_a_custom_kind(client, gadgets, ns)
        finally:
            await client.delete(CRDS, ObjectKey("", crd(gadgets)["metadata"]["name"]))


async def _is_expired(client: Client, resource: Resource) -> bool:
    """410 as a status or as an event; the cache of a new kind begins at its CRD's version."""
    with anyio.fail_after(10):
        while True:
            try:
                async with client.watch(resource, resource_version="1") as chunks:
                    async for chunk in chunks:
                        event = msgspec.json.decode(chunk)
                        return (event["type"], event["object"]["code"]) == ("ERROR", 410)
                return False
            except Expired:
                return True
            except TooManyRequests:  # the cache of a new kind is being filled
                await anyio.sleep(0.1)


async def _status_of_a_custom_kind(client: Client, resource: Resource, ns: str) -> None:
    applier = Applier(client, resources=[resource])
    wanted = {
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": {"name": "g", "namespace": ns, "ownerReferences": [owner()]},
        "spec": {"size": 1},
    }
    made = (await applier.apply(wanted, None)).object
    written = await applier.write_status(resource, made, {"state": "Up"})
    assert written["status"] == {"state": "Up"}
    assert written["metadata"]["generation"] == 1
    with pytest.raises(Conflict):
        await applier.write_status(resource, made, {"state": "Down"})
    assert (await applier.apply(wanted, written)).action == "unchanged"


def crd(resource: Resource) -> dict[str, Any]:
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": resource.version,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": {**free, "properties": {"spec": free, "status": free}}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": resource.group_resource},
        "spec": {
            "group": resource.group,
            "scope": "Namespaced",
            "names": {"kind": resource.kind, "plural": resource.plural},
            "versions": [version],
        },
    }


@on_both
async def test_events_become_a_series(server: str) -> None:
    async with namespace(server) as (client, ns):
        lease = await client.create(
            LEASES,
            {
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": "l", "namespace": ns},
            },
        )
        recorder = EventRecorder(client, "ome-test", SystemClock())
        regarding = {"apiVersion": lease["apiVersion"], "kind": "Lease", **lease["metadata"]}
        async with anyio.create_task_group() as group:
            group.start_soon(recorder.run)
            recorder.record(regarding, "Warning", "Tested", "it was tested", "Testing")
            await _events(client, ns, 0)
            recorder.record(regarding, "Warning", "Tested", "it was tested", "Testing")
            events = await _events(client, ns, 2)
            group.cancel_scope.cancel()

        assert recorder.dropped == 0
        assert [event["series"]["count"] for event in events] == [2]
        assert events[0]["note"] == "it was tested"


async def _events(client: Client, ns: str, count: int) -> list[dict[str, Any]]:
    with anyio.fail_after(10):
        while True:
            events = await client.list(EVENTS, ns)
            if events and events[0].get("series", {}).get("count", 0) == count:
                return events
            await anyio.sleep(0.05)
