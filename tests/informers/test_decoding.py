from __future__ import annotations

import json
import sys
from typing import Any

import msgspec
import pytest

from ome.errors import Expired, InternalError, TooManyRequests
from ome.informers.decoding import Bookmark, Change, Decoder, Undecodable
from ome.informers.projection import Metadata, PartialMetadata, ProjectionError, WholeObject
from ome.kube.resource import Resource

PODS = Resource("", "v1", "Pod", "pods")


class Container(msgspec.Struct, frozen=True):
    name: str = ""


class PodSpec(msgspec.Struct, frozen=True, rename="camel"):
    containers: tuple[Container, ...] = ()
    node_name: str = ""


class PodStatus(msgspec.Struct, frozen=True, rename="camel"):
    phase: str = ""
    raw: msgspec.Raw = msgspec.Raw()


class Pod(msgspec.Struct, frozen=True, rename="camel"):
    metadata: Metadata
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


def event(type_: str, obj: Any) -> bytes:
    return json.dumps({"type": type_, "object": obj}).encode()


POD = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {
        "name": "p",
        "namespace": "ns",
        "uid": "u",
        "resourceVersion": "7",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": {"a": "b"},
        "managedFields": [{"manager": "kubelet", "fieldsV1": {"f:status": {}}}],
        "ownerReferences": [
            {"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "x"},
            {"apiVersion": "apps/v1", "kind": "R", "name": "r", "uid": "y", "controller": True},
        ],
        "finalizers": ["f"],
    },
    "spec": {"containers": [{"name": "c", "image": "i"}], "nodeName": "node"},
    "status": {"phase": "Running"},
}


@pytest.mark.parametrize("type_", ["ADDED", "MODIFIED", "DELETED"])
def test_a_change_is_decoded_into_the_projection(type_: str) -> None:
    change = Decoder(Pod, PODS).line(event(type_, POD))
    assert isinstance(change, Change)
    assert change.type == type_
    pod = change.object
    assert pod.spec == PodSpec((Container("c"),), "node")
    assert pod.metadata.key == ("ns", "p")
    assert pod.metadata.resource_version == "7"
    assert pod.metadata.finalizers == ("f",)
    assert pod.metadata.controller is not None
    assert pod.metadata.controller.name == "r"


RECORDED_BOOKMARK = (
    b'{"type":"BOOKMARK","object":{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":'
    b'"12746","creationTimestamp":null},"spec":{"containers":null},"status":{}}}'
)
RECORDED_END = (
    b'{"type":"BOOKMARK","object":{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":'
    b'"10245","creationTimestamp":null,"annotations":{"k8s.io/initial-events-end":"true"}},'
    b'"spec":{"containers":null},"status":{}}}'
)
RECORDED_EXPIRED = (
    b'{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure"'
    b',"message":"too old resource version: 1 (12746)","reason":"Expired","code":410}}'
)


@pytest.mark.parametrize("projection", [Pod, PartialMetadata, WholeObject])
def test_bookmarks_and_errors_fit_no_projection(projection: type[Any]) -> None:
    decoder = Decoder(projection, PODS)
    assert decoder.line(RECORDED_BOOKMARK) == Bookmark("12746")
    assert decoder.line(RECORDED_END) == Bookmark("10245", initial_end=True)
    error = decoder.line(RECORDED_EXPIRED)
    assert isinstance(error, Expired)
    assert str(error) == "too old resource version: 1 (12746)"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ({"reason": "Gone"}, Expired),
        ({"code": 429, "details": {"retryAfterSeconds": 5}}, TooManyRequests),
        ({"code": "many"}, InternalError),
        ({}, InternalError),
        (None, InternalError),
    ],
)
def test_errors_in_the_stream_are_exceptions_of_the_tree(
    status: Any, kind: type[Exception]
) -> None:
    error = Decoder(Pod, PODS).line(event("ERROR", status))
    assert isinstance(error, kind)
    if isinstance(error, TooManyRequests):
        assert error.retry_after == 5


@pytest.mark.parametrize(
    ("obj", "name", "why"),
    [
        (POD | {"spec": {"containers": "none"}}, "p", "Expected `array`, got `str`"),
        (POD | {"metadata": {"labels": {"a": 1}, "name": "p"}}, "", "Expected `str`, got `int`"),
        (POD | {"metadata": {}}, "", "it has no name"),
        ({}, "", "missing required field `metadata`"),
        ([], "", "Expected `object`, got `array`"),
    ],
)
def test_an_object_that_does_not_fit_is_told_apart(obj: Any, name: str, why: str) -> None:
    decoder = Decoder(Pod, PODS)
    bad = decoder.line(event("MODIFIED", obj))
    assert isinstance(bad, Undecodable)
    assert bad.type == "MODIFIED"
    assert bad.metadata.name == name
    assert why in bad.why
    item = decoder.item(json.dumps(obj).encode())
    assert isinstance(item, Undecodable)
    assert why in item.why


