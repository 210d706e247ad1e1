"""What other rooms' tests lean on; what it shares with a real server is in ``test_live``."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from ome.errors import Conflict, Expired, NotFound, ServiceUnavailable, TransportError
from ome.kube import Client, ObjectKey, Resource
from ome.kube.resources import CONFIGMAPS, NODES, PODS
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock, run_virtual

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEY = ObjectKey("ns", "a")


def configmap(name: str = "a", **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "ns", **metadata},
    }


def make(*resources: Resource) -> tuple[FakeCluster, Client]:
    cluster = FakeCluster(*resources, clock=VirtualClock())
    return cluster, Client(cluster, clock=VirtualClock(), rng=random.Random(1))


async def take(chunks: AsyncIterator[bytes], number: int) -> list[tuple[str, str]]:
    """The next events as (type, name or version)."""
    events: list[tuple[str, str]] = []
    with anyio.fail_after(100):
        while len(events) < number:
            event = json.loads(await anext(chunks))
            metadata = event["object"].get("metadata") or {}
            events.append((event["type"], metadata.get("name") or str(event["object"].get("code"))))
    return events


async def test_a_watch_sees_everything_since_its_version() -> None:
    cluster, client = make()
    made = cluster.put(configmap())
    cluster.put(configmap("b"))
    version = made["metadata"]["resourceVersion"]
    async with client.watch(CONFIGMAPS, resource_version=version) as chunks:
        cluster.put({**configmap("b"), "data": {"k": "1"}})
        cluster.put({**configmap("b"), "data": {"k": "1"}})
        cluster.remove(CONFIGMAPS, KEY)
        cluster.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}})
        cluster.put(configmap("c"))
        assert await take(chunks, 4) == [
            ("ADDED", "b"),
            ("MODIFIED", "b"),
            ("DELETED", "a"),
            ("ADDED", "c"),
        ]
        assert cluster.watching(CONFIGMAPS) == 1
    assert cluster.watching(CONFIGMAPS) == 0


async def test_objects_come_into_a_selection_and_leave_it() -> None:
    cluster, client = make()
    cluster.put(configmap(labels={"app": "x"}))
    async with client.watch(CONFIGMAPS, namespace="ns", label_selector="app in (x, y)") as chunks:
        cluster.put(configmap(labels={"app": "z"}))
        cluster.put(configmap(labels={"app": "y"}))
        assert await take(chunks, 3) == [("ADDED", "a"), ("DELETED", "a"), ("ADDED", "a")]


@pytest.mark.parametrize(
    ("labels", "fields", "found"),
    [
        ("app=x", "", ["a"]),
        ("app==x,tier!=db", "", ["a"]),
        ("app!=x", "", ["b"]),
        ("!app", "", ["b"]),
        ("app", "", ["a"]),
        ("app notin (x)", "", ["b"]),
        ("", "metadata.name=b", ["b"]),
        ("", "metadata.name!=b,status.phase=Running", ["a"]),
    ],
)
async def test_selectors(labels: str, fields: str, found: list[str]) -> None:
    cluster, client = make()
    pod = {**configmap(labels={"app": "x"}), "kind": "Pod", "status": {"phase": "Running"}}
    cluster.put(pod)
    cluster.put({**configmap("b"), "kind": "Pod"})
    items = await client.list(PODS, label_selector=labels, field_selector=fields)
    assert [item["metadata"]["name"] for item in items] == found


def test_bookmarks_come_after_a_minute_and_a_watch_ends_in_time() -> None:
    async def main() -> None:
        _, client = make()
        before = anyio.current_time()
        async with client.watch(CONFIGMAPS, timeout_seconds=100) as chunks:
            events = [json.loads(chunk) async for chunk in chunks]
        assert [event["type"] for event in events] == ["BOOKMARK"]
        assert anyio.current_time() - before == pytest.approx(100)

    run_virtual(main)


async def test_watches_end_break_and_expire_on_demand() -> None:
    cluster, client = make()
    async with client.watch(CONFIGMAPS) as chunks:
        cluster.expire_watch(CONFIGMAPS)
        cluster.drop_watch(CONFIGMAPS)
        assert await take(chunks, 1) == [("ERROR", "410")]
        with pytest.raises(StopAsyncIteration):
            await anext(chunks)
    async with client.watch(CONFIGMAPS) as chunks:
        assert cluster.drop_watch(broken=True) == 1
        with pytest.raises(TransportError):
            await anext(chunks)


async def test_old_versions_and_pages_expire() -> None:
    cluster, client = make()
    made = cluster.put(configmap())
    cluster.put(configmap("b"))
    page = json.loads(await client.list_page(CONFIGMAPS, limit=1))
    cluster.compact()
    with pytest.raises(Expired):
        async with client.watch(CONFIGMAPS, resource_version=made["metadata"]["resourceVersion"]):
            pass
    with pytest.raises(Expired):
        await client.list_page(CONFIGMAPS, continue_=page["metadata"]["continue"])


async def test_finalizers_hold_a_deleted_object() -> None:
    cluster, client = make()
    made = cluster.put(configmap(finalizers=["x"]))
    held = await client.delete(CONFIGMAPS, KEY, uid=made["metadata"]["uid"])
    assert held["metadata"]["deletionTimestamp"]
    await client.json_patch(CONFIGMAPS, KEY, [{"op": "remove", "path": "/metadata/finalizers/0"}])
    assert cluster.object(CONFIGMAPS, KEY) is None


async def test_garbage_goes_when_all_its_owners_are_gone() -> None:
    cluster, _ = make()
    owner = cluster.put(configmap())
    reference = {"kind": "ConfigMap", "name": "a", "uid": owner["metadata"]["uid"]}
    child = cluster.put(configmap("b", ownerReferences=[reference]))
    reference = {"kind": "ConfigMap", "name": "b", "uid": child["metadata"]["uid"]}
    cluster.put(configmap("c", ownerReferences=[reference]))
    assert cluster.collect_garbage() == []
    cluster.remove(CONFIGMAPS, KEY)
    assert [key.name for _, key in cluster.collect_garbage()] == ["b", "c"]


async def test_faults_come_as_often_as_told() -> None:
    cluster, client = make()
    cluster.fail("create", CONFIGMAPS, Conflict("no"), times=2)
    for _ in range(2):
        with pytest.raises(Conflict, match="no"):
            await client.create(CONFIGMAPS, configmap())
    cluster.fail("POST", None, TransportError("cut"), after=True)
    with pytest.raises(TransportError):
        await client.create(CONFIGMAPS, configmap())
    assert cluster.object(CONFIGMAPS, KEY) is not None
    cluster.fail("watch", CONFIGMAPS, ServiceUnavailable("away"))
    with pytest.raises(ServiceUnavailable):
        async with client.watch(CONFIGMAPS):
            pass


async def test_a_resource_that_is_not_installed() -> None:
    cluster, client = make()
    things = Resource("kube.ome.io", "v1", "Thing", "things")
    with pytest.raises(NotFound):
        await client.list(things)
    cluster.install(things)
    async with client.watch(things) as chunks:
        cluster.uninstall(things)
        with pytest.raises(StopAsyncIteration):
            await anext(chunks)
    with pytest.raises(NotFound):
        await client.list(things)


async def test_writes_are_told_and_dry_runs_change_nothing() -> None:
    cluster, client = make()
    await client.create(CONFIGMAPS, configmap(), dry_run=True)
    assert cluster.objects(CONFIGMAPS) == []
    await client.create(CONFIGMAPS, configmap())
    await client.merge_patch(CONFIGMAPS, KEY, {"metadata": {"name": "a"}})
    await client.delete(CONFIGMAPS, KEY)
    told = [(w.verb, w.resource, w.key, w.changed) for w in cluster.writes]
    assert told == [
        ("create", CONFIGMAPS, KEY, True),
        ("patch", CONFIGMAPS, KEY, False),
        ("delete", CONFIGMAPS, KEY, True),
    ]


async def test_status_and_spec_do_not_touch_each_other() -> None:
    cluster, client = make()
    node = cluster.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "spec": {}})
    both = {**node, "spec": {"unschedulable": True}, "status": {"phase": "x"}}
    del both["metadata"]["managedFields"]
    status = await client.replace(NODES, both, subresource="status")
    assert (status["spec"], status["status"]) == ({}, {"phase": "x"})
    assert status["metadata"]["generation"] == 1
    both["metadata"]["resourceVersion"] = status["metadata"]["resourceVersion"]
    spec = await client.replace(NODES, {**both, "status": {}})
    assert (spec["spec"], spec["status"]) == ({"unschedulable": True}, {"phase": "x"})
    assert spec["metadata"]["generation"] == 2
