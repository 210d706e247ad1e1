"""Versions, conflicts, generations, preconditions, finalizers, garbage collection, dry run."""

from __future__ import annotations

import pytest

from tests.contract.harness import (
    CONFIGMAPS,
    DEPLOYMENTS,
    WIDGETS,
    Api,
    configmap,
    deployment,
    widget,
)

pytestmark = pytest.mark.cluster


async def test_create_sets_identity_and_version(api: Api) -> None:
    created = await api.create(WIDGETS, widget("w"))
    metadata = created.body["metadata"]
    assert created.status == 201
    assert metadata["uid"]
    assert metadata["generation"] == 1
    assert int(metadata["resourceVersion"]) > 0
    assert metadata["creationTimestamp"].endswith("Z")


async def test_create_of_an_existing_name_is_already_exists(api: Api) -> None:
    await api.create(CONFIGMAPS, configmap("c"))
    again = await api.create(CONFIGMAPS, configmap("c"))
    assert (again.status, again.reason) == (409, "AlreadyExists")
    assert again.body["details"]["name"] == "c"


async def test_missing_object_is_a_status_with_details(api: Api) -> None:
    missing = await api.get(CONFIGMAPS + "/none")
    assert (missing.status, missing.reason) == (404, "NotFound")
    assert missing.body["kind"] == "Status"
    assert missing.message == 'configmaps "none" not found'


async def test_update_with_a_stale_version_conflicts(api: Api) -> None:
    first = await api.create(CONFIGMAPS, configmap("c", a="1"))
    await api.put(CONFIGMAPS + "/c", {**first.body, "data": {"a": "2"}})
    stale = await api.put(CONFIGMAPS + "/c", {**first.body, "data": {"a": "3"}})
    assert (stale.status, stale.reason) == (409, "Conflict")
    assert (await api.get(CONFIGMAPS + "/c")).body["data"] == {"a": "2"}


async def test_an_update_that_changes_nothing_keeps_the_version(api: Api) -> None:
    first = await api.create(CONFIGMAPS, configmap("c", a="1"))
    same = await api.put(CONFIGMAPS + "/c", first.body)
    assert same.version == first.version


async def test_generation_counts_spec_changes_only(api: Api) -> None:
    created = await api.create(WIDGETS, widget("w"))
    labelled = await api.put(
        WIDGETS + "/w",
        {**created.body, "metadata": {**created.body["metadata"], "labels": {"a": "b"}}},
    )
    assert labelled.body["metadata"]["generation"] == 1
    resized = await api.put(WIDGETS + "/w", {**labelled.body, "spec": {"size": 2}})
    assert resized.body["metadata"]["generation"] == 2


async def test_status_and_spec_are_isolated(api: Api) -> None:
    created = await api.create(WIDGETS, {**widget("w"), "status": {"state": "Up"}})
    assert "status" not in created.body
    written = await api.put(
        WIDGETS + "/w/status", {**created.body, "spec": {"size": 9}, "status": {"state": "Up"}}
    )
    assert written.status == 200
    assert written.body["spec"]["size"] == 1
    assert written.body["metadata"]["generation"] == 1
    updated = await api.put(
        WIDGETS + "/w", {**written.body, "spec": {"size": 2}, "status": {"state": "Down"}}
    )
    assert updated.body["status"] == {"state": "Up"}


async def test_status_update_with_a_stale_version_conflicts(api: Api) -> None:
    created = await api.create(WIDGETS, widget("w"))
    await api.put(WIDGETS + "/w", {**created.body, "spec": {"size": 5}})
    stale = await api.put(WIDGETS + "/w/status", {**created.body, "status": {"state": "Up"}})
    assert (stale.status, stale.reason) == (409, "Conflict")


async def test_status_patch_with_a_stale_version_conflicts(api: Api) -> None:
    created = await api.create(WIDGETS, widget("w"))
    await api.put(WIDGETS + "/w", {**created.body, "spec": {"size": 5}})
    stale = await api.patch(
        WIDGETS + "/w/status",
        {"metadata": {"resourceVersion": created.version}, "status": {"state": "Up"}},
        "application/merge-patch+json",
    )
    assert (stale.status, stale.reason) == (409, "Conflict")


