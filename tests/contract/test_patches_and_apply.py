"""Every patch type, and server-side apply as our write rules use it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.harness import (
    CONFIGMAPS,
    DEPLOYMENTS,
    JSON_PATCH,
    MERGE_PATCH,
    STRATEGIC_PATCH,
    WIDGETS,
    Answer,
    Api,
    configmap,
    deployment,
    widget,
)

pytestmark = pytest.mark.cluster


def applied(name: str, **data: str) -> dict[str, Any]:
    document = configmap(name, **data)
    del document["metadata"]["labels"]
    return document


def managers(answer: Answer) -> dict[str, str]:
    return {
        entry["manager"]: entry["operation"] for entry in answer.body["metadata"]["managedFields"]
    }


async def test_json_patch_tests_guard_the_write(api: Api) -> None:
    created = await api.create(CONFIGMAPS, configmap("c", a="1"))
    refused = await api.patch(
        CONFIGMAPS + "/c",
        [
            {"op": "test", "path": "/metadata/uid", "value": "another"},
            {"op": "replace", "path": "/data/a", "value": "2"},
        ],
        JSON_PATCH,
    )
    assert (refused.status, refused.reason) == (422, "Invalid")
    done = await api.patch(
        CONFIGMAPS + "/c",
        [
            {"op": "test", "path": "/metadata/resourceVersion", "value": created.version},
            {"op": "replace", "path": "/data/a", "value": "2"},
        ],
        JSON_PATCH,
    )
    assert done.body["data"] == {"a": "2"}


async def test_a_patch_of_a_status_may_be_answered_by_metadata_alone(api: Api) -> None:
    created = await api.create(WIDGETS, widget("w"))
    done = await api.send(
        "PATCH",
        WIDGETS + "/w/status",
        [{"op": "add", "path": "/status", "value": {"state": "Up"}}],
        content_type=JSON_PATCH,
        accept="application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
    )
    assert done.body["kind"] == "PartialObjectMetadata"
    assert done.body.keys() == {"kind", "apiVersion", "metadata"}
    assert done.body["metadata"]["uid"] == created.body["metadata"]["uid"]
    stored = await api.get(WIDGETS + "/w")
    assert (stored.version, stored.body["status"]) == (done.version, {"state": "Up"})
    assert stored.version != created.version


async def test_merge_patch_null_removes(api: Api) -> None:
    await api.create(CONFIGMAPS, configmap("c", a="1", b="2"))
    patched = await api.patch(CONFIGMAPS + "/c", {"data": {"a": None, "d": "4"}}, MERGE_PATCH)
    assert patched.body["data"] == {"b": "2", "d": "4"}


async def test_strategic_patch_merges_containers_by_name(api: Api) -> None:
    await api.create(DEPLOYMENTS, deployment("d"))
    extra = {"name": "side", "image": "example.test/side:1"}
    patched = await api.patch(
        DEPLOYMENTS + "/d",
        {"spec": {"template": {"spec": {"containers": [extra]}}}},
        STRATEGIC_PATCH,
    )
    names = {c["name"] for c in patched.body["spec"]["template"]["spec"]["containers"]}
    assert names == {"main", "side"}


async def test_strategic_patch_of_a_custom_resource_is_unsupported(api: Api) -> None:
    await api.create(WIDGETS, widget("w"))
    assert (await api.patch(WIDGETS + "/w", {"spec": {}}, STRATEGIC_PATCH)).status == 415


async def test_apply_creates_and_owns(api: Api) -> None:
    created = await api.apply(CONFIGMAPS + "/c", applied("c", a="1"), "ours")
    assert created.status == 201
    assert managers(created) == {"ours": "Apply"}


async def test_a_first_apply_with_version_1_only_creates(api: Api) -> None:
    document = applied("c", a="1")
    document["metadata"]["resourceVersion"] = "1"
    created = await api.apply(CONFIGMAPS + "/c", document, "ours", force="true")
    assert created.status in (201, 409), created
    if created.status == 409:  # pragma: no cover - a server that refuses both cannot be used
        pytest.fail("an apply that must only create cannot create on this server")
    again = await api.apply(CONFIGMAPS + "/c", document, "ours", force="true")
    assert (again.status, again.reason) == (409, "Conflict")


async def test_an_apply_with_another_uid_is_refused(api: Api) -> None:
    first = await api.apply(CONFIGMAPS + "/c", applied("c", a="1"), "ours")
    document = applied("c", a="2")
    document["metadata"]["uid"] = first.body["metadata"]["uid"]
    assert (await api.apply(CONFIGMAPS + "/c", document, "ours", force="true")).status == 200
    await api.delete(CONFIGMAPS + "/c")
    gone = await api.apply(CONFIGMAPS + "/c", document, "ours", force="true")
    assert gone.status == 409
    await api.create(CONFIGMAPS, configmap("c", a="other"))
    other = await api.apply(CONFIGMAPS + "/c", document, "ours", force="true")
    assert (other.status, other.reason) == (422, "Invalid")
    assert {cause["field"] for cause in other.body["details"]["causes"]} == {"metadata.uid"}
    assert (await api.get(CONFIGMAPS + "/c")).body["data"] == {"a": "other"}


async def test_fields_that_are_no_longer_applied_go(api: Api) -> None:
    await api.apply(CONFIGMAPS + "/c", applied("c", a="1", b="2"), "ours")
    second = await api.apply(CONFIGMAPS + "/c", applied("c", b="2"), "ours")
    assert second.body["data"] == {"b": "2"}


async def test_an_apply_that_changes_nothing_keeps_the_version(api: Api) -> None:
    first = await api.apply(CONFIGMAPS + "/c", applied("c", a="1"), "ours")
    second = await api.apply(CONFIGMAPS + "/c", applied("c", a="1"), "ours")
    assert second.version == first.version


async def test_a_field_of_another_manager_conflicts_unless_forced(api: Api) -> None:
    await api.apply(CONFIGMAPS + "/c", applied("c", a="1"), "theirs")
    refused = await api.apply(CONFIGMAPS + "/c", applied("c", a="2"), "ours")
    assert (refused.status, refused.reason) == (409, "Conflict")
    assert "theirs" in refused.message
    forced = await api.apply(CONFIGMAPS + "/c", applied("c", a="2"), "ours", force="true")
    assert forced.body["data"] == {"a": "2"}
    entries = {
        entry["manager"]: entry.get("fieldsV1", {})
        for entry in forced.body["metadata"]["managedFields"]
    }
    assert "f:a" in entries["ours"]["f:data"]
    assert "f:a" not in entries.get("theirs", {}).get("f:data", {})


async def test_fields_of_an_updater_stay_until_its_entries_are_moved(api: Api) -> None:
    """What lets us drop fields that another client once wrote with a plain update."""
    await api.create(CONFIGMAPS, configmap("c", a="1", old="x"), fieldManager="before")
    kept = await api.apply(CONFIGMAPS + "/c", applied("c", a="1"), "ours", force="true")
    assert kept.body["data"] == {"a": "1", "old": "x"}
    entries = kept.body["metadata"]["managedFields"]
    moved = [
        {**entry, "manager": "ours", "operation": "Apply"}
        for entry in entries
        if entry["manager"] == "before"
    ]
    answer = await api.patch(
        CONFIGMAPS + "/c",
        [
            {"op": "test", "path": "/metadata/resourceVersion", "value": kept.version},
            {"op": "replace", "path": "/metadata/managedFields", "value": moved},
        ],
        JSON_PATCH,
    )
    assert answer.status == 200, answer
    dropped = await api.apply(CONFIGMAPS + "/c", applied("c", a="1"), "ours", force="true")
    assert dropped.body["data"] == {"a": "1"}


async def test_replicas_fall_to_one_when_their_only_owner_drops_them(api: Api) -> None:
    """Why a hand-over applies the live value under a second manager first."""
    fixed = deployment("d")
    fixed["spec"]["replicas"] = 4
    await api.apply(DEPLOYMENTS + "/d", fixed, "ours")
    dropped = await api.apply(DEPLOYMENTS + "/d", deployment("d"), "ours")
    assert dropped.body["spec"]["replicas"] == 1
    await api.apply(DEPLOYMENTS + "/d", fixed, "ours")
    keeper = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"replicas": 4},
    }
    await api.apply(DEPLOYMENTS + "/d", keeper, "keeper", force="true")
    handed = await api.apply(DEPLOYMENTS + "/d", deployment("d"), "ours")
    assert handed.body["spec"]["replicas"] == 4


async def test_a_service_that_becomes_a_name_gives_its_address_back(api: Api) -> None:
    """And is given another one when it becomes a service again."""
    services = "/api/v1/namespaces/{ns}/services"
    plain = {"type": "ClusterIP", "selector": {"a": "b"}, "ports": [{"port": 80}]}
    alias = {"type": "ExternalName", "externalName": "gateway.example.com"}
    for spec, has_address in ((plain, True), (alias, False), (plain, True)):
        document = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "s", "namespace": api.ns},
            "spec": spec,
        }
        done = await api.apply(f"{services}/s", document, "us")
        assert done.status in (200, 201), done
        made = done.body["spec"]
        named = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy")
        assert {name in made for name in named} == {has_address}
        assert ("selector" in made, "ports" in made) == (has_address, has_address)


async def test_lists_with_keys_are_owned_item_by_item(api: Api) -> None:
    ours = widget("w", parts=[{"name": "a", "count": 1}])
    theirs = {**widget("w"), "spec": {"size": 1, "parts": [{"name": "b", "count": 2}]}}
    await api.apply(WIDGETS + "/w", ours, "ours")
    both = await api.apply(WIDGETS + "/w", theirs, "theirs")
    assert both.body["spec"]["parts"] == [{"name": "a", "count": 1}, {"name": "b", "count": 2}]
    fewer = await api.apply(WIDGETS + "/w", widget("w"), "ours")
    assert fewer.body["spec"]["parts"] == [{"name": "b", "count": 2}]


async def test_dry_run_apply_shows_and_keeps_nothing(api: Api) -> None:
    tried = await api.apply(CONFIGMAPS + "/c", applied("c", a="1"), "ours", dryRun="All")
    assert tried.status == 201
    assert (await api.get(CONFIGMAPS + "/c")).status == 404
