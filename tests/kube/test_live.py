"""What the rules of this room rest on, against a real API server.

Most of it runs against the fake cluster too: that is what keeps the fake honest.
"""

from __future__ import annotations

import os
import random
import uuid
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import msgspec
import pytest

from ome.clock import SystemClock
from ome.errors import AlreadyExists, Conflict, Expired, NotFound, NotOurs, TooManyRequests
from ome.kube import (
    Applier,
    Client,
    Discovery,
    EventRecorder,
    ObjectKey,
    Resource,
    pointer,
)
from ome.kube.creating import prove_creating
from ome.kube.http import connect
from ome.kube.resources import CONFIGMAPS, CRDS, DEPLOYMENTS, EVENTS, LEASES, NAMESPACES
from tests.support.fake_cluster import FakeCluster

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ome.kube import Transport

on_both = pytest.mark.parametrize(
    "server", ["fake", pytest.param("real", marks=pytest.mark.cluster)]
)

OWNER_UID = str(uuid.uuid4())


@asynccontextmanager
async def namespace(server: str = "real") -> AsyncIterator[tuple[Client, str]]:
    name = f"kube-{uuid.uuid4().hex[:8]}"
    place = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    async with connected(server) as transport:
        client = Client(transport, clock=SystemClock(), rng=random.Random(1))
        await client.create(NAMESPACES, place)
        try:
            yield client, name
        finally:
            await client.delete(NAMESPACES, ObjectKey("", name))


@asynccontextmanager
async def connected(server: str) -> AsyncIterator[Transport]:
    if server == "real":
        async with await connect(os.environ["KUBECONFIG"]) as transport:
            yield transport
    else:
        cluster = FakeCluster()
        cluster.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
        yield cluster


def configmap(ns: str, name: str, uid: str = OWNER_UID, **data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": ns, "ownerReferences": [owner(uid)]},
        "data": data,
    }


def owner(uid: str = OWNER_UID) -> dict[str, Any]:
    # An owner of a kind that does not exist: the garbage collector lets such objects be.
    return {
        "apiVersion": "absent.ome.io/v1",
        "kind": "Owner",
        "name": "o",
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def deployment(ns: str, name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": ns, "ownerReferences": [owner()]},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "paused": True,
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {
                    "containers": [
                        {
                            "name": "main",
                            "image": "example.test/a:1",
                            "resources": {"limits": {"cpu": "1000m", "memory": "1024Mi"}},
                            "ports": [{"containerPort": 8080}],
                            "env": [{"name": "EMPTY", "value": ""}],
                        }
                    ],
                    "nodeSelector": {"never": "there"},
                    "hostNetwork": False,
                },
            },
            **spec,
        },
    }


@on_both
async def test_the_version_and_what_is_served(server: str) -> None:
    async with namespace(server) as (client, _):
        discovery = Discovery(client, SystemClock())

        await discovery.require_version()

        assert await discovery.serves(DEPLOYMENTS)
        assert await discovery.serves(CONFIGMAPS)
        assert not await discovery.serves(Resource("absent.ome.io", "v1", "Owner", "owners"))


@on_both
async def test_get_create_replace_delete_and_their_errors(server: str) -> None:
    async with namespace(server) as (client, ns):
        key = ObjectKey(ns, "a")
        made = await client.create(CONFIGMAPS, configmap(ns, "a", k="1"))
        with pytest.raises(AlreadyExists):
            await client.create(CONFIGMAPS, configmap(ns, "a"))
        changed = await client.replace(CONFIGMAPS, {**made, "data": {"k": "2"}})
        with pytest.raises(Conflict):
            await client.replace(CONFIGMAPS, {**made, "data": {"k": "3"}})
        with pytest.raises(Conflict):
            await client.delete(CONFIGMAPS, key, uid="another")
        assert (await client.get(CONFIGMAPS, key)) == changed
        partial = await client.get(CONFIGMAPS, key, metadata_only=True)
        assert partial["kind"] == "PartialObjectMetadata"
        assert "data" not in partial

        await client.delete(CONFIGMAPS, key, uid=made["metadata"]["uid"])

        with pytest.raises(NotFound):
            await client.get(CONFIGMAPS, key)


@on_both
async def test_a_list_of_several_pages(server: str) -> None:
    async with namespace(server) as (client, ns):
        for number in range(5):
            await client.create(CONFIGMAPS, configmap(ns, f"m{number}"))

        items = await client.list(CONFIGMAPS, ns, limit=2, field_selector="metadata.name!=m3")

        names = [item["metadata"]["name"] for item in items]
        assert [name for name in names if name[0] == "m"] == ["m0", "m1", "m2", "m4"]
        assert {item["kind"] for item in items} == {"ConfigMap"}