async def test_delete_with_another_uid_is_refused(api: Api) -> None:
    await api.create(CONFIGMAPS, configmap("c"))
    options = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": "00000000-0000-0000-0000-000000000000"},
    }
    refused = await api.delete(CONFIGMAPS + "/c", options)
    assert (refused.status, refused.reason) == (409, "Conflict")
    assert (await api.get(CONFIGMAPS + "/c")).status == 200


async def test_finalizers_hold_an_object_that_is_being_deleted(api: Api) -> None:
    body = configmap("c")
    body["metadata"]["finalizers"] = ["contract.ome.io/hold"]
    await api.create(CONFIGMAPS, body)
    await api.delete(CONFIGMAPS + "/c")
    held = await api.get(CONFIGMAPS + "/c")
    assert held.body["metadata"]["deletionTimestamp"]
    added = await api.patch(
        CONFIGMAPS + "/c",
        [{"op": "add", "path": "/metadata/finalizers/-", "value": "contract.ome.io/more"}],
        "application/json-patch+json",
    )
    assert added.status == 422
    await api.patch(
        CONFIGMAPS + "/c",
        [{"op": "remove", "path": "/metadata/finalizers"}],
        "application/json-patch+json",
    )
    assert (await api.get(CONFIGMAPS + "/c")).status == 404


@pytest.mark.timeout(180)
async def test_owned_objects_go_with_their_owner(api: Api) -> None:
    owner = await api.create(WIDGETS, widget("owner"))
    child = configmap("child")
    child["metadata"]["ownerReferences"] = [
        {
            "apiVersion": "contract.ome.io/v1",
            "kind": "Widget",
            "name": "owner",
            "uid": owner.body["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    await api.create(CONFIGMAPS, child)
    await api.delete(WIDGETS + "/owner", propagationPolicy="Background")
    await api.eventually(CONFIGMAPS + "/child", lambda answer: answer.status == 404, 60)


async def test_dry_run_answers_but_keeps_nothing(api: Api) -> None:
    tried = await api.create(DEPLOYMENTS, deployment("d"), dryRun="All")
    assert tried.status == 201
    assert tried.body["spec"]["replicas"] == 1
    assert (await api.get(DEPLOYMENTS + "/d")).status == 404


async def test_a_deletion_is_dry_by_its_body_and_by_the_query_only_without_one(api: Api) -> None:
    options = {"apiVersion": "v1", "kind": "DeleteOptions"}
    await api.create(CONFIGMAPS, configmap("c"))
    assert (await api.delete(CONFIGMAPS + "/c", dryRun="All")).status == 200
    assert (await api.delete(CONFIGMAPS + "/c", {**options, "dryRun": ["All"]})).status == 200
    assert (await api.get(CONFIGMAPS + "/c")).status == 200
    assert (await api.delete(CONFIGMAPS + "/c", options, dryRun="All")).status == 200
    assert (await api.get(CONFIGMAPS + "/c")).status == 404


async def test_a_name_that_pods_cannot_have_whole_is_warned_about(api: Api) -> None:
    said = {}
    for length in (63, 64):
        named = deployment("d")
        named["metadata"]["name"] = "d" * length
        tried = await api.create(DEPLOYMENTS, named, dryRun="All")
        assert tried.status == 201
        said[length] = tried.warnings
    assert said[63] == ()
    assert said[64] == (
        '299 - "metadata.name: this is used in Pod names and hostnames, which can result in'
        " surprising behavior; a DNS label is recommended: [must be no more than 63"
        ' characters]"',
    )


async def test_scale_reads_and_sets_replicas(api: Api) -> None:
    await api.create(DEPLOYMENTS, deployment("d"))
    scale = await api.get(DEPLOYMENTS + "/d/scale")
    assert scale.body["kind"] == "Scale"
    assert scale.body["spec"]["replicas"] == 1
    await api.patch(
        DEPLOYMENTS + "/d/scale", {"spec": {"replicas": 3}}, "application/merge-patch+json"
    )
    assert (await api.get(DEPLOYMENTS + "/d")).body["spec"]["replicas"] == 3


async def test_custom_resources_scale_too(api: Api) -> None:
    await api.create(WIDGETS, widget("w", size=4))
    assert (await api.get(WIDGETS + "/w/scale")).body["spec"]["replicas"] == 4
