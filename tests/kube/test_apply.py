from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from ome.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    NotOurs,
    TransportError,
)
from ome.kube import Applier, Client, ObjectKey, Resource, pointer
from ome.kube.resources import CONFIGMAPS, DEPLOYMENTS
from tests.support.fake_cluster import FakeCluster
from tests.support.virtual_time import VirtualClock

if TYPE_CHECKING:
    from tests.support.fake_api import FakeTransport

KEY = ObjectKey("ns", "a")
THINGS = Resource("kube.ome.io", "v1", "Thing", "things")


def make(*resources: Resource) -> tuple[FakeCluster, Applier]:
    cluster = FakeCluster(*resources, clock=VirtualClock())
    return cluster, Applier(client_of(cluster), resources=resources)


def client_of(transport: FakeCluster | FakeTransport) -> Client:
    return Client(transport, clock=VirtualClock(), rng=random.Random(1))


def owner(uid: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Service", "name": "o", "uid": uid, "controller": True}


def configmap(uid: str = "mine", **data: str) -> dict[str, Any]:
    metadata = {"name": "a", "namespace": "ns", "ownerReferences": [owner(uid)]}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def deployment(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "a", "namespace": "ns", "ownerReferences": [owner("mine")]}
    spec = {"selector": {"matchLabels": {"app": "a"}}, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def bare(document: dict[str, Any]) -> dict[str, Any]:
    """As a cache has it: without managed fields."""
    metadata = {k: v for k, v in document["metadata"].items() if k != "managedFields"}
    return {**document, "metadata": metadata}


def verbs(cluster: FakeCluster) -> list[str]:
    return [write.verb for write in cluster.writes]


async def test_the_first_write_creates_and_only_creates() -> None:
    cluster, applier = make()

    applied = await applier.apply(configmap(k="1"), None)

    assert applied.action == "created"
    assert applied.object["data"] == {"k": "1"}
    assert cluster.writes[0].body["metadata"]["resourceVersion"] == "1"
    assert applied.object["metadata"]["annotations"].keys() == {"ome.io/applied-hash"}


async def test_whether_an_object_could_be_made_is_found_out_without_making_it() -> None:
    cluster, applier = make()

    assert await applier.could_create(configmap(k="1"), CONFIGMAPS)
    assert (cluster.writes, cluster.object(CONFIGMAPS, KEY)) == ([], None)
    await applier.apply(configmap(k="1"), None)
    assert not await applier.could_create(configmap(k="2"), CONFIGMAPS)
    cluster.fail("apply", CONFIGMAPS, Invalid("odd"))
    with pytest.raises(Invalid):
        await applier.could_create(configmap(k="2"), CONFIGMAPS)


async def test_an_object_that_the_cache_does_not_know_yet_is_read_and_found_unchanged() -> None:
    cluster, applier = make()
    await applier.apply(configmap(k="1"), None)

    applied = await applier.apply(configmap(k="1"), None)

    assert applied.action == "unchanged"
    assert verbs(cluster) == ["apply"]


async def test_losing_the_race_to_create_is_no_error() -> None:
    cluster, applier = make()
    cluster.fail("apply", CONFIGMAPS, AlreadyExists("exists"))
    cluster.put(configmap(k="0"))

    assert (await applier.apply(configmap(k="1"), None)).object["data"] == {"k": "1"}


async def test_an_object_that_vanishes_after_it_was_in_the_way_is_a_conflict() -> None:
    cluster, applier = make()
    cluster.fail("apply", CONFIGMAPS, Conflict("exists"))

    with pytest.raises(Conflict, match="ConfigMap ns/a existed when we tried to create it"):
        await applier.apply(configmap(k="1"), None)


@pytest.mark.parametrize("cached", [True, False])
async def test_an_object_of_another_owner_is_left_alone(cached: bool) -> None:
    cluster, applier = make()
    theirs = cluster.put(configmap("other", k="0"))

    with pytest.raises(NotOurs, match="ConfigMap a exists and is not owned by Service o"):
        await applier.apply(configmap(k="1"), bare(theirs) if cached else None)

    assert cluster.object(CONFIGMAPS, KEY) == theirs
    assert cluster.writes == []


async def test_without_an_owner_only_what_we_applied_is_ours() -> None:
    _, applier = make()
    desired = configmap(k="1")
    del desired["metadata"]["ownerReferences"]
    made = await applier.apply(desired, None)
    assert (await applier.apply({**desired, "data": {}}, made.object)).action == "updated"

    other, applier = make()
    other.put(desired)
    with pytest.raises(NotOurs, match="is not owned by us"):
        await applier.apply(desired, None)


async def test_nothing_is_sent_when_nothing_would_change() -> None:
    cluster, applier = make()
    made = await applier.apply(configmap(k="1"), None)
    requests = len(cluster.requests)

    applied = await applier.apply(configmap(k="1"), bare(made.object))

    assert applied.action == "unchanged"
    assert len(cluster.requests) == requests


async def test_what_somebody_changed_is_put_right() -> None:
    cluster, applier = make()
    made = await applier.apply(configmap(k="1"), None)
    touched = cluster.put({**made.object, "data": {"k": "x", "more": "y"}})

    applied = await applier.apply(configmap(k="1"), bare(touched))

    assert applied.action == "updated"
    assert applied.object["data"] == {"k": "1", "more": "y"}


async def test_later_writes_carry_the_uid_and_drop_what_is_no_longer_desired() -> None:
    cluster, applier = make()
    made = await applier.apply(configmap(k="1", gone="x"), None)

    applied = await applier.apply(configmap(k="2"), bare(made.object))

    metadata = cluster.writes[-1].body["metadata"]
    assert metadata["uid"] == made.object["metadata"]["uid"]
    assert "resourceVersion" not in metadata
    assert applied.object["data"] == {"k": "2"}


async def test_a_deleted_object_is_not_made_again_from_a_stale_view() -> None:
    cluster, applier = make()
    made = await applier.apply(configmap(k="1"), None)
    cluster.remove(CONFIGMAPS, KEY)

    with pytest.raises(Conflict):
        await applier.apply(configmap(k="2"), bare(made.object))

    assert cluster.object(CONFIGMAPS, KEY) is None


async def test_an_object_made_anew_is_not_taken_over_from_a_stale_view() -> None:
    cluster, applier = make()
    made = await applier.apply(configmap(k="1"), None)
    cluster.remove(CONFIGMAPS, KEY)
    another = cluster.put(configmap("other", k="0"))

    with pytest.raises(Conflict, match="ConfigMap ns/a was made anew"):
        await applier.apply(configmap(k="2"), bare(made.object))

    assert cluster.object(CONFIGMAPS, KEY) == another


async def test_an_invalid_object_stays_an_invalid_object() -> None:
    cluster, applier = make()
    made = await applier.apply(configmap(k="1"), None)
    cluster.fail("apply", CONFIGMAPS, Invalid("no", details={"causes": [{"field": "data"}]}))

    with pytest.raises(Invalid, match="no"):
        await applier.apply(configmap(k="2"), bare(made.object))


async def test_a_lost_answer_does_no_harm() -> None:
    cluster, applier = make()
    cluster.fail("apply", CONFIGMAPS, TransportError("cut"), after=True)
    with pytest.raises(TransportError):
        await applier.apply(configmap(k="1"), None)

    assert (await applier.apply(configmap(k="1"), None)).action == "unchanged"


async def test_custom_kinds_are_given() -> None:
    _, applier = make(THINGS)
    thing = {**configmap(), "apiVersion": "kube.ome.io/v1", "kind": "Thing"}
    assert (await applier.apply(thing, None)).action == "created"


async def test_fields_of_a_predecessor_become_ours_and_go() -> None:
    cluster, applier = make()
    client = client_of(cluster)
    await client.create(CONFIGMAPS, configmap(kept="1", gone="x"), manager="go")
    user = {"data": {"user": "u"}}
    live = await client.merge_patch(CONFIGMAPS, KEY, user, manager="kubectl-edit")

    applied = await applier.apply(configmap(kept="1"), bare(live))

    assert applied.object["data"] == {"kept": "1", "user": "u"}
    assert [(entry["manager"], entry["operation"]) for entry in managers(applied.object)] == [
        ("kubectl-edit", "Update"),
        ("ome-controller", "Apply"),
    ]


async def test_a_predecessor_may_be_named() -> None:
    cluster, _ = make()
    client = client_of(cluster)
    desired = configmap(k="1")
    await client.create(CONFIGMAPS, desired, manager="helm")
    live = await client.merge_patch(CONFIGMAPS, KEY, {"data": {"gone": "x"}}, manager="go")

    kept = await Applier(client_of(cluster), predecessors=["go"]).apply(desired, bare(live))

    assert kept.object["data"] == {"k": "1"}


def managers(document: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted(document["metadata"]["managedFields"], key=lambda entry: str(entry["manager"]))


async def test_replicas_keep_their_live_value_when_they_are_no_longer_ours() -> None:
    cluster, applier = make()
    fixed = await applier.apply(deployment(replicas=4), None)

    free = await applier.apply(deployment(), bare(fixed.object))
    assert free.object["spec"]["replicas"] == 4

    await client_of(cluster).scale(DEPLOYMENTS, KEY, 9)
    later = await applier.apply(deployment(paused=True), bare(free.object))
    assert later.object["spec"] == {**deployment(paused=True)["spec"], "replicas": 9}


async def test_replicas_are_handed_over_once_more_when_the_object_is_busy() -> None:
    cluster, applier = make()
    fixed = await applier.apply(deployment(replicas=4), None)
    cluster.fail("apply", DEPLOYMENTS, Conflict("modified"), times=2)

    free = await applier.apply(deployment(), bare(fixed.object))

    assert free.object["spec"]["replicas"] == 4


async def test_replicas_of_a_busy_object_are_a_conflict_in_the_end() -> None:
    cluster, applier = make()
    fixed = await applier.apply(deployment(replicas=4), None)
    cluster.fail("apply", DEPLOYMENTS, Conflict("modified"), times=3)

    with pytest.raises(Conflict, match="modified"):
        await applier.apply(deployment(), bare(fixed.object))


async def test_deletion_is_of_this_very_object() -> None:
    cluster, applier = make()
    made = await applier.apply(configmap(k="1"), None)
    cluster.remove(CONFIGMAPS, KEY)
    assert not await applier.delete_owned(CONFIGMAPS, made.object)

    another = await applier.apply(configmap(k="1"), None)
    assert not await applier.delete_owned(CONFIGMAPS, made.object)
    assert cluster.object(CONFIGMAPS, KEY) is not None
    assert await applier.delete_owned(CONFIGMAPS, another.object)
    assert cluster.object(CONFIGMAPS, KEY) is None


ADD = {"op": "add", "path": pointer("metadata", "finalizers"), "value": ["kube.ome.io/test"]}


async def test_a_user_object_is_patched_as_it_was_read() -> None:
    cluster, applier = make()
    read = cluster.put(configmap(k="1"))

    patched = await applier.patch_user_object(CONFIGMAPS, read["metadata"], [ADD])

    assert patched["metadata"]["finalizers"] == ["kube.ome.io/test"]


async def test_a_user_object_that_changed_is_a_conflict() -> None:
    cluster, applier = make()
    read = cluster.put(configmap(k="1"))
    cluster.put(configmap(k="2"))

    with pytest.raises(Conflict, match="ConfigMap ns/a changed since resourceVersion"):
        await applier.patch_user_object(CONFIGMAPS, read["metadata"], [ADD])


async def test_an_operation_that_makes_no_sense_is_invalid() -> None:
    cluster, applier = make()
    read = cluster.put(configmap(k="1"))

    with pytest.raises(Invalid, match="remove operation does not apply"):
        await applier.patch_user_object(
            CONFIGMAPS, read["metadata"], [{"op": "remove", "path": "/data/absent"}]
        )


async def test_a_user_object_that_is_gone() -> None:
    cluster, applier = make()
    read = cluster.put(configmap(k="1"))
    cluster.remove(CONFIGMAPS, KEY)

    with pytest.raises(NotFound):
        await applier.patch_user_object(CONFIGMAPS, read["metadata"], [ADD])


async def test_status_is_replaced_when_it_differs() -> None:
    cluster, applier = make(THINGS)
    thing = {**configmap(), "apiVersion": "kube.ome.io/v1", "kind": "Thing", "spec": {}}
    read = cluster.put({**thing, "status": {"old": True}})

    written = await applier.write_status(THINGS, read, {"state": "Ready"})

    assert written["status"] == {"state": "Ready"}
    assert written["metadata"]["generation"] == 1
    assert cluster.writes[0].subresource == "status"
    assert await applier.write_status(THINGS, written, {"state": "Ready"}) == written
    assert len(cluster.writes) == 1
    with pytest.raises(Conflict):
        await applier.write_status(THINGS, read, {"state": "Late"})


def test_pointers_are_escaped() -> None:
    assert pointer("metadata", "annotations", "a.io/b~c") == "/metadata/annotations/a.io~1b~0c"


async def test_what_became_of_each_apply_is_told() -> None:
    cluster = FakeCluster(clock=VirtualClock())
    told: list[tuple[str, str]] = []
    applier = Applier(client_of(cluster), applied=lambda *what: told.append(what))
    made = (await applier.apply(configmap(k="1"), None)).object
    await applier.apply(configmap(k="1"), bare(made))
    made = (await applier.apply(configmap(k="2"), bare(made))).object
    with pytest.raises(NotOurs):
        await applier.apply(configmap("other", k="2"), bare(made))
    assert await applier.create(configmap(k="3"), CONFIGMAPS) is None
    cluster.fail("apply", CONFIGMAPS, Forbidden("no"))
    with pytest.raises(Forbidden):
        await applier.apply(configmap(k="4"), bare(made))
    results = ["created", "skipped", "changed", "conflict", "conflict", "failed"]
    assert told == [("ConfigMap", result) for result in results]
