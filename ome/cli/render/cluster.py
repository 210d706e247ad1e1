"""What a cluster has of the objects of services, and of what they are made from."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ome.api import names
from ome.api.filled import remembered
from ome.api.jsontext import read_json
from ome.controllers.inferenceservice.children import controller_of
from ome.controllers.inferenceservice.needs import CHILD_KINDS, resource_of_child
from ome.controllers.inferenceservice.workload import WORKLOADS
from ome.controllers.inferenceservice.world import SHARED
from ome.controllers.resources import BASE_MODELS, CLUSTER_BASE_MODELS, INFERENCE_SERVICES
from ome.errors import Forbidden, NotFound
from ome.kube.resource import ObjectKey
from ome.kube.resources import CONFIGMAPS, NODES, PODS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ome.kube.client import Client
    from ome.kube.resource import Resource

__all__ = ["Cluster", "Found", "around", "children_of", "read_all"]

_KEPT = {
    resource.kind: resource for resource in (INFERENCE_SERVICES, BASE_MODELS, CLUSTER_BASE_MODELS)
}
"""Kinds whose objects hold what no file says."""


class Found:
    """The objects of services as the cluster has them."""

    def __init__(
        self, documents: Sequence[dict[str, Any]], absent: Iterable[Resource] = ()
    ) -> None:
        """``absent`` are kinds that the cluster does not have."""
        self._absent = frozenset(absent)
        self._held = {_identity(document): document for document in documents}
        self._by_owner: dict[str, list[dict[str, Any]]] = {}
        for document in documents:
            owner = controller_of(document["metadata"])
            if owner is not None:
                self._by_owner.setdefault(owner["uid"], []).append(document)

    def resource(self, api_version: str, kind: str) -> Resource:
        """As ``Children.resource``."""
        return resource_of_child(api_version, kind)

    def cached(self, api_version: str, kind: str, key: ObjectKey) -> dict[str, Any] | None:
        """As ``Children.cached``."""
        return self._held.get((api_version, kind, key))

    def lacks(self, resource: Resource) -> bool:
        """Whether the cluster cannot have objects of a kind."""
        return resource in self._absent

    def of(self, service: ObjectKey, uid: str) -> Iterator[dict[str, Any]]:
        """The objects that a service controls and that belong to a component."""
        for document in self._by_owner.get(uid, ()):
            metadata = document["metadata"]
            here = metadata.get("namespace", "") == service.namespace
            if here and (metadata.get("labels") or {}).get(names.LABEL_COMPONENT):
                yield document

    def workloads_of(self, service: ObjectKey, uid: str) -> Iterator[dict[str, Any]]:
        """As ``Children.workloads_of``."""
        kinds = {(resource.api_version, resource.kind) for resource in WORKLOADS}
        for document in self.of(service, uid):
            if (document["apiVersion"], document["kind"]) in kinds:
                yield document


async def around(
    client: Client, documents: Sequence[dict[str, Any]], operator_namespace: str
) -> tuple[list[dict[str, Any]], Mapping[str, str] | None]:
    """The world that services are planned in: the cluster's objects under those of the files.

    With it the data of the operator's ConfigMap. Raises as ``Client.list`` does.
    """
    held: list[dict[str, Any]] = []
    for resource in SHARED:
        held += await _list(client, resource, "")
    merged = [await _as_stored(client, document) for document in documents]
    settings = None
    key = ObjectKey(operator_namespace, names.CONFIGMAP_INFERENCE_SERVICE)
    try:
        settings = (await client.get(CONFIGMAPS, key)).get("data") or {}
    except NotFound:
        pass  # the shipped values hold, as they do for the operator
    return [*held, *merged], settings


@dataclass(frozen=True, slots=True)
class Cluster:
    """Everything in a cluster that has to do with services; ``edit`` are changes as stored."""

    documents: list[dict[str, Any]]
    edit: list[dict[str, Any]]
    children: Found
    settings: Mapping[str, str] | None
    nodes: list[dict[str, Any]]
    pods: list[dict[str, Any]]


async def read_all(
    client: Client, operator_namespace: str, edit: Sequence[dict[str, Any]]
) -> Cluster:
    """Read it. Raises as ``Client.list`` does."""
    documents, settings = await around(client, (), operator_namespace)
    documents += await _list(client, INFERENCE_SERVICES, "")
    return Cluster(
        documents,
        [await _as_stored(client, document) for document in edit],
        await _children(client, ("",)),
        settings,
        await client.list(NODES),
        await client.list(PODS),
    )


async def _as_stored(client: Client, document: dict[str, Any]) -> dict[str, Any]:
    """A service or a model of a file as it would be in the cluster, if it is there already."""
    resource = _KEPT.get(document["kind"])
    if resource is None:
        return document
    metadata = document["metadata"]
    try:
        live = await client.get(
            resource, ObjectKey(metadata.get("namespace", ""), metadata["name"])
        )
    except NotFound:
        return document
    words = {part: _applied(live["metadata"], metadata, part) for part in ("labels", "annotations")}
    spec = _filled(live, document.get("spec") or {})
    generation = live["metadata"]["generation"] + (live.get("spec") != spec)
    stored = {"uid": live["metadata"]["uid"], "generation": generation}
    return {**document, "metadata": {**metadata, **words, **stored}, "spec": spec}


def _filled(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """A spec with what was read from a model's files and the file of the edit leaves open."""
    spec = copy.deepcopy(dict(wanted))
    for path in remembered(live["metadata"].get("annotations") or {}):
        top, _, inner = path.partition(".")
        held = (live.get("spec") or {}).get(top)
        if not inner:
            if held is not None:
                spec.setdefault(top, held)
        elif isinstance(held, dict) and inner in held:
            spec.setdefault(top, {}).setdefault(inner, held[inner])
    return spec


