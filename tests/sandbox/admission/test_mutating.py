"""Mutating webhooks: order, patches, reinvocation, what they are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ome.kube.resources import CORE_EVENTS, DEPLOYMENTS, EVENTS, NAMESPACES
from ome.sandbox.refusal import Refused
from tests.sandbox.admission.support import EVERYTHING, Cluster, configmap, webhook, write
from tests.support.webhook_server import WebhookServer, denying, patching, serve_webhook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from ome.kube.resource import Resource


@pytest.fixture
async def server() -> AsyncIterator[WebhookServer]:
    async with serve_webhook() as server:
        yield server


def appending(text: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Adds to ``data.a``, so that the result tells who was called in which order."""

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        value = request["object"]["data"]["a"] + text
        return patching({"op": "replace", "path": "/data/a", "value": value})(request)

    return answer


async def test_one_after_another_by_the_names_of_configurations(server: WebhookServer) -> None:
    cluster = Cluster()
    entries = [webhook(f"{n}.x.io", server.client(f"/{n}")) for n in "abc"]
    cluster.register("Mutating", "z", entries[0])
    cluster.register("Mutating", "y", entries[1], entries[2])
    for name in "abc":
        server.answers[f"/{name}"] = appending(name)
    async with cluster.webhooks() as webhooks:
        given = write()
        changed, warnings = await webhooks.mutate(given)
    assert changed["data"] == {"a": "1bca"}
    assert warnings == []
    assert given.object == configmap(a="1")


async def test_what_a_webhook_is_sent(server: WebhookServer) -> None:
    cluster = Cluster()
    cluster.register("Mutating", "c", webhook("w.x.io", server.client("/w"), timeoutSeconds=3))
    attributes = write(
        operation="UPDATE",
        old_object=configmap(a="0"),
        dry_run=True,
        options={"fieldManager": "me"},
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )
    async with cluster.webhooks() as webhooks:
        await webhooks.mutate(attributes)
    (seen,) = server.seen
    assert (seen.path, dict(seen.query)) == ("/w", {"timeout": "3s"})
    assert seen.headers["Content-Type"] == "application/json"
    assert seen.headers["User-Agent"] == "kube-apiserver-admission"
    assert seen.headers["traceparent"] == attributes.traceparent
    assert seen.request.pop("uid")
    assert seen.review == {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "kind": {"group": "", "version": "v1", "kind": "ConfigMap"},
            "resource": {"group": "", "version": "v1", "resource": "configmaps"},
            "requestKind": {"group": "", "version": "v1", "kind": "ConfigMap"},
            "requestResource": {"group": "", "version": "v1", "resource": "configmaps"},
            "name": "c",
            "namespace": "prod",
            "operation": "UPDATE",
            "userInfo": {"username": "ann", "groups": ["team"]},
            "object": configmap(a="1"),
            "oldObject": configmap(a="0"),
            "dryRun": True,
            "options": {
                "kind": "UpdateOptions",
                "apiVersion": "meta.k8s.io/v1",
                "dryRun": ["All"],
                "fieldManager": "me",
            },
        },
    }