@on_both
async def test_a_watch_from_a_version_and_one_that_is_too_old(server: str) -> None:
    async with namespace(server) as (client, ns):
        made = await client.create(CONFIGMAPS, configmap(ns, "a"))
        version = made["metadata"]["resourceVersion"]
        buffer = b""
        with anyio.fail_after(10):
            async with client.watch(
                CONFIGMAPS, namespace=ns, resource_version=version, metadata_only=True
            ) as chunks:
                await client.delete(CONFIGMAPS, ObjectKey(ns, "a"))
                async for chunk in chunks:
                    buffer += chunk
                    if b'"DELETED"' in buffer and buffer.endswith(b"\n"):
                        break
        events = [msgspec.json.decode(line) for line in buffer.splitlines()]
        deleted = [event for event in events if event["type"] == "DELETED"]
        assert [event["object"]["metadata"]["name"] for event in deleted] == ["a"]


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
async def test_a_streaming_list(server: str) -> None:
    async with namespace(server) as (client, ns):
        await client.create(CONFIGMAPS, configmap(ns, "a"))
        buffer = b""
        with anyio.fail_after(10):
            async with client.watch(CONFIGMAPS, namespace=ns, send_initial_events=True) as chunks:
                async for chunk in chunks:
                    buffer += chunk
                    if b"k8s.io/initial-events-end" in buffer:
                        break
        assert b'"ADDED"' in buffer


@on_both
async def test_every_kind_of_patch_and_scale(server: str) -> None:
    async with namespace(server) as (client, ns):
        key = ObjectKey(ns, "d")
        await client.create(DEPLOYMENTS, deployment(ns, "d"))
        await client.merge_patch(DEPLOYMENTS, key, {"metadata": {"labels": {"a/b": "1"}}})
        await client.json_patch(
            DEPLOYMENTS, key, [{"op": "remove", "path": pointer("metadata", "labels", "a/b")}]
        )
        patched = await client.strategic_patch(DEPLOYMENTS, key, {"spec": {"minReadySeconds": 1}})
        scaled = await client.scale(DEPLOYMENTS, key, 3)

        assert patched["spec"]["minReadySeconds"] == 1
        assert not patched["metadata"].get("labels")
        assert patched["metadata"]["generation"] == 2
        assert scaled["spec"]["replicas"] == 3


@pytest.mark.cluster
async def test_a_strategic_patch_knows_keyed_lists() -> None:
    async with namespace() as (client, ns):
        await client.create(DEPLOYMENTS, deployment(ns, "d"))
        containers = [{"name": "main", "image": "example.test/a:2"}]
        patched = await client.strategic_patch(
            DEPLOYMENTS,
            ObjectKey(ns, "d"),
            {"spec": {"template": {"spec": {"containers": containers}}}},
        )
        container = patched["spec"]["template"]["spec"]["containers"][0]
        assert container["image"] == "example.test/a:2"
        assert container["ports"][0]["containerPort"] == 8080


@on_both
async def test_the_server_refuses_a_first_write_over_an_object(server: str) -> None:
    async with namespace(server) as (client, ns):
        await prove_creating(client)
        if server == "real":
            await prove_creating(client, CONFIGMAPS, await _root_ca(client, ns))


async def _root_ca(client: Client, ns: str) -> ObjectKey:
    key = ObjectKey(ns, "kube-root-ca.crt")
    with anyio.fail_after(10):
        while True:
            try:
                await client.get(CONFIGMAPS, key)
                return key
            except NotFound:
                await anyio.sleep(0.1)


@on_both
async def test_apply_creates_skips_updates_and_drops_fields(server: str) -> None:
    async with namespace(server) as (client, ns):
        applier = Applier(client)
        first = await applier.apply(configmap(ns, "a", k="1", gone="x"), None)
        again = await applier.apply(configmap(ns, "a", k="1", gone="x"), first.object)
        blind = await applier.apply(configmap(ns, "a", k="1", gone="x"), None)
        third = await applier.apply(configmap(ns, "a", k="2"), first.object)

        actions = [one.action for one in (first, again, blind, third)]
        assert actions == ["created", "unchanged", "unchanged", "updated"]
        assert third.object["data"] == {"k": "2"}


@on_both
async def test_a_deployment_as_stored_contains_what_was_applied(server: str) -> None:
    async with namespace(server) as (client, ns):
        applier = Applier(client)
        made = await applier.apply(deployment(ns, "d"), None)
        stored = await client.get(DEPLOYMENTS, ObjectKey(ns, "d"))

        assert (await applier.apply(deployment(ns, "d"), stored)).action == "unchanged"
        assert made.object["spec"]["replicas"] == 1


@on_both
async def test_apply_leaves_the_objects_of_others_alone(server: str) -> None:
    async with namespace(server) as (client, ns):
        theirs = await client.create(CONFIGMAPS, configmap(ns, "a", str(uuid.uuid4()), k="1"))
        with pytest.raises(NotOurs):
            await Applier(client).apply(configmap(ns, "a", k="2"), None)
        with pytest.raises(NotOurs):
            await Applier(client).apply(configmap(ns, "a", k="2"), theirs)
        assert (await client.get(CONFIGMAPS, ObjectKey(ns, "a"))) == theirs