@pytest.mark.parametrize(
    "line",
    [b"", b"nonsense", b'{"type":"ADDED"}', b'{"type":1,"object":{}}', b'{"a":1}', b"[]"],
)
def test_what_is_no_event_raises(line: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        Decoder(Pod, PODS).line(line)


def test_an_unknown_type_raises() -> None:
    with pytest.raises(msgspec.DecodeError, match="RENAMED"):
        Decoder(Pod, PODS).line(event("RENAMED", POD))


def test_pages() -> None:
    decoder = Decoder(WholeObject, PODS)
    items = [{k: v for k, v in POD.items() if k not in ("kind", "apiVersion")}]
    metadata = {"resourceVersion": "5", "continue": "t", "remainingItemCount": 3}
    page = decoder.page(json.dumps({"metadata": metadata, "items": items}).encode())
    assert (page.version, page.continue_) == ("5", "t")
    item = decoder.item(page.items[0])
    assert isinstance(item, WholeObject)
    assert item.document()["kind"] == "Pod"
    assert decoder.page(b'{"metadata":{"resourceVersion":"5"},"items":null}').items == []
    with pytest.raises(msgspec.DecodeError):
        decoder.page(b'{"kind":"Status"}')


def test_a_whole_object_is_whole_but_for_managed_fields() -> None:
    change = Decoder(WholeObject, PODS).line(event("ADDED", POD))
    assert isinstance(change, Change)
    document = change.object.document()
    metadata = {k: v for k, v in POD["metadata"].items() if k != "managedFields"}  # type: ignore[attr-defined]
    assert document == POD | {"metadata": metadata}
    document["spec"]["nodeName"] = "changed"
    assert change.object.document()["spec"]["nodeName"] == "node"


def test_raw_fields_do_not_hold_on_to_the_buffer() -> None:
    line = event("ADDED", POD | {"status": {"raw": {"x": [1, 2, 3]}}})
    before = sys.getrefcount(line)
    whole = Decoder(WholeObject, PODS).line(line)
    nested = Decoder(Pod, PODS).line(line)
    assert sys.getrefcount(line) == before
    assert isinstance(whole, Change)
    assert isinstance(nested, Change)
    assert msgspec.json.decode(whole.object.spec) == POD["spec"]
    assert bytes(nested.object.status.raw) == b'{"x": [1, 2, 3]}'


class OptionalRaw(msgspec.Struct, frozen=True):
    metadata: Metadata
    spec: msgspec.Raw | None = None


class ListOfRaw(msgspec.Struct, frozen=True):
    metadata: Metadata
    items: list[msgspec.Raw] = []


@pytest.mark.parametrize("projection", [OptionalRaw, ListOfRaw])
def test_raw_where_it_cannot_work_is_refused(projection: type[Any]) -> None:
    with pytest.raises(ProjectionError, match=r"absent is an empty one: msgspec.Raw = msgspec"):
        Decoder(projection, PODS)


class Tree(msgspec.Struct, frozen=True):
    name: str = ""
    children: tuple[Tree, ...] = ()


class Forest(msgspec.Struct, frozen=True):
    metadata: Metadata
    spec: Tree = Tree()


def test_projections_may_be_recursive() -> None:
    line = event("ADDED", POD | {"spec": {"name": "a", "children": [{"name": "b"}]}})
    change = Decoder(Forest, PODS).line(line)
    assert isinstance(change, Change)
    assert change.object.spec.children[0].name == "b"


class Kinded(msgspec.Struct, frozen=True):
    metadata: Metadata
    kind: str = ""


def test_the_kind_is_that_of_the_resource() -> None:
    decoder = Decoder(Kinded, PODS)
    partial = event("ADDED", POD | {"kind": "PartialObjectMetadata"})
    change = decoder.line(partial)
    assert isinstance(change, Change)
    assert change.object.kind == "Pod"
    item = decoder.item(b'{"metadata":{"name":"p"}}')
    assert isinstance(item, Kinded)
    assert item.kind == "Pod"


def test_namespaces_share_one_string() -> None:
    decoder = Decoder(PartialMetadata, PODS)
    one, other = decoder.line(event("ADDED", POD)), decoder.line(event("ADDED", POD))
    assert isinstance(one, Change)
    assert isinstance(other, Change)
    assert one.object.metadata.namespace is other.object.metadata.namespace
