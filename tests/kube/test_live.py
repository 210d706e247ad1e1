"""What the rules of this room rest on, against a real API server.

Most of it runs against the fake cluster too: that is what keeps the fake honest.
"""

from __future__ import annotations

import anyio
import msgspec
import pytest

from ome.errors import AlreadyExists, Conflict, NotFound
from ome.kube import ObjectKey, pointer
from ome.kube.resources import CONFIGMAPS, DEPLOYMENTS
from tests.kube.live import configmap, deployment, namespace, on_both


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