@on_both
async def test_apply_from_a_stale_view_neither_recreates_nor_takes_over(server: str) -> None:
    async with namespace(server) as (client, ns):
        applier = Applier(client)
        stale = (await applier.apply(configmap(ns, "a", k="1"), None)).object
        assert await applier.delete_owned(CONFIGMAPS, stale)
        assert not await applier.delete_owned(CONFIGMAPS, stale)
        with pytest.raises(Conflict):
            await applier.apply(configmap(ns, "a", k="2"), stale)
        another = await client.create(CONFIGMAPS, configmap(ns, "a", str(uuid.uuid4())))
        with pytest.raises(Conflict):
            await applier.apply(configmap(ns, "a", k="2"), stale)
        assert not await applier.delete_owned(CONFIGMAPS, stale)
        assert (await client.get(CONFIGMAPS, ObjectKey(ns, "a"))) == another


@on_both
async def test_fields_of_a_predecessor_go_and_those_of_users_stay(server: str) -> None:
    async with namespace(server) as (client, ns):
        old = configmap(ns, "a", kept="1", gone="x")
        old["metadata"]["labels"] = {"old": "yes"}
        await client.create(CONFIGMAPS, old, manager="go-operator")
        key = ObjectKey(ns, "a")
        live = await client.merge_patch(
            CONFIGMAPS, key, {"data": {"user": "u"}}, manager="kubectl-edit"
        )

        taken = await Applier(client).apply(configmap(ns, "a", kept="1"), live)

        assert taken.action == "updated"
        assert taken.object["data"] == {"kept": "1", "user": "u"}
        assert not taken.object["metadata"].get("labels")
        managers = {entry["manager"] for entry in taken.object["metadata"]["managedFields"]}
        assert managers == {"ome-controller", "kubectl-edit"}


@on_both
async def test_replicas_keep_their_live_value_when_we_drop_them(server: str) -> None:
    async with namespace(server) as (client, ns):
        applier = Applier(client)
        fixed = await applier.apply(deployment(ns, "d", replicas=4), None)
        free = await applier.apply(deployment(ns, "d"), fixed.object)
        assert free.object["spec"]["replicas"] == 4

        await client.scale(DEPLOYMENTS, ObjectKey(ns, "d"), 7)
        later = await applier.apply(deployment(ns, "d", minReadySeconds=1), free.object)
        assert later.object["spec"]["replicas"] == 7


@on_both
async def test_replicas_of_a_predecessor_keep_their_live_value(server: str) -> None:
    async with namespace(server) as (client, ns):
        await client.create(DEPLOYMENTS, deployment(ns, "d", replicas=5), manager="go-operator")
        live = await client.get(DEPLOYMENTS, ObjectKey(ns, "d"))

        taken = await Applier(client).apply(deployment(ns, "d"), live)

        assert taken.object["spec"]["replicas"] == 5


@on_both
async def test_a_user_object_is_patched_only_as_it_was_read(server: str) -> None:
    async with namespace(server) as (client, ns):
        applier = Applier(client)
        read = await client.create(CONFIGMAPS, configmap(ns, "a"))
        add = {"op": "add", "path": "/metadata/finalizers", "value": ["ome.io/test"]}
        patched = await applier.patch_user_object(CONFIGMAPS, read["metadata"], [add])
        assert patched["metadata"]["finalizers"] == ["ome.io/test"]

        with pytest.raises(Conflict):
            await applier.patch_user_object(CONFIGMAPS, read["metadata"], [add])

        remove = {"op": "remove", "path": "/metadata/finalizers"}
        await applier.patch_user_object(CONFIGMAPS, patched["metadata"], [remove])


@on_both
async def test_status_is_written_only_as_it_was_read(server: str) -> None:
    async with namespace(server) as (client, ns):
        applier = Applier(client)
        made = await client.create(DEPLOYMENTS, deployment(ns, "d"))
        made = await _quiet(client, made)
        status = {**made.get("status", {}), "collisionCount": 3}
        written = await applier.write_status(DEPLOYMENTS, made, status)
        assert written["status"]["collisionCount"] == 3
        assert written["metadata"]["generation"] == made["metadata"]["generation"]
        with pytest.raises(Conflict):
            await applier.write_status(DEPLOYMENTS, made, {**status, "collisionCount": 4})
        assert await applier.write_status(DEPLOYMENTS, written, written["status"]) == written


async def _quiet(client: Client, made: dict[str, Any]) -> dict[str, Any]:
    """The Deployment once its controller has nothing to write any more."""
    key = ObjectKey(made["metadata"]["namespace"], made["metadata"]["name"])
    with anyio.fail_after(10):
        while True:
            await anyio.sleep(0.2)
            now = await client.get(DEPLOYMENTS, key)
            if now["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]:
                return now
            made = now


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
