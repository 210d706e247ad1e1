"""Paging, selectors, watches from a version, bookmarks, expiry, streaming lists."""

from __future__ import annotations

import pytest

from tests.contract.harness import CONFIGMAPS, WIDGETS, Api, configmap, widget

pytestmark = pytest.mark.cluster


async def make(api: Api, count: int, prefix: str = "c") -> None:
    for number in range(count):
        labels = {"parity": "even" if number % 2 == 0 else "odd"}
        await api.create(CONFIGMAPS, configmap(f"{prefix}{number}", labels, n=str(number)))


async def test_pages_hold_every_object_once_at_one_version(api: Api) -> None:
    await make(api, 5)
    first = await api.get(CONFIGMAPS, limit=2, labelSelector="parity")
    await api.create(CONFIGMAPS, configmap("late", {"parity": "odd"}))
    seen = [item["metadata"]["name"] for item in first.body["items"]]
    token = first.body["metadata"]["continue"]
    while token:
        page = await api.get(CONFIGMAPS, limit=2, labelSelector="parity", **{"continue": token})
        assert page.version == first.version
        seen += [item["metadata"]["name"] for item in page.body["items"]]
        token = page.body["metadata"].get("continue", "")
    assert seen == ["c0", "c1", "c2", "c3", "c4"]


async def test_a_broken_continue_token_is_refused(api: Api) -> None:
    answer = await api.get(CONFIGMAPS, limit=2, **{"continue": "nonsense"})
    assert answer.status == 400


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("parity=even", ["c0", "c2"]),
        ("parity!=even", ["c1", "c3"]),
        ("parity in (odd)", ["c1", "c3"]),
        ("!parity", []),
    ],
)
async def test_label_selectors(api: Api, selector: str, names: list[str]) -> None:
    await make(api, 4)
    listed = await api.get(CONFIGMAPS, labelSelector=selector)
    assert [
        item["metadata"]["name"]
        for item in listed.body["items"]
        if item["metadata"]["name"].startswith("c")
    ] == names


async def test_field_selector_by_name(api: Api) -> None:
    await make(api, 3)
    listed = await api.get(CONFIGMAPS, fieldSelector="metadata.name=c1")
    assert [item["metadata"]["name"] for item in listed.body["items"]] == ["c1"]


async def test_a_watch_goes_on_from_the_version_of_a_list(api: Api) -> None:
    listed = await api.get(WIDGETS)
    await api.create(WIDGETS, widget("w"))
    await api.patch(WIDGETS + "/w", {"spec": {"size": 2}}, "application/merge-patch+json")
    await api.delete(WIDGETS + "/w")
    async with api.watch(WIDGETS, resourceVersion=listed.version) as events:
        seen = [await events.next() for _ in range(3)]
    assert [type_ for type_, _ in seen] == ["ADDED", "MODIFIED", "DELETED"]
    versions = [int(item["metadata"]["resourceVersion"]) for _, item in seen]
    assert versions == sorted(set(versions))
    assert versions[0] > int(listed.version)


async def test_a_selector_turns_changes_into_adds_and_deletes(api: Api) -> None:
    listed = await api.get(CONFIGMAPS)
    async with api.watch(
        CONFIGMAPS, resourceVersion=listed.version, labelSelector="on=yes"
    ) as events:
        await api.create(CONFIGMAPS, configmap("c"))
        for value in ("yes", "no"):
            await api.patch(
                CONFIGMAPS + "/c",
                {"metadata": {"labels": {"on": value}}},
                "application/merge-patch+json",
            )
        assert (await events.next())[0] == "ADDED"
        type_, gone = await events.next()
        assert type_ == "DELETED"
        assert int(gone["metadata"]["resourceVersion"]) > int(listed.version)


async def test_the_server_ends_a_watch_at_its_timeout_with_a_bookmark(api: Api) -> None:
    listed = await api.get(WIDGETS)
    async with api.watch(
        WIDGETS, resourceVersion=listed.version, allowWatchBookmarks="true", timeoutSeconds=3
    ) as events:
        assert await events.ended()


async def test_a_version_before_the_cache_is_expired(api: Api) -> None:
    await api.create(WIDGETS, widget("w"))
    async with api.watch(WIDGETS, resourceVersion=1) as events:
        type_, status = await events.next()
    assert type_ == "ERROR"
    assert status["code"] == 410
    assert status["reason"] in ("Expired", "Gone")


async def test_streaming_list_ends_its_initial_events_with_a_bookmark(api: Api) -> None:
    await api.create(WIDGETS, widget("a"))
    await api.create(WIDGETS, widget("b"))
    async with api.watch(
        WIDGETS,
        sendInitialEvents="true",
        allowWatchBookmarks="true",
        resourceVersionMatch="NotOlderThan",
    ) as events:
        seen = [await events.next() for _ in range(3)]
    assert [(type_, item["metadata"].get("name")) for type_, item in seen[:2]] == [
        ("ADDED", "a"),
        ("ADDED", "b"),
    ]
    type_, bookmark = seen[2]
    assert type_ == "BOOKMARK"
    assert bookmark["metadata"]["annotations"]["k8s.io/initial-events-end"] == "true"


async def test_metadata_only_lists_and_watches(api: Api) -> None:
    accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    empty = await api.send("GET", WIDGETS, accept=accept)
    assert empty.body["items"] is None
    await api.create(WIDGETS, widget("w"))
    listed = await api.send("GET", WIDGETS, accept=accept)
    assert listed.body["kind"] == "PartialObjectMetadataList"
    assert "spec" not in listed.body["items"][0]
    assert listed.body["items"][0]["metadata"]["name"] == "w"


async def test_a_version_from_the_future_is_a_timeout(api: Api) -> None:
    answer = await api.get(CONFIGMAPS, resourceVersion=10**12, resourceVersionMatch="NotOlderThan")
    assert answer.status == 504
    assert answer.reason == "Timeout"