def _applied(live: Mapping[str, Any], wanted: Mapping[str, Any], part: str) -> dict[str, str]:
    """Labels or annotations after ``kubectl apply``: those that it never set stay."""
    held = live.get("annotations") or {}
    try:
        last = read_json(held.get(names.ANNOTATION_LAST_APPLIED) or "{}")
        before = (last.get("metadata") or {}).get(part) or {}
        kept = {key: text for key, text in (live.get(part) or {}).items() if key not in before}
    except (ValueError, AttributeError, TypeError):
        kept = live.get(part) or {}  # not kubectl's
    return {**kept, **(wanted.get(part) or {})}


async def children_of(client: Client, documents: Sequence[Mapping[str, Any]]) -> Found:
    """The children in the namespaces of the services among the documents."""
    namespaces = {
        document["metadata"]["namespace"]
        for document in documents
        if document["kind"] == INFERENCE_SERVICES.kind
    }
    return await _children(client, sorted(namespaces))


async def _children(client: Client, namespaces: Iterable[str]) -> Found:
    """The children in namespaces; the empty one stands for all."""
    found: list[dict[str, Any]] = []
    absent: set[Resource] = set()
    selector = names.LABEL_INFERENCE_SERVICE
    for namespace in namespaces:
        for resource in CHILD_KINDS:
            try:
                found += await client.list(resource, namespace, label_selector=selector)
            except NotFound:
                absent.add(resource)
            except Forbidden:
                continue  # not told apart from what is not there; the difference shows it as new
    return Found(found, absent)


async def _list(client: Client, resource: Resource, namespace: str) -> list[dict[str, Any]]:
    try:
        return await client.list(resource, namespace)
    except NotFound:
        return []  # the kind is not installed, so there is nothing of it


def _identity(document: Mapping[str, Any]) -> tuple[str, str, ObjectKey]:
    metadata = document["metadata"]
    key = ObjectKey(metadata.get("namespace", ""), metadata["name"])
    return document["apiVersion"], document["kind"], key
