"""How objects of ours, of users and of others are written, on a real API server and the fake."""

from __future__ import annotations

import uuid
from typing import Any

import anyio
import pytest

from ome.errors import Conflict, NotFound, NotOurs
from ome.kube import Applier, Client, ObjectKey
from ome.kube.creating import prove_creating
from ome.kube.resources import CONFIGMAPS, DEPLOYMENTS
from tests.kube.live import configmap, deployment, namespace, on_both


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