async def test_a_subresource_is_sent_with_its_own_kind(server: WebhookServer) -> None:
    cluster = Cluster()
    cluster.register("Mutating", "c", webhook("w.x.io", server.client("/w")))
    scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "d"}}
    async with cluster.webhooks() as webhooks:
        await webhooks.mutate(write(resource=DEPLOYMENTS, subresource="scale", object=scale))
    request = server.seen[0].request
    assert request["kind"] == {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    assert request["resource"]["resource"] == "deployments"
    assert request["subResource"] == request["requestSubResource"] == "scale"


async def test_a_namespace_lies_in_itself_and_a_name_may_be_missing(server: WebhookServer) -> None:
    cluster = Cluster()
    cluster.register("Mutating", "c", webhook("w.x.io", server.client("/w")))
    async with cluster.webhooks() as webhooks:
        await webhooks.mutate(write(resource=NAMESPACES, namespace="", name="new"))
        await webhooks.mutate(write(name=""))
    assert server.seen[0].request["namespace"] == "new"
    assert "name" not in server.seen[1].request


def entries(server: WebhookServer, *paths: str, reinvoked: Sequence[str]) -> list[dict[str, Any]]:
    return [
        webhook(
            f"{path}.x.io",
            server.client(f"/{path}"),
            reinvocationPolicy="IfNeeded" if path in reinvoked else "Never",
        )
        for path in paths
    ]


@pytest.mark.parametrize(
    ("changing", "reinvoked", "called"),
    [
        ("", "abc", "abc"),
        ("c", "ab", "abcab"),
        ("c", "b", "abcb"),
        ("c", "abc", "abcab"),
        ("a", "abc", "abc"),
        ("b", "abc", "abca"),
        ("bc", "a", "abca"),
        ("abc", "abc", "abcab"),
        ("c", "", "abc"),
    ],
)
async def test_called_again_when_a_later_one_changed_something(
    server: WebhookServer, changing: str, reinvoked: str, called: str
) -> None:
    cluster = Cluster()
    cluster.register("Mutating", "c", *entries(server, *"abc", reinvoked=reinvoked))
    for name in changing:
        server.answers[f"/{name}"] = appending(name)
    async with cluster.webhooks() as webhooks:
        await webhooks.mutate(write())
    assert "".join(path[1:] for path in server.paths) == called


async def test_a_patch_that_changes_nothing_calls_nobody_again(server: WebhookServer) -> None:
    cluster = Cluster()
    cluster.register("Mutating", "c", *entries(server, "a", "b", reinvoked="a"))
    server.answers["/b"] = patching({"op": "replace", "path": "/data/a", "value": "1"})
    async with cluster.webhooks() as webhooks:
        await webhooks.mutate(write())
    assert server.paths == ["/a", "/b"]


async def test_not_called_again_when_it_does_not_match_any_more(server: WebhookServer) -> None:
    cluster = Cluster()
    first, second = entries(server, "a", "b", reinvoked="a")
    first["objectSelector"] = {"matchLabels": {"app": "x"}}
    cluster.register("Mutating", "c", first, second)
    server.answers["/b"] = patching({"op": "remove", "path": "/metadata/labels"})
    async with cluster.webhooks() as webhooks:
        await webhooks.mutate(write())
    assert server.paths == ["/a", "/b"]


async def test_a_denial_ends_it(server: WebhookServer) -> None:
    cluster = Cluster()
    cluster.register("Mutating", "c", *entries(server, *"abc", reinvoked="abc"))
    server.answers["/b"] = denying(message="no")
    async with cluster.webhooks() as webhooks:
        with pytest.raises(Refused, match="denied the request: no"):
            await webhooks.mutate(write())
    assert server.paths == ["/a", "/b"]


@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
async def test_a_patch_that_does_not_apply_fails_whatever_the_policy(
    server: WebhookServer, policy: str
) -> None:
    cluster = Cluster()
    cluster.register("Mutating", "c", webhook("w", server.client("/w"), failurePolicy=policy))
    server.answers["/w"] = patching({"op": "add", "path": "/x/y/z", "value": 1})
    async with cluster.webhooks() as webhooks:
        with pytest.raises(Refused, match=r"^Internal error occurred: ") as caught:
            await webhooks.mutate(write())
    assert (caught.value.code, caught.value.reason) == (500, "InternalError")


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/kind", "value": "Secret"},
        {"op": "replace", "path": "", "value": [1]},
    ],
)
async def test_a_patch_does_not_turn_an_object_into_another_kind(
    server: WebhookServer, operation: dict[str, Any]
) -> None:
    cluster = Cluster()
    cluster.register("Mutating", "c", webhook("w", server.client("/w")))
    server.answers["/w"] = patching(operation)
    async with cluster.webhooks() as webhooks:
        with pytest.raises(Refused) as caught:
            await webhooks.mutate(write())
    assert caught.value.code == 500


async def test_a_deletion_has_nothing_to_patch(server: WebhookServer) -> None:
    cluster = Cluster()
    cluster.register("Mutating", "c", webhook("w.x.io", server.client("/w")))
    deletion = write(operation="DELETE", object=None, old_object=configmap())
    async with cluster.webhooks() as webhooks:
        assert await webhooks.mutate(deletion) == ({}, [])
        server.answers["/w"] = patching({"op": "add", "path": "/data", "value": {}})
        with pytest.raises(Refused) as caught:
            await webhooks.mutate(deletion)
    assert caught.value.message == (
        'Internal error occurred: admission webhook "w.x.io" attempted to modify the object,'
        " which is not supported for this operation"
    )


class TwoEvents:
    """Core Events and those of events.k8s.io, which say ``note`` for ``message``."""

    def others(self, resource: Resource) -> Sequence[Resource]:
        return [CORE_EVENTS] if resource == EVENTS else []

    def convert(self, document: dict[str, Any], to: Resource) -> dict[str, Any]:
        names = ("note", "message") if to == CORE_EVENTS else ("message", "note")
        return {
            "apiVersion": to.api_version,
            "kind": "Event",
            "metadata": document["metadata"],
            names[1]: document[names[0]],
        }


@pytest.mark.parametrize(("policy", "called"), [("Equivalent", True), ("Exact", False)])
async def test_an_equivalent_resource_is_converted_there_and_back(
    server: WebhookServer, policy: str, called: bool
) -> None:
    cluster = Cluster()
    core = {**EVERYTHING, "apiGroups": [""]}
    entry = webhook("w", server.client("/w"), rules=[core], matchPolicy=policy)
    cluster.register("Mutating", "c", entry)
    server.answers["/w"] = patching({"op": "replace", "path": "/message", "value": "new"})
    event = {"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {}, "note": "old"}
    async with cluster.webhooks(equivalents=TwoEvents()) as webhooks:
        changed, _ = await webhooks.mutate(write(resource=EVENTS, object=event))
    assert changed == {**event, "note": "new" if called else "old"}
    if called:
        request = server.seen[0].request
        assert (request["kind"]["group"], request["requestKind"]["group"]) == ("", "events.k8s.io")
        assert request["object"]["message"] == "old"


async def test_v1beta1_is_spoken_when_it_comes_first(server: WebhookServer) -> None:
    cluster = Cluster()
    versions = ["v2", "v1beta1", "v1"]
    entry = webhook("w", server.client("/w"), admissionReviewVersions=versions)
    cluster.register("Mutating", "c", entry)
    with_type = patching({"op": "add", "path": "/data/b", "value": "2"})
    server.answers["/w"] = lambda request: {
        **{name: value for name, value in with_type(request).items() if name != "patchType"},
        "uid": "not looked at",
    }
    async with cluster.webhooks() as webhooks:
        changed, _ = await webhooks.mutate(write())
    assert changed["data"] == {"a": "1", "b": "2"}
    assert server.seen[0].review["apiVersion"] == "admission.k8s.io/v1beta1"
